"""`[revocation]` and the addresses of an anchor: what is refused, and how an address is read."""

import re
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certlogin.settings.addresses import Address, is_host_entry, read_address
from certlogin.settings.model import may_fetch
from tests.companions import without
from tests.settings.good import ISSUING, changed, problems, read

ANCHOR: Final = "[[trust.anchors]] no. 1"
PLAIN: Final = "is no plain address: scheme://host[:port][/path][?query]"


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("revocation.hosts", ["Crl.example.cn"], "[revocation] hosts: 'Crl.example.cn' must be host or host:port"),
        ("revocation.hosts", ["http://a.cn"], "[revocation] hosts: 'http://a.cn' must be host or host:port"),
        ("revocation.hosts", ["a.cn:70000"], "[revocation] hosts: 'a.cn:70000' must be host or host:port"),
        ("revocation.hosts", ["*"], "[revocation] hosts: '*' must be host or host:port"),
        ("revocation.hosts", ["a.cn", "a.cn"], "[revocation] hosts: 'a.cn' is given 2 times"),
        ("revocation.proxy", "proxy:3128", "[revocation] proxy: must be http://[user:password@]host:port"),
        ("revocation.wait", 0, "[revocation] wait: must be 1 to 600"),
        ("revocation.total_timeout", 601, "[revocation] total_timeout: must be 1 to 600"),
        ("revocation.max_bytes", 10, "[revocation] max_bytes: must be 1024 to 1073741824"),
        ("revocation.background", False, "top level: [revocation] directory: is missing"),
        ("trust.anchors.0.crl_urls", ["x"], f"{ANCHOR}: crl_urls: no. 1 is no address"),
        ("trust.anchors.0.ocsp_urls", ["http://u:p@a.cn"], f"{ANCHOR}: ocsp_urls: no. 1 carries a user name"),
        ("trust.anchors.0.ocsp", True, "top level: [[trust.anchors]] 'root' ocsp: needs the responders' hosts"),
    ],
)
def test_what_is_refused_is_said_in_one_line(path: str, value: object, said: str) -> None:
    (line,) = problems(changed(path, value, ISSUING))
    assert line.startswith(said)
    assert "u:p" not in line


def test_everything_may_be_given() -> None:
    given_table: dict[str, Any] = {
        "hosts": ["crl.example.cn", "10.0.0.1:8080", "[::1]:80"],
        "proxy": "http://user:secret@proxy:3128",
        "directory": "revocation",
        "background": False,
    }
    settings = read(changed("trust.anchors.0.ocsp", True, changed("revocation", given_table, ISSUING)))
    assert settings.revocation.hosts == ("crl.example.cn", "10.0.0.1:8080", "[::1]:80")
    assert "secret" not in repr(settings)


@pytest.mark.parametrize(
    ("path", "value", "may"),
    [
        ("revocation.directory", "x", False),
        ("revocation.hosts", ["a.cn"], True),
        ("trust.anchors.0.ocsp_urls", ["http://a.cn"], True),
        ("trust.anchors.0.crl_urls", ["http://a.cn"], True),
    ],
)
def test_without_an_address_and_without_hosts_nothing_is_ever_fetched(path: str, value: object, may: bool) -> None:
    assert may_fetch(read(changed(path, value, ISSUING))) is may


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("http://A.example.cn/x.crl", Address("http://a.example.cn/x.crl", "http", "a.example.cn", 80)),
        ("HTTP://a.cn", Address("http://a.cn/", "http", "a.cn", 80)),
        ("http://a.cn:80?q=@", Address("http://a.cn/?q=@", "http", "a.cn", 80)),
        ("https://a.cn:8443/a%20b", Address("https://a.cn:8443/a%20b", "https", "a.cn", 8443)),
        ("https://[::1]/", Address("https://[::1]/", "https", "[::1]", 443)),
    ],
)
def test_an_address_is_read(text: str, address: Address) -> None:
    assert read_address(text) == address
    assert read_address(address.url) == address


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is no address"),
        ("//a.cn/x", "is no address"),
        ("http://a.cn/" + "x" * 1024, "is no address"),
        ("http:a.cn", PLAIN),
        ("http:///x", PLAIN),
        ("http://a.cn\\b.cn/", PLAIN),
        ("http://a.cn/x y", PLAIN),
        ("http://a.cn/#b", PLAIN),
        ("http://a.cn/\r\nHost: b.cn", PLAIN),
        ("http://a。cn/", PLAIN),
        ("http://a..cn/", "names no host"),
        ("http://127.1/", "names no host"),
        ("http://2130706433/", "names no host"),
        ("http://a.cn:65536/", "names no host"),
        ("http://[::ffff]x/", PLAIN),
    ],
)
def test_what_two_readers_could_read_in_two_ways_is_no_address(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(reason)}$"):
        read_address(text)


#: Any scheme, and any host or none.
_ANY: Final = {
    "certlogin.settings.addresses.DEFAULT_PORTS": dict.fromkeys(("file", "ftp", "ldap", "ocsp"), 80),
    "certlogin.settings.addresses._ADDRESS": re.compile(r"([a-z]+)://([a-z.]*)(?::([0-9]+))?(.*)"),
    "certlogin.settings.addresses.canonical_host": lambda host: True,
}


@without(_ANY)
@pytest.mark.parametrize("text", ["file:///etc/passwd", "ftp://a.cn/x.crl", "ldap://a.cn/cn=crl", "OCSP://a.cn/"])
def test_s26_nothing_but_http_and_https_is_an_address(text: str) -> None:
    with pytest.raises(ValueError, match=r"^nothing is fetched by"):
        read_address(text)


@without(
    {
        "certlogin.settings.addresses._USER": re.compile(r"(?!)"),
        "certlogin.settings.addresses._ADDRESS": re.compile(r"(https?)://(?:[^/@]*@)?([a-z.]+)(?::([0-9]+))?(.*)"),
    }
)
@pytest.mark.parametrize("text", ["http://user:secret@a.cn/", "http://user@a.cn/x", "https://a.cn@b.cn/"])
def test_s26_an_address_carries_no_password(text: str) -> None:
    with pytest.raises(ValueError, match=r"^carries a user name or password$"):
        read_address(text)


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    assert is_host_entry(text) in (True, False)
    for candidate in (text, f"http://{text}", f"http://a.cn/{text}"):
        try:
            found = read_address(candidate)
        except ValueError:
            continue
        assert found.url.startswith((f"{found.scheme}://{found.host}/", f"{found.scheme}://{found.host}:"))
        assert read_address(found.url) == found

"""The origin is compared, character by character, with what a browser sends: only that may stand here."""

import re
from ipaddress import IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certlogin.settings import checks
from certlogin.settings.checks import canonical_origin
from certlogin.settings.site import Mode
from tests.companions import allows, companion, without
from tests.settings.good import LEFT_OUT, changed, problems, read

SHAPE = "[site] origin: must be scheme://host[:port], lower case, without path and default port"
HTTPS = "[site] origin: must be https (http://127.0.0.1:<port> needs mode = 'development')"
LITERALLY = "[site] origin: mode 'development' works only with http://127.0.0.1:<port>, written so"


@pytest.mark.parametrize(
    "origin",
    [
        "https://survey.example", "https://survey.example:8443", "https://xn--fiqs8s.cn", "https://a-b.c_d.example:1",
        "https://10.0.0.1", "https://[2001:db8::1]", "https://[::1]:65535", "https://localhost",
    ],
)  # fmt: skip
def test_what_a_browser_sends_passes(origin: str) -> None:
    assert problems(changed("site.origin", origin)) == ()


@pytest.mark.parametrize(
    "origin",
    [
        "survey.example", "//survey.example", "https:survey.example", "https://", "https://survey.example/",
        "https://survey.example/certlogin", "https://survey.example?x", "https://survey.example#x",
        "https://Survey.example", "HTTPS://survey.example", "https://survey.example:443", "https://survey.example:",
        "https://survey.example:0", "https://survey.example:065", "https://survey.example:65536",
        "https://survey.example:99999", "https://user@survey.example", "https://user:secret@survey.example",
        " https://survey.example", "https://survey.example ", "https://survey..example", "https://.example",
        "https://survey.example.", "https://-a.example", "https://a-.example", "https://中国.cn", "https://*.example",
        "https://survey.example,https://other.example", "null", "https://1", "https://127.1", "https://0x7f.0.0.1",
        "https://256.0.0.1", "https://a.1", "https://[::1", "https://::1", "https://[0:0::1]", "https://[::g]",
        "https://[1.2.3.4]", "ftp://survey.example", "https://" + "a" * 64 + ".example",
        "https://" + "a." * 127 + "example",
    ],
)  # fmt: skip
def test_what_no_browser_sends_is_refused_and_not_repeated(origin: str) -> None:
    assert problems(changed("site.origin", origin)) == (SHAPE,)


@pytest.mark.parametrize("mode", [LEFT_OUT, "production"])
@pytest.mark.parametrize(
    "origin", ["http://survey.example", "http://127.0.0.1:8000", "http://localhost:8000", "http://[::1]:8000"]
)
def test_production_is_https(origin: str, mode: object) -> None:
    data = changed("site.origin", origin)
    assert problems(data if mode is LEFT_OUT else changed("site.mode", mode, data)) == (HTTPS,)


@allows
@pytest.mark.parametrize("port", [1, 79, 81, 8000, 65535])
def test_s36_development_works_on_the_loopback_address(port: int) -> None:
    settings = read(changed("site.mode", "development", changed("site.origin", f"http://127.0.0.1:{port}")))
    assert settings.site.mode is Mode.DEVELOPMENT


#: Origins are not looked at, neither whether they are written as a browser does nor whether they are the literal one.
ANYWHERE: dict[str, object] = {"certlogin.settings.checks._DEVELOPMENT": re.compile(".*")}
IN_ANY_FORM: dict[str, object] = {"certlogin.settings.checks.canonical_origin": lambda _: True, **ANYWHERE}
NEAR_MISSES: list[tuple[str, str]] = [
    ("https://127.0.0.1:8000", LITERALLY),
    ("http://127.0.0.1", LITERALLY),
    ("https://127.0.0.1", LITERALLY),
    ("http://localhost:8000", LITERALLY),
    ("http://127.0.0.2:8000", LITERALLY),
    ("http://10.0.0.1:8000", LITERALLY),
    ("http://[::1]:8000", LITERALLY),
    ("http://127.0.0.1.example:8000", LITERALLY),
    ("http://127-0-0-1:8000", LITERALLY),
    ("http://survey.example:8000", LITERALLY),
    ("https://survey.example", LITERALLY),
    ("http://127.0.0.1:80", SHAPE),
    ("http://127.0.0.1:0", SHAPE),
    ("http://127.0.0.1:08000", SHAPE),
    ("http://127.0.0.1:65536", SHAPE),
    ("http://127.0.0.1:8000/", SHAPE),
    ("http://127.0.0.1:8000 ", SHAPE),
    ("HTTP://127.0.0.1:8000", SHAPE),
    ("http://127.1:8000", SHAPE),
    ("http://127.0.0.01:8000", SHAPE),
    ("http://0177.0.0.1:8000", SHAPE),
    ("http://0x7f.0.0.1:8000", SHAPE),
    ("http://2130706433:8000", SHAPE),
    ("http://127.0.0.1.:8000", SHAPE),
    ("http://１27.0.0.1:8000", SHAPE),
    ("http://127。0。0。1:8000", SHAPE),
    ("http://127.0.0.1:８000", SHAPE),
    ("http://user@127.0.0.1:8000", SHAPE),
    ("http://127.0.0.1:8000@survey.example", SHAPE),
]


@pytest.mark.parametrize(
    ("origin", "line"),
    [
        pytest.param(*row, marks=without(IN_ANY_FORM if row[1] == SHAPE else ANYWHERE, sees="assert () == ("))
        for row in NEAR_MISSES
    ],
)
def test_s36_each_near_miss_is_refused(origin: str, line: str) -> None:
    assert problems(changed("site.mode", "development", changed("site.origin", origin))) == (line,)


def test_a_mode_that_cannot_be_read_opens_nothing() -> None:
    data = changed("site.mode", "Development", changed("site.origin", "http://127.0.0.1:8000"))
    assert problems(data) == ("[site] mode: must be one of: production, development", HTTPS)


@companion("test_s36_each_near_miss_is_refused")
def test_s36_without_the_comparison_development_mode_faces_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """The companion: nothing else keeps a site on the network from being run without https and with its CA inside."""
    data = changed("site.mode", "development", changed("site.origin", "http://survey.example:8000"))
    assert problems(data) == (LITERALLY,)
    monkeypatch.setattr(checks, "_DEVELOPMENT", re.compile(".*"))
    assert read(data).site.mode is Mode.DEVELOPMENT


@given(st.text())
def test_any_text_is_judged(text: str) -> None:
    assert canonical_origin(text) in (True, False)


@given(st.ip_addresses(v=6).map(str), st.integers(1, 65535))
def test_every_address_in_its_one_spelling_passes(address: str, port: int) -> None:
    assert canonical_origin(f"http://[{address}]:{port}") == (port != 80)
    spelled_out = IPv6Address(address).exploded
    assert canonical_origin(f"http://[{spelled_out}]") == (spelled_out == address)


# RFC 1035 2.3.4: 255 octets with the length of each label, which is 253 characters.
@given(
    st.from_regex(
        r"[a-z0-9](?:[a-z0-9-]{0,20}[a-z0-9])?(?:\.[a-z](?:[a-z0-9-]{0,20}[a-z0-9])?)+", fullmatch=True
    ).filter(lambda host: len(host) <= 253)
)
def test_every_host_name_passes_in_lower_case_only(host: str) -> None:
    assert canonical_origin(f"https://{host}")
    assert not canonical_origin(f"https://{host}/")
    assert not canonical_origin(f"https://{host.upper()}")

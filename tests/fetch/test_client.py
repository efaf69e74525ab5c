"""One guarded transfer: what is sent, what is taken, and what S26 keeps out."""

import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any, Final

import pytest
import requests
import responses
from hypothesis import given
from hypothesis import strategies as st

from certlogin.fetch.client import ANSWER_LIMIT, Client, Fetched, Validators
from certlogin.fetch.peers import FetchFailed, Peers, is_public, is_single_machine, system_addresses
from certlogin.settings.addresses import read_address
from certlogin.settings.revocation import RevocationSettings
from certlogin.version import __version__
from tests.companions import companion, without
from tests.fetch.servers import Place, serving

LIST: Final = b"\x30\x03abc"
URL: Final = "http://crl.example.cn/issuing.crl"


def client(**changes: Any) -> Client:
    resolve = changes.pop("resolve", system_addresses)
    monotonic = changes.pop("monotonic", time.monotonic)
    usual: dict[str, Any] = {"allow_private": True, "read_timeout": 5, "total_timeout": 10, "max_bytes": 4096}
    return Client(RevocationSettings(**(usual | changes)), resolve, monotonic)


def fetched(url: str, known: Validators | None = None, **changes: Any) -> Fetched | None:
    return client(**changes).get(read_address(url), known or Validators())


def failure(url: str, **changes: Any) -> str:
    with pytest.raises(FetchFailed) as refusal:
        fetched(url, **changes)
    return str(refusal.value)


# --- what is sent and taken


def test_a_list_is_fetched_with_what_recognises_it(place: Place) -> None:
    place.pages["/a.crl"] = (200, {"ETag": '"1"', "Last-Modified": "Mon, 02 Mar 2026 08:00:00 GMT"}, LIST)
    assert fetched(place.url("/a.crl")) == Fetched(LIST, Validators('"1"', "Mon, 02 Mar 2026 08:00:00 GMT"))
    (asked,) = place.asked
    assert asked.headers == {
        "host": place.host,
        "user-agent": f"certlogin/{__version__}",
        "accept-encoding": "identity",
        "connection": "close",
    }


def test_what_we_have_is_not_sent_again(place: Place) -> None:
    place.pages["/a.crl"] = lambda asked: (304 if asked.headers["if-none-match"] == '"1"' else 200, {}, LIST)
    assert fetched(place.url("/a.crl"), Validators('"1"', "yesterday")) is None
    assert place.asked[0].headers["if-modified-since"] == "yesterday"


def test_nothing_new_is_no_answer_to_who_has_nothing(place: Place) -> None:
    place.pages["/a.crl"] = (304, {}, b"")
    assert failure(place.url("/a.crl")) == "the server answers 304"


def test_a_question_is_posted(place: Place) -> None:
    place.pages["/ocsp"] = lambda asked: (200, {}, asked.body[::-1])
    answer = client().post(read_address(place.url("/ocsp")), b"abc", "application/ocsp-request")
    assert answer == b"cba"
    assert place.asked[0].headers["content-type"] == "application/ocsp-request"


def test_a_body_in_chunks_is_taken(place: Place) -> None:
    def chunked(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")

    place.raw["/a.crl"] = chunked
    assert fetched(place.url("/a.crl")) == Fetched(b"abcde", Validators())


def test_a_body_that_is_cut_off_is_none(place: Place) -> None:
    def cut(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")

    place.raw["/a.crl"] = cut
    assert failure(place.url("/a.crl")).startswith("the transfer failed: ")


@pytest.mark.parametrize("status", [204, 206, 400, 404, 500, 503])
def test_another_status_is_a_failure(place: Place, status: int) -> None:
    place.pages["/a.crl"] = (status, {}, b"")
    assert failure(place.url("/a.crl")) == f"the server answers {status}"


def test_a_validator_that_would_not_fit_into_a_header_is_forgotten(place: Place) -> None:
    place.pages["/a.crl"] = (200, {"ETag": '"' + "x" * 300 + '"', "Last-Modified": "\xe4"}, LIST)
    assert fetched(place.url("/a.crl")) == Fetched(LIST, Validators())


def test_nobody_at_home_is_a_failure(place: Place) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert failure(f"http://127.0.0.1:{port}/").startswith("its host cannot be reached: ")
    assert failure("http://crl.example.cn/", resolve=lambda *_: []) == "its host has no address"


def test_an_unknown_name_is_a_failure() -> None:
    def unknown(host: str, port: int) -> list[str]:
        raise socket.gaierror

    assert failure(URL, resolve=unknown) == "its host is not found"


def test_the_next_address_is_tried(place: Place) -> None:
    place.pages["/"] = LIST
    asked = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append((host, port))
        # Nobody listens there; the first is nobody's, and is passed over.
        return ["0.0.0.0", "127.0.0.2", "127.0.0.1"]  # noqa: S104

    assert fetched(f"http://crl.example.cn:{place.port}/", resolve=resolve) is not None
    assert asked == [("crl.example.cn", place.port)]
    assert place.asked[0].headers["host"] == f"crl.example.cn:{place.port}"


@pytest.fixture
def mocked() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as running:
        yield running


def test_the_environment_says_nothing(mocked: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://evil.example:3128")
    sent: list[dict[str, Any]] = []
    mocked.add(responses.GET, URL, LIST)
    send = requests.Session.send

    def noting(*given: Any, **more: Any) -> requests.Response:
        sent.append(more)
        return send(*given, **more)

    monkeypatch.setattr(requests.Session, "send", noting)
    assert fetched(URL) == Fetched(LIST, Validators())
    assert sent[0]["proxies"] == {}
    assert sent[0]["verify"] is True


def test_a_proxy_of_the_settings_is_asked(place: Place) -> None:
    place.pages[URL] = LIST
    proxy = f"http://user:secret@{place.host}"
    assert fetched(URL, proxy=proxy, allow_private=False) == Fetched(LIST, Validators())
    assert place.asked[0].headers["proxy-authorization"].startswith("Basic ")


def test_the_password_of_a_proxy_is_in_no_reason() -> None:
    reason = failure(URL, proxy="http://user:secret@127.0.0.1:1")
    assert reason.startswith("the transfer failed: ")
    assert "secret" not in reason


def test_tls_is_verified(place: Place) -> None:
    """Somebody who does not even speak it, and a name that nobody vouches for, are the same failure."""
    assert failure(f"https://{place.host}/").startswith("the transfer failed: ")


# --- S26


@without({"certlogin.fetch.peers.is_public": lambda address: True})
@pytest.mark.parametrize("host", ["127.0.0.1", "crl.example.cn"])
def test_s26_a_private_address_is_not_connected_to(place: Place, host: str) -> None:
    place.pages["/"] = LIST
    with pytest.raises(FetchFailed, match=r"^its host has a private address$"):
        fetched(f"http://{host}:{place.port}/", allow_private=False, resolve=lambda *_: ["127.0.0.1"])
    assert place.asked == []


PRIVATE = (
    "127.0.0.1 10.0.0.1 172.16.0.1 192.168.1.1 169.254.169.254 100.64.0.1 0.0.0.0 224.0.0.1 240.0.0.1 255.255.255.255 "
    "::1 :: fe80::1 fe80::1%eth0 fc00::1 ff02::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 64:ff9b::7f00:1 2002:7f00:1:: "
    "2001:db8::1 fec0::1 3fff::1"
).split()


@pytest.mark.parametrize("address", PRIVATE)
def test_s26_an_address_of_no_machine_on_the_internet_is_known_as_such(address: str) -> None:
    assert not is_public(address)


@companion("test_s26_an_address_of_no_machine_on_the_internet_is_known_as_such")
def test_s26_without_the_registry_every_address_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("certlogin.fetch.peers._is_global", lambda address: True)
    assert all(is_public(address) for address in PRIVATE)


@pytest.mark.parametrize("address", ["1.1.1.1", "223.5.5.5", "2400:3200::1", "::ffff:1.1.1.1", "64:ff9b::101:101"])
def test_an_address_of_the_internet_is_known(address: str) -> None:
    assert is_public(address)
    assert is_single_machine(address)


@given(st.ip_addresses())
def test_whatever_is_public_is_a_single_machine(address: Any) -> None:
    assert is_single_machine(str(address)) or not is_public(str(address))


@without({"certlogin.fetch.peers.is_single_machine": lambda address: True}, sees="assert 1 == 0")
def test_s26_an_address_of_nobody_is_never_connected_to(place: Place) -> None:
    """Linux takes 0.0.0.0 for itself."""
    place.pages["/"] = LIST
    try:
        fetched(f"http://crl.example.cn:{place.port}/", resolve=lambda *_: ["0.0.0.0"])  # noqa: S104
    except FetchFailed as reason:
        assert str(reason) == "its host is no single machine"  # noqa: PT017
    assert len(place.asked) == 0


def rebinding() -> Callable[[str, int], list[str]]:
    """A name that has a good address when it is asked first, and a private one from then on."""
    answers = iter([["192.0.2.1"]])
    return lambda host, port: next(answers, ["127.0.0.1"])


def resolving_twice(peers: Peers, connection: Any, host: str, port: int) -> socket.socket:
    """As who checks a name and then connects to the name."""
    for address in peers.resolve(host, port):
        peers.check(address)
    return socket.create_connection((next(iter(peers.resolve(host, port))), port))


@without(
    {
        "certlogin.fetch.peers.Peers.connect": resolving_twice,
        "certlogin.fetch.peers.is_public": lambda address: address == "192.0.2.1",
    }
)
def test_s26_the_address_that_was_checked_is_the_one_that_is_connected_to(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.pages["/"] = LIST
    monkeypatch.setattr("certlogin.fetch.peers.create_connection", nobody_there)
    monkeypatch.setattr("certlogin.fetch.peers.is_public", lambda address: address == "192.0.2.1")
    with pytest.raises(FetchFailed, match=r"^its host cannot be reached: \('192.0.2.1', \d+\)$"):
        fetched(f"http://crl.example.cn:{place.port}/", allow_private=False, resolve=rebinding())
    assert place.asked == []


def nobody_there(address: tuple[str, int], *_: object, **__: object) -> socket.socket:
    raise OSError(0, str(address))


@without({"certlogin.fetch.client.FOLLOW_REDIRECTS": True})
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_s26_a_redirect_is_not_followed(place: Place, status: int) -> None:
    with serving() as elsewhere:
        elsewhere.pages["/"] = LIST
        place.pages["/a.crl"] = (status, {"Location": elsewhere.url("/")}, b"")
        with pytest.raises(FetchFailed, match=f"^the server answers {status}$"):
            fetched(place.url("/a.crl"))
        assert elsewhere.asked == []


@without({"certlogin.fetch.client.check_size": lambda octets, limit: None})
@pytest.mark.parametrize("announced", [True, False])
def test_s26_a_body_beyond_the_limit_is_not_read(place: Place, announced: bool) -> None:
    def large(handler: BaseHTTPRequestHandler) -> None:
        length = b"Content-Length: 5000\r\n" if announced else b""
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n" + length + b"\r\n" + b"x" * 5000)

    place.raw["/a.crl"] = large
    with pytest.raises(FetchFailed, match=r"^the answer is larger than 4096 bytes$"):
        fetched(place.url("/a.crl"))


@without({"certlogin.fetch.client.check_size": lambda octets, limit: None})
def test_s26_an_answer_has_a_smaller_limit(place: Place) -> None:
    place.pages["/ocsp"] = b"x" * (ANSWER_LIMIT + 1)
    with pytest.raises(FetchFailed, match=r"^the answer is larger than 65536 bytes$"):
        client(max_bytes=1 << 20).post(read_address(place.url("/ocsp")), b"", "application/ocsp-request")


def test_the_largest_body_is_read(place: Place) -> None:
    place.pages["/a.crl"] = b"x" * 4096
    found = fetched(place.url("/a.crl"))
    assert found is not None
    assert len(found.body) == 4096


#: A kilobyte that becomes a megabyte.
BOMB: Final = gzip.compress(b"\0" * 1_100_000)
OPENED: dict[str, object] = {
    "certlogin.fetch.client._check_plain": lambda headers: None,
    "certlogin.fetch.client._piece": lambda response: response.raw.read1(2_000_000, decode_content=True),
}


@without(OPENED)
def test_s26_a_compressed_body_is_not_opened(place: Place) -> None:
    place.pages["/a.crl"] = (200, {"Content-Encoding": "gzip"}, BOMB)
    refused = failure(place.url("/a.crl"), max_bytes=2_000_000)
    assert refused == "the answer is compressed, which nobody asked for"


def drop_by_drop(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
    for _ in range(6):
        handler.wfile.write(b"x")
        handler.wfile.flush()
        time.sleep(0.02)


class Steps:
    """A clock that goes on by four seconds whenever it is looked at."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 4
        return self.now


@without({"certlogin.fetch.client.check_time": lambda now, deadline: None})
def test_s26_a_slow_body_is_given_up(place: Place) -> None:
    place.raw["/a.crl"] = drop_by_drop
    with pytest.raises(FetchFailed, match=r"^the answer takes too long$"):
        fetched(place.url("/a.crl"), monotonic=Steps())


def endless_headers(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    try:
        for _ in range(100):
            handler.wfile.write(b"X: y\r\n"[:1])
            handler.wfile.flush()
            time.sleep(0.03)
    except OSError:
        return
    handler.wfile.write(b": y\r\n\r\n")


def endless_length(handler: BaseHTTPRequestHandler) -> None:
    """Of a chunk; the reader waits for the end of its line, octet by octet."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n1;")
    try:
        for _ in range(100):
            handler.wfile.write(b"x")
            handler.wfile.flush()
            time.sleep(0.03)
    except OSError:
        return
    handler.wfile.write(b"\r\nx\r\n0\r\n\r\n")


@without({"certlogin.fetch.peers.Peers.cut": lambda peers: None})
@pytest.mark.parametrize("slow", [endless_headers, endless_length])
def test_s26_slow_headers_and_lengths_are_cut_off(place: Place, slow: Callable[[BaseHTTPRequestHandler], None]) -> None:
    place.raw["/a.crl"] = slow
    with pytest.raises(FetchFailed, match=r"^the answer takes too long$"):
        fetched(place.url("/a.crl"), total_timeout=1, monotonic=lambda: 0.0)


@without({"certlogin.fetch.peers.Peers.watch": lambda peers, opened: opened}, sees="assert 1 == 0")
def test_s26_who_is_found_too_late_is_not_asked(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking a name up may take any time; after that nothing would end the transfer any more."""
    place.pages["/"] = LIST
    was_cut = threading.Event()

    def cutting(peers: Peers) -> None:
        cut(peers)
        was_cut.set()

    def slowly(host: str, port: int) -> list[str]:
        assert was_cut.wait(10)
        return ["127.0.0.1"]

    monkeypatch.setattr("certlogin.fetch.peers.Peers.cut", cutting)
    assert "too l" in failure(f"http://crl.example.cn:{place.port}/", resolve=slowly, total_timeout=0)
    assert len(place.asked) == 0


cut = Peers.cut


@without(
    {"certlogin.fetch.peers.is_public": lambda address: True, "certlogin.fetch.client.is_literal": lambda host: False}
)
def test_s26_a_proxy_is_asked_for_no_private_address(place: Place) -> None:
    address = "http://169.254.169.254/latest"
    place.pages[address] = LIST
    with pytest.raises(FetchFailed, match=r"^its host has a private address$"):
        fetched(address, proxy=f"http://{place.host}", allow_private=False)
    assert place.asked == []

"""One guarded transfer: a list or an answer, with limits on size and time, no redirects, nothing of the environment.

It decides how octets are had from an address that may be used. It must not know what they mean (S26).
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from certlogin.fetch.peers import FetchFailed, Peers, PinnedAdapter, Resolve, system_addresses
from certlogin.settings.addresses import Address, is_literal
from certlogin.settings.revocation import RevocationSettings
from certlogin.version import __version__

if TYPE_CHECKING:
    from requests import Response, Session

#: Octets of an OCSP response; those with a chain of RSA certificates have about 10 KiB.
ANSWER_LIMIT: Final = 64 * 1024
_LATE: Final = "the answer takes too long"
_PIECE: Final = 64 * 1024
_NOT_MODIFIED: Final = 304
#: A redirect leads to another place than the one that was checked.
FOLLOW_REDIRECTS: Final = False
#: What is repeated to a server must fit into a header, and in one line.
_VALIDATOR: Final = 256


@dataclass(frozen=True, slots=True)
class Validators:
    """What a server gave to recognise what we have (RFC 9110 8.8)."""

    etag: str = ""
    modified: str = ""

    def headers(self) -> dict[str, str]:
        pairs = (("If-None-Match", self.etag), ("If-Modified-Since", self.modified))
        return {name: value for name, value in pairs if value}


@dataclass(frozen=True, slots=True)
class Fetched:
    body: bytes
    validators: Validators


class Transport(Protocol):
    """What the refresher needs of the network; tests give another one."""

    def get(self, address: Address, known: Validators) -> Fetched | None:
        """None: what is `known` is still what is there. Raises FetchFailed."""
        ...

    def post(self, address: Address, body: bytes, content_type: str) -> bytes:
        """Raises FetchFailed."""
        ...


class Client:
    """`Transport` over the network. Threads may share it."""

    def __init__(
        self,
        settings: RevocationSettings,
        resolve: Resolve = system_addresses,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._resolve = resolve
        self._monotonic = monotonic

    def get(self, address: Address, known: Validators) -> Fetched | None:
        """None: what is `known` is still what is there. Raises FetchFailed."""
        with self._transfer("GET", address, known.headers()) as (response, deadline):
            if response.status_code == _NOT_MODIFIED and known.headers():
                return None
            body = self._body(response, self._settings.max_bytes, deadline)
            return Fetched(body, _validators(response.headers))

    def post(self, address: Address, body: bytes, content_type: str) -> bytes:
        """Raises FetchFailed."""
        with self._transfer("POST", address, {"Content-Type": content_type}, body) as (response, deadline):
            return self._body(response, ANSWER_LIMIT, deadline)

    @contextmanager
    def _transfer(
        self, method: str, address: Address, headers: Mapping[str, str], body: bytes | None = None
    ) -> Iterator[tuple["Response", float]]:
        import requests
        from urllib3.exceptions import HTTPError

        peers = Peers(self._resolve, self._settings.allow_private)
        deadline = self._monotonic() + self._settings.total_timeout
        # Ends what no look at the clock could: a server that sends its headers octet by octet.
        watchdog = threading.Timer(self._settings.total_timeout, peers.cut)
        watchdog.daemon = True
        watchdog.start()
        try:
            with self._session(peers, address) as session:
                response = session.request(
                    method,
                    address.url,
                    data=body,
                    headers=dict(headers),
                    timeout=(self._settings.connect_timeout, self._settings.read_timeout),
                    allow_redirects=FOLLOW_REDIRECTS,
                    stream=True,
                )
                with response:
                    yield response, deadline
            # To who was reading it looked like the end.
            if peers.was_cut:
                raise FetchFailed(_LATE)
        except (requests.RequestException, HTTPError, OSError, ValueError) as error:
            raise FetchFailed(_LATE if peers.was_cut else _reason(error)) from error
        finally:
            watchdog.cancel()
            peers.close()

    def _session(self, peers: Peers, address: Address) -> "Session":
        import requests

        session = requests.Session()
        # Neither proxies nor .netrc nor certificates of the environment.
        session.trust_env = False
        session.headers.clear()
        session.headers.update(
            {"User-Agent": f"certlogin/{__version__}", "Accept-Encoding": "identity", "Connection": "close"}
        )
        if self._settings.proxy:
            session.proxies = {"http": self._settings.proxy, "https": self._settings.proxy}
            _check_literal(peers, address.host)
        for scheme in ("http://", "https://"):
            session.mount(scheme, PinnedAdapter(peers))
        return session

    def _body(self, response: "Response", limit: int, deadline: float) -> bytes:
        """Raises FetchFailed."""
        if response.status_code != 200:
            raise FetchFailed(f"the server answers {response.status_code}")
        _check_plain(response.headers)
        check_size(_announced(response.headers), limit)
        return self._read(response, limit, deadline)

    def _read(self, response: "Response", limit: int, deadline: float) -> bytes:
        collected = bytearray()
        while True:
            check_time(self._monotonic(), deadline)
            piece = _piece(response)
            if not piece:
                return bytes(collected)
            collected += piece
            check_size(len(collected), limit)


def check_size(octets: int, limit: int) -> None:
    """Raises FetchFailed."""
    if octets > limit:
        raise FetchFailed(f"the answer is larger than {limit} bytes")


def check_time(now: float, deadline: float) -> None:
    """Raises FetchFailed."""
    if now >= deadline:
        raise FetchFailed(_LATE)


def _check_plain(headers: Mapping[str, str]) -> None:
    if headers.get("Content-Encoding", "identity").lower() != "identity":
        raise FetchFailed("the answer is compressed, which nobody asked for")


def _piece(response: "Response") -> bytes:
    """As it was sent. One octet is enough to return: a slow server is noticed at its next one."""
    return bytes(response.raw.read1(_PIECE, decode_content=False))


def _check_literal(peers: Peers, host: str) -> None:
    """The proxy looks names up; an address that is written out can be checked here all the same."""
    if is_literal(host):
        peers.check(host.strip("[]"))


def _announced(headers: Mapping[str, str]) -> int:
    length = headers.get("Content-Length", "")
    return int(length) if length.isascii() and length.isdigit() and len(length) < 20 else 0


def _validators(headers: Mapping[str, str]) -> Validators:
    return Validators(_line(headers.get("ETag", "")), _line(headers.get("Last-Modified", "")))


def _line(text: str) -> str:
    return text if len(text) <= _VALIDATOR and text.isascii() and text.isprintable() else ""


def _reason(error: BaseException) -> str:
    """Of the chain of errors the one that we raised; else the kind, for the words of others may hold a password."""
    link: BaseException | None = error
    while link is not None:
        if isinstance(link, FetchFailed):
            return str(link)
        link = link.__cause__ or link.__context__
    return f"the transfer failed: {type(error).__name__}"

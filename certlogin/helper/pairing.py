"""Which origins the user has paired with, and the keys by which a page knows this helper again.

A bearer token is 32 random bytes bound to one origin; only its SHA-256 is kept. The helper's key of an origin is
derived from the installation secret: two sites cannot recognise the same user by it (17), and nothing has to be stored.
The file is read again when another process has changed it (`certlogin helper pairings forget`).
"""

import hashlib
import hmac
import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from certlogin.errors import ConfigurationError
from certlogin.helper.durable import locked, private_folder, write_whole
from certlogin.helper.origins import Origin
from certlogin.helper.refusals import NotPaired, OriginRefused
from certlogin.helper.surroundings import Surroundings
from certlogin.wire.json import (
    BadRequest,
    JsonObject,
    exact_members,
    matching,
    object_list,
    read_object,
    text,
    write_object,
)
from certlogin.wire.payload import SHA256_HEX

#: How long a pairing for this once lasts without being used up, in seconds.
ONCE_LASTS = 900
#: Several browsers of one user pair with one origin; beyond, the oldest pairing goes.
TOKENS_PER_ORIGIN = 8
_PAIRINGS = 4096
_STATE_LIMIT = 4 * 1024 * 1024
_SECRET = 32
#: The order of P-256 (SP 800-186, 3.2.1.3).
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


class Mode(StrEnum):
    """Who allowed it. `once` and `granted` live as long as the helper runs; `always` is written down."""

    ONCE = "once"
    ALWAYS = "always"
    #: By the administrator: when the configuration no longer says so, it ends with the next start.
    GRANTED = "granted"


@dataclass(slots=True)
class Pairing:
    origin: str
    mode: Mode
    ends_at: float = math.inf
    #: SHA-256 of the certificates that the user has shown to it one by one.
    shown: set[str] = field(default_factory=set)


class Pairings:
    """The pairings of one installation. Safe to call from several threads and processes."""

    def __init__(self, folder: Path, surroundings: Surroundings) -> None:
        """Raises ConfigurationError when the file is damaged."""
        self._path = private_folder(folder) / "pairings.json"
        self._surroundings = surroundings
        self._lock = threading.Lock()
        self._passing: dict[str, Pairing] = {}
        self._seen: tuple[int, int, int] | None = None
        self._always: list[tuple[str, str]] = []
        self._blocked: set[str] = set()
        self._refresh()

    def pair(self, origin: Origin, mode: Mode) -> bytes:
        """A new bearer token."""
        token = self._surroundings.random(32)
        digest = _digest(token)
        if mode is Mode.ALWAYS:
            with self._changing():
                mine = [known for known in self._always if known[0] == origin.text]
                for surplus in mine[: max(0, len(mine) - TOKENS_PER_ORIGIN + 1)]:
                    self._always.remove(surplus)
                self._always = [*self._always, (origin.text, digest)][-_PAIRINGS:]
            return token
        ends_at = self._surroundings.monotonic() + ONCE_LASTS if mode is Mode.ONCE else math.inf
        with self._lock:
            self._make_room(origin.text)
            self._passing[digest] = Pairing(origin.text, mode, ends_at)
        return token

    def check(self, origin: Origin, token: bytes) -> Pairing:
        """Raises NotPaired unless this token was given to this very origin."""
        digest = _digest(token)
        now = self._surroundings.monotonic()
        with self._lock:
            self._refresh()
            self._passing = {key: passing for key, passing in self._passing.items() if now < passing.ends_at}
            passing = self._passing.get(digest)
            if passing is not None and passing.origin == origin.text:
                return passing
            for name, known in self._always:
                if name == origin.text and hmac.compare_digest(known, digest):
                    return Pairing(name, Mode.ALWAYS)
        raise NotPaired

    def use_up(self, token: bytes) -> None:
        """A pairing for this once has done its login."""
        with self._lock:
            passing = self._passing.get(_digest(token))
            if passing is not None and passing.mode is Mode.ONCE:
                del self._passing[_digest(token)]

    def block(self, origin: Origin) -> None:
        with self._changing():
            self._drop(origin.text)
            self._blocked.add(origin.text)

    def check_not_blocked(self, origin: Origin) -> None:
        """Raises OriginRefused."""
        with self._lock:
            self._refresh()
            if origin.text in self._blocked:
                raise OriginRefused

    def forget(self, origin: str) -> bool:
        """Remove pairings and block of an origin; False when there was none."""
        with self._changing():
            known = origin in self._blocked or any(name == origin for name, _ in self._always)
            self._drop(origin)
            self._blocked.discard(origin)
        return known

    def listed(self) -> dict[str, str]:
        """Each known origin with `always` or `blocked`, for the command line."""
        with self._lock:
            self._refresh()
            return dict.fromkeys((name for name, _ in self._always), "always") | dict.fromkeys(self._blocked, "blocked")

    def _make_room(self, origin: str) -> None:
        mine = [digest for digest, passing in self._passing.items() if passing.origin == origin]
        for digest in mine[: max(0, len(mine) - TOKENS_PER_ORIGIN + 1)]:
            del self._passing[digest]
        for digest in list(self._passing)[: max(0, len(self._passing) - _PAIRINGS + 1)]:
            del self._passing[digest]

    def _drop(self, origin: str) -> None:
        self._always = [known for known in self._always if known[0] != origin]
        self._passing = {key: passing for key, passing in self._passing.items() if passing.origin != origin}

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Another process may be changing the same file: what it wrote is read first."""
        with self._lock, locked(self._path.with_suffix(".lock")):
            self._refresh()
            yield
            state: JsonObject = {
                "always": [{"origin": name, "token_sha256": digest} for name, digest in self._always],
                "blocked": [{"origin": name} for name in sorted(self._blocked)[:_PAIRINGS]],
            }
            write_whole(self._path, write_object(state))
            self._seen = _signature(self._path)

    def _refresh(self) -> None:
        signature = _signature(self._path)
        if signature != self._seen:
            self._always, self._blocked = _load(self._path)
            self._seen = signature


class Installation:
    """The secret of this installation, and what is derived from it."""

    def __init__(self, folder: Path, surroundings: Surroundings) -> None:
        """Raises ConfigurationError when the file is damaged: keys from a known secret would prove nothing."""
        path = private_folder(folder) / "installation.key"
        with locked(path.with_suffix(".lock")):
            if not path.exists():
                write_whole(path, surroundings.random(_SECRET))
            self._secret = path.read_bytes()
        if len(self._secret) != _SECRET:
            raise ConfigurationError((f"{path} is damaged; without it every page has to be paired again",))

    def key_of(self, origin: Origin) -> ec.EllipticCurvePrivateKey:
        """The helper's key for that origin, the same every time."""
        # 128 bits more than the order has keep the bias of the reduction below 2^-128 (FIPS 186-5, A.2.1).
        material = self._derive(b"helper key\x00" + origin.text.encode("ascii"), 48)
        return ec.derive_private_key(int.from_bytes(material, "big") % (_ORDER - 1) + 1, ec.SECP256R1())

    def phrase_number(self) -> int:
        """Chooses the words by which the user knows the windows of this helper (11)."""
        return int.from_bytes(self._derive(b"phrase", 4), "big")

    def _derive(self, info: bytes, length: int) -> bytes:
        return HKDF(hashes.SHA256(), length, None, b"certlogin helper v1\x00" + info).derive(self._secret)


def _digest(token: bytes) -> str:
    return hashlib.sha256(token).hexdigest()


def _signature(path: Path) -> tuple[int, int, int] | None:
    """Changes whenever the file is replaced; None: there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def _load(path: Path) -> tuple[list[tuple[str, str]], set[str]]:
    if not path.exists():
        return [], set()
    try:
        return _read(path.read_bytes())
    except BadRequest:
        raise ConfigurationError((f"{path} is damaged; without it every page has to be paired again",)) from None


def _read(data: bytes) -> tuple[list[tuple[str, str]], set[str]]:
    state = read_object(data, _STATE_LIMIT)
    exact_members(state, ("always", "blocked"))
    always = []
    for item in object_list(state, "always", _PAIRINGS):
        exact_members(item, ("origin", "token_sha256"))
        always.append((text(item, "origin"), matching(item, "token_sha256", SHA256_HEX)))
    return always, {text(item, "origin") for item in object_list(state, "blocked", _PAIRINGS)}

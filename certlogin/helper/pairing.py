"""Which origins the user has paired with, and the keys by which a page knows this helper again.

A bearer token is 32 random bytes bound to one origin; only its SHA-256 is kept. The helper's key of an origin is
derived from the installation secret: two sites cannot recognise the same user by it (17), and nothing has to be stored.
"""

import hashlib
import hmac
import threading
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from certlogin.helper.durable import private_folder, write_whole
from certlogin.helper.origins import Origin
from certlogin.helper.refusals import NotPaired, OriginRefused
from certlogin.helper.surroundings import Surroundings
from certlogin.wire.json import JsonObject, exact_members, matching, object_list, read_object, text, write_object
from certlogin.wire.payload import SHA256_HEX

#: How long a pairing for this once lasts without being used up, in seconds.
ONCE_LASTS = 900
#: Several browsers of one user pair with one origin; beyond, the oldest pairing goes.
_TOKENS_PER_ORIGIN = 8
_PAIRINGS = 4096
_STATE_LIMIT = 2 * 1024 * 1024
#: The order of P-256 (SP 800-186, 3.2.1.3).
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


class Mode(StrEnum):
    ONCE = "once"
    ALWAYS = "always"


@dataclass(frozen=True, slots=True)
class _Once:
    origin: str
    ends_at: float


class Pairings:
    """The pairings of one installation. Safe to call from several threads."""

    def __init__(self, folder: Path, surroundings: Surroundings) -> None:
        self._path = private_folder(folder) / "pairings.json"
        self._surroundings = surroundings
        self._lock = threading.Lock()
        self._once: dict[str, _Once] = {}
        self._always, self._blocked = _load(self._path)

    def pair(self, origin: Origin, mode: Mode) -> bytes:
        """A new bearer token."""
        token = self._surroundings.random(32)
        digest = _digest(token)
        with self._lock:
            if mode is Mode.ONCE:
                self._once[digest] = _Once(origin.text, self._surroundings.monotonic() + ONCE_LASTS)
            else:
                mine = [known for known in self._always if known[0] == origin.text]
                for surplus in mine[: max(0, len(mine) - _TOKENS_PER_ORIGIN + 1)]:
                    self._always.remove(surplus)
                self._always = [*self._always, (origin.text, digest)][-_PAIRINGS:]
                self._save()
        return token

    def check(self, origin: Origin, token: bytes) -> Mode:
        """Raises NotPaired unless this token was given to this very origin."""
        digest = _digest(token)
        now = self._surroundings.monotonic()
        with self._lock:
            self._once = {key: once for key, once in self._once.items() if now < once.ends_at}
            once = self._once.get(digest)
            if once is not None and once.origin == origin.text:
                return Mode.ONCE
            for name, known in self._always:
                if name == origin.text and hmac.compare_digest(known, digest):
                    return Mode.ALWAYS
        raise NotPaired

    def use_up(self, token: bytes) -> None:
        """A pairing for this once has done its login."""
        with self._lock:
            self._once.pop(_digest(token), None)

    def block(self, origin: Origin) -> None:
        with self._lock:
            self._drop(origin.text)
            self._blocked.add(origin.text)
            self._save()

    def check_not_blocked(self, origin: Origin) -> None:
        """Raises OriginRefused."""
        if origin.text in self._blocked:
            raise OriginRefused

    def forget(self, origin: str) -> bool:
        """Remove pairings and block of an origin; False when there was none."""
        with self._lock:
            known = origin in self._blocked or any(name == origin for name, _ in self._always)
            self._drop(origin)
            self._blocked.discard(origin)
            self._save()
        return known

    def listed(self) -> dict[str, str]:
        """Each known origin with `always` or `blocked`, for the command line."""
        with self._lock:
            return dict.fromkeys((name for name, _ in self._always), "always") | dict.fromkeys(self._blocked, "blocked")

    def _drop(self, origin: str) -> None:
        self._always = [known for known in self._always if known[0] != origin]
        self._once = {key: once for key, once in self._once.items() if once.origin != origin}

    def _save(self) -> None:
        state: JsonObject = {
            "always": [{"origin": name, "token_sha256": digest} for name, digest in self._always],
            "blocked": [{"origin": name} for name in sorted(self._blocked)],
        }
        write_whole(self._path, write_object(state))


class Installation:
    """The secret of this installation, and what is derived from it."""

    def __init__(self, folder: Path, surroundings: Surroundings) -> None:
        path = private_folder(folder) / "installation.key"
        if not path.exists():
            write_whole(path, surroundings.random(32))
        self._secret = path.read_bytes()

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


def _load(path: Path) -> tuple[list[tuple[str, str]], set[str]]:
    if not path.exists():
        return [], set()
    state = read_object(path.read_bytes(), _STATE_LIMIT)
    exact_members(state, ("always", "blocked"))
    always = []
    for item in object_list(state, "always", _PAIRINGS):
        exact_members(item, ("origin", "token_sha256"))
        always.append((text(item, "origin"), matching(item, "token_sha256", SHA256_HEX)))
    return always, {text(item, "origin") for item in object_list(state, "blocked", _PAIRINGS)}

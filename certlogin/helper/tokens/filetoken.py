"""The encrypted file token: a folder with the sealed keys, the retry counter and a lock.

The promise is that of a card: keys leave it never, the PIN is tried at most `tries_max` times, and no crash gives a try
back. What a file cannot promise is said in `tries.py`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from cryptography.exceptions import InvalidTag

from certlogin.helper.durable import locked, private_folder, write_whole
from certlogin.helper.origins import Origin
from certlogin.helper.refusals import Busy, NoCertificate, PinLocked, PinWrong, TokenRemoved
from certlogin.helper.signing import build_request, sign_payload
from certlogin.helper.surroundings import Surroundings
from certlogin.helper.tokens.base import KeyInfo, KeyKind, TokenState
from certlogin.helper.tokens.sealed import KEYS, SealedKey, TokenFile, derive, seal, unseal
from certlogin.helper.tokens.softkeys import SoftKey, load_key, new_key
from certlogin.helper.tokens.tries import Tries
from certlogin.pki.sm2 import SM2, SM2Unavailable
from certlogin.wire.json import BadRequest
from certlogin.wire.payload import SignedPayload

PIN_LENGTHS = range(6, 17)
TRIES = 6
#: scrypt's N: 32 MiB and about a tenth of a second.
COST = 2**15

#: What the token makes; SM2 is offered first.
_KINDS = (KeyKind.SM2, KeyKind.P256, KeyKind.RSA2048)
#: For who only looks at tokens.
NO_SM2 = SM2Unavailable("it was not loaded")

_FILE = "token.json"
_TRIES = "tries"
_LOCK = "lock"
#: Keys that wait for their certificate; more would only fill the token.
_PENDING = 8


@dataclass(frozen=True, slots=True)
class TokenPlan:
    """What a new token is to be."""

    label: str
    model: str = "FILE"
    tries: int = TRIES
    cost: int = COST


class FileToken:
    """One folder. Safe to use from several threads and processes."""

    def __init__(self, folder: Path, surroundings: Surroundings, sm2: SM2 | SM2Unavailable = NO_SM2) -> None:
        """Raises TokenRemoved when there is no readable token. `sm2` may be the reason why there is none."""
        self._folder = folder
        self._surroundings = surroundings
        file = self._read()
        self.serial = file.serial
        self.model = file.model
        self.label = file.label
        self.sm2 = sm2
        self._tries = Tries(folder / _TRIES, file.tries_max)

    @property
    def key_kinds(self) -> tuple[KeyKind, ...]:
        return _KINDS if isinstance(self.sm2, SM2) else _KINDS[1:]

    def algorithms(self, kind: KeyKind) -> tuple[str, ...]:
        if kind is KeyKind.SM2:
            self._need_sm2()
        return kind.algorithms

    def state(self) -> TokenState:
        left = self._tries.left()
        return TokenState(left, self._read().tries_max, left == 0)

    def keys(self) -> tuple[KeyInfo, ...]:
        return tuple(key.info for key in self._read().keys)

    def unlock(self, pin: bytearray) -> "OpenFileToken":
        with self._locked():
            file = self._read()
            left = self._tries.use_one()
            try:
                token_key = unseal(derive(pin, file.salt, file.cost), file.sealed_key, file.serial)
            except (InvalidTag, UnicodeDecodeError):
                if left == 0:
                    raise PinLocked from None
                raise PinWrong(left) from None
            self._tries.reset()
        return OpenFileToken(self, bytearray(token_key))

    def install(self, key_id: str, certificate: bytes, chain: tuple[bytes, ...]) -> None:
        with self._locked():
            file = self._read()
            key = file.find(key_id)
            if key is None or not key.info.pending:
                raise NoCertificate
            info = replace(key.info, certificate=certificate, chain=chain)
            self._write(file.with_key(SealedKey(info, key.sealed)))

    def _need_sm2(self) -> SM2:
        if isinstance(self.sm2, SM2Unavailable):
            raise SM2Unavailable(self.sm2.what)
        return self.sm2

    def _usable_sm2(self, kind: KeyKind) -> SM2 | None:
        """For keys of other kinds it does not matter whether there is one."""
        return self._need_sm2() if kind is KeyKind.SM2 else None

    def _add(self, key: SealedKey) -> None:
        with self._locked():
            file = self._read()
            if len(file.keys) >= KEYS or sum(known.info.pending for known in file.keys) >= _PENDING:
                raise Busy
            self._write(file.with_key(key))

    def _find(self, key_id: str) -> SealedKey:
        key = self._read().find(key_id)
        if key is None:
            raise NoCertificate
        return key

    def _read(self) -> TokenFile:
        try:
            return TokenFile.read(self._folder / _FILE)
        except (OSError, BadRequest):
            raise TokenRemoved from None

    def _write(self, file: TokenFile) -> None:
        write_whole(self._folder / _FILE, file.to_bytes())

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            with locked(self._folder / _LOCK):
                yield
        except OSError:
            raise TokenRemoved from None


class OpenFileToken:
    """A file token whose PIN was right. It holds the token key until `close`."""

    def __init__(self, token: FileToken, token_key: bytearray) -> None:
        self._token = token
        self._token_key = token_key

    def sign_payload(self, key_id: str, payload: SignedPayload) -> bytes:
        return sign_payload(self._private(key_id), payload)

    def generate(self, kind: KeyKind, origin: Origin, unit: str) -> str:
        random = self._token._surroundings.random
        key = new_key(kind, self._token._usable_sm2(kind))
        key_id = random(8).hex()
        info = KeyInfo(key_id, kind, key.public_key, origin.text, unit, None, ())
        sealed = seal(bytes(self._token_key), random(12), key.pkcs8(), f"{self._token.serial}/{key_id}")
        self._token._add(SealedKey(info, sealed))
        return key_id

    def request(self, key_id: str, challenge: str) -> bytes:
        return build_request(self._private(key_id), challenge)

    def install(self, key_id: str, certificate: bytes, chain: tuple[bytes, ...]) -> None:
        self._token.install(key_id, certificate, chain)

    def close(self) -> None:
        # As far as Python can: copies inside the cryptography library are beyond reach.
        self._token_key[:] = bytes(len(self._token_key))

    def _private(self, key_id: str) -> SoftKey:
        found = self._token._find(key_id)
        kind = found.info.kind
        sm2 = self._token._usable_sm2(kind)
        try:
            plain = unseal(bytes(self._token_key), found.sealed, f"{self._token.serial}/{key_id}")
            return load_key(plain, kind, sm2)
        except (InvalidTag, ValueError):
            raise TokenRemoved from None


def create_token(
    tokens: Path, plan: TokenPlan, pin: bytearray, surroundings: Surroundings, sm2: SM2 | SM2Unavailable = NO_SM2
) -> FileToken:
    """A new token in its own folder below `tokens`. Raises BadRequest for a PIN of the wrong length."""
    check_new_pin(pin)
    random = surroundings.random
    serial = "F" + random(6).hex().upper()
    salt = random(16)
    sealed = seal(derive(pin, salt, plan.cost), random(12), random(32), serial)
    file = TokenFile(serial, plan.model, plan.label, plan.tries, plan.cost, salt, sealed)
    folder = private_folder(tokens) / serial
    folder.mkdir(mode=0o700)
    Tries(folder / _TRIES, plan.tries).reset()
    write_whole(folder / _FILE, file.to_bytes())
    return FileToken(folder, surroundings, sm2)


def check_new_pin(pin: bytearray) -> None:
    """6-16 characters. Raises BadRequest."""
    try:
        length = len(pin.decode("utf-8"))
    except UnicodeDecodeError:
        raise BadRequest("not_utf8", "pin") from None
    if length not in PIN_LENGTHS:
        raise BadRequest("wrong_length", "pin")


def list_tokens(tokens: Path, surroundings: Surroundings, sm2: SM2 | SM2Unavailable = NO_SM2) -> tuple[FileToken, ...]:
    """Every readable token, by serial number; a damaged one counts as removed."""
    found = []
    for file in sorted(tokens.glob(f"*/{_FILE}")):
        try:
            found.append(FileToken(file.parent, surroundings, sm2))
        except TokenRemoved:
            continue
    return tuple(found)

"""A PKCS#11 module (a library of the card's vendor): loaded, re-scanned, and used by one thread at a time.

One at a time, because C_Initialize is told of no locks and because logging in concerns all sessions of a token. What
the module reports is translated here: whoever uses a card sees refusals of the helper only.
"""

import logging
import math
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

import pkcs11
from pkcs11 import TokenFlag

from certlogin.helper.config import ModuleSettings
from certlogin.helper.log import LOGGER
from certlogin.helper.refusals import Busy, PinLocked, PinWrong, TokenRemoved
from certlogin.helper.tokens.base import TokenState

#: After so many seconds the module is initialised anew: many notice only then what was plugged in or pulled out.
RESCAN: Final = 2.0

#: What the module, or its Python wrapper on reading what a module says, may raise.
FAILURES: Final = (pkcs11.PKCS11Error, ValueError, TypeError, LookupError, NotImplementedError, struct.error)

_WRONG_PIN: Final = (
    pkcs11.exceptions.PinIncorrect,
    pkcs11.exceptions.PinInvalid,
    pkcs11.exceptions.PinLenRange,
)
#: Only the vendor's tool gets further.
_NO_PIN_HELPS: Final = (
    pkcs11.exceptions.PinLocked,
    pkcs11.exceptions.PinExpired,
    pkcs11.exceptions.UserPinNotInitialized,
)


@dataclass(frozen=True, slots=True)
class Identity:
    """By what a token is known again. Labels are not part of it: two tokens may bear the same."""

    manufacturer: str
    model: str
    serial: bytes

    @classmethod
    def of(cls, token: pkcs11.Token) -> "Identity":
        return cls(token.manufacturer_id, token.model, token.serial)


class ModuleUnusable(Exception):
    """The module cannot be loaded or does not answer; for doctor and log, never for a page."""


class Module:
    """Loaded at first use. `close` it: another one of the same path works only afterwards."""

    def __init__(self, settings: ModuleSettings, monotonic: Callable[[], float]) -> None:
        self.settings = settings
        self._monotonic = monotonic
        self._lock = threading.RLock()
        self._library: Any = None
        self._scanned = -math.inf
        self._sessions = 0

    def close(self) -> None:
        with self._lock:
            library, self._library = self._library, None
            if library is not None:
                # Not `unload`: a library that leaves the process and comes back is more than many survive.
                with suppress(*FAILURES):
                    library.finalize()

    def tokens(self) -> list[pkcs11.Token]:
        """Those that are plugged in and initialised. Raises ModuleUnusable."""
        with self._lock:
            try:
                return self._list()
            except FAILURES as error:
                self._scanned = -math.inf
                raise ModuleUnusable(_described(error)) from None

    def description(self) -> str:
        """What the library calls itself. Raises ModuleUnusable."""
        with self._lock:
            self.tokens()
            return f"{self._library.library_description} ({self._library.manufacturer_id})"

    def state(self, identity: Identity) -> TokenState:
        with self._lock, self.translated():
            return state_of(self._find(identity))

    def mechanisms(self, identity: Identity) -> frozenset[Any]:
        with self._lock, self.translated():
            return frozenset(self._find(identity).slot.get_mechanisms())

    def writable(self, identity: Identity) -> bool:
        with self._lock, self.translated():
            return not self._find(identity).flags & TokenFlag.WRITE_PROTECTED

    @contextmanager
    def session(self, identity: Identity, pin: str | None = None, *, write: bool = False) -> Iterator[pkcs11.Session]:
        """The module is this thread's until the end. Raises TokenRemoved, PinWrong, PinLocked, Busy."""
        with self._lock:
            with self.translated():
                session = self._open(identity, pin, write=write)
            self._sessions += 1
            try:
                with self.translated():
                    yield session
            finally:
                self._sessions -= 1
                self._close(session)

    @contextmanager
    def translated(self) -> Iterator[None]:
        """What the module complains of becomes TokenRemoved, and it is initialised anew as soon as nobody is in it."""
        try:
            yield
        except FAILURES as error:
            self._scanned = -math.inf
            logging.getLogger(LOGGER).warning("%s: %s", self.settings.name, _described(error))
            raise TokenRemoved from None

    def _open(self, identity: Identity, pin: str | None, *, write: bool) -> pkcs11.Session:
        try:
            return self._log_in(self._find(identity), pin, write=write)
        except pkcs11.exceptions.UserAlreadyLoggedIn:
            # The PIN was not looked at: it must not count as right. Whoever is logged in loses that now.
            if self._sessions:
                raise Busy from None
        try:
            return self._log_in(self._find(identity), pin, write=write)
        except pkcs11.exceptions.UserAlreadyLoggedIn:
            # Another program is logged in, and its module shares that with ours.
            raise Busy from None

    def _log_in(self, token: pkcs11.Token, pin: str | None, *, write: bool) -> pkcs11.Session:
        try:
            return token.open(rw=write, user_pin=pin)
        except _WRONG_PIN:
            raise self._pin_refused(token) from None
        except _NO_PIN_HELPS:
            raise PinLocked from None
        finally:
            # A login that failed leaves its session open, and one that is over may leave traces: start anew next time.
            if pin is not None:
                self._scanned = -math.inf

    def _pin_refused(self, token: pkcs11.Token) -> PinLocked | PinWrong:
        state = state_of(token.slot.get_token())
        return PinLocked() if state.locked else PinWrong(state.tries_left)

    def _close(self, session: pkcs11.Session) -> None:
        try:
            session.close()
        except FAILURES:
            self._scanned = -math.inf

    def _find(self, identity: Identity) -> pkcs11.Token:
        found = next((token for token in self._list() if Identity.of(token) == identity), None)
        if found is None:
            raise TokenRemoved
        return found

    def _list(self) -> list[pkcs11.Token]:
        self._refresh()
        found = []
        for slot in self._library.get_slots(token_present=True):
            try:
                token = slot.get_token()
            except FAILURES:
                # It was pulled out just now, or is a card of another kind.
                continue
            if token.flags & TokenFlag.TOKEN_INITIALIZED:
                found.append(token)
        return found

    def _refresh(self) -> None:
        now = self._monotonic()
        if self._library is None:
            self._library = pkcs11.lib(str(self.settings.path))
        elif self._sessions or now < self._scanned + RESCAN:
            return
        else:
            self._library.reinitialize()
        self._scanned = now


def state_of(token: pkcs11.Token) -> TokenState:
    """PKCS#11 tells of no number but the last; how many tries there are at most, it never tells."""
    flags = token.flags
    locked = bool(flags & TokenFlag.USER_PIN_LOCKED)
    left = 0 if locked else 1 if flags & TokenFlag.USER_PIN_FINAL_TRY else None
    return TokenState(left, None, locked)


def _described(error: Exception) -> str:
    """The wrapper's errors say what they are by their class and may have no text."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__

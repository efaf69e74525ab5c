"""Opening, finding and changing attempts."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from certlogin.errors import Unavailable
from certlogin.flows.context import Context
from certlogin.login.attempt import AttemptCookie, AttemptMissing, OtherLogin, check_alive, ends_at, seal_response
from certlogin.login.keys import Use
from certlogin.records.attempt import Attempt, HeldResponse, LoginKind
from certlogin.records.unit import UnitId
from certlogin.stores.base import AttemptCaps

_COOKIE_OCTETS = 48
_NONCE_OCTETS = 12
#: How often a change that lost a race is tried again; each loss means that another request of the same browser won.
_TRIES = 8


@dataclass(frozen=True, slots=True)
class OpenAttempt:
    """An attempt together with the cookie that names it."""

    attempt: Attempt
    cookie: AttemptCookie


def cookie_text(context: Context, cookie: AttemptCookie) -> str:
    return cookie.to_text(context.keys.keys(Use.ATTEMPT))


def open_attempt(
    context: Context, unit_id: UnitId, held: HeldResponse, kind: LoginKind, login_path: str, address: str, now: datetime
) -> OpenAttempt:
    """Raises TooManyAttempts, Unavailable."""
    limits = context.settings.attempts
    cookie = AttemptCookie.from_random(context.random(_COOKIE_OCTETS))
    attempt = Attempt(
        key=cookie.store_key,
        public_id=context.token(12),
        unit_id=unit_id,
        kind=kind,
        login_path=login_path,
        address=address,
        opened_at=now,
        touched_at=now,
        sealed_response=seal_response(held, cookie, context.random(_NONCE_OCTETS)),
    )
    caps = AttemptCaps(limits.per_unit, limits.per_address, limits.held_total)
    context.volatile.open(attempt, caps, ends_at(attempt, limits), now)
    return OpenAttempt(attempt, cookie)


def find_attempt(context: Context, text: str | None, now: datetime) -> OpenAttempt:
    """The attempt of a cookie's value. Raises AttemptMissing, AttemptExpired, Unavailable."""
    if text is None:
        raise AttemptMissing
    cookie = AttemptCookie.from_text(text, context.keys.keys(Use.ATTEMPT))
    attempt = context.volatile.load(cookie.store_key)
    if attempt is None:
        raise AttemptMissing
    check_alive(attempt, context.settings.attempts, now)
    return OpenAttempt(attempt, cookie)


def check_public_id(found: OpenAttempt, public_id: str) -> None:
    """A page of another attempt may not act in this one. Raises OtherLogin."""
    if found.attempt.public_id != public_id:
        raise OtherLogin


def change(context: Context, found: OpenAttempt, now: datetime, update: Callable[[Attempt], Attempt]) -> OpenAttempt:
    """Apply `update` to the stored attempt, again if another request was faster. Raises AttemptMissing."""
    for _ in range(_TRIES):
        stored = context.volatile.load(found.attempt.key)
        if stored is None:
            raise AttemptMissing
        new = replace(update(stored), touched_at=now)
        if context.volatile.replace(stored, new, ends_at(new, context.settings.attempts)):
            return OpenAttempt(new, found.cookie)
    raise Unavailable("attempt")


def drop_attempt(context: Context, text: str | None) -> None:
    """End the attempt of a cookie's value, if there is one."""
    if text is None:
        return
    try:
        cookie = AttemptCookie.from_text(text, context.keys.keys(Use.ATTEMPT))
    except AttemptMissing:
        return
    context.volatile.take(cookie.store_key)

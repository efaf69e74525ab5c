"""Releasing a held response: the last decision, the ticket, once."""

import hashlib
import hmac
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar

from certlogin.errors import Refusal
from certlogin.flows.attempts import OpenAttempt, change
from certlogin.flows.audit import event_of, record
from certlogin.flows.context import Context
from certlogin.flows.tickets import decide_again, new_ticket
from certlogin.login.attempt import check_held, open_response
from certlogin.login.ticket import Ticket
from certlogin.records.attempt import Attempt, HeldResponse, Proven, Release


@dataclass(eq=False)
class ReleaseRefused(Refusal):
    """No proof, or not the one-time value of this attempt."""

    code: ClassVar[str] = "release_refused"


@dataclass(frozen=True, slots=True)
class Released:
    ticket: Ticket
    held: HeldResponse


def allow_release(context: Context, found: OpenAttempt, proven: Proven, now: datetime) -> str:
    """Keep the proof in the attempt, and no other; returns the one-time value for the release address."""
    token = context.token(16)
    permission = Release(token_sha256=_hash(token))
    change(context, found, now, lambda attempt: replace(attempt, proven=proven, release=permission, awaiting=None))
    return token


def release(context: Context, found: OpenAttempt, token: str) -> Released:
    """The held response and its ticket, after policy, certificate and revocation were judged once more.

    Within `repeat` seconds the same browser gets the same again. Raises ReleaseRefused, HoldExpired, NoLongerAdmitted,
    the refusals of `pki`, Unavailable.
    """
    now = context.clock()
    proven = _check_token(found.attempt, token)
    check_held(found.attempt, context.settings.attempts, now)
    # A unit locked or a certificate revoked between proof and release is refused (S7).
    decide_again(context, found.attempt.unit_id, proven.method, proven.certificate_sha256, now)
    held = open_response(found.attempt.sealed_response, found.cookie)
    fetched = _mark_fetched(context, found, now)
    permission = fetched.release
    if permission is None or permission.ticket_id is None or permission.fetched_at is None:
        raise ReleaseRefused
    ticket = new_ticket(
        context,
        fetched.unit_id,
        proven.method,
        proven.certificate_sha256,
        proven.at,
        permission.fetched_at,
        permission.ticket_id,
    )
    return Released(ticket, held)


def _check_token(attempt: Attempt, token: str) -> Proven:
    if attempt.release is None or attempt.proven is None:
        raise ReleaseRefused
    if not hmac.compare_digest(attempt.release.token_sha256, _hash(token)):
        raise ReleaseRefused
    return attempt.proven


def _mark_fetched(context: Context, found: OpenAttempt, now: datetime) -> Attempt:
    """The first fetch fixes ticket and time, written before the response goes out; a repeat finds them."""
    if found.attempt.release is not None and found.attempt.release.fetched_at is not None:
        return found.attempt
    record(context, event_of(context, "login_released", "ok", now=now, attempt=found.attempt))
    ticket_id = context.token(16)

    def fetch(attempt: Attempt) -> Attempt:
        if attempt.release is None or attempt.release.fetched_at is not None:
            return attempt
        return replace(attempt, release=replace(attempt.release, ticket_id=ticket_id, fetched_at=now))

    return change(context, found, now, fetch).attempt


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()

"""Giving tickets, ending them, and looking again whether they still hold."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from certlogin.errors import Refusal
from certlogin.flows.case import decide_case, load_case
from certlogin.flows.context import Context
from certlogin.flows.judge import judge
from certlogin.login.policy import Decision, Presented, Reason, Step
from certlogin.login.ticket import Ticket
from certlogin.pki.certificate import read_certificate
from certlogin.records.certificate import State
from certlogin.records.identity import Method
from certlogin.records.unit import UnitId


@dataclass(eq=False)
class TicketEnded(Refusal):
    """Logged out, or replaced by a new login."""

    code: ClassVar[str] = "ticket_ended"


@dataclass(eq=False)
class NoLongerAdmitted(Refusal):
    """The decision that gave this ticket would not be taken again; `reason` says why."""

    code: ClassVar[str] = "no_longer_admitted"
    reason: str

    def public_code(self) -> str:
        return self.reason


def new_ticket(
    context: Context,
    unit_id: UnitId,
    method: Method,
    certificate_sha256: str | None,
    proved: datetime,
    now: datetime,
    ticket_id: str | None = None,
) -> Ticket:
    return Ticket(
        id=ticket_id or context.token(16),
        unit_id=unit_id,
        method=method,
        certificate_sha256=certificate_sha256,
        issued=now,
        proved=proved,
        expires=now + timedelta(seconds=context.settings.tickets.absolute),
        rules=context.rules_digest(),
    )


def end_ticket(context: Context, ticket: Ticket, now: datetime) -> None:
    """Effective in every worker within `recheck` seconds, at once in this one."""
    context.volatile.end(ticket.id, ticket.expires, now)


def recheck(context: Context, ticket: Ticket, now: datetime) -> None:
    """Raises TicketEnded, NoLongerAdmitted; Unavailable when nobody answers."""
    if context.volatile.is_ended(ticket.id):
        raise TicketEnded
    decide_again(context, ticket.unit_id, ticket.method, ticket.certificate_sha256, now)


def decide_again(
    context: Context, unit_id: UnitId, method: Method, certificate_sha256: str | None, now: datetime
) -> None:
    """Would what was proven once still admit? Raises NoLongerAdmitted, the refusals of `pki`, Unavailable."""
    presented = _presented_again(context, certificate_sha256, now) if method is Method.CERTIFICATE else None
    decision = decide_case(context, load_case(context, unit_id, now, presented=presented), now)
    # Who went on without an advised certificate stays in until the advice becomes a duty.
    skipped = method is Method.PASSWORD and decision.advised
    if not skipped and (decision.step is not Step.ADMIT or decision.method is not method):
        raise NoLongerAdmitted(_why(decision))


_OF_HELPERS = (Reason.HELPER_UNKNOWN, Reason.HELPER_OUTDATED, Reason.HELPER_BLOCKED)


def _why(decision: Decision) -> Reason:
    """What is owed, and not that nobody told us of a helper: on this way nobody was asked."""
    return next(reason for reason in decision.reasons if reason not in _OF_HELPERS)


def _presented_again(context: Context, sha256: str | None, now: datetime) -> Presented:
    """A certificate that was proven before, as registry, path and revocation have it now."""
    row = None if sha256 is None else context.durable.find(sha256)
    if row is None:
        raise NoLongerAdmitted("certificate_not_registered")
    if row.state is State.ACTIVE:
        judge(context, read_certificate(row.facts.der), [read_certificate(der) for der in row.chain], now)
    return Presented(row.facts, bound_to=row.unit_id, claimed_model=row.claimed_model)

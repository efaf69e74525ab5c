"""Writing the audit log: every decision before it takes effect, every refusal, floods counted instead of written."""

import logging
from collections.abc import Mapping
from datetime import datetime

from certlogin.errors import CertloginError, Unavailable
from certlogin.flows.context import Context
from certlogin.records.attempt import Attempt
from certlogin.records.audit import AuditEvent
from certlogin.records.unit import UnitId

_log = logging.getLogger("certlogin.audit")
_WINDOW_SECONDS = 60


def event_of(
    context: Context,
    kind: str,
    code: str,
    *,
    now: datetime,
    attempt: Attempt | None = None,
    unit_id: UnitId | None = None,
    address: str | None = None,
    facts: Mapping[str, object] | None = None,
) -> AuditEvent:
    """An event with the attempt's own facts filled in."""
    return AuditEvent(
        at=now,
        kind=kind,
        code=code,
        unit_id=unit_id if attempt is None else attempt.unit_id,
        attempt=None if attempt is None else attempt.public_id,
        address=address if attempt is None else attempt.address,
        support_id=support_id(context),
        facts=dict(facts or {}),
    )


def record(context: Context, event: AuditEvent) -> None:
    """On disk when it returns. Raises Unavailable: what cannot be written must not take effect."""
    context.durable.record(event)


def record_refusal(
    context: Context,
    kind: str,
    error: CertloginError,
    *,
    attempt: Attempt | None = None,
    unit_id: UnitId | None = None,
    address: str | None = None,
) -> str:
    """Write a refusal, or count it when there were too many within a minute (S31); returns the support id.

    A refusal stands whether or not it could be written, so a store that is down is reported to the log only.
    """
    now = context.clock()
    event = event_of(
        context,
        kind,
        error.public_code(),
        now=now,
        attempt=attempt,
        unit_id=unit_id,
        address=address,
        facts=plain(error),
    )
    try:
        allowed = context.settings.stores.failures_per_minute
        if context.volatile.count("refusals", _WINDOW_SECONDS, now) <= allowed:
            context.durable.record(event)
    except Unavailable as down:
        _log.error("refusal not written (%s): %s %s", down, kind, error)
    _log.warning("%s %s support_id=%s", kind, error, event.support_id)
    return event.support_id or ""


def support_id(context: Context) -> str:
    """Eight characters that can be read out on the telephone."""
    return context.random(5).hex()[:8].upper()


def plain(error: CertloginError) -> dict[str, object]:
    """The facts of an error as text and numbers."""
    return {
        name: value if isinstance(value, bool | int | str) or value is None else str(value)
        for name, value in error.facts().items()
    }

"""Judging a certificate against the current trust, and never forgetting a revocation once seen (S16).

Whoever is let in by the grace of `revocation = "prefer"` stands in the audit log.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Final

from certlogin.flows.audit import event_of, record
from certlogin.flows.context import Context
from certlogin.flows.revocation import ask, learn
from certlogin.pki.certificate import UnverifiedCertificate, read_certificate
from certlogin.pki.judge import TrustedCertificate, judge_certificate
from certlogin.pki.revocation import CertificateRevoked, RevocationUnknown, Settled
from certlogin.records.attempt import Attempt
from certlogin.records.certificate import State

_HOUR: Final = 3600


def judge(
    context: Context, leaf: UnverifiedCertificate, chain: Sequence[UnverifiedCertificate], now: datetime
) -> TrustedCertificate:
    """Raises the refusals of `pki`, Unavailable; a revocation of a registered certificate is written down first."""
    try:
        with remembering_revocation(context, leaf.der, now):
            trusted = judge_certificate(leaf, chain, context.trust.current(), now)
    except RevocationUnknown as unknown:
        # For the next time; nobody waits for it here.
        ask(context, unknown)
        raise
    learn(context, trusted)
    # A session is looked at every minute: an hour of it is one use.
    if _is_by_grace(trusted) and context.volatile.count(f"grace:{leaf.sha256}", _HOUR, now) == 1:
        _record_grace(context, trusted, now)
    return trusted


def record_grace(context: Context, trusted: TrustedCertificate, now: datetime, attempt: Attempt) -> None:
    """Write down that a proof counts by stale evidence. Raises Unavailable."""
    if _is_by_grace(trusted):
        _record_grace(context, trusted, now, attempt)


@contextmanager
def remembering_revocation(context: Context, der: bytes, now: datetime) -> Iterator[None]:
    """Around a judgement of that certificate: one that later drops off the CRL stays revoked for us."""
    try:
        yield
    except CertificateRevoked as revoked:
        _remember(context, read_certificate(der), revoked, now)
        raise


def _is_by_grace(trusted: TrustedCertificate) -> bool:
    return trusted.revocation is Settled.GRACE


def _record_grace(context: Context, trusted: TrustedCertificate, now: datetime, attempt: Attempt | None = None) -> None:
    facts = {"sha256": trusted.facts.sha256, "anchor": trusted.anchor}
    record(context, event_of(context, "revocation_grace", "ok", now=now, attempt=attempt, facts=facts))


def _remember(context: Context, leaf: UnverifiedCertificate, revoked: CertificateRevoked, now: datetime) -> None:
    # By its key as well: an ECDSA signature has a mirror image (n - s), so one certificate has two hashes.
    row = context.durable.find(leaf.sha256) or context.durable.find_by_key(leaf.spki_sha256)
    if row is None or row.state is State.REVOKED:
        return
    if (revoked.issuer, revoked.serial) != (row.facts.issuer, row.facts.serial):
        # A CA above it: its own list says so for as long as it must, and the leaf itself is not what was revoked.
        return
    facts = {"sha256": row.facts.sha256, "by": "revocation list"}
    event = event_of(context, "certificate_revoked", "ok", now=now, unit_id=row.unit_id, facts=facts)
    context.durable.change_state(row.facts.sha256, row.state, State.REVOKED, event)

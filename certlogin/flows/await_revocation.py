"""A proof whose certificate nobody has been asked about: it is kept, one question goes out, and the page looks again.

The challenge is spent and the signature held when a proof is kept; nothing is released before the answer was good. No
request waits for the network in here: whoever asks does so in the background.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from certlogin.errors import Refusal
from certlogin.flows import login
from certlogin.flows.attempts import OpenAttempt, change
from certlogin.flows.audit import event_of, record
from certlogin.flows.case import decide_case, load_case
from certlogin.flows.context import Context
from certlogin.flows.judge import judge
from certlogin.flows.revocation import ask
from certlogin.login.attempt import check_held
from certlogin.login.awaiting import KEPT_LIMIT, KeptProof, open_proof, seal_proof
from certlogin.login.other_proofs import OtherProof
from certlogin.login.policy import Decision, Step
from certlogin.login.proof import AcceptedProof, UnverifiedProof, check_issuer
from certlogin.pki.certificate import UnverifiedCertificate, read_certificate
from certlogin.pki.judge import TrustedCertificate, nameless_facts
from certlogin.pki.revocation import RevocationUnknown
from certlogin.records.attempt import Attempt, Awaiting
from certlogin.wire.payload import SignedPayload

_NONCE_OCTETS: Final = 12
_HOUR: Final = 3600
_MINUTE: Final = 60
#: Proofs that may lead to a question: of one attempt and of one unit in an hour, of all in a minute.
PER_ATTEMPT: Final = 5
PER_UNIT: Final = 20
IN_ALL: Final = 300


@dataclass(frozen=True, slots=True)
class Waiting:
    """No answer has come yet."""

    #: Seconds for which it is still waited for.
    rest: int


def complete_proof(context: Context, found: OpenAttempt, proof: UnverifiedProof | OtherProof) -> tuple[Decision, str]:
    """As `login.complete_proof`; a proof for which an answer can be had is kept until then: AWAIT_REVOCATION."""
    try:
        return login.complete_proof(context, found, proof)
    except RevocationUnknown as unknown:
        return _keep(context, found, proof, unknown), ""


def look(context: Context, found: OpenAttempt) -> Waiting | tuple[Decision, str]:
    """Whether the answer has come. Then as an accepted proof, once: the kept proof is gone.

    Raises the refusals of `pki` (RevocationUnknown: no answer in time), ChallengeUsed: another call has taken the
    proof; HoldExpired, StepRefused, Unavailable.
    """
    now = context.clock()
    check_held(found.attempt, context.settings.attempts, now)
    awaiting = found.attempt.awaiting
    if awaiting is None:
        return login.next_step(context, found.attempt), ""
    kept = open_proof(awaiting.sealed, found.cookie)
    try:
        trusted = _judge(context, kept, awaiting, now)
    except Refusal:
        _take(context, found, awaiting, now)
        raise
    if isinstance(trusted, Waiting):
        return trusted
    taken = _take(context, found, awaiting, now)
    check_issuer(kept.format, trusted, login.expected_of(context, found.attempt))
    accepted = AcceptedProof(trusted, kept.helper_version, kept.clock_difference, kept.format)
    return login.settle(context, taken, accepted, now)


def rest(context: Context, awaiting: Awaiting, now: datetime) -> timedelta:
    """How long an answer is still waited for."""
    wait = timedelta(seconds=context.settings.revocation.wait)
    return max(wait - (now - awaiting.since), timedelta(0))


def _judge(context: Context, kept: KeptProof, awaiting: Awaiting, now: datetime) -> TrustedCertificate | Waiting:
    leaf, chain = read_certificate(kept.certificate), [read_certificate(der) for der in kept.chain]
    try:
        return judge(context, leaf, chain, now)
    except RevocationUnknown as unknown:
        left = rest(context, awaiting, now)
        if left and ask(context, unknown, left):
            return Waiting(max(1, int(left.total_seconds())))
    # The answer may have come between the judgement and the question.
    return judge(context, leaf, chain, now)


def _keep(
    context: Context, found: OpenAttempt, proof: UnverifiedProof | OtherProof, unknown: RevocationUnknown
) -> Decision:
    """Raises `unknown` when nobody may be asked, StepRefused when the answer would make no difference."""
    now = context.clock()
    kept = _kept(proof, unknown.path, now)
    decision = _owed(context, found.attempt, unknown.path[0], kept, now)
    sealed = seal_proof(kept, found.cookie, context.random(_NONCE_OCTETS))
    if len(sealed) > KEPT_LIMIT or not _may_ask(context, found.attempt, now) or not ask(context, unknown):
        raise unknown
    facts = {"sha256": unknown.path[0].sha256, "asked_about": unknown.serial, "issuer": unknown.issuer}
    record(context, event_of(context, "revocation_asked", "ok", now=now, attempt=found.attempt, facts=facts))
    change(context, found, now, lambda attempt: replace(attempt, awaiting=Awaiting(sealed, now)))
    return decision


def _kept(proof: UnverifiedProof | OtherProof, path: Sequence[UnverifiedCertificate], now: datetime) -> KeptProof:
    ders = [one.der for one in path]
    if not isinstance(proof, UnverifiedProof):
        return KeptProof(proof.format, ders[0], tuple(ders[1:-1]))
    payload = SignedPayload.from_bytes(proof.payload)
    first, second, third, fourth = (int(part) for part in payload.helper.split("."))
    difference = payload.iat - int(now.timestamp())
    return KeptProof(proof.format, ders[0], tuple(ders[1:-1]), (first, second, third, fourth), difference)


def _owed(context: Context, attempt: Attempt, leaf: UnverifiedCertificate, kept: KeptProof, now: datetime) -> Decision:
    presented = login.presented_by(context, nameless_facts(leaf), kept.helper_version)
    presented = replace(presented, revocation_settled=False)
    decision = decide_case(context, load_case(context, attempt.unit_id, now, attempt.helper, presented), now)
    if decision.step is not Step.AWAIT_REVOCATION:
        raise login.StepRefused(decision.reasons[0])
    return decision


def _may_ask(context: Context, attempt: Attempt, now: datetime) -> bool:
    """Whoever holds a certificate decides when a question goes out, but not how many (S26)."""
    counted = (
        (f"ask:{attempt.key}", _HOUR, PER_ATTEMPT),
        (f"ask:{attempt.unit_id}", _HOUR, PER_UNIT),
        ("ask", _MINUTE, IN_ALL),
    )
    return all(context.volatile.count(name, window, now) <= most for name, window, most in counted)


def _take(context: Context, found: OpenAttempt, awaiting: Awaiting, now: datetime) -> OpenAttempt:
    """Of several calls, one gets the kept proof. Raises ChallengeUsed."""

    def taken(attempt: Attempt) -> Attempt:
        if attempt.awaiting != awaiting:
            raise login.ChallengeUsed
        return replace(attempt, awaiting=None)

    return change(context, found, now, taken)

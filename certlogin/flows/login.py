"""One login: from the host's "password accepted" to a finished proof."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import ClassVar

from certlogin.errors import Refusal
from certlogin.flows.attempts import OpenAttempt, change, open_attempt
from certlogin.flows.audit import event_of, record
from certlogin.flows.case import decide_case, load_case
from certlogin.flows.context import Context
from certlogin.flows.judge import record_grace, remembering_revocation
from certlogin.flows.refused import StepRefused as StepRefused
from certlogin.flows.refused import refusal_of
from certlogin.flows.release import allow_release
from certlogin.flows.revocation import learn
from certlogin.flows.tickets import new_ticket
from certlogin.login.attempt import check_held
from certlogin.login.challenge import Binding, Purpose, issue_challenge
from certlogin.login.keys import Use
from certlogin.login.other_proofs import OtherProof, accept_other_proof, check_other_proof, open_other_proof
from certlogin.login.policy import Case, Decision, Presented, Reason, Step, Version, requirement_of
from certlogin.login.proof import (
    NATIVE,
    AcceptedProof,
    Expected,
    FormatNotAllowed,
    UnverifiedProof,
    accept_proof,
    check_offered,
    check_proof,
    sid_of,
)
from certlogin.login.text import UnfitForText, login_text
from certlogin.login.ticket import Ticket
from certlogin.login.web_eid import nonce_of
from certlogin.pki.signature import offered
from certlogin.records.attempt import Attempt, HeldResponse, LoginKind, Proven
from certlogin.records.certificate import BoundCertificate, CertificateFacts, Slot, State
from certlogin.records.helper import HelperReport, HelperState
from certlogin.records.identity import Method
from certlogin.records.proof import ProofFormat
from certlogin.records.unit import UnitId


@dataclass(eq=False)
class ChallengeUsed(Refusal):
    """The challenge was answered before (S17)."""

    code: ClassVar[str] = "challenge_used"


@dataclass(frozen=True, slots=True)
class LoginRequest:
    """What the host's login view said and answered."""

    unit_id: UnitId
    held: HeldResponse
    kind: LoginKind
    #: As the browser knows it, mount point included.
    login_path: str
    address: str


@dataclass(frozen=True, slots=True)
class Offer:
    """What a page needs to have a challenge signed."""

    challenge: str
    unit: str
    unit_name: str
    sid: str
    formats: tuple[str, ...]
    algorithms: tuple[str, ...]
    expires_in: int
    #: What a vendor's helper signs, as it is or as CMS content; empty: not offered.
    text: str = ""
    #: What Web eID is given; empty: not offered.
    web_eid_nonce: str = ""


def decide_login(context: Context, unit_id: UnitId, address: str) -> tuple[Decision, Ticket | None]:
    """What is owed, and a ticket when it is nothing. Raises StepRefused, Unavailable."""
    now = context.clock()
    decision = decide_case(context, load_case(context, unit_id, now), now)
    if decision.step in (Step.REFUSE, Step.RENEW_CERTIFICATE):
        raise StepRefused(decision.reasons[0])
    if decision.step is not Step.ADMIT:
        return decision, None
    ticket = new_ticket(context, unit_id, Method.PASSWORD, None, now, now)
    facts = _facts(decision)
    record(context, event_of(context, "login_admitted", "ok", now=now, unit_id=unit_id, address=address, facts=facts))
    return decision, ticket


def hold_login(context: Context, decision: Decision, login: LoginRequest) -> OpenAttempt:
    """Keep the host's response until what is owed is done. Raises TooManyAttempts, Unavailable."""
    now = context.clock()
    found = open_attempt(context, login.unit_id, login.held, login.kind, login.login_path, login.address, now)
    facts = _facts(decision)
    record(context, event_of(context, "login_held", "ok", now=now, attempt=found.attempt, facts=facts))
    return found


def next_step(context: Context, attempt: Attempt) -> Decision:
    """What this attempt owes now, by what the registry and the page's report say. Raises Unavailable."""
    if attempt.awaiting is not None:
        return Decision(Step.AWAIT_REVOCATION, (Reason.REVOCATION_PENDING,))
    now = context.clock()
    return decide_case(context, load_case(context, attempt.unit_id, now, helper=attempt.helper), now)


def report_helper(context: Context, found: OpenAttempt, report: HelperReport) -> Decision:
    """Keep what the page says of its helper, and decide again."""
    changed = change(context, found, context.clock(), lambda attempt: replace(attempt, helper=report))
    return next_step(context, changed.attempt)


def skip(context: Context, found: OpenAttempt) -> str:
    """Go on without the certificate that was only advised; returns the release token. Raises StepRefused."""
    now = context.clock()
    case = load_case(context, found.attempt.unit_id, now, helper=found.attempt.helper)
    requirement = requirement_of(case, context.settings.rules, now)
    if requirement is None or decide_case(context, case, now).skips_left == 0:
        raise StepRefused(Reason.REQUIRED)
    rule = requirement.rule
    event = event_of(context, "certificate_skipped", "ok", now=now, attempt=found.attempt, facts={"rule": rule})
    if not context.durable.skip(found.attempt.unit_id, rule, requirement.skips, event):
        raise StepRefused(Reason.REQUIRED)
    return allow_release(context, found, Proven(Method.PASSWORD, None, now), now)


def offer_challenge(context: Context, found: OpenAttempt, purpose: Purpose) -> Offer:
    """Writes nothing. Raises HoldExpired: no PIN is asked for a login that could not be released."""
    now = context.clock()
    if purpose is Purpose.LOGIN:
        check_held(found.attempt, context.settings.attempts, now)
    binding = binding_of(context, found.attempt, purpose)
    text = issue_challenge(binding, context.random(32), now, context.keys.keys(Use.CHALLENGE))
    unit = load_case(context, found.attempt.unit_id, now).unit
    if unit is None:
        raise StepRefused(Reason.UNIT_UNKNOWN)
    return Offer(
        challenge=text,
        unit=unit.id,
        unit_name=unit.name,
        sid=sid_of(found.attempt.public_id),
        formats=binding.formats,
        algorithms=binding.algorithms,
        expires_in=context.settings.attempts.challenge,
        text=_text(binding, text),
        web_eid_nonce=nonce_of(text) if ProofFormat.WEB_EID in binding.formats else "",
    )


def check_format(context: Context, attempt: Attempt, name: str) -> None:
    """Before anything else of a proof is read. Raises FormatNotAllowed."""
    check_offered(name, binding_of(context, attempt, Purpose.LOGIN))


def binding_of(context: Context, attempt: Attempt, purpose: Purpose) -> Binding:
    """What a challenge of this attempt is valid for."""
    return Binding(
        attempt=attempt.key,
        unit=attempt.unit_id,
        purpose=purpose,
        formats=_formats(context, purpose),
        algorithms=offered(context.trust.sm2),
        origin=context.settings.site.origin,
        epoch=context.volatile.epoch,
    )


def _formats(context: Context, purpose: Purpose) -> tuple[str, ...]:
    """What any issuer allows: whose certificate it will be is not known yet. Other forms log in and do nothing else."""
    if purpose is not Purpose.LOGIN:
        return (NATIVE,)
    return tuple(sorted({name for anchor in context.settings.trust.anchors for name in anchor.formats}))


def _text(binding: Binding, challenge: str) -> str:
    if not {ProofFormat.TEXT, ProofFormat.CMS} & set(binding.formats):
        return ""
    try:
        return login_text(binding, challenge).decode()
    except UnfitForText:
        # Of this unit no text can be made; the other forms still serve it.
        return ""


def redeem(context: Context, nonce: str, now: datetime) -> None:
    """Raises ChallengeUsed for every caller but the first."""
    keep = now + timedelta(seconds=2 * context.settings.attempts.challenge)
    if not context.volatile.add_once(nonce, keep, now):
        raise ChallengeUsed


def complete_proof(context: Context, found: OpenAttempt, proof: UnverifiedProof | OtherProof) -> tuple[Decision, str]:
    """Judge a proof; returns the decision and, when it admits, the release token (else an empty text).

    Raises the refusals of `login` and `pki`, ChallengeUsed, HoldExpired, StepRefused, Unavailable.
    """
    now = context.clock()
    check_held(found.attempt, context.settings.attempts, now)
    return settle(context, found, _accept(context, found.attempt, proof, now), now)


def settle(context: Context, found: OpenAttempt, accepted: AcceptedProof, now: datetime) -> tuple[Decision, str]:
    """What an accepted proof leads to; as `complete_proof` from there on."""
    record_grace(context, accepted.certificate, now, found.attempt)
    learn(context, accepted.certificate)
    presented = _presented(context, accepted)
    case = load_case(context, found.attempt.unit_id, now, found.attempt.helper, presented)
    decision = decide_case(context, case, now)
    if decision.step is Step.BIND_CERTIFICATE and decision.reasons[0] is Reason.ADOPT_BY_MATCH:
        case = _adopt(context, found.attempt, case, accepted, now)
        decision = decide_case(context, case, now)
    if decision.step in (Step.REFUSE, Step.RENEW_CERTIFICATE):
        raise refusal_of(case, decision)
    if decision.step is Step.UPDATE_HELPER:
        _keep_signed_version(context, found, accepted, decision, now)
    if decision.step is not Step.ADMIT:
        return decision, ""
    return decision, _proven(context, found, accepted, decision, now)


def _accept(context: Context, attempt: Attempt, proof: UnverifiedProof | OtherProof, now: datetime) -> AcceptedProof:
    expected, keys = expected_of(context, attempt), context.keys.keys(Use.CHALLENGE)
    if isinstance(proof, UnverifiedProof):
        unredeemed = check_proof(proof, expected, now, keys)
        redeem(context, unredeemed.nonce, now)
        with remembering_revocation(context, proof.certificate, now):
            return accept_proof(unredeemed, context.trust.current(), now)
    other = check_other_proof(proof, expected, now, keys)
    redeem(context, other.nonce, now)
    opened = open_other_proof(other)
    with remembering_revocation(context, opened.leaf.der, now):
        return accept_other_proof(opened, other, context.trust.current(), now)


def expected_of(context: Context, attempt: Attempt) -> Expected:
    """What a login's proof must say."""
    settings = context.settings
    return Expected(
        binding=binding_of(context, attempt, Purpose.LOGIN),
        sid=sid_of(attempt.public_id),
        max_age=timedelta(seconds=settings.attempts.challenge),
        formats={anchor.name: anchor.formats for anchor in settings.trust.anchors},
    )


def _presented(context: Context, accepted: AcceptedProof) -> Presented:
    return presented_by(context, accepted.certificate.facts, accepted.helper_version)


def presented_by(context: Context, facts: CertificateFacts, helper_version: Version | None) -> Presented:
    """A certificate whose key was proven, with what the registry knows of it."""
    row = context.durable.find(facts.sha256) or context.durable.find_by_key(facts.spki_sha256)
    return Presented(
        facts=facts,
        bound_to=None if row is None else row.unit_id,
        helper_version=helper_version,
        claimed_model=None if row is None else row.claimed_model,
    )


def _adopt(context: Context, attempt: Attempt, case: Case, accepted: AcceptedProof, now: datetime) -> Case:
    """Register a certificate issued elsewhere whose unit code equals the unit's (A11).

    Raises AlreadyBound, FormatNotAllowed.
    """
    _check_binds(accepted)
    row = BoundCertificate(
        unit_id=attempt.unit_id,
        facts=accepted.certificate.facts,
        slot=Slot.CURRENT,
        state=State.ACTIVE,
        bound_at=now,
        bound_by="match",
        chain=accepted.certificate.path[1:-1],
    )
    event = event_of(
        context, "certificate_bound", "ok", now=now, attempt=attempt, facts={"by": "match", "sha256": row.facts.sha256}
    )
    context.durable.bind(row, event)
    presented = replace(case.presented or Presented(row.facts), bound_to=attempt.unit_id)
    return load_case(context, attempt.unit_id, now, attempt.helper, presented)


def _check_binds(accepted: AcceptedProof) -> None:
    """What other programs sign logs in, and does nothing else (S22)."""
    if accepted.format != NATIVE:
        raise FormatNotAllowed(accepted.format)


def _keep_signed_version(
    context: Context, found: OpenAttempt, accepted: AcceptedProof, decision: Decision, now: datetime
) -> None:
    """The pages speak of the helper that signed, whatever was reported of it (S14)."""
    told = found.attempt.helper or HelperReport(HelperState.READY)
    signed = replace(told, state=HelperState.READY, version=accepted.helper_version)
    facts = {**_facts(decision), "version": ".".join(map(str, accepted.helper_version or ()))}
    record(context, event_of(context, "old_helper_signed", "ok", now=now, attempt=found.attempt, facts=facts))
    change(context, found, now, lambda attempt: replace(attempt, helper=signed))


def _proven(context: Context, found: OpenAttempt, accepted: AcceptedProof, decision: Decision, now: datetime) -> str:
    sha256 = accepted.certificate.facts.sha256
    facts = {
        **_facts(decision),
        "sha256": sha256,
        "format": accepted.format,
        "clock_difference": accepted.clock_difference,
        "revocation": accepted.certificate.revocation,
    }
    record(context, event_of(context, "proof_accepted", "ok", now=now, attempt=found.attempt, facts=facts))
    return allow_release(context, found, Proven(Method.CERTIFICATE, sha256, now), now)


def _facts(decision: Decision) -> dict[str, str]:
    return {"step": decision.step, "reasons": ",".join(decision.reasons), "rule": decision.rule}

"""Enrolment: a key made on the token becomes a registered certificate."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import ClassVar

from certlogin.ca.base import IssuedCertificate, RequestRefused
from certlogin.errors import Refusal, Unavailable
from certlogin.flows.attempts import OpenAttempt, change
from certlogin.flows.audit import event_of
from certlogin.flows.case import decide_case, load_case
from certlogin.flows.context import Context
from certlogin.flows.judge import judge
from certlogin.flows.login import StepRefused, binding_of, redeem
from certlogin.journeys.enrol import EnrolEvent, EnrolState, move
from certlogin.login.challenge import Purpose, check_challenge
from certlogin.login.keys import Use
from certlogin.login.policy import Step
from certlogin.pki.certificate import read_certificate
from certlogin.pki.identity import same_unit_code
from certlogin.pki.request import CertificationRequest, read_request
from certlogin.pki.sm2 import SM2, SM2Unavailable
from certlogin.records.attempt import Attempt
from certlogin.records.certificate import BoundCertificate, CertificateFacts, KeyType, Slot, State
from certlogin.records.unit import Unit
from certlogin.settings.trust import CASettings
from certlogin.stores.base import EnrolmentOrder


@dataclass(eq=False)
class EnrolmentNotOpen(Refusal):
    """The unit owes something else than a download; `step` says what."""

    code: ClassVar[str] = "enrolment_not_open"
    status: ClassVar[int] = 409
    step: str


@dataclass(eq=False)
class KeyTypeNotOffered(Refusal):
    code: ClassVar[str] = "key_type_not_offered"
    key_type: str


@dataclass(eq=False)
class IssuedForAnother(Refusal):
    """The CA's certificate names another unit code than the host's directory: nothing is registered."""

    code: ClassVar[str] = "issued_for_another"
    status: ClassVar[int] = 502


@dataclass(eq=False)
class OrderUnknown(Refusal):
    """No order of this unit produced that certificate."""

    code: ClassVar[str] = "order_unknown"
    status: ClassVar[int] = 404


@dataclass(frozen=True, slots=True)
class Delivered:
    """What goes onto the token."""

    #: DER.
    certificate: bytes
    chain: tuple[bytes, ...]
    sha256: str


def offered_key_types(settings: CASettings, sm2: SM2 | None) -> tuple[str, ...]:
    """Those of the settings that this site can verify, preferred first. Raises SM2Unavailable when none is left."""
    offered = tuple(name for name in settings.key_types if sm2 is not None or name != KeyType.SM2)
    if not offered:
        raise SM2Unavailable("[ca] key_types offers nothing else")
    return offered


def enrol(context: Context, found: OpenAttempt, der: bytes) -> Delivered:
    """The certificate for a PKCS#10 request that carries this attempt's challenge; the same key gets the same again.

    Raises the refusals of `pki.request` and `login.challenge`, ChallengeUsed, EnrolmentNotOpen, KeyTypeNotOffered,
    EnrolmentStepRefused, RequestRefused, AlreadyBound, IssuedForAnother, Unavailable.
    """
    now = context.clock()
    request = read_request(der, context.trust.sm2)
    _check_challenge(context, found.attempt, request, now)
    issued_before = _again(context, found.attempt, request)
    if issued_before is not None:
        return issued_before
    unit = _check_open(context, found.attempt, now)
    _check_key_type(context, request)
    order = _ask(context, found.attempt, request, now)
    issued = _issue(context, found.attempt, unit, order, request, now)
    return _bind(context, found.attempt, unit, order, issued, now)


def installed(context: Context, found: OpenAttempt, sha256: str) -> None:
    """The page says that the certificate is on the token. Raises OrderUnknown, EnrolmentStepRefused, Unavailable."""
    now = context.clock()
    row = context.durable.find(sha256)
    order = None if row is None else context.durable.find_order(found.attempt.unit_id, row.facts.spki_sha256)
    if order is None or order.certificate_sha256 != sha256:
        raise OrderUnknown
    state = move(EnrolState(order.state), EnrolEvent.INSTALL)
    event = event_of(context, "certificate_installed", "ok", now=now, attempt=found.attempt, facts={"sha256": sha256})
    context.durable.advance(order, state, event)
    change(context, found, now, lambda attempt: replace(attempt, enrolled_sha256=sha256))


def _check_challenge(context: Context, attempt: Attempt, request: CertificationRequest, now: datetime) -> None:
    binding = binding_of(context, attempt, Purpose.ENROL)
    max_age = timedelta(seconds=context.settings.attempts.challenge)
    text = request.challenge_password or ""
    redeem(context, check_challenge(text, binding, max_age, now, context.keys.keys(Use.CHALLENGE)), now)


def _again(context: Context, attempt: Attempt, request: CertificationRequest) -> Delivered | None:
    """A certificate that was issued for this very key and has not been seen on the token yet."""
    order = context.durable.find_order(attempt.unit_id, request.spki_sha256)
    if order is None or order.certificate_sha256 is None:
        return None
    move(EnrolState(order.state), EnrolEvent.ASK)
    row = context.durable.find(order.certificate_sha256)
    if row is None or row.state is not State.ACTIVE or row.unit_id != attempt.unit_id:
        return None
    return Delivered(row.facts.der, order.chain, row.facts.sha256)


def _check_open(context: Context, attempt: Attempt, now: datetime) -> Unit:
    """A download must be what the unit owes (S12)."""
    case = load_case(context, attempt.unit_id, now, helper=attempt.helper)
    decision = decide_case(context, case, now)
    if case.unit is None or decision.step is Step.REFUSE:
        raise StepRefused(decision.reasons[0])
    if decision.step is not Step.GET_CERTIFICATE:
        raise EnrolmentNotOpen(decision.step)
    return case.unit


def _check_key_type(context: Context, request: CertificationRequest) -> None:
    name = request.key_type.value if request.key_type.value != "RSA" else f"RSA-{request.key_bits}"
    if name not in offered_key_types(context.settings.ca, context.trust.sm2):
        raise KeyTypeNotOffered(name)


def _ask(context: Context, attempt: Attempt, request: CertificationRequest, now: datetime) -> EnrolmentOrder:
    """The order is kept before the CA is asked, so that whatever the CA does next can be found again."""
    wanted = EnrolmentOrder(
        unit_id=attempt.unit_id,
        spki_sha256=request.spki_sha256,
        state=move(EnrolState.NEW, EnrolEvent.ASK),
        requested_at=now,
    )
    order = context.durable.place(wanted)
    state = move(EnrolState(order.state), EnrolEvent.ASK)
    event = event_of(context, "certificate_requested", "ok", now=now, attempt=attempt)
    context.durable.advance(order, state, event)
    return replace(order, state=state)


def _issue(
    context: Context, attempt: Attempt, unit: Unit, order: EnrolmentOrder, request: CertificationRequest, now: datetime
) -> IssuedCertificate:
    if context.ca is None:
        raise Unavailable("ca")
    try:
        return context.ca.issue(unit, request.der)
    except RequestRefused as refused:
        state = move(EnrolState(order.state), EnrolEvent.FAIL)
        facts = {"reason": refused.reason}
        event = event_of(context, "certificate_not_issued", refused.code, now=now, attempt=attempt, facts=facts)
        context.durable.advance(order, state, event)
        raise


def _bind(
    context: Context, attempt: Attempt, unit: Unit, order: EnrolmentOrder, issued: IssuedCertificate, now: datetime
) -> Delivered:
    """What the CA answers is judged like any other certificate before it is registered."""
    chain = [read_certificate(der) for der in issued.chain]
    trusted = judge(context, read_certificate(issued.certificate), chain, now)
    facts = trusted.facts
    _check_issued(facts, order, unit)
    done = replace(
        order,
        state=move(EnrolState(order.state), EnrolEvent.ISSUE),
        certificate_sha256=facts.sha256,
        chain=issued.chain,
    )
    row = BoundCertificate(
        unit_id=attempt.unit_id,
        facts=facts,
        slot=Slot.CURRENT,
        state=State.ACTIVE,
        bound_at=now,
        bound_by="enrol",
        applied_on=issued.applied_on,
        chain=trusted.path[1:-1],
    )
    event = event_of(context, "certificate_issued", "ok", now=now, attempt=attempt, facts={"sha256": facts.sha256})
    context.durable.bind(row, event, done)
    return Delivered(issued.certificate, issued.chain, facts.sha256)


def _check_issued(facts: CertificateFacts, order: EnrolmentOrder, unit: Unit) -> None:
    same_key = facts.spki_sha256 == order.spki_sha256
    if not same_key or facts.unit_code is None or not same_unit_code(facts.unit_code, unit.code):
        raise IssuedForAnother

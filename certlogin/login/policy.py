"""What a unit still owes before the host's login response may go out.

PURE: one case in, one decision out. It knows no stores, pages, cookies or clock; whatever it does not find in the case
it does not know, and what it does not know it refuses. A helper report chooses between pages, never admission.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from certlogin.login.helpers import Standing, Verdict, judge_helper
from certlogin.login.rules import Requirement, match
from certlogin.login.upgrades import Owed, find_upgrade
from certlogin.pki.identity import same_unit_code
from certlogin.records.certificate import BoundCertificate, CertificateFacts, State
from certlogin.records.helper import HelperReport, HelperState
from certlogin.records.identity import Method
from certlogin.records.unit import Unit, UnitId
from certlogin.settings.helpers import Version as Version
from certlogin.settings.rules import Rules, Stage, Unregistered
from certlogin.settings.upgrades import UpgradeAction


class Step(StrEnum):
    """The one thing that comes next."""

    ADMIT = "admit"
    GET_HELPER = "get_helper"
    UPDATE_HELPER = "update_helper"
    GET_CERTIFICATE = "get_certificate"
    PROVE_KEY = "prove_key"
    AWAIT_REVOCATION = "await_revocation"
    BIND_CERTIFICATE = "bind_certificate"
    REPLACE_KEY = "replace_key"
    UPGRADE_KEY = "upgrade_key"
    RENEW_CERTIFICATE = "renew_certificate"
    REFUSE = "refuse"


class Reason(StrEnum):
    """Why; the first reason of a refusal is the code the user reads."""

    UNIT_UNKNOWN = "unit_unknown"
    NOT_REQUIRED = "not_required"
    REPORT_ONLY = "report_only"
    REQUIRED = "certificate_required"
    ADVISED = "certificate_advised"
    PROVE_WHEN_BOUND = "prove_when_bound"
    PROVEN = "proven"
    HELPER_UNKNOWN = "helper_unknown"
    HELPER_OUTDATED = "helper_outdated"
    HELPER_BLOCKED = "helper_blocked"
    FIRST_CERTIFICATE = "first_certificate"
    OPERATOR_ALLOWED = "operator_allowed"
    REISSUE_REQUIRED = "reissue_required"
    ENROLMENT_CLOSED = "enrolment_closed"
    ADOPT_BY_MATCH = "adopt_by_match"
    ADOPT_BY_BINDING = "adopt_by_binding"
    CERTIFICATE_EXPIRED = "certificate_expired"
    CERTIFICATE_REVOKED = "certificate_revoked"
    CERTIFICATE_SUPERSEDED = "certificate_superseded"
    CERTIFICATE_NOT_REGISTERED = "certificate_not_registered"
    CERTIFICATE_OF_ANOTHER_UNIT = "certificate_of_another_unit"
    CERTIFICATE_WITHOUT_CODE = "certificate_without_code"
    UNIT_WITHOUT_CODE = "unit_without_code"
    REVOCATION_PENDING = "revocation_pending"
    LEGACY_KEY = "legacy_key"
    LEGACY_ADVISED = "legacy_advised"
    LEGACY_REPORTED = "legacy_reported"
    KEY_REFUSED = "key_refused"
    RENEWAL_REQUIRED = "renewal_required"
    REPLACEMENT_UNDER_WAY = "replacement_under_way"
    RENEWAL_DUE = "renewal_due"


@dataclass(frozen=True, slots=True)
class Presented:
    """A certificate whose key was proven in this attempt: signature, profile and path are settled."""

    facts: CertificateFacts
    #: False: this certificate's revocation state is still being asked for.
    revocation_settled: bool = True
    #: The unit in whose name the registry holds this certificate or its key; None: nobody's.
    bound_to: UnitId | None = None
    #: The version in the signed payload; None when the proof came from a vendor's helper.
    helper_version: Version | None = None
    #: The model a helper claims: chooses between the postal and the in-place page.
    claimed_model: str | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """All that is known of one login at one moment."""

    unit: Unit | None
    #: Every row of the registry for the unit, in every state.
    registered: tuple[BoundCertificate, ...] = ()
    presented: Presented | None = None
    helper: HelperReport | None = None
    #: An operator allowed one more download.
    granted: bool = False
    #: A replacement of the unit's legacy key has been requested and is not finished.
    replacement_under_way: bool = False
    #: How often the user went on without, under the requirement in force.
    skipped: int = 0
    #: The word of a host's own callable, in place of the rules' tags; the outer None: there is no callable.
    judged: tuple[Requirement | None] | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    step: Step
    #: Most important first; never empty.
    reasons: tuple[Reason, ...]
    #: How an `ADMIT` was earned; None for any other step.
    method: Method | None = None
    #: Until when what is owed can be done; None: no date.
    deadline: datetime | None = None
    #: How often the user may still go on without; 0: not at all.
    skips_left: int = 0
    #: The rule that asked, for the log.
    rule: str = ""

    @property
    def advised(self) -> bool:
        """What is owed is only advised: who skipped it may go on."""
        return Reason.ADVISED in self.reasons


def decide(case: Case, rules: Rules, now: datetime) -> Decision:
    """One step, with its reasons. `now` is aware."""
    if case.unit is None:
        return _refuse(Reason.UNIT_UNKNOWN)
    if case.presented is not None:
        return _after_proof(case, case.unit, case.presented, rules, now)
    active = _active(case)
    if active:
        return _owed_by_holder(active, case, rules, now)
    return _owed_without_certificate(case, rules, now)


def requirement_of(case: Case, rules: Rules, now: datetime) -> Requirement | None:
    """What the host's callable or the rules say of the case's unit; None: needs no certificate, or no unit."""
    if case.judged is not None:
        return case.judged[0]
    return match(case.unit, rules, now) if case.unit is not None else None


def _active(case: Case) -> tuple[BoundCertificate, ...]:
    return tuple(row for row in case.registered if row.state is State.ACTIVE)


# --- before any proof


def _owed_by_holder(active: tuple[BoundCertificate, ...], case: Case, rules: Rules, now: datetime) -> Decision:
    """A unit with an active certificate proves it, whatever tag, stage or exemption (S13)."""
    last = max(row.facts.not_after for row in active)
    if now > last:
        return _renew(last)
    return _through_helper(Decision(Step.PROVE_KEY, (Reason.PROVE_WHEN_BOUND,)), case, rules, now)


def _owed_without_certificate(case: Case, rules: Rules, now: datetime) -> Decision:
    requirement = requirement_of(case, rules, now)
    if requirement is None:
        return Decision(Step.ADMIT, (Reason.NOT_REQUIRED,), Method.PASSWORD)
    if requirement.stage is Stage.REPORT:
        return Decision(Step.ADMIT, (Reason.REPORT_ONLY,), Method.PASSWORD, rule=requirement.rule)
    owed = _first_certificate(case, requirement, rules, now)
    left = max(requirement.skips - case.skipped, 0) if requirement.stage is Stage.ADVISE else 0
    if owed.step is Step.REFUSE and left:
        # Advice that cannot be followed now (before the window opens) keeps nobody out.
        owed = Decision(Step.ADMIT, owed.reasons, Method.PASSWORD)
    elif owed.step is not Step.REFUSE:
        owed = _through_helper(owed, case, rules, now)
    return replace(owed, skips_left=left, rule=requirement.rule)


def _first_certificate(case: Case, requirement: Requirement, rules: Rules, now: datetime) -> Decision:
    why = Reason.ADVISED if requirement.stage is Stage.ADVISE else Reason.REQUIRED
    adoption = rules.adoption.unregistered
    if adoption is Unregistered.MATCH:
        return Decision(Step.PROVE_KEY, (why, Reason.ADOPT_BY_MATCH))
    if adoption is Unregistered.BIND:
        return Decision(Step.PROVE_KEY, (why, Reason.ADOPT_BY_BINDING))
    return _download(case, why, rules, now)


def _download(case: Case, why: Reason, rules: Rules, now: datetime) -> Decision:
    """A password alone gets a certificate only for a unit that never held one, in its window (S12)."""
    if case.granted:
        return Decision(Step.GET_CERTIFICATE, (why, Reason.OPERATOR_ALLOWED))
    if case.registered:
        return _refuse(Reason.REISSUE_REQUIRED, why)
    window = rules.enrolment
    if (window.opens is not None and now < window.opens) or (window.closes is not None and now >= window.closes):
        return _refuse(Reason.ENROLMENT_CLOSED, why)
    return Decision(Step.GET_CERTIFICATE, (why, Reason.FIRST_CERTIFICATE), deadline=window.closes)


def _through_helper(owed: Decision, case: Case, rules: Rules, now: datetime) -> Decision:
    """Nothing with a key can be done without a helper, so it comes first."""
    report = case.helper
    if report is None or report.state is not HelperState.READY or report.version is None:
        return replace(owed, step=Step.GET_HELPER, reasons=(Reason.HELPER_UNKNOWN, *owed.reasons))
    verdict = judge_helper(report.version, report.os, rules.helper, now)
    if verdict.is_refused:
        return replace(owed, step=Step.UPDATE_HELPER, reasons=(_why_update(verdict), *owed.reasons))
    return owed


def _why_update(verdict: Verdict) -> Reason:
    return Reason.HELPER_BLOCKED if verdict.standing is Standing.BLOCKED else Reason.HELPER_OUTDATED


# --- after a proof

#: What the registry says of a certificate that is not active any more.
_ENDED = {State.SUPERSEDED: Reason.CERTIFICATE_SUPERSEDED, State.REVOKED: Reason.CERTIFICATE_REVOKED}


def _after_proof(case: Case, unit: Unit, presented: Presented, rules: Rules, now: datetime) -> Decision:
    if presented.bound_to is not None and presented.bound_to != unit.id:
        return _refuse(Reason.CERTIFICATE_OF_ANOTHER_UNIT)
    row = next((row for row in case.registered if row.facts.sha256 == presented.facts.sha256), None)
    if row is None:
        return _unregistered(case, unit, presented, rules, now)
    # Before the date: a revoked certificate that later expires renews nothing (S16).
    if row.state in _ENDED:
        return _refuse(_ENDED[row.state])
    if row.state is not State.ACTIVE or now > row.facts.not_after:
        return _renew(row.facts.not_after)
    return _after_active(row, case, unit, presented, rules, now)


def _unregistered(case: Case, unit: Unit, presented: Presented, rules: Rules, now: datetime) -> Decision:
    requirement = requirement_of(case, rules, now)
    # The registry must know of no active certificate and nobody's claim on this key: what is bound is never
    # replaced by what was merely presented (S13, S15).
    if _active(case) or presented.bound_to is not None or requirement is None or requirement.stage is Stage.REPORT:
        return _refuse(Reason.CERTIFICATE_NOT_REGISTERED)
    if rules.adoption.unregistered is Unregistered.ISSUE:
        return _refuse(Reason.CERTIFICATE_NOT_REGISTERED)
    if now > presented.facts.not_after:
        return _refuse(Reason.CERTIFICATE_EXPIRED)
    if not presented.revocation_settled:
        return Decision(Step.AWAIT_REVOCATION, (Reason.REVOCATION_PENDING,))
    if rules.adoption.unregistered is Unregistered.MATCH and (mismatch := _mismatch(unit, presented.facts)):
        return _refuse(mismatch)
    update = _signed_with_old_helper(case, presented, rules, now)
    if update is not None:
        return update
    return Decision(Step.BIND_CERTIFICATE, (_ADOPTED[rules.adoption.unregistered],))


_ADOPTED = {Unregistered.MATCH: Reason.ADOPT_BY_MATCH, Unregistered.BIND: Reason.ADOPT_BY_BINDING}


def _mismatch(unit: Unit, facts: CertificateFacts) -> Reason | None:
    """Why the certificate is not the unit's; each reason has another next step (D6, D7)."""
    if facts.unit_code is None:
        return Reason.CERTIFICATE_WITHOUT_CODE
    if same_unit_code(facts.unit_code, unit.code):
        return None
    return Reason.CERTIFICATE_OF_ANOTHER_UNIT if unit.code else Reason.UNIT_WITHOUT_CODE


def _after_active(
    row: BoundCertificate, case: Case, unit: Unit, presented: Presented, rules: Rules, now: datetime
) -> Decision:
    if not presented.revocation_settled:
        return Decision(Step.AWAIT_REVOCATION, (Reason.REVOCATION_PENDING,))
    update = _signed_with_old_helper(case, presented, rules, now)
    if update is not None:
        return update
    owed = find_upgrade(row, case.registered, unit, rules.upgrade, now)
    if owed is None:
        return _admit(row, rules, now)
    return replace(_owed_upgrade(owed, row, case, presented, rules, now), rule=owed.rule.name)


def _signed_with_old_helper(case: Case, presented: Presented, rules: Rules, now: datetime) -> Decision | None:
    """The version that was signed decides, whatever the page reported (S14)."""
    if presented.helper_version is None:
        return None
    os = "" if case.helper is None else case.helper.os
    verdict = judge_helper(presented.helper_version, os, rules.helper, now)
    return Decision(Step.UPDATE_HELPER, (_why_update(verdict),)) if verdict.is_refused else None


#: What is said of an admitted key that a rule is after.
_NOTES = {Stage.REPORT: Reason.LEGACY_REPORTED, Stage.ADVISE: Reason.LEGACY_ADVISED}


def _owed_upgrade(
    owed: Owed, row: BoundCertificate, case: Case, presented: Presented, rules: Rules, now: datetime
) -> Decision:
    if owed.stage is not Stage.ENFORCE:
        admitted = _admit(row, rules, now, _NOTES[owed.stage])
        return (
            admitted
            if owed.until is None
            else replace(admitted, deadline=min(owed.until, admitted.deadline or owed.until))
        )
    action = owed.rule.action
    if action is UpgradeAction.REFUSE:
        return _refuse(Reason.KEY_REFUSED)
    if action is UpgradeAction.RENEW:
        return Decision(Step.RENEW_CERTIFICATE, (Reason.RENEWAL_REQUIRED,), deadline=row.facts.not_after)
    if case.replacement_under_way:
        return _admit(row, rules, now, Reason.REPLACEMENT_UNDER_WAY)
    return Decision(_change(owed, presented.claimed_model), (Reason.LEGACY_KEY,))


def _change(owed: Owed, claimed_model: str | None) -> Step:
    """All that a claim of the helper decides: which of the two pages is shown (S14)."""
    models = owed.rule.models
    in_place = owed.rule.action is UpgradeAction.UPGRADE and (not models or claimed_model in models)
    return Step.UPGRADE_KEY if in_place else Step.REPLACE_KEY


def _admit(row: BoundCertificate, rules: Rules, now: datetime, *more: Reason) -> Decision:
    end = row.facts.not_after
    if end - now > timedelta(days=rules.renew_days):
        return Decision(Step.ADMIT, (Reason.PROVEN, *more), Method.CERTIFICATE)
    return Decision(Step.ADMIT, (Reason.PROVEN, *more, Reason.RENEWAL_DUE), Method.CERTIFICATE, deadline=end)


def _renew(end: datetime) -> Decision:
    return Decision(Step.RENEW_CERTIFICATE, (Reason.CERTIFICATE_EXPIRED,), deadline=end)


def _refuse(*reasons: Reason) -> Decision:
    return Decision(Step.REFUSE, reasons)

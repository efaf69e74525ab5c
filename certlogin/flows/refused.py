"""Refusals of the policy, with what their pages show."""

from dataclasses import dataclass
from typing import ClassVar, Final

from certlogin.errors import Refusal
from certlogin.login.mismatch import advise
from certlogin.login.policy import Case, Decision, Reason
from certlogin.pki.certificate import read_certificate
from certlogin.pki.identity import masked_code
from certlogin.pki.names import holder_name

_MISMATCHES: Final = frozenset(
    {
        Reason.CERTIFICATE_OF_ANOTHER_UNIT,
        Reason.CERTIFICATE_WITHOUT_CODE,
        Reason.UNIT_WITHOUT_CODE,
        Reason.CERTIFICATE_NOT_REGISTERED,
    }
)


@dataclass(eq=False)
class StepRefused(Refusal):
    """The policy refuses, and its reason is what the user reads."""

    code: ClassVar[str] = "login_refused"
    reason: str

    def public_code(self) -> str:
        return self.reason


@dataclass(eq=False)
class UnitMismatch(StepRefused):
    """The proven certificate is not the account's: the page shows both units, their codes masked (D6, D7)."""

    code: ClassVar[str] = "unit_mismatch"
    account_name: str
    account_code: str
    certificate_name: str
    #: Empty: it carries none.
    certificate_code: str
    #: An `Advice`.
    advice: str


def refusal_of(case: Case, decision: Decision) -> StepRefused:
    """What is raised for a decision that ends here."""
    reason, unit, presented = decision.reasons[0], case.unit, case.presented
    if reason not in _MISMATCHES or unit is None or presented is None:
        return StepRefused(reason)
    return UnitMismatch(
        reason,
        account_name=unit.name,
        account_code=masked_code(unit.code),
        certificate_name=holder_name(read_certificate(presented.facts.der).x509.subject),
        certificate_code=masked_code(presented.facts.unit_code or ""),
        advice=advise(unit, presented.facts),
    )

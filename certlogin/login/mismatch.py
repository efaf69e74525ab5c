"""What to do about a certificate that was proven and is not the account's (D6, D7).

PURE. It advises; what the account may do with the certificate was decided by the policy.
"""

from enum import StrEnum

from certlogin.pki.identity import same_unit_code
from certlogin.records.certificate import CertificateFacts
from certlogin.records.unit import Unit


class Advice(StrEnum):
    #: Compare the owner that the helper shows: it is another unit's certificate, or the account is.
    COMPARE = "compare"
    #: The certificate is fine: ask the authority to authorise the unit.
    AUTHORISE = "authorise"
    #: Apply for a change of the certificate's information: it names no unit.
    CHANGE = "change"


def advise(unit: Unit, facts: CertificateFacts) -> Advice:
    if facts.unit_code is None:
        return Advice.CHANGE
    if not unit.code or same_unit_code(facts.unit_code, unit.code):
        return Advice.AUTHORISE
    return Advice.COMPARE

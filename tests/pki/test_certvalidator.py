"""A second opinion with RSA and ECDSA: pyhanko-certvalidator, which shares no code with OpenSSL.

It is given the same files and rules. Where it says something else than the judge of logins, `EXPLAINED` says why; a
disagreement that is not there fails, and so does an explanation that is no longer needed.
"""

import asyncio
from datetime import timedelta
from typing import Final

import pytest
from asn1crypto import x509
from pyhanko_certvalidator import CertificateValidator, ValidationContext
from pyhanko_certvalidator.errors import PathBuildingError, ValidationError

from certlogin.cli.verdicts import Answer, Question, judge
from tests.factory import NOW, sm2
from tests.pki.circumstances import CIRCUMSTANCES, World

#: What we say, and why the other says the opposite.
EXPLAINED: Final = {
    "serial 0": (False, "it leaves the range of RFC 5280 4.1.2.2 to others"),
    "serial of 21 octets": (False, "it leaves the range of RFC 5280 4.1.2.2 to others"),
    "an extension twice": (False, "its reader takes the last one; RFC 5280 4.2 allows no second one"),
    "policies required": (False, "OpenSSL cannot be told through pyOpenSSL that any policy will do"),
    "anchor ended": (False, "RFC 5280 6.1.1 has no validity of an anchor; a login asks for it"),
    "anchor with a shorter path": (False, "RFC 5280 6.1.1 has no constraints of an anchor; a login honours them"),
    "anchor with names not permitted": (False, "RFC 5280 6.1.1 has no constraints of an anchor; a login honours them"),
    "issuing CA as anchor": (True, "it asks for a path from the list's issuer to an anchor above it"),
}


def ours(found: World) -> bool:
    question = Question(found.leaf, (found.anchor,), NOW, found.chain, found.lists)
    return judge(question, sm2()).answer is Answer.ACCEPTED


def theirs(found: World) -> bool:
    read = [x509.Certificate.load(der) for der in found.chain]
    context = ValidationContext(
        trust_roots=[x509.Certificate.load(found.anchor)],
        other_certs=read,
        moment=NOW,
        crls=list(found.lists),
        revocation_mode="require",
        time_tolerance=timedelta(0),
    )
    validator = CertificateValidator(x509.Certificate.load(found.leaf), read, context)
    usage = validator.async_validate_usage({"digital_signature"}, {"client_auth"}, extended_optional=True)  # type: ignore[no-untyped-call]
    try:
        asyncio.run(usage)
    except (ValidationError, PathBuildingError):
        return False
    return True


@pytest.mark.parametrize("key_type", ["P-256", "RSA-2048"])
@pytest.mark.parametrize("circumstance", CIRCUMSTANCES)
def test_the_judge_says_what_certvalidator_says(circumstance: str, key_type: str) -> None:
    found = CIRCUMSTANCES[circumstance](key_type)
    verdict, other = ours(found), theirs(found)
    if circumstance in EXPLAINED:
        expected, reason = EXPLAINED[circumstance]
        assert (verdict, other) == (expected, not expected), reason
    else:
        assert verdict is other


def test_explanations_are_of_circumstances() -> None:
    assert set(EXPLAINED) <= set(CIRCUMSTANCES)


@pytest.mark.parametrize("key_type", ["P-256", "RSA-2048", "SM2"])
def test_the_circumstances_are_what_they_are_called(key_type: str) -> None:
    """Without a single fault the judge accepts; otherwise a table of refusals would prove nothing."""
    good = {name for name, build in CIRCUMSTANCES.items() if ours(build(key_type))}
    assert good - {"SHA-1"} == {
        "good", "of another unit", "with a non-critical extension", "ends now", "begins now", "without extended usage",
        "issuing CA as anchor", "below another CA", "names permitted", "policies", "three levels",
        "anchor with enough path", "another one revoked",
    }  # fmt: skip
    # An SM2 signature has one hash only.
    assert ("SHA-1" in good) is (key_type == "SM2")

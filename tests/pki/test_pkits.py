"""PKITS: the path validation tests of NIST, each judged twice.

By the judge of logins for any purpose: its profile is not what these tests are about, and their certificates say
nothing of client authentication. Once with our index of serial numbers; once, as a second engine that only the tests
have, by OpenSSL in one step with the lists in its store. What is invalid is never accepted by either. What is valid and
still refused is in `REFUSED`, with the reason.

The suite also has variants with an initial set of policies, or with policies required from the start. There is no such
setting here (`required_policies` is refused, with the reason), so they are no question.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Final

import pytest
from cryptography import x509
from cryptography_vectors import open_vector_file
from OpenSSL import crypto

from certlogin.cli.verdicts import Answer, Purpose, Question, Verdict, judge
from certlogin.pki.certificate import UnverifiedCertificate, read_certificate
from certlogin.pki.path import Path, Trust, find_path
from tests.companions import without

NOW: Final = datetime(2020, 1, 1, tzinfo=UTC)
ANCHOR: Final = "TrustAnchorRootCertificate"
Flags = crypto.X509StoreFlags
#: Extended CRL support (lists of other issuers and of parts) and deltas; pyOpenSSL has no names for them.
EXTENDED_CRL_SUPPORT, USE_DELTAS = 0x1000, 0x2000


@dataclass(frozen=True)
class Case:
    number: str
    end: str
    valid: bool
    others: tuple[str, ...]
    lists: tuple[str, ...]


def read_table() -> list[Case]:
    lines = files("tests.pki").joinpath("pkits.txt").read_text(encoding="ascii").splitlines()
    rows = [[cell.strip() for cell in line.split("|")] for line in lines if not line.startswith("#")]
    return [
        Case(number, end, expected == "valid", tuple(others.split()), tuple(lists.split()))
        for number, end, expected, others, lists in rows
    ]


CASES: Final = read_table()
TABLE = pytest.mark.parametrize("case", CASES, ids=[case.number for case in CASES])

#: Valid, and refused by us.
REFUSED: Final = {
    "DSA: a kind of key that is not used here": ("4.1.4 4.1.5", "certificate_weak_key"),
    "a CA requires a policy, and pyOpenSSL cannot tell OpenSSL that any will do": (
        "4.8.6 4.8.10 4.8.11 4.8.13 4.8.14 4.8.18 4.9.4 4.10.1 4.10.3 4.10.5 4.10.6 4.10.9 4.10.11 4.10.12 4.10.13 "
        "4.10.14 4.11.2 4.11.4 4.11.7 4.12.2 4.12.3 4.12.7 4.12.9",
        "certificate_untrusted",
    ),
    "the issuer signs its lists with another key than its certificates: a list counts for the key that signed it": (
        "4.4.19 4.5.1 4.5.4 4.5.6 4.6.15 4.6.17 4.9.6 4.13.19",
        "revocation_unknown",
    ),
    "the issuer's name is written in another way in its list: names are compared octet by octet": (
        "4.3.10",
        "revocation_unknown",
    ),
    "a list that also speaks of other issuers' certificates (indirect) is not used": (
        "4.14.22 4.14.24 4.14.25 4.14.28 4.14.29 4.14.30 4.14.33",
        "revocation_unknown",
    ),
}
REASONS: Final = {number: reason for reason, (numbers, _) in REFUSED.items() for number in numbers.split()}
CODES: Final = {number: code for numbers, code in REFUSED.values() for number in numbers.split()}

#: Refused by the index, and accepted with the lists in the store: the index is the stricter of the two.
STRICTER: Final = frozenset("4.1.4 4.3.10 4.4.19 4.5.1 4.5.4 4.5.6 4.6.15 4.6.17 4.9.6 4.13.19 4.14.22".split())


@cache
def certificate(name: str) -> bytes:
    with open_vector_file(f"x509/PKITS_data/certs/{name}.crt", "rb") as file:
        return bytes(file.read())


@cache
def revocation_list(name: str) -> bytes:
    with open_vector_file(f"x509/PKITS_data/crls/{name}.crl", "rb") as file:
        return bytes(file.read())


def by_index(case: Case) -> Verdict:
    return judge(
        Question(
            leaf=certificate(case.end),
            anchors=(certificate(ANCHOR),),
            at=NOW,
            intermediates=tuple(certificate(one) for one in case.others),
            crls=tuple(revocation_list(one) for one in case.lists),
            purpose=Purpose.ANY,
        ),
        None,
    )


def by_store(case: Case) -> bool:
    """OpenSSL alone, every certificate of the path against the lists in its store."""
    store = crypto.X509Store()
    store.add_cert(openssl(ANCHOR))
    for one in case.lists:
        store.add_crl(x509.load_der_x509_crl(revocation_list(one)))
    store.set_flags(Flags.POLICY_CHECK | Flags.X509_STRICT | Flags.CRL_CHECK | Flags.CRL_CHECK_ALL)
    store.set_flags(EXTENDED_CRL_SUPPORT | USE_DELTAS)
    store.set_time(NOW)
    context = crypto.X509StoreContext(store, openssl(case.end), [openssl(one) for one in case.others])
    try:
        context.verify_certificate()
    except crypto.X509StoreContextError:
        return False
    return True


def openssl(name: str) -> crypto.X509:
    return crypto.load_certificate(crypto.FILETYPE_ASN1, certificate(name))


@TABLE
def test_the_index_gives_the_verdict_of_the_suite(case: Case) -> None:
    verdict = by_index(case)
    accepted = verdict.answer is Answer.ACCEPTED
    assert not accepted or case.valid, verdict
    assert accepted is (case.valid and case.number not in REASONS), verdict
    if case.number in CODES:
        assert verdict.code == CODES[case.number]


@TABLE
def test_the_store_gives_the_same_verdict(case: Case) -> None:
    accepted = by_store(case)
    assert not accepted or case.valid
    assert accepted is (by_index(case).answer is Answer.ACCEPTED or case.number in STRICTER)


def test_the_table_has_every_test_of_the_suite() -> None:
    lengths = (6, 8, 11, 21, 8, 17, 5, 20, 8, 14, 11, 10, 38, 35, 10, 2)
    numbers = {f"4.{section}.{number}" for section, count in enumerate(lengths, 1) for number in range(1, count + 1)}
    assert [case.number for case in CASES if case.number not in numbers] == []
    assert numbers - {case.number for case in CASES} == {"4.8.1"}
    assert set(REASONS) <= {case.number for case in CASES if case.valid}


# --- the suite can tell a validator that does not look


REVOKED = next(case for case in CASES if case.end == "InvalidRevokedEETest3EE")
SIGNATURE = next(case for case in CASES if case.end == "InvalidEESignatureTest3EE")


@without({"certlogin.pki.judge._settle": lambda path, *_: path.anchor.revocation}, sees="accepted")
def test_s24_the_suite_sees_who_does_not_ask_for_revocation() -> None:
    assert by_index(REVOKED).answer is Answer.REFUSED


def in_any_case(leaf: object, chain: Sequence[UnverifiedCertificate], trust: Trust, now: datetime) -> Path:
    """The path of a good certificate, whatever the leaf's signature is."""
    return find_path(read_certificate(certificate("ValidCertificatePathTest1EE")), chain, trust, now)


@without({"certlogin.pki.judge.find_path": in_any_case}, sees="accepted")
def test_s23_the_suite_sees_who_does_not_verify_signatures() -> None:
    assert by_index(SIGNATURE).answer is Answer.REFUSED

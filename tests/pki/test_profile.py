from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID

from certlogin.pki.certificate import UnverifiedCertificate, read_certificate
from certlogin.pki.profile import (
    CertificateExpired,
    CertificateNotYetValid,
    CertificateUsage,
    UnknownCriticalExtension,
    WeakSignature,
    _extension,
    check_validity,
    guard_authority,
    guard_leaf,
)
from tests.companions import without
from tests.factory import CLIENT_AUTH, DAY, NOW, SERVER_AUTH, Plan, make_pki, resign
from tests.pki.raw import NULL, extension, oid, tlv, with_extensions

SECOND = timedelta(seconds=1)
PRIVATE = "2.25.77"


def leaf(**changes: Any) -> UnverifiedCertificate:
    return read_certificate(make_pki().issuing.issue(**changes).der)


def authority(**changes: Any) -> UnverifiedCertificate:
    return read_certificate(make_pki().root.issue_ca("Some CA", **changes).der)


def guard(certificate: UnverifiedCertificate, now: datetime = NOW, *, client_auth_required: bool = False) -> None:
    guard_leaf(certificate, now, client_auth_required=client_auth_required)


# --- validity


FROM, UNTIL = NOW - DAY, NOW + DAY


@pytest.mark.parametrize(
    ("moment", "refusal"),
    [
        (FROM - SECOND, CertificateNotYetValid),
        (FROM - SECOND / 1000, CertificateNotYetValid),
        (FROM, None),
        (FROM + SECOND, None),
        (UNTIL - SECOND, None),
        (UNTIL, None),
        (UNTIL + SECOND * 0.999, None),
        (UNTIL + SECOND, CertificateExpired),
        (UNTIL + 3650 * DAY, CertificateExpired),
        # The same moments on another clock.
        (UNTIL.astimezone(timezone(8 * timedelta(hours=1))), None),
        ((UNTIL + SECOND).astimezone(timezone(-timedelta(hours=5))), CertificateExpired),
    ],
)
def test_validity_is_judged_to_the_second(moment: datetime, refusal: type[Exception] | None) -> None:
    certificate = leaf(not_before=FROM, not_after=UNTIL, serial=0xBEEF)
    if refusal is None:
        check_validity(certificate, moment)
        guard(certificate, moment)
    else:
        with pytest.raises(refusal):
            check_validity(certificate, moment)
        with pytest.raises(refusal):
            guard(certificate, moment)


def test_a_refusal_of_validity_says_which_certificate_and_when() -> None:
    certificate = leaf(not_before=FROM, not_after=UNTIL, serial=0xBEEF)
    with pytest.raises(CertificateExpired) as expired:
        guard(certificate, UNTIL + DAY)
    assert (expired.value.serial, expired.value.not_after, expired.value.moment) == ("beef", UNTIL, UNTIL + DAY)
    with pytest.raises(CertificateNotYetValid) as early:
        guard(certificate, FROM - DAY)
    assert (early.value.serial, early.value.not_before, early.value.moment) == ("beef", FROM, FROM - DAY)


# --- usages


@pytest.mark.parametrize(
    "usages",
    [
        ("digital_signature",),
        ("digital_signature", "content_commitment"),
        ("digital_signature", "key_encipherment"),
        ("digital_signature", "content_commitment", "key_agreement", "encipher_only"),
    ],
)
def test_a_signature_certificate_may_log_in(usages: tuple[str, ...]) -> None:
    guard(leaf(usages=usages))


@pytest.mark.parametrize(
    "usages",
    [
        None,
        (),
        ("content_commitment",),
        # The encryption certificate of a pair.
        ("key_encipherment", "data_encipherment", "key_agreement"),
        ("key_cert_sign",),
        ("digital_signature", "key_cert_sign"),
    ],
)
def test_a_certificate_without_digital_signature_may_not_log_in(usages: tuple[str, ...] | None) -> None:
    guard(leaf())
    with pytest.raises(CertificateUsage) as refusal:
        guard(leaf(usages=usages))
    assert refusal.value.problem == "digital_signature"


def without_constraints(
    certificate: UnverifiedCertificate, kind: type[x509.ExtensionType]
) -> x509.ExtensionType | None:
    return None if kind is x509.BasicConstraints else _extension(certificate, kind)


@without({"certlogin.pki.profile._extension": without_constraints})
def test_s23_a_ca_may_not_log_in() -> None:
    usages = ("digital_signature",)
    guard(leaf(usages=usages))
    with pytest.raises(CertificateUsage) as refusal:
        guard(leaf(ca=True, usages=usages))
    assert refusal.value.problem == "ca"


def test_a_leaf_without_basic_constraints_may_log_in() -> None:
    pki = make_pki()
    usage = extension(oid("2.5.29.15"), bytes.fromhex("03020780"), critical=True)
    guard(read_certificate(with_extensions(pki.issuing.issue().der, pki.issuing.key, [usage])))


@pytest.mark.parametrize(
    ("extended", "required", "allowed"),
    [
        (CLIENT_AUTH, False, True),
        (CLIENT_AUTH, True, True),
        ((*SERVER_AUTH, *CLIENT_AUTH), True, True),
        (None, False, True),
        (None, True, False),
        (SERVER_AUTH, False, False),
        (SERVER_AUTH, True, False),
        ((ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,), False, False),
        ((ExtendedKeyUsageOID.CODE_SIGNING, ExtendedKeyUsageOID.OCSP_SIGNING), False, False),
    ],
)
def test_an_extended_key_usage_must_name_client_authentication(
    extended: tuple[x509.ObjectIdentifier, ...] | None, required: bool, allowed: bool
) -> None:
    certificate = leaf(extended=extended)
    if allowed:
        guard(certificate, client_auth_required=required)
    else:
        with pytest.raises(CertificateUsage) as refusal:
            guard(certificate, client_auth_required=required)
        assert refusal.value.problem == "client_auth"


@pytest.mark.parametrize(
    "extended",
    [None, CLIENT_AUTH, (ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,), (*SERVER_AUTH, *CLIENT_AUTH)],
)
def test_a_ca_for_clients_or_for_all_makes_login_certificates(
    extended: tuple[x509.ObjectIdentifier, ...] | None,
) -> None:
    guard_authority(authority(extended=extended))


@without({"certlogin.pki.profile._CLIENT_PURPOSES": {*SERVER_AUTH, ExtendedKeyUsageOID.CODE_SIGNING}})
@pytest.mark.parametrize("extended", [SERVER_AUTH, (ExtendedKeyUsageOID.CODE_SIGNING,)])
def test_s23_a_ca_made_for_other_purposes_makes_no_login_certificates(
    extended: tuple[x509.ObjectIdentifier, ...],
) -> None:
    with pytest.raises(CertificateUsage) as refusal:
        guard_authority(authority(extended=extended))
    assert refusal.value.problem == "client_auth"


# --- signature algorithms


GUARDS: list[tuple[str, Callable[[UnverifiedCertificate], None]]] = [("leaf", guard), ("authority", guard_authority)]
BOTH = pytest.mark.parametrize(("which", "judge"), GUARDS, ids=[which for which, _ in GUARDS])


@BOTH
@pytest.mark.parametrize("key_type", ["RSA-2048", "P-256"])
@pytest.mark.parametrize("digest", [hashes.SHA256(), hashes.SHA384(), hashes.SHA512()], ids=lambda digest: digest.name)
def test_sha2_is_accepted(
    which: str, judge: Callable[[UnverifiedCertificate], None], key_type: str, digest: hashes.HashAlgorithm
) -> None:
    issuer = make_pki(key_type).issuing
    judge(read_certificate(resign(issuer.issue().der, issuer.key, digest=digest)))


@BOTH
@pytest.mark.parametrize(
    ("key_type", "digest", "algorithm"),
    [
        ("RSA-2048", hashes.SHA1(), "1.2.840.113549.1.1.5"),  # noqa: S303
        ("P-256", hashes.SHA1(), "1.2.840.10045.4.1"),  # noqa: S303
        ("RSA-2048", hashes.MD5(), "1.2.840.113549.1.1.4"),  # noqa: S303
        ("RSA-2048", hashes.SHA224(), "1.2.840.113549.1.1.14"),
        ("P-256", hashes.SHA224(), "1.2.840.10045.4.3.1"),
    ],
)
def test_weaker_hashes_are_refused(
    which: str,
    judge: Callable[[UnverifiedCertificate], None],
    key_type: str,
    digest: hashes.HashAlgorithm,
    algorithm: str,
) -> None:
    issuer = make_pki(key_type).issuing
    der = issuer.issue().der
    judge(read_certificate(der))
    with pytest.raises(WeakSignature) as refusal:
        judge(read_certificate(resign(der, issuer.key, digest=digest)))
    assert refusal.value.algorithm == algorithm


# --- critical extensions


@BOTH
def test_an_unknown_critical_extension_is_refused(which: str, judge: Callable[[UnverifiedCertificate], None]) -> None:
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier(PRIVATE), tlv(NULL))
    judge(leaf(extra=((unknown, False),)))
    with pytest.raises(UnknownCriticalExtension) as refusal:
        judge(leaf(extra=((unknown, True),)))
    assert refusal.value.oid == PRIVATE


KNOWN: list[x509.ExtensionType] = [
    x509.SubjectAlternativeName([x509.RFC822Name("unit@example.test")]),
    x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier("2.25.1.1"), None)]),
    x509.PolicyConstraints(0, None),
    x509.InhibitAnyPolicy(0),
]
NOT_JUDGED: list[x509.ExtensionType] = [
    x509.IssuerAlternativeName([x509.DNSName("example.test")]),
    x509.CRLDistributionPoints(
        [x509.DistributionPoint([x509.UniformResourceIdentifier("http://ca.test/")], None, None, None)]
    ),
    x509.FreshestCRL([x509.DistributionPoint([x509.UniformResourceIdentifier("http://ca.test/")], None, None, None)]),
    x509.OCSPNoCheck(),
    x509.PrecertPoison(),
]


@pytest.mark.parametrize("known", KNOWN, ids=lambda one: type(one).__name__)
def test_critical_extensions_that_the_path_takes_into_account_pass(known: x509.ExtensionType) -> None:
    guard(leaf(extra=((known, True),)))


@pytest.mark.parametrize("other", NOT_JUDGED, ids=lambda one: type(one).__name__)
def test_critical_extensions_that_nobody_judges_are_refused(other: x509.ExtensionType) -> None:
    guard(leaf(extra=((other, False),)))
    with pytest.raises(UnknownCriticalExtension):
        guard(leaf(extra=((other, True),)))


def test_the_guard_asks_validity_first_so_that_an_old_certificate_reads_expired() -> None:
    """An expired card of any form leads to the renewal page, not to a riddle."""
    plan = Plan(not_before=FROM - 2 * DAY, not_after=FROM, usages=None, extended=SERVER_AUTH)
    with pytest.raises(CertificateExpired):
        guard(read_certificate(make_pki().issuing.issue(plan).der))

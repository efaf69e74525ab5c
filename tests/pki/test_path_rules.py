"""What OpenSSL judges for us on a path: time, constraints, policies, signatures. Each refusal has a good companion."""

from datetime import datetime, timedelta, timezone

import pytest
from cryptography import x509

from certlogin.pki.certificate import CertificateUnreadable, read_certificate
from certlogin.pki.path import CertificateUntrusted, find_path
from tests.companions import without
from tests.factory import DAY, NOW, Authority, Issued, key, make_pki, name, resign, root
from tests.pki import raw
from tests.pki.paths import (
    BAD_SIGNATURE,
    EXPIRED,
    INVALID_CA,
    NO_CERTIFICATE_SIGNING,
    NO_ISSUER,
    NO_POLICY,
    NOT_YET,
    PATH_LENGTH,
    PERMITTED_VIOLATION,
    anchored,
    path,
    refused,
)
from tests.pki.raw import OCTET_STRING, OID, SEQUENCE, SET, tlv, with_part
from tests.pki.undefended import ANY_PATH, NAMES_ALONE, SIGNATURES_ALONE

SECOND = timedelta(seconds=1)
NAME_OF_OCTETS = tlv(SEQUENCE, tlv(SET, tlv(SEQUENCE, tlv(OID, raw.oid("2.5.4.3")), tlv(OCTET_STRING, b"x"))))


def name_of(organisation: str) -> x509.Name:
    """Country and organisation only: a constraint permits everything below."""
    return x509.Name(list(name("x", organisation=organisation))[:2])


def with_subject(issuer: Authority, subject: x509.Name) -> Issued:
    issued = issuer.issue()
    der = with_part(issued.der, issuer.key, raw.SUBJECT, subject.public_bytes())
    return Issued(x509.load_der_x509_certificate(der), issued.key)


def short_lived() -> Authority:
    return make_pki().root.issue_ca("Short-lived", not_before=NOW - DAY, not_after=NOW + DAY)


@pytest.mark.parametrize("moment", [NOW - DAY, NOW + DAY, NOW + DAY + SECOND / 2])
def test_a_ca_makes_paths_from_its_first_second_through_its_last(moment: datetime) -> None:
    assert path(short_lived().issue(), make_pki().trust(), short_lived(), now=moment)


@without(SIGNATURES_ALONE)
@pytest.mark.parametrize(("moment", "error"), [(NOW - DAY - SECOND, NOT_YET), (NOW + DAY + SECOND, EXPIRED)])
def test_s23_an_expired_or_future_ca_makes_no_path(moment: datetime, error: int) -> None:
    assert refused(short_lived().issue(), make_pki().trust(), short_lived(), now=moment) == error


def test_the_moment_may_be_given_in_any_zone() -> None:
    pki = make_pki()
    leaf = pki.issuing.issue(not_before=NOW, not_after=NOW)
    for hours in (-11, 0, 8, 14):
        zone = timezone(timedelta(hours=hours))
        assert path(leaf, pki.trust(), now=NOW.astimezone(zone))
        assert refused(leaf, pki.trust(), now=(NOW + SECOND).astimezone(zone)) == EXPIRED
        assert refused(leaf, pki.trust(), now=(NOW - SECOND).astimezone(zone)) == NOT_YET


def test_an_expired_anchor_makes_no_path() -> None:
    pki = make_pki()
    assert path(pki.issuing.issue(not_after=NOW + 9000 * DAY), pki.trust(), now=NOW + 3650 * DAY)
    old = root("Old root", not_after=NOW)
    leaf = old.issue()
    assert path(leaf, anchored(old))
    assert refused(leaf, anchored(old), now=NOW + SECOND) == EXPIRED


@without(SIGNATURES_ALONE)
def test_s23_the_path_length_binds() -> None:
    pki = make_pki()
    sub = pki.issuing.issue_ca("Below the last")
    assert refused(sub.issue(), pki.trust(), sub) == PATH_LENGTH
    roomy = pki.root.issue_ca("Roomy", path_length=1)
    sub = roomy.issue_ca("Below")
    assert path(sub.issue(), pki.trust(), sub, roomy)


@without(SIGNATURES_ALONE)
def test_s23_a_ca_without_certificate_signing_makes_no_path() -> None:
    pki = make_pki()
    lists_only = pki.root.issue_ca("Lists only", usages=("crl_sign",))
    assert refused(lists_only.issue(), pki.trust(), lists_only) in (NO_CERTIFICATE_SIGNING, NO_ISSUER, INVALID_CA)
    both = pki.root.issue_ca("Lists only", usages=("crl_sign", "key_cert_sign"))
    assert path(both.issue(), pki.trust(), both)


@without(SIGNATURES_ALONE)
def test_s23_name_constraints_bind() -> None:
    pki = make_pki()
    ours = x509.NameConstraints([x509.DirectoryName(name_of("一方"))], None)
    narrow = pki.root.issue_ca("Narrow", extra=((ours, True),))
    inside = with_subject(narrow, name("测试单位", organisation="一方"))
    outside = with_subject(narrow, name("测试单位", organisation="他方"))
    assert path(inside, pki.trust(), narrow)
    assert refused(outside, pki.trust(), narrow) == PERMITTED_VIOLATION


@without({"certlogin.pki.path.crypto.X509StoreFlags.POLICY_CHECK": 0})
def test_s23_a_ca_that_requires_policies_is_refused() -> None:
    """Stricter than RFC 5280: OpenSSL takes "no policy asked for" as "none will do", so even a leaf with one fails."""
    pki = make_pki()
    policy = (x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier("2.25.1.1"), None)]), False)
    required = (x509.PolicyConstraints(require_explicit_policy=0, inhibit_policy_mapping=None), True)
    relaxed = pki.root.issue_ca("Policies", extra=(policy,))
    assert path(relaxed.issue(), pki.trust(), relaxed)
    demanding = pki.root.issue_ca("Policies", extra=(policy, required))
    assert refused(demanding.issue(), pki.trust(), demanding) == NO_POLICY
    assert refused(demanding.issue(extra=(policy,)), pki.trust(), demanding) == NO_POLICY


@pytest.mark.parametrize("place", [raw.SUBJECT, raw.SERIAL, raw.VALIDITY])
def test_a_changed_certificate_has_no_good_signature(place: int) -> None:
    pki = make_pki()
    good = pki.issuing.issue()
    other = pki.issuing.issue(common_name="他方", not_after=NOW + 3000 * DAY)
    signed, algorithm, signature = raw.parts(good.der)
    elements = raw.parts(signed)
    elements[place] = raw.parts(raw.parts(other.der)[0])[place]
    forged = tlv(SEQUENCE, tlv(SEQUENCE, *elements), algorithm, signature)
    assert path(good, pki.trust())
    with pytest.raises(CertificateUntrusted) as refusal:
        find_path(read_certificate(forged), [], pki.trust(), NOW)
    assert refusal.value.error == BAD_SIGNATURE


def test_a_leaf_signed_by_another_key_of_the_same_name_is_refused() -> None:
    pki = make_pki()
    leaf = pki.issuing.issue()
    forged = resign(leaf.der, key("somebody"))
    with pytest.raises(CertificateUntrusted) as refusal:
        find_path(read_certificate(forged), [], pki.trust(), NOW)
    assert refusal.value.error == BAD_SIGNATURE


@without(ANY_PATH)
@pytest.mark.parametrize("place", ["leaf", "chain"])
def test_s25_what_only_openssl_cannot_read_is_refused_as_unreadable(place: str) -> None:
    pki = make_pki()
    leaf = pki.issuing.issue()
    unreadable = read_certificate(with_part(leaf.der, pki.issuing.key, raw.SUBJECT, NAME_OF_OCTETS))
    good = read_certificate(leaf.der)
    assert find_path(good, [good], pki.trust(), NOW)
    with pytest.raises(CertificateUnreadable):
        find_path(*((unreadable, []) if place == "leaf" else (good, [unreadable])), pki.trust(), NOW)


# --- SM2: keys are recognised, signatures are not built yet


def with_sm2_key(der: bytes, signed_by: Authority) -> bytes:
    return with_part(der, signed_by.key, raw.SPKI, raw.ec_spki(raw.SM2_CURVE, raw.SM2_POINT))


def test_a_certificate_for_an_sm2_key_below_our_cas_has_a_path() -> None:
    """Its proof is refused by `verify_signature`: no algorithm fits its key."""
    pki = make_pki()
    leaf = read_certificate(with_sm2_key(pki.issuing.issue().der, pki.issuing))
    assert find_path(leaf, [], pki.trust(), NOW).certificates[0].key.key_type == "SM2"


@without(NAMES_ALONE)
def test_s23_an_sm2_ca_with_the_name_of_ours_makes_no_path() -> None:
    pki = make_pki()
    ca = read_certificate(with_sm2_key(pki.issuing.der, pki.root))
    leaf = read_certificate(pki.issuing.issue().der)
    for strict in (True, False):
        assert find_path(leaf, [read_certificate(pki.issuing.der)], pki.trust(intermediates_der=(), strict=strict), NOW)
        with pytest.raises(CertificateUntrusted):
            find_path(leaf, [ca], pki.trust(intermediates_der=(), strict=strict), NOW)
        with pytest.raises(CertificateUntrusted):
            find_path(leaf, [], pki.trust(anchor_der=ca.der, intermediates_der=(), strict=strict), NOW)

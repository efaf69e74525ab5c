"""The judgement as a whole: its order, and the wiring of path and revocation for every configuration of anchors."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from certlogin.errors import CertloginError
from certlogin.pki.certificate import CertificateTooLarge, UnverifiedCertificate, read_certificate
from certlogin.pki.identity import IdentityUnreadable
from certlogin.pki.judge import TrustedCertificate, facts_of, judge_certificate
from certlogin.pki.path import CertificateUntrusted, Path, Trust, TrustAnchor, build_trust
from certlogin.pki.profile import (
    _KNOWN_CRITICAL,
    SIGNATURE_ALGORITHMS,
    CertificateExpired,
    CertificateNotYetValid,
    CertificateUsage,
    UnknownCriticalExtension,
    WeakSignature,
)
from certlogin.pki.revocation import CertificateRevoked, RevocationUnknown, Settled
from certlogin.records.certificate import CertificateFacts, KeyType
from tests.companions import allows, without
from tests.factory import DAY, NOW, OTHER_CODE, PKI, SERVER_AUTH, UNIT_CODE, Authority, Issued, make_pki, resign
from tests.pki.raw import NULL, tlv
from tests.pki.undefended import MISSING_IS_GOOD, NOBODY_LISTED, UNSETTLED

SERIAL = 0x5A17


def judge(leaf: Issued | bytes, trust: Trust, *chain: Issued) -> TrustedCertificate:
    der = leaf if isinstance(leaf, bytes) else leaf.der
    return judge_certificate(read_certificate(der), [read_certificate(one.der) for one in chain], trust, NOW)


def test_a_good_certificate_is_trusted_with_all_that_is_known_of_it() -> None:
    pki = make_pki()
    leaf = pki.issuing.issue(unique_id="1@5009JJ0600037341", serial=SERIAL)
    trusted = judge(leaf, pki.trust())
    assert trusted.anchor == "test"
    assert trusted.path == (leaf.der, pki.issuing.der, pki.root.der)
    assert trusted.revocation is Settled.CRL
    facts, read = trusted.facts, read_certificate(leaf.der)
    assert (facts.der, facts.sha256, facts.spki_sha256) == (leaf.der, read.sha256, read.spki_sha256)
    assert (facts.issuer_sha256, facts.serial) == (read.issuer_sha256, "5a17")
    assert (facts.key_type, facts.key_bits) == (KeyType.P256, 256)
    assert (facts.not_before, facts.not_after) == (NOW - 30 * DAY, NOW + 335 * DAY)
    assert (facts.unit_code, facts.unique_id) == (UNIT_CODE, "1@5009JJ0600037341")
    assert facts.issuer == pki.issuing.certificate.subject.rfc4514_string()
    assert facts.subject == leaf.certificate.subject.rfc4514_string()


@pytest.mark.parametrize(("key_type", "bits"), [("RSA-2048", 2048), ("RSA-3072", 3072), ("P-256", 256), ("P-384", 384)])
def test_every_kind_of_key_is_judged(key_type: str, bits: int) -> None:
    pki = make_pki(key_type)
    assert judge(pki.issuing.issue(key_type=key_type), pki.trust()).facts.key_bits == bits


# --- the order


def make_stranger() -> PKI:
    return make_pki("P-256", " stranger")


def with_sha1(leaf: Issued, issuer: Authority) -> bytes:
    return resign(leaf.der, issuer.key, digest=hashes.SHA1())  # noqa: S303


UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.25.77"), tlv(NULL))
#: In the order in which they are judged: profile, path, revocation, identity.
DEFECTS: list[tuple[type[CertloginError], dict[str, Any]]] = [
    (CertificateExpired, {"not_after": NOW - DAY}),
    (CertificateUsage, {"usages": ("key_agreement",)}),
    (CertificateUsage, {"extended": SERVER_AUTH}),
    (WeakSignature, {"sha1": True}),
    (UnknownCriticalExtension, {"extra": ((UNKNOWN, True),)}),
    (CertificateUntrusted, {"issuer": make_stranger}),
    (CertificateRevoked, {"serial": SERIAL}),
    (IdentityUnreadable, {"unit_code_der": b"\x05\x00"}),
]


def judge_with_defects_from(first: int) -> TrustedCertificate:
    """A certificate with every defect of the list from `first` on."""
    pki = make_pki()
    plan = {name: value for _, defect in DEFECTS[first:] for name, value in defect.items()}
    issuer, sha1 = plan.pop("issuer", make_pki)().issuing, plan.pop("sha1", False)
    leaf = issuer.issue(**plan)
    return judge(with_sha1(leaf, issuer) if sha1 else leaf, pki.trust(crls_der=pki.crls(revoked=[SERIAL])))


def any_path(leaf: UnverifiedCertificate, _: Sequence[UnverifiedCertificate], trust: Trust, now: datetime) -> Path:
    return Path(trust.anchors[0], (leaf, *trust.intermediates, trust.anchors[0].certificate))


#: What refuses each of the defects; the weaker of them are refused on the path, too.
OBSTACLES: list[Mapping[str, object]] = [
    {"certlogin.pki.profile.check_validity": lambda *_: None},
    {"certlogin.pki.profile._check_leaf_usage": lambda *_, **__: None},
    {"certlogin.pki.profile._check_leaf_usage": lambda *_, **__: None},
    {"certlogin.pki.profile.SIGNATURE_ALGORITHMS": SIGNATURE_ALGORITHMS | {"1.2.840.10045.4.1"}},
    {"certlogin.pki.profile._KNOWN_CRITICAL": {*_KNOWN_CRITICAL, UNKNOWN.oid}},
    {"certlogin.pki.judge.find_path": any_path},
    UNSETTLED,
    {"certlogin.pki.identity._read_text": lambda *_: UNIT_CODE},
]


def obstacles_from(first: int) -> dict[str, object]:
    return {target: instead for each in OBSTACLES[first:] for target, instead in each.items()}


@pytest.mark.parametrize(
    "first", [pytest.param(first, marks=without(obstacles_from(first))) for first in range(len(DEFECTS))]
)
def test_s27_of_several_defects_the_first_in_the_order_refuses(first: int) -> None:
    expected, _ = DEFECTS[first]
    with pytest.raises(expected):
        judge_with_defects_from(first)


@allows
def test_s27_without_the_last_defect_the_certificate_is_trusted() -> None:
    assert judge_with_defects_from(len(DEFECTS)).facts.unit_code == UNIT_CODE


@without({"certlogin.pki.judge.check_count": lambda _: None})
def test_s25_certificates_are_counted_before_anything_is_judged() -> None:
    pki = make_pki()
    expired = pki.issuing.issue(not_after=NOW - DAY)
    with pytest.raises(CertificateTooLarge):
        judge(pki.issuing.issue(), pki.trust(), *[pki.issuing] * 6)
    with pytest.raises(CertificateTooLarge):
        judge(expired, pki.trust(), *[pki.issuing] * 6)
    with pytest.raises(CertificateExpired):
        judge(expired, pki.trust(), *[pki.issuing] * 5)
    assert judge(pki.issuing.issue(), pki.trust(), *[pki.issuing] * 5)


def test_a_certificate_of_tomorrow_is_not_yet_valid() -> None:
    pki = make_pki()
    with pytest.raises(CertificateNotYetValid):
        judge(pki.issuing.issue(not_before=NOW + DAY), pki.trust())


def test_client_authentication_may_be_required() -> None:
    pki = make_pki()
    leaf = pki.issuing.issue(extended=None)
    assert judge(leaf, pki.trust())
    with pytest.raises(CertificateUsage):
        judge(leaf, build_trust([pki.material()], client_auth_required=True))


# --- CAs on the path


@without({"certlogin.pki.judge.guard_authority": lambda _: None})
def test_s23_the_profile_binds_the_cas_below_the_anchor() -> None:
    """OpenSSL alone would accept both: it asks neither for purposes nor for strong hashes here."""
    pki = make_pki("RSA-2048")
    servers = pki.root.issue_ca("Servers", extended=SERVER_AUTH)
    with pytest.raises(CertificateUsage):
        judge(servers.issue(), pki.trust(revocation="off"), servers)
    plain = pki.root.issue_ca("Servers")
    assert judge(plain.issue(), pki.trust(revocation="off"), plain)
    sha1 = Authority(x509.load_der_x509_certificate(with_sha1(plain, pki.root)), plain.key)
    with pytest.raises(WeakSignature):
        judge(sha1.issue(), pki.trust(revocation="off"), sha1)


def test_the_anchor_is_trusted_as_it_is() -> None:
    """An old root signed itself with SHA-1; nobody relies on that signature."""
    pki = make_pki("RSA-2048")
    old = with_sha1(pki.root, pki.root)
    assert judge(pki.issuing.issue(), pki.trust(anchor_der=old)).path[-1] == old


# --- path and revocation together (S23, S24)


@without(NOBODY_LISTED)
def test_s23_issuing_ca_as_anchor_with_revocation_required() -> None:
    pki = make_pki()
    changes: dict[str, Any] = {"anchor_der": pki.issuing.der, "intermediates_der": ()}
    leaf = pki.issuing.issue(serial=SERIAL)
    assert judge(leaf, pki.trust(crls_der=(pki.issuing.crl(),), **changes)).revocation is Settled.CRL
    # The root's list no longer reaches it: it is trusted as such.
    assert judge(leaf, pki.trust(crls_der=pki.crls(revoked_cas=[pki.issuing.serial]), **changes))
    with pytest.raises(CertificateRevoked):
        judge(leaf, pki.trust(crls_der=(pki.issuing.crl([SERIAL]),), **changes))
    with pytest.raises(RevocationUnknown):
        judge(leaf, pki.trust(crls_der=(), **changes))


@without(NOBODY_LISTED)
@pytest.mark.parametrize("order", [1, -1])
def test_s23_root_and_issuing_ca_both_anchors_with_revocation_required(order: int) -> None:
    pki = make_pki()
    sister = pki.root.issue_ca("Sister")

    def both(*crls: bytes) -> Trust:
        material = [
            pki.material(name="root", crls_der=crls, intermediates_der=(sister.der,)),
            pki.material(name="issuing", anchor_der=pki.issuing.der, crls_der=(), intermediates_der=()),
        ]
        return build_trust(material[::order])

    leaf, other = pki.issuing.issue(serial=SERIAL), sister.issue(serial=SERIAL)
    lists = pki.issuing.crl(), pki.root.crl(), sister.crl()
    assert judge(leaf, both(*lists)).anchor == "issuing"
    assert judge(other, both(*lists)).anchor == "root"
    with pytest.raises(CertificateRevoked):
        judge(leaf, both(pki.issuing.crl([SERIAL]), pki.root.crl(), sister.crl()))
    with pytest.raises(CertificateRevoked):
        judge(other, both(pki.issuing.crl(), pki.root.crl([sister.serial]), sister.crl()))
    with pytest.raises(RevocationUnknown):
        judge(other, both(pki.issuing.crl(), sister.crl()))


@without(NOBODY_LISTED)
def test_s24_revocation_off_asks_nobody_and_says_so() -> None:
    pki = make_pki()
    leaf = pki.issuing.issue(serial=SERIAL)
    revoked = pki.crls(revoked=[SERIAL])
    assert judge(leaf, pki.trust(crls_der=revoked, revocation="off")).revocation is Settled.NOT_ASKED
    with pytest.raises(CertificateRevoked):
        judge(leaf, pki.trust(crls_der=revoked))


@without(MISSING_IS_GOOD)
def test_s24_revocation_off_for_one_anchor_relaxes_no_other() -> None:
    relaxed, careful = make_pki("P-256", " relaxed"), make_pki()
    trust = build_trust(
        [
            relaxed.material(name="relaxed", revocation="off", crls_der=()),
            careful.material(name="careful", crls_der=()),
        ]
    )
    assert judge(relaxed.issuing.issue(), trust).revocation is Settled.NOT_ASKED
    with pytest.raises(RevocationUnknown):
        judge(careful.issuing.issue(), trust)


@without(MISSING_IS_GOOD)
def test_s24_an_intermediate_of_the_client_needs_a_list_that_is_configured() -> None:
    """A CA that only clients bring has no list here: nobody knows whom it revoked."""
    pki = make_pki()
    sub = pki.root.issue_ca("Sub")
    with pytest.raises(RevocationUnknown):
        judge(sub.issue(), pki.trust(), sub)
    crls = (*pki.crls(), sub.crl())
    assert judge(sub.issue(), pki.trust(intermediates_der=(pki.issuing.der, sub.der), crls_der=crls))


def made_again() -> Authority:
    """A second certificate for the name and key of the issuing CA, made by the same root; a client sends it."""
    again = make_pki().root.issue_ca("Issuing P-256")
    assert again.der != make_pki().issuing.der
    return again


@without(MISSING_IS_GOOD)
def test_s24_another_certificate_of_an_unknown_ca_needs_its_list() -> None:
    pki = make_pki()
    unlisted = pki.trust(intermediates_der=(), crls_der=pki.crls(revoked=[SERIAL]))
    with pytest.raises(RevocationUnknown):
        judge(pki.issuing.issue(serial=SERIAL), unlisted, made_again())


@without(NOBODY_LISTED)
def test_s24_another_certificate_of_the_issuing_ca_does_not_hide_a_revocation() -> None:
    pki, again = make_pki(), made_again()
    leaf = pki.issuing.issue(serial=SERIAL)
    for chain in ((), (again,), (again, pki.issuing)):
        with pytest.raises(CertificateRevoked):
            judge(leaf, pki.trust(crls_der=pki.crls(revoked=[SERIAL])), *chain)
        assert judge(leaf, pki.trust(), *chain)


# --- identity


def with_every_table(certificate: UnverifiedCertificate, anchor: TrustAnchor) -> CertificateFacts:
    """Every anchor is read through the tables of all."""
    return facts_of(certificate, replace(anchor, unit_code_oids=("1.2.156.10260.4.1.4", "2.25.5")))


@without({"certlogin.pki.judge.facts_of": with_every_table}, sees=f"== '{OTHER_CODE}'")
def test_s27_identity_is_read_through_the_anchors_own_table() -> None:
    one, other = make_pki(), make_pki("P-256", " other")
    trust = build_trust(
        [one.material(name="one"), other.material(name="other", unit_code_oids=("2.25.5",), unique_id_oids=())]
    )
    extra = (x509.UnrecognizedExtension(x509.ObjectIdentifier("2.25.5"), OTHER_CODE.encode()), False)
    assert judge(other.issuing.issue(extra=(extra,)), trust).facts.unit_code == OTHER_CODE
    assert judge(one.issuing.issue(extra=(extra,)), trust).facts.unit_code == UNIT_CODE
    assert judge(other.issuing.issue(unique_id="SF1"), trust).facts.unit_code is None
    assert judge(other.issuing.issue(unique_id="SF1"), trust).facts.unique_id is None


def test_facts_of_one_of_our_own_certificates_need_no_judgement() -> None:
    pki = make_pki()
    (anchor,) = pki.trust().anchors
    leaf = pki.issuing.issue(unique_id="SF1")
    assert facts_of(read_certificate(leaf.der), anchor) == judge(leaf, pki.trust()).facts

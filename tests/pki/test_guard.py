"""Each rule of the guard with the attack that it stops (S25): nobody relies on what is weak or odd.

Fixtures that `cryptography` does not sign come from the `openssl` command.
"""

import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import crypto

from certlogin.pki.certificate import CertificateUnreadable, UnverifiedCertificate, read_certificate
from certlogin.pki.judge import TrustedCertificate, judge_certificate, judge_path
from certlogin.pki.keys import KeyKind, Legacy, WeakKey
from certlogin.pki.path import CertificateUntrusted, Trust, build_trust
from certlogin.pki.profile import (
    SIGNATURE_ALGORITHMS,
    CertificateExpired,
    CertificateUsage,
    PathTooLong,
    PolicyForbidden,
    UnknownCriticalExtension,
    WeakSignature,
)
from certlogin.records.certificate import KeyType
from tests.companions import companion, without
from tests.factory import CLIENT_AUTH, DAY, NOW, SERVER_AUTH, Authority, Issued, key, make_pki, resign, root
from tests.pki import openssl_made, raw, sm2_signed
from tests.pki.paths import EXPIRED
from tests.pki.raw import NULL, tlv

SECOND = timedelta(seconds=1)
SHA1_RSA, MD5_RSA, SHA1_ECDSA = "1.2.840.113549.1.1.5", "1.2.840.113549.1.1.4", "1.2.840.10045.4.1"
ANY_USAGE = {"certlogin.pki.profile._check_leaf_usage": lambda leaf, **_: None}
ANY_HASH = {"certlogin.pki.profile.SIGNATURE_ALGORITHMS": SIGNATURE_ALGORITHMS | {SHA1_RSA, MD5_RSA, SHA1_ECDSA}}
ANY_SIZE = {"certlogin.pki.keys.RSA_BITS_MIN": 1024, "certlogin.pki.profile.RSA_BITS_MIN": 1024}
ENCRYPTION = ("key_encipherment", "data_encipherment", "key_agreement")
POLICY = x509.ObjectIdentifier("2.25.1.7")


def judge(der: bytes, trust: Trust, *chain: Issued, legacy: Legacy = Legacy.REFUSED) -> TrustedCertificate:
    leaf = read_certificate(der, legacy)
    return judge_certificate(leaf, [read_certificate(one.der) for one in chain], trust, NOW, legacy=legacy)


def trusting(key_type: str = "P-256", **changes: Any) -> Trust:
    """Without lists: what is attacked here stands before them."""
    return make_pki(key_type).trust(revocation="off", **changes)


# --- usages


@without(ANY_USAGE)
@pytest.mark.parametrize("key_type", ["P-256", "RSA-2048", "SM2"])
def test_s25_the_encryption_certificate_of_a_pair_does_not_log_in(key_type: str) -> None:
    """Its key was made and kept by the CA (GM/T 0015): who holds the copy would be the unit."""
    issuing = make_pki(key_type).issuing
    pair = [issuing.issue(key_type=key_type, usages=usages) for usages in (("digital_signature",), ENCRYPTION)]
    assert judge(pair[0].der, trusting(key_type))
    with pytest.raises(CertificateUsage):
        judge(pair[1].der, trusting(key_type))


@without(ANY_USAGE)
@pytest.mark.parametrize("extended", [SERVER_AUTH, (x509.oid.ExtendedKeyUsageOID.CODE_SIGNING,)])
def test_s25_the_certificate_of_a_server_does_not_log_in(extended: tuple[x509.ObjectIdentifier, ...]) -> None:
    with pytest.raises(CertificateUsage):
        judge(make_pki().issuing.issue(extended=extended).der, trusting())


@without({"certlogin.pki.judge.guard_leaf": lambda leaf, now, **_: None})
def test_s25_where_client_authentication_is_required_its_absence_refuses() -> None:
    demanding = build_trust([make_pki().material(revocation="off")], client_auth_required=True)
    assert judge(make_pki().issuing.issue(extended=CLIENT_AUTH).der, demanding)
    with pytest.raises(CertificateUsage):
        judge(make_pki().issuing.issue(extended=None).der, demanding)


@without({"certlogin.pki.profile._check_form": lambda leaf: None})
def test_s25_name_constraints_belong_to_a_ca() -> None:
    extension = (x509.NameConstraints([x509.DNSName("example.test")], None), True)
    with pytest.raises(CertificateUsage) as refusal:
        judge(make_pki().issuing.issue(extra=(extension,)).der, trusting())
    assert refusal.value.problem == "name_constraints"


@without({"certlogin.pki.profile._check_policies": lambda leaf, forbidden: None})
def test_s25_a_policy_that_is_forbidden_refuses() -> None:
    policies = x509.CertificatePolicies([x509.PolicyInformation(POLICY, None)])
    leaf = make_pki().issuing.issue(extra=((policies, False),))
    others = build_trust([make_pki().material(revocation="off")], forbidden_policies=["2.25.1.8"])
    assert judge(leaf.der, trusting()).facts.sha256 == judge(leaf.der, others).facts.sha256
    with pytest.raises(PolicyForbidden) as refusal:
        judge(leaf.der, build_trust([make_pki().material(revocation="off")], forbidden_policies=[POLICY.dotted_string]))
    assert refusal.value.oid == POLICY.dotted_string


# --- weak algorithms and keys


def weak_at(place: str, directory: Path, digest: str) -> tuple[Issued, tuple[Authority, ...]]:
    """A leaf that is signed so, or a good one below a CA that is."""
    pki = make_pki("RSA-2048")
    if place == "leaf":
        return openssl_made.leaf(directory, pki.issuing, key("leaf"), digest=digest), ()
    authority = openssl_made.authority(directory, pki.root, digest=digest)
    return authority.issue(), (authority,)


@without(ANY_HASH)
@pytest.mark.parametrize(("digest", "algorithm"), [("sha1", SHA1_RSA), ("md5", MD5_RSA)])
@pytest.mark.parametrize("place", ["leaf", "authority"])
def test_s25_a_hash_with_known_collisions_is_refused_on_leaf_and_authority(
    digest: str, algorithm: str, place: str, tmp_path: Path
) -> None:
    """Who finds a second certificate with the same hash has the issuer's signature under it."""
    leaf, chain = weak_at(place, tmp_path, digest)
    with pytest.raises(WeakSignature) as refusal:
        judge(leaf.der, trusting("RSA-2048"), *chain)
    assert refusal.value.algorithm == algorithm


@without(ANY_HASH)
def test_s25_sha1_is_refused_with_ecdsa_too() -> None:
    issuing = make_pki().issuing
    weak = resign(issuing.issue().der, issuing.key, digest=hashes.SHA1())  # noqa: S303
    with pytest.raises(WeakSignature):
        judge(weak, trusting())


@without(ANY_SIZE)
def test_s25_rsa_of_1024_bits_is_refused(tmp_path: Path) -> None:
    weak = openssl_made.leaf(tmp_path, make_pki("RSA-2048").issuing, key("old card", "RSA-1024"))
    with pytest.raises(WeakKey):
        judge(weak.der, trusting("RSA-2048"))


@without({"certlogin.pki.profile.RSA_BITS_MIN": 1024})
def test_s25_what_was_read_as_legacy_is_not_judged_as_new(tmp_path: Path) -> None:
    weak = openssl_made.leaf(tmp_path, make_pki("RSA-2048").issuing, key("old card", "RSA-1024"))
    read = read_certificate(weak.der, Legacy.ADMITTED)
    assert read.key == KeyKind(KeyType.RSA, 1024)
    with pytest.raises(WeakKey):
        judge_certificate(read, (), trusting("RSA-2048"), NOW)


@pytest.mark.parametrize(("size", "digest"), [("RSA-1024", "sha256"), ("RSA-2048", "sha1"), ("RSA-1024", "sha1")])
def test_legacy_admits_an_old_leaf_and_only_where_it_is_named(size: str, digest: str, tmp_path: Path) -> None:
    old = openssl_made.leaf(tmp_path, make_pki("RSA-2048").issuing, key("old card", size), digest=digest)
    assert judge(old.der, trusting("RSA-2048"), legacy=Legacy.ADMITTED).facts.sha256
    with pytest.raises((WeakKey, WeakSignature)):
        judge(old.der, trusting("RSA-2048"))


@without(ANY_HASH)
@pytest.mark.parametrize("place", ["leaf", "authority"])
def test_s25_legacy_admits_neither_md5_nor_an_old_authority(place: str, tmp_path: Path) -> None:
    leaf, chain = weak_at(place, tmp_path, "md5" if place == "leaf" else "sha1")
    with pytest.raises(WeakSignature):
        judge(leaf.der, trusting("RSA-2048"), *chain, legacy=Legacy.ADMITTED)


@without(ANY_SIZE)
def test_s25_legacy_admits_no_authority_of_1024_bits() -> None:
    small = make_pki("RSA-2048").root.issue_ca("Small", key_type="RSA-1024")
    leaf = small.issue()
    with pytest.raises(WeakKey):
        judge(leaf.der, trusting("RSA-2048"), small, legacy=Legacy.ADMITTED)


def with_curve(directory: Path, encoding: str) -> bytes:
    openssl_made.run(
        directory, "genpkey", "-algorithm", "EC", "-out", "odd.key",
        "-pkeyopt", "ec_paramgen_curve:P-256", "-pkeyopt", f"ec_param_enc:{encoding}",
    )  # fmt: skip
    return openssl_made.issue(directory, make_pki().issuing, directory / "odd.key")


def test_s25_a_curve_that_the_key_spells_out_is_refused(tmp_path: Path) -> None:
    """CVE-2020-0601: with a generator of its own choice, everybody has the private key."""
    with pytest.raises(WeakKey) as refusal:
        judge(with_curve(tmp_path, "explicit"), trusting(strict=False))
    assert refusal.value.problem == "curve"


@companion("test_s25_a_curve_that_the_key_spells_out_is_refused")
def test_s25_the_same_curve_by_its_name_is_accepted(tmp_path: Path) -> None:
    assert judge(with_curve(tmp_path, "named_curve"), trusting(strict=False))


@without({"certlogin.pki.certificate.read_key": lambda spki, legacy: KeyKind(KeyType.P256, 256)})
def test_s25_a_curve_that_is_not_ours_is_refused_though_it_has_a_name() -> None:
    issuing = make_pki().issuing
    other = raw.ec_spki(raw.SECP256K1_CURVE, point_of("other", "secp256k1"))
    with pytest.raises(WeakKey):
        judge(raw.with_part(issuing.issue().der, issuing.key, raw.SPKI, other), trusting())


def point_of(label: str, key_type: str) -> bytes:
    public = key(label, key_type).public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    numbers = public.public_numbers()
    return b"\x04" + numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")


# --- form


@without({"certlogin.pki.certificate._check_serial": lambda number: None})
@pytest.mark.parametrize("serial", [2**159, 2**160 + 1])
def test_s25_serial_numbers_end_before_2_159(serial: int) -> None:
    """A list may not be able to name the others, and so never to revoke them."""
    issuing = make_pki().issuing
    der = issuing.issue().der
    with pytest.raises(CertificateUnreadable):
        judge(raw.with_part(der, issuing.key, raw.SERIAL, raw.integer(serial)), trusting())


@pytest.mark.parametrize("serial", [0, -1, -(2**64)])
def test_s25_serial_numbers_begin_with_1(serial: int) -> None:
    issuing = make_pki().issuing
    with pytest.raises(CertificateUnreadable):
        judge(raw.with_part(issuing.issue().der, issuing.key, raw.SERIAL, raw.integer(serial)), trusting())


@companion("test_s25_serial_numbers_begin_with_1")
@pytest.mark.parametrize("serial", [1, 2**159 - 1])
def test_s25_serial_numbers_within_the_bounds_are_accepted(serial: int) -> None:
    issuing = make_pki().issuing
    assert judge(raw.with_part(issuing.issue().der, issuing.key, raw.SERIAL, raw.integer(serial)), trusting())


def twice(second: bytes) -> bytes:
    """A leaf that may also be used by a server, says its second extended key usage or another extension."""
    issuing = make_pki().issuing
    der = issuing.issue().der
    return raw.with_extensions(der, issuing.key, [*raw.extensions(der), second])


def test_s25_no_extension_occurs_twice() -> None:
    """Two readers could each believe another one."""
    usage = next(one for one in raw.extensions(make_pki().issuing.issue().der) if raw.oid("2.5.29.37") in one)
    with pytest.raises(CertificateUnreadable):
        judge(twice(usage), trusting())


@companion("test_s25_no_extension_occurs_twice")
def test_s25_the_same_extension_under_another_identifier_passes() -> None:
    assert judge(twice(raw.extension(raw.oid("2.25.77"), tlv(NULL))), trusting())


#: Known to OpenSSL, and judged by nobody: a list that is not the whole one.
POINTS = x509.CRLDistributionPoints(
    [x509.DistributionPoint([x509.UniformResourceIdentifier("http://ca.test/")], None, None, None)]
)


@without({"certlogin.pki.profile._check_critical": lambda certificate: None})
@pytest.mark.parametrize("place", ["leaf", "authority"])
def test_s25_a_critical_extension_that_nobody_judges_is_refused(place: str) -> None:
    extra: dict[str, Any] = {"extra": ((POINTS, True),)}
    authority = make_pki().root.issue_ca("Odd", **(extra if place == "authority" else {}))
    leaf = authority.issue(**(extra if place == "leaf" else {}))
    with pytest.raises(UnknownCriticalExtension):
        judge(leaf.der, trusting(), authority)


@without({"certlogin.pki.certificate._SM2_SM3": b""})
def test_s25_an_sm2_signature_names_no_id() -> None:
    """It is verified with the ID that is fixed: what says another one, or the same, was made for other rules."""
    issuing = make_pki("SM2").issuing
    der = issuing.issue(key_type="SM2").der
    for algorithm in (sm2_signed.ABSENT, sm2_signed.WITH_NULL):
        signed = sm2_signed.signed_again(der, issuing.key, sm2_signed.CERTIFICATE, sm2_signed.usual, algorithm)
        assert judge(signed, trusting("SM2"))
    with_id = sm2_signed.signed_again(der, issuing.key, sm2_signed.CERTIFICATE, sm2_signed.usual, sm2_signed.WITH_ID)
    with pytest.raises(CertificateUnreadable):
        judge(with_id, trusting("SM2"))


# --- time and length


set_time = crypto.X509Store.set_time
LATE = {
    "certlogin.pki.profile.check_validity": lambda certificate, now: None,
    "OpenSSL.crypto.X509Store.set_time": lambda store, now: set_time(store, now - 2 * SECOND),
}


@without(LATE)
def test_s25_a_leaf_is_refused_one_second_after_its_end() -> None:
    leaf = make_pki().issuing.issue(not_after=NOW - SECOND)
    assert judge(make_pki().issuing.issue(not_after=NOW).der, trusting())
    with pytest.raises(CertificateExpired):
        judge(leaf.der, trusting())


@without({"OpenSSL.crypto.X509Store.set_time": LATE["OpenSSL.crypto.X509Store.set_time"]})
@pytest.mark.parametrize("place", ["authority", "anchor"])
def test_s25_a_ca_and_an_anchor_are_refused_one_second_after_their_end(place: str) -> None:
    end, later = NOW - SECOND, NOW + DAY
    top = root("Short root", not_after=end if place == "anchor" else later)
    authority = top.issue_ca("Short", not_after=end if place == "authority" else later)
    with pytest.raises(CertificateUntrusted) as refusal:
        judge(authority.issue().der, trusting(anchor_der=top.der), authority)
    assert refusal.value.error == EXPIRED


def stacked(count: int) -> tuple[Issued, list[Authority], Authority]:
    """A leaf below `count` CAs below their own root, which sets no limit."""
    top = root("Tall root")
    authorities = [top.issue_ca("Tall 1")]
    while len(authorities) < count:
        authorities.append(authorities[-1].issue_ca(f"Tall {len(authorities) + 1}"))
    return authorities[-1].issue(), authorities, top


@without({"certlogin.pki.judge.guard_length": lambda path, limit: None})
@pytest.mark.parametrize("count", [9, 12])
def test_s25_a_path_has_at_most_eight_cas_between(count: int) -> None:
    leaf, authorities, top = stacked(count)
    below = tuple(one.der for one in authorities)
    trust = trusting(anchor_der=top.der, intermediates_der=below)
    with pytest.raises(PathTooLong) as refusal:
        judge(leaf.der, trust)
    assert (refusal.value.length, refusal.value.limit) == (count, 8)


@pytest.mark.parametrize(("count", "limit"), [(8, 8), (1, 1), (2, 5)])
def test_the_limit_of_the_path_is_reached_and_can_be_lowered(count: int, limit: int) -> None:
    leaf, authorities, top = stacked(count)
    material = make_pki().material(
        anchor_der=top.der, intermediates_der=tuple(one.der for one in authorities), revocation="off"
    )
    assert len(judge(leaf.der, build_trust([material], max_intermediates=limit)).path) == count + 2
    with pytest.raises(PathTooLong):
        judge(leaf.der, build_trust([material], max_intermediates=count - 1))


# --- for any purpose


def judge_any(der: bytes, trust: Trust, *chain: Issued) -> UnverifiedCertificate:
    found = judge_path(read_certificate(der), [read_certificate(one.der) for one in chain], trust, NOW)
    return found.path.certificates[0]


def test_for_any_purpose_usages_are_not_asked() -> None:
    servers = make_pki().root.issue_ca("Servers", extended=SERVER_AUTH)
    leaf = servers.issue(usages=ENCRYPTION, extended=SERVER_AUTH, unit_code_der=b"\x05\x00")
    assert judge_any(leaf.der, trusting(), servers).der == leaf.der
    ca = servers.issue_ca("Below")
    assert judge_any(ca.der, trusting(), servers).der == ca.der


@pytest.mark.parametrize("place", ["leaf", "authority"])
def test_for_any_purpose_algorithms_and_limits_stay(place: str, tmp_path: Path) -> None:
    leaf, chain = weak_at(place, tmp_path, "sha1")
    with pytest.raises(WeakSignature):
        judge_any(leaf.der, trusting("RSA-2048"), *chain)
    with pytest.raises(CertificateExpired):
        judge_any(make_pki().issuing.issue(not_after=NOW - DAY).der, trusting())
    tall, authorities, top = stacked(9)
    with pytest.raises(PathTooLong):
        judge_any(tall.der, trusting(anchor_der=top.der, intermediates_der=tuple(one.der for one in authorities)))


def test_the_openssl_command_makes_what_is_judged_here() -> None:
    """Not a library of ours: the fixtures of this module would be worth nothing if we had written them."""
    assert subprocess.run(["openssl", "version"], capture_output=True, text=True, check=True).stdout

"""SM2 from the root to the leaf: paths, revocation lists and requests, each with what must not pass."""

from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from certlogin.errors import CertloginError
from certlogin.pki.certificate import CertificateUnreadable, UnverifiedCertificate, read_certificate
from certlogin.pki.judge import judge_certificate
from certlogin.pki.path import CertificateUntrusted, Trust, build_trust, find_path
from certlogin.pki.request import RequestSignature, RequestUnreadable, read_request
from certlogin.pki.revocation import (
    CertificateRevoked,
    RevocationIndex,
    RevocationUnknown,
    Settled,
    UnusableList,
    build_index,
    read_list,
)
from certlogin.pki.sm2 import SM2, SM2Unavailable, spki
from certlogin.records.certificate import KeyType
from tests.companions import companion, without
from tests.factory import NOW, PKI, Issued, make_pki, request, resign, root, sm2
from tests.factory_keys import sm2_key
from tests.pki import raw
from tests.pki import sm2_reference as reference
from tests.pki.paths import BAD_SIGNATURE, refused
from tests.pki.sm2_signed import (
    ABSENT,
    CERTIFICATE,
    LIST,
    REQUEST,
    WITH_ID,
    WITH_NULL,
    Sign,
    as_somebody_else,
    not_in_der,
    signed_again,
    usual,
    without_z,
)
from tests.pki.undefended import ANY_LIST, CLIENT_IN_STORE, NAMES_ALONE, NOBODY_LISTED, SM2_UNVERIFIED

#: A request proves nothing, whoever signed it.
UNPROVEN = {"certlogin.pki.request.verify_signed": lambda *_: None}
BAD_SIGNERS = pytest.mark.parametrize(
    "sign", [without_z, as_somebody_else, not_in_der], ids=["without Z", "another ID", "r and s"]
)


def pki() -> PKI:
    return make_pki("SM2")


def leaf() -> Issued:
    return pki().issuing.issue(key_type="SM2")


def certificate(der: bytes) -> UnverifiedCertificate:
    return read_certificate(der)


def error_of(der: bytes) -> int | None:
    """OpenSSL's number of the refusal; None: there is a path."""
    try:
        find_path(certificate(der), (), pki().trust(), NOW)
    except CertificateUntrusted as refusal:
        return refusal.error
    return None


# --- certificates


def test_an_sm2_certificate_is_judged_whole() -> None:
    trusted = judge_certificate(certificate(leaf().der), (), pki().trust(), NOW)
    assert (trusted.facts.key_type, trusted.facts.key_bits) == (KeyType.SM2, 256)
    assert trusted.revocation is Settled.CRL
    assert len(trusted.path) == 3


@pytest.mark.parametrize(("root_key", "issuing_key", "leaf_key"), [
    ("SM2", "SM2", "P-256"), ("SM2", "P-256", "SM2"), ("P-256", "SM2", "SM2"), ("RSA-2048", "SM2", "RSA-2048"),
])  # fmt: skip
def test_kinds_of_keys_may_be_mixed_along_a_path(root_key: str, issuing_key: str, leaf_key: str) -> None:
    top = root(f"Mixed {root_key} {issuing_key}", root_key)
    mixed = PKI(top, top.issue_ca(f"Mixed {issuing_key} below {root_key}", issuing_key))
    trusted = judge_certificate(certificate(mixed.issuing.issue(key_type=leaf_key).der), (), mixed.trust(), NOW)
    assert trusted.revocation is Settled.CRL


@pytest.mark.parametrize("algorithm", [ABSENT, WITH_NULL], ids=["absent", "NULL"])
def test_parameters_may_be_absent_or_null(algorithm: bytes) -> None:
    assert error_of(signed_again(leaf().der, pki().issuing.key, CERTIFICATE, usual, algorithm)) is None


@without(NAMES_ALONE, sees="assert None == 7")
@BAD_SIGNERS
def test_s24_a_certificate_signed_in_another_way_is_refused(sign: Sign) -> None:
    assert error_of(signed_again(leaf().der, pki().issuing.key, CERTIFICATE, usual)) is None
    assert error_of(signed_again(leaf().der, pki().issuing.key, CERTIFICATE, sign)) == BAD_SIGNATURE


@pytest.mark.parametrize("outer", [WITH_NULL, WITH_ID], ids=["NULL", "an ID"])
def test_the_algorithm_outside_is_the_one_inside(outer: bytes) -> None:
    with pytest.raises(CertificateUnreadable):
        certificate(signed_again(leaf().der, pki().issuing.key, CERTIFICATE, usual, ABSENT, outer))


@without(CLIENT_IN_STORE)
def test_s23_another_sm2_authority_with_our_names_makes_no_path() -> None:
    evil_root = root("Root SM2", "SM2", key_name="evil root")
    evil = evil_root.issue_ca("Issuing SM2", "SM2", key_name="evil issuing")
    stranger = evil.issue(key_type="SM2")
    assert refused(stranger, pki().trust(), evil, evil_root)
    assert find_path(certificate(stranger.der), (), PKI(evil_root, evil).trust(), NOW)


@without(NAMES_ALONE, sees="assert None == 7")
def test_s23_a_certificate_signed_by_the_holder_of_the_subject_key_is_not_ours() -> None:
    own = leaf()
    forged = resign(own.der, own.key)
    assert error_of(own.der) is None
    assert error_of(forged) == BAD_SIGNATURE


@cache
def trust() -> Trust:
    return pki().trust()


@cache
def signed_leaf() -> bytes:
    return signed_again(leaf().der, pki().issuing.key, CERTIFICATE)


@without(NAMES_ALONE)
@settings(max_examples=40)
@given(position=st.integers(0, 8 * 64 - 1))
def test_s23_no_bit_of_an_sm2_certificates_signature_can_be_changed(position: int) -> None:
    der = bytearray(signed_leaf())
    der[-1 - position // 8] ^= 1 << position % 8
    with pytest.raises(CertloginError):
        find_path(certificate(bytes(der)), (), trust(), NOW)


# --- revocation lists


def authorities() -> list[UnverifiedCertificate]:
    return [certificate(pki().root.der), certificate(pki().issuing.der)]


def is_placed(der: bytes, by: SM2 | None = None) -> bool:
    index, problems = build_index([read_list(der)], authorities(), RevocationIndex(), by or sm2())
    assert bool(index.lists) is not bool(problems)
    return bool(index.lists)


@without(NOBODY_LISTED)
def test_s24_a_revoked_sm2_certificate_is_refused() -> None:
    own = leaf()
    trust = pki().trust(crls_der=pki().crls(revoked=[own.serial]))
    with pytest.raises(CertificateRevoked):
        judge_certificate(certificate(own.der), (), trust, NOW)
    assert judge_certificate(certificate(leaf().der), (), trust, NOW)


@pytest.mark.parametrize("algorithm", [ABSENT, WITH_NULL], ids=["absent", "NULL"])
def test_lists_may_have_absent_or_null_parameters(algorithm: bytes) -> None:
    assert is_placed(signed_again(pki().issuing.crl(), pki().issuing.key, LIST, usual, algorithm))


@without(SM2_UNVERIFIED, sees="assert not True")
@BAD_SIGNERS
def test_s24_a_list_signed_in_another_way_is_not_used(sign: Sign) -> None:
    assert is_placed(signed_again(pki().issuing.crl(), pki().issuing.key, LIST, usual))
    assert not is_placed(signed_again(pki().issuing.crl(), pki().issuing.key, LIST, sign))


@companion("test_s24_a_list_signed_in_another_way_is_not_used")
def test_s24_companion_without_the_check_every_list_would_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    forged = signed_again(pki().issuing.crl(), pki().issuing.key, LIST, without_z)
    monkeypatch.setattr(SM2, "verify", lambda *_: None)
    assert is_placed(forged)


@without({"certlogin.pki.sm2._SIGNED_WITH": (WITH_ID,)}, sees="assert not True")
def test_s24_a_list_with_other_parameters_is_not_used() -> None:
    assert not is_placed(signed_again(pki().issuing.crl(), pki().issuing.key, LIST, usual, WITH_ID))


@without(ANY_LIST)
def test_s24_a_list_with_two_algorithms_is_not_used() -> None:
    with pytest.raises(UnusableList, match="signature algorithms do not match"):
        read_list(signed_again(pki().issuing.crl(), pki().issuing.key, LIST, usual, ABSENT, WITH_NULL))


@without(SM2_UNVERIFIED, sees="assert not True")
def test_s24_a_list_signed_by_another_sm2_key_is_not_used() -> None:
    assert not is_placed(pki().issuing.crl(signed_by=sm2_key("evil")))
    assert not is_placed(pki().issuing.crl(signed_by=pki().root.key))
    assert not is_placed(pki().issuing.crl(signed_by=make_pki().issuing.key))


def test_without_a_library_the_lists_of_sm2_authorities_are_not_used_and_nobody_is_let_in() -> None:
    trust = build_trust([pki().material()])
    assert trust.sm2 is None
    assert sum("SM2 is not available" in problem for problem in trust.problems) == 2
    with pytest.raises(RevocationUnknown):
        judge_certificate(certificate(leaf().der), (), trust, NOW)
    assert not build_trust([make_pki().material()]).problems


def test_a_list_of_an_authority_beside_the_curve_is_not_used() -> None:
    """Nobody's key: such a certificate cannot be read as an anchor either."""
    beside = bytes((*spki(sm2_key("beside").point)[:-1], 0x01))
    odd = [replace(one, spki=beside) for one in authorities()]
    index, problems = build_index([read_list(pki().issuing.crl())], odd, RevocationIndex(), sm2())
    assert not index.lists
    assert problems


# --- requests


def asked(der: bytes, by: SM2 | None = None) -> str:
    with pytest.raises(RequestSignature) as refusal:
        read_request(der, by or sm2())
    return refusal.value.problem


def test_an_sm2_request_is_read_and_its_key_proven() -> None:
    key = sm2_key("request")
    found = read_request(request(key, "certlogin enroll"), sm2())
    assert (found.key_type, found.key_bits) == (KeyType.SM2, 256)
    assert found.spki == spki(key.point)
    assert found.challenge_password == "certlogin enroll"


@pytest.mark.parametrize("algorithm", [ABSENT, WITH_NULL], ids=["absent", "NULL"])
def test_requests_may_have_absent_or_null_parameters(algorithm: bytes) -> None:
    key = sm2_key("request")
    assert read_request(signed_again(request(key), key, REQUEST, usual, algorithm), sm2())


@without(UNPROVEN)
@pytest.mark.parametrize(("sign", "problem"), [(without_z, "mismatch"), (as_somebody_else, "mismatch")])
def test_s28_a_request_signed_in_another_way_proves_nothing(sign: Sign, problem: str) -> None:
    key = sm2_key("request")
    assert read_request(signed_again(request(key), key, REQUEST), sm2())
    assert asked(signed_again(request(key), key, REQUEST, sign)) == problem


@without(UNPROVEN)
def test_s28_a_request_with_another_form_of_signature_or_algorithm_proves_nothing() -> None:
    key = sm2_key("request")
    assert asked(signed_again(request(key), key, REQUEST, not_in_der))
    assert "SM2" in asked(signed_again(request(key), key, REQUEST, usual, WITH_ID))
    ecdsa = raw.tlv(raw.SEQUENCE, raw.tlv(raw.OID, raw.oid("1.2.840.10045.4.3.2")))
    assert "SM2" in asked(signed_again(request(key), key, REQUEST, usual, ecdsa))


@without(UNPROVEN)
def test_s28_a_request_for_the_key_of_somebody_else_is_refused() -> None:
    der = signed_again(request(sm2_key("victim")), sm2_key("attacker"), REQUEST)
    assert asked(der) == "mismatch"


@companion("test_s28_a_request_for_the_key_of_somebody_else_is_refused")
def test_s28_companion_without_the_check_it_would_be_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    der = signed_again(request(sm2_key("victim")), sm2_key("attacker"), REQUEST)
    monkeypatch.setattr(SM2, "verify", lambda *_: None)
    assert read_request(der, sm2())


@without(UNPROVEN)
def test_s28_a_point_beside_the_curve_is_refused() -> None:
    key = sm2_key("request")
    signed, *rest = raw.parts(request(key))
    elements = raw.parts(signed)
    beside = key.point[:-1] + bytes((key.point[-1] ^ 1,))
    elements[2] = raw.ec_spki(raw.SM2_CURVE, beside)
    assert "curve" in asked(raw.tlv(raw.SEQUENCE, raw.tlv(raw.SEQUENCE, *elements), *rest))
    elements[2] = raw.ec_spki(raw.P256_CURVE, beside)
    with pytest.raises(RequestUnreadable):
        read_request(raw.tlv(raw.SEQUENCE, raw.tlv(raw.SEQUENCE, *elements), *rest), sm2())


def test_a_request_for_an_sm2_key_is_unavailable_without_a_library() -> None:
    with pytest.raises(SM2Unavailable):
        read_request(request(sm2_key("request")))


@cache
def signed_request() -> bytes:
    key = sm2_key("request")
    return signed_again(request(key, "certlogin enroll"), key, REQUEST)


@without(UNPROVEN)
@settings(max_examples=60)
@given(data=st.data())
def test_s28_no_changed_request_is_accepted(data: st.DataObject) -> None:
    changed = bytearray(signed_request())
    position = data.draw(st.integers(0, 8 * len(changed) - 1))
    changed[position // 8] ^= 1 << position % 8
    # The tag of the signature's BIT STRING and such have no second form: there is nothing left to accept.
    with pytest.raises(CertloginError):
        read_request(bytes(changed), sm2())


def test_the_formulas_agree_with_what_the_test_pki_signs() -> None:
    """So that nothing above passes only because both sides share a mistake."""
    own = leaf()
    signed, _, value = raw.parts(own.der)
    r, s = (int.from_bytes(raw.content(one), "big") for one in raw.parts(raw.content(value)[1:]))
    key = pki().issuing.key
    assert isinstance(key, type(sm2_key("x")))
    assert reference.fits(key.point, signed, reference.raw(r, s))


def test_trust_carries_the_library() -> None:
    trust: Trust = pki().trust()
    assert trust.sm2 is sm2()

"""With what a CMS message may be signed: the listed identifiers only, fitting each other, the key and the numbers."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes

from certlogin.pki import cms_algorithms
from certlogin.pki.certificate import CertificateUnreadable, read_certificate
from certlogin.pki.cms import Attributes, read_signed_data, verify_signed_data
from certlogin.pki.cms_algorithms import CMSAlgorithm, Digest, Kind, Scheme
from certlogin.pki.cms_reader import CMSUnreadable, UnverifiedSignedData
from certlogin.pki.der import Element, children
from certlogin.pki.signature import P256_ORDER, P384_ORDER, KeyMismatch, SignatureMalformed, SignatureMismatch
from certlogin.pki.sm2 import SM2Key, SM2Unavailable, from_der
from tests.companions import without
from tests.factory import Issued, Plan, make_pki
from tests.factory_keys import sm2
from tests.pki import cms_writer as writer
from tests.pki import raw, sm2_signed
from tests.pki import sm2_reference as reference
from tests.pki.cms_writer import CFCA, GM_STRICT, PRODUCERS, Message, algorithm, by_pss, pss_parameters
from tests.pki.raw import INTEGER, NULL, OCTET_STRING, SEQUENCE, integer, tlv

CONTENT = b"certlogin login\nunit: U1\nchallenge: NDYxMjM0"
ALGORITHMS = "certlogin.pki.cms_algorithms"


@cache
def leaf(key_type: str) -> Issued:
    return make_pki().issuing.issue(Plan(key_type=key_type, key_name="cms", serial=7))


def accept(message: bytes, content: bytes = CONTENT) -> UnverifiedSignedData:
    found = read_signed_data(message)
    verify_signed_data(found, content, sm2(), attributes=Attributes.EITHER)
    return found


# --- what is accepted


@pytest.mark.parametrize(
    ("key_type", "digest", "signature", "name"),
    [
        ("RSA-2048", writer.SHA256, writer.RSA, "RS256"),
        ("RSA-2048", writer.SHA384, writer.RSA, "RS384"),
        ("RSA-2048", writer.SHA512, writer.RSA, "RS512"),
        ("RSA-2048", writer.SHA256, writer.SHA256_RSA, "RS256"),
        ("RSA-2048", writer.SHA384, writer.SHA384_RSA, "RS384"),
        ("RSA-2048", writer.SHA512, writer.SHA512_RSA, "RS512"),
        ("P-256", writer.SHA256, writer.ECDSA_SHA256, "ES256"),
        ("P-256", writer.SHA384, writer.ECDSA_SHA384, "ES384"),
        ("P-384", writer.SHA256, writer.ECDSA_SHA256, "ES256"),
        ("P-384", writer.SHA512, writer.ECDSA_SHA512, "ES512"),
        *[("SM2", digest, signature, "SM2-SM3") for digest in (writer.SM3, writer.SM2_SM3)
          for signature in (writer.SM2_CURVE, writer.SM2_SIGN, writer.SM2_SM3)],
    ],
)  # fmt: skip
def test_what_is_listed_is_accepted(key_type: str, digest: str, signature: str, name: str) -> None:
    for with_attributes in (True, False):
        message = Message(leaf(key_type), CONTENT, digest=digest, signature=signature, with_attributes=with_attributes)
        assert accept(message.der).scheme.name == name


@pytest.mark.parametrize(("salt", "identifier"), [(32, writer.SHA256), (100, writer.SHA256), (222, writer.SHA256)])
def test_pss_is_verified_with_the_salt_it_names(salt: int, identifier: str) -> None:
    assert accept(pss(salt=salt).der).scheme == Scheme(Kind.RSA_PSS, Digest.SHA256, salt)
    with pytest.raises(SignatureMismatch):
        accept(replace(pss(salt=salt), signature_parameters=pss_parameters(salt=64)).der)


def pss(parameters: bytes = b"", salt: int = 32, **changes: Any) -> Message:
    return Message(
        leaf("RSA-2048"), CONTENT, signature=writer.PSS, sign=by_pss(leaf("RSA-2048"), hashes.SHA256(), salt),
        signature_parameters=parameters or pss_parameters(salt=salt), **changes,
    )  # fmt: skip


def test_a_name_is_one_that_the_server_may_have_offered() -> None:
    names = {Scheme(kind, digest).name for kind in Kind for digest in Digest}
    assert names >= {"RS256", "PS256", "ES256", "ES384", "SM2-SM3"}


# --- identifiers


#: As a library that still knows SHA-1 would do it.
OLD: dict[str, object] = {
    f"{ALGORITHMS}._DIGESTS": {writer.SHA1: Digest.SHA256},
    f"{ALGORITHMS}._HASHES": {Digest.SHA256: hashes.SHA1()},  # noqa: S303 to be refused
}


@without(OLD)
@pytest.mark.parametrize("with_attributes", [True, False])
def test_s20_sha1_is_refused(with_attributes: bool) -> None:
    message = Message(
        leaf("RSA-2048"), CONTENT, digest=writer.SHA1, signature=writer.RSA, with_attributes=with_attributes
    )
    with pytest.raises(CMSAlgorithm) as refused:
        accept(message.der)
    assert refused.value.facts() == {"problem": "digest", "identifier": writer.SHA1}


@without({f"{ALGORITHMS}._DIGESTS": dict(cms_algorithms._DIGESTS) | {writer.SHA1: Digest.SHA384}})
def test_s20_sha1_beside_the_digest_that_is_used_is_refused() -> None:
    listed = (algorithm(writer.SHA256), algorithm(writer.SHA1))
    with pytest.raises(CMSAlgorithm):
        accept(Message(leaf("P-256"), CONTENT, listed=listed).der)


def _wide(identifier: str, kind: Kind) -> dict[str, object]:
    known = cms_algorithms._Known(kind, frozenset(Digest), cms_algorithms._ABSENT_OR_NULL)
    return {f"{ALGORITHMS}._SIGNATURES": dict(cms_algorithms._SIGNATURES) | {identifier: known}}


@pytest.mark.parametrize(
    ("key_type", "changes"),
    [
        pytest.param("RSA-2048", {"digest": writer.SHA512, "signature": writer.SHA256_RSA},
                     marks=without(_wide(writer.SHA256_RSA, Kind.RSA)), id="sha256WithRSA over SHA-512"),
        pytest.param("P-256", {"digest": writer.SHA512, "signature": writer.ECDSA_SHA256},
                     marks=without(_wide(writer.ECDSA_SHA256, Kind.ECDSA)), id="ecdsa-with-SHA256 over SHA-512"),
        pytest.param("SM2", {"digest": writer.SHA256}, marks=without(_wide(writer.SM2_SM3, Kind.SM2)),
                     id="SM2 over attributes with SHA-256"),
    ],
)  # fmt: skip
def test_s20_two_digests_in_one_signer_are_refused(key_type: str, changes: dict[str, Any]) -> None:
    with pytest.raises(CMSAlgorithm) as refused:
        accept(Message(leaf(key_type), CONTENT, **changes).der)
    assert refused.value.problem == "pair"


@pytest.mark.parametrize(
    ("key_type", "identifier"),
    [
        # RSA with SM3, plain ECDSA keys as signature, SM2's other uses, MD5 and SHA-1.
        ("SM2", "1.2.156.10197.1.504"),
        ("P-256", "1.2.840.10045.2.1"),
        ("SM2", "1.2.156.10197.1.301.2"),
        ("SM2", "1.2.156.10197.1.301.3"),
        ("SM2", "1.2.156.10197.1.401"),
        ("RSA-2048", "1.2.840.113549.1.1.4"),
        ("RSA-2048", "1.2.840.113549.1.1.5"),
        ("P-256", "1.2.840.10045.4.1"),
        ("P-256", "1.3.101.112"),
    ],
)
def test_other_signatures_are_refused(key_type: str, identifier: str) -> None:
    with pytest.raises(CMSAlgorithm) as refused:
        accept(Message(leaf(key_type), CONTENT, signature=identifier).der)
    assert refused.value.facts() == {"problem": "signature", "identifier": identifier}


@pytest.mark.parametrize("identifier", ["1.2.156.10197.1.401.1", "1.2.156.10197.1.301", "2.16.840.1.101.3.4.2.4"])
def test_other_digests_are_refused(identifier: str) -> None:
    with pytest.raises(CMSAlgorithm) as refused:
        accept(Message(leaf("SM2"), CONTENT, digest=identifier).der)
    assert refused.value.facts() == {"problem": "digest", "identifier": identifier}


@pytest.mark.parametrize(
    ("key_type", "changes"),
    [
        ("SM2", {"digest_parameters": tlv(OCTET_STRING)}),
        ("SM2", {"signature_parameters": tlv(OCTET_STRING, b"1234567812345678")}),
        ("RSA-2048", {"signature_parameters": pss_parameters()}),
        ("P-256", {"signature_parameters": tlv(NULL)}),
    ],
)
def test_other_parameters_are_refused(key_type: str, changes: dict[str, Any]) -> None:
    with pytest.raises(CMSAlgorithm):
        accept(Message(leaf(key_type), CONTENT, **changes).der)


@pytest.mark.parametrize(
    "algorithms",
    [tlv(SEQUENCE), tlv(SEQUENCE, tlv(NULL)), tlv(0x31, writer.oid(writer.SM3)), algorithm(writer.SM3, tlv(NULL) * 2)],
    ids=["none", "NULL", "SET", "two"],
)
def test_what_is_no_algorithm_is_not_read(algorithms: bytes) -> None:
    with pytest.raises(CMSUnreadable):
        accept(Message(leaf("P-256"), CONTENT, listed=(algorithms,)).der)


# --- PSS


_SHA1_TWICE = tlv(SEQUENCE, tlv(0xA2, integer(32)))


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        (pss_parameters(mask=writer.SHA384), "pair"),
        (pss_parameters(digest=writer.SHA384), "pair"),
        (pss_parameters(digest=writer.SHA384, mask=writer.SHA384), "pair"),
    ],
    ids=["mask", "digest", "both"],
)
@without({f"{ALGORITHMS}._read_salt": lambda *_: 32})
def test_s20_pss_with_another_hash_inside_is_refused(parameters: bytes, problem: str) -> None:
    with pytest.raises(CMSAlgorithm) as refused:
        accept(pss(parameters).der)
    assert refused.value.problem == problem


@pytest.mark.parametrize("salt", [0, 20, 31])
@without({f"{ALGORITHMS}._read_salt": lambda digest, parameters, identifier: parameters[-1]})
def test_s20_pss_with_a_short_salt_is_refused(salt: int) -> None:
    with pytest.raises(CMSAlgorithm) as refused:
        accept(pss(salt=salt).der)
    assert refused.value.problem == "parameters"


def test_pss_with_defaults_is_refused() -> None:
    """They are SHA-1."""
    for parameters in (tlv(SEQUENCE), _SHA1_TWICE):
        with pytest.raises(CMSUnreadable):
            accept(pss(parameters).der)


def test_pss_with_a_salt_that_does_not_fit_is_refused() -> None:
    with pytest.raises(CMSAlgorithm):
        accept(pss(pss_parameters(salt=1025)).der)
    with pytest.raises((SignatureMismatch, SignatureMalformed)):
        accept(pss(pss_parameters(salt=1024)).der)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_pss_parameters_stand_in_their_places(place: int) -> None:
    elements = raw.parts(pss_parameters())
    elements[place] = tlv(0xA3, raw.content(elements[place]))
    with pytest.raises(CMSAlgorithm):
        accept(pss(tlv(SEQUENCE, *elements)).der)


def test_another_mask_than_mgf1_is_refused() -> None:
    with pytest.raises(CMSAlgorithm):
        accept(pss(pss_parameters().replace(raw.oid(writer.MGF1), raw.oid("1.2.840.113549.1.1.9"))).der)


# --- the key


@pytest.mark.parametrize(
    ("key_type", "digest", "signature"),
    [
        ("RSA-2048", writer.SHA256, writer.ECDSA_SHA256),
        ("RSA-2048", writer.SM3, writer.SM2_SM3),
        ("P-256", writer.SHA256, writer.RSA),
        ("P-521", writer.SHA512, writer.ECDSA_SHA512),
        ("P-384", writer.SM3, writer.SM2_SM3),
        ("P-256", writer.SM3, writer.SM2_SIGN),
        ("SM2", writer.SHA256, writer.ECDSA_SHA256),
        ("SM2", writer.SHA256, writer.SHA256_RSA),
    ],
)
def test_the_key_is_of_the_kind_that_the_algorithm_needs(key_type: str, digest: str, signature: str) -> None:
    with pytest.raises(KeyMismatch) as refused:
        accept(Message(leaf(key_type), CONTENT, digest=digest, signature=signature).der)
    assert refused.value.key_bits == read_certificate(leaf(key_type).der).key.bits


def test_a_point_beside_its_curve_is_no_key() -> None:
    signer = leaf("P-256")
    spki = raw.ec_spki(raw.P256_CURVE, b"\x04" + bytes(64))
    beside = raw.with_part(signer.der, make_pki().issuing.key, raw.SPKI, spki)
    with pytest.raises(CertificateUnreadable):
        accept(Message(signer, CONTENT, certificates=(beside,)).der)


def test_without_sm2_it_is_said_so() -> None:
    with pytest.raises(SM2Unavailable):
        verify_signed_data(read_signed_data(Message(leaf("SM2"), CONTENT).der), CONTENT, attributes=Attributes.EITHER)


# --- signatures of SM2


def _any_z(certificate: Any, algorithm: object, signed: bytes, signature: bytes, sm2: object) -> None:
    """A verifier that tries everything."""
    point = reference.decoded(certificate.spki[-65:])
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    tried = (int.from_bytes(reference.sm3(signed), "big"), reference.digest(point, signed, b"ALICE123@YAHOO.COM"))
    if not any(reference.fits_digest(point, e, r, s) for e in tried):
        raise InvalidSignature


@pytest.mark.parametrize("sign", [sm2_signed.without_z, sm2_signed.as_somebody_else])
@pytest.mark.parametrize("producer", [GM_STRICT, CFCA], ids=["attributes", "no attributes"])
@without({f"{ALGORITHMS}.verify_signature": _any_z})
def test_s20_a_signature_without_z_or_of_another_id_is_refused(producer: dict[str, Any], sign: sm2_signed.Sign) -> None:
    with pytest.raises(SignatureMismatch):
        accept(Message(leaf("SM2"), CONTENT, **producer, sign=lambda signed: sign(private(), signed)).der)


def private() -> int:
    key = leaf("SM2").key
    assert isinstance(key, SM2Key)
    return int.from_bytes(key.d, "big")


@without({f"{ALGORITHMS}.verify_signature": lambda *_: None})
def test_s20_what_gmssl_signs_is_refused() -> None:
    """It has a construction of its own, without Z."""
    with pytest.raises(SignatureMismatch):
        accept(writer.gmssl(leaf("SM2"), CONTENT))


def padded(signature: bytes) -> bytes:
    """The same numbers, the first with a zero octet more."""
    r, s = raw.parts(signature)
    return tlv(SEQUENCE, tlv(INTEGER, b"\x00" + raw.content(r)), s)


def plain(signature: bytes) -> bytes:
    return from_der(signature)


def _lenient(signature: bytes) -> bytes:
    if len(signature) == 64:
        return signature
    return b"".join(raw.content(number).lstrip(b"\x00").rjust(32, b"\x00") for number in raw.parts(signature))


@pytest.mark.parametrize("change", [padded, plain, lambda signature: signature + b"\x00"])
@without({f"{ALGORITHMS}.from_der": lambda signature: _lenient(signature[: 2 + signature[1]] if signature[0] == 0x30
                                                               and len(signature) != 64 else signature)})  # fmt: skip
def test_s20_a_second_encoding_of_an_sm2_signature_is_refused(change: Callable[[bytes], bytes]) -> None:
    message = Message(leaf("SM2"), CONTENT, **PRODUCERS["gmsm"])
    signature = accept(message.der).signature
    with pytest.raises(SignatureMalformed):
        accept(replace(message, sign=lambda _: change(signature)).der)


# --- signatures of ECDSA and RSA


def _any_integer(element: Element) -> int:
    return int.from_bytes(element.value, "big")


@pytest.mark.parametrize("key_type", ["P-256", "P-384"])
@without({f"{ALGORITHMS}.unsigned": _any_integer})
def test_s20_a_second_encoding_of_an_ecdsa_signature_is_refused(key_type: str) -> None:
    with pytest.raises(SignatureMalformed):
        accept(changed_signature(key_type, padded))


@pytest.mark.parametrize("key_type", ["P-256", "P-384"])
@without({f"{ALGORITHMS}.exactly": lambda parent, count: list(children(parent))[:count]})
def test_s20_a_third_number_in_an_ecdsa_signature_is_refused(key_type: str) -> None:
    with pytest.raises(SignatureMalformed):
        accept(changed_signature(key_type, lambda signature: tlv(SEQUENCE, *raw.parts(signature), integer(1))))


def changed_signature(key_type: str, change: Callable[[bytes], bytes]) -> bytes:
    message = Message(leaf(key_type), CONTENT)
    signature = accept(message.der).signature
    return replace(message, sign=lambda _: change(signature)).der


@pytest.mark.parametrize(("key_type", "order"), [("P-256", P256_ORDER), ("P-384", P384_ORDER)])
def test_numbers_out_of_range_are_refused(key_type: str, order: int) -> None:
    for r, s in ((0, 1), (1, 0), (order, 1), (1, order), (-1, 1)):
        signature = tlv(SEQUENCE, integer(r), integer(s))
        with pytest.raises(SignatureMalformed):
            accept(changed_signature(key_type, partial(_instead, signature)))


def _instead(new: bytes, old: bytes) -> bytes:
    return new


@pytest.mark.parametrize("change", [lambda one: b"\x00" + one, lambda one: one[:-1], lambda one: b""])
def test_an_rsa_signature_has_the_length_of_its_key(change: Callable[[bytes], bytes]) -> None:
    with pytest.raises(SignatureMalformed):
        accept(changed_signature("RSA-2048", change))


@pytest.mark.parametrize("key_type", ["RSA-2048", "P-256", "SM2"])
@without({"certlogin.pki.cms.verify_scheme": lambda *_: None})
def test_s20_a_signature_over_something_else_is_refused(key_type: str) -> None:
    other = read_signed_data(Message(leaf(key_type), b"something else").der).signature
    with pytest.raises(SignatureMismatch):
        accept(Message(leaf(key_type), CONTENT, sign=lambda _: other).der)

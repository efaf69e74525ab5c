"""What stands on a card for everybody to read, and what is left out."""

from hashlib import sha256
from typing import Any, cast

import pytest
from asn1crypto.keys import PublicKeyInfo
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from pkcs11 import Attribute, KeyType, ObjectClass
from pkcs11.exceptions import AttributeTypeInvalid

from certlogin.helper.tokens.base import KeyKind
from certlogin.helper.tokens.modules import Module
from certlogin.helper.tokens.pkcs11 import Card, _certificate_object
from certlogin.helper.tokens.readable import OBJECT_ERRORS, _chain, kind_of, public_key
from certlogin.pki.certificate import read_certificate
from certlogin.pki.keys import WeakKey
from certlogin.pki.sm2 import spki
from tests.factory import Plan, make_pki, self_signed
from tests.factory_keys import AnyKey, key, sm2_key, spki_of
from tests.helper.softhsm import Reader

_SM2_CURVE = bytes.fromhex("06082a811ccf5501822d")


def _ca(cards: Reader, card: Card, *ders: bytes) -> None:
    with cards.session(card) as session:
        for place, der in enumerate(ders):
            session.create_object(_certificate_object(der, bytes([place])))


def test_cas_and_encryption_certificates_are_not_offered_for_login(cards: Reader) -> None:
    card = cards.insert()
    pki = make_pki()
    login, plain = pki.issuing.issue(), pki.issuing.issue(usages=None)
    encryption = pki.issuing.issue(usages=("key_encipherment", "data_encipherment", "key_agreement"))
    _ca(cards, card, pki.root.der, pki.issuing.der, login.der, plain.der, encryption.der)
    page = cards.page()
    assert set(page.shown()) == {login.der, plain.der}
    # Nearest first, without the root: that is the server's to know.
    assert {info.chain for info in card.keys()} == {(pki.issuing.der,)}


def test_what_cannot_be_read_or_used_is_left_out(cards: Reader) -> None:
    card = cards.insert()
    good = make_pki().issuing.issue()
    exotic = make_pki().issuing.issue(key_type="secp256k1", key_name="exotic")
    with cards.session(card) as session:
        session.create_object(_certificate_object(good.der, b"\x01"))
        session.create_object({**_certificate_object(good.der, b"\x02"), Attribute.VALUE: b"no certificate"})
        session.create_object(_certificate_object(exotic.der, b"\x03"))
        session.create_object({Attribute.CLASS: ObjectClass.DATA, Attribute.TOKEN: True, Attribute.PRIVATE: False})
        session.generate_keypair(KeyType.RSA, 1024, store=True, public_template={Attribute.PRIVATE: False})
    assert [info.certificate for info in card.keys()] == [good.der]


def test_a_ring_of_issuers_ends() -> None:
    pki = make_pki()
    leaf = read_certificate(pki.issuing.issue().der)
    cross = [pki.issuing.issue_ca("Issuing P-256"), pki.issuing, pki.root]
    everyone = [leaf, *(read_certificate(one.der) for one in cross)]
    assert len(_chain(leaf, everyone)) <= 5
    assert _chain(read_certificate(self_signed(Plan()).der), []) == ()


class _Object(dict[Any, Any]):
    """A public key as a module describes it."""

    def __missing__(self, attribute: Any) -> Any:
        raise AttributeTypeInvalid


def _described(private: AnyKey, *, wrapped: bool = True) -> Any:
    if isinstance(private, rsa.RSAPrivateKey):
        public = private.public_key().public_numbers()
        return _Object(
            {
                Attribute.KEY_TYPE: KeyType.RSA,
                Attribute.MODULUS: public.n.to_bytes(256, "big"),
                Attribute.PUBLIC_EXPONENT: public.e.to_bytes(3, "big"),
                Attribute.ID: b"\x01",
            }
        )
    info = PublicKeyInfo.load(spki_of(private))
    point = bytes(info["public_key"])
    return _Object(
        {
            Attribute.KEY_TYPE: KeyType.EC,
            Attribute.EC_PARAMS: info["algorithm"]["parameters"].dump(),
            Attribute.EC_POINT: b"\x04" + bytes([len(point)]) + point if wrapped else point,
            Attribute.ID: b"\x01",
        }
    )


@pytest.mark.parametrize("wrapped", [True, False])
@pytest.mark.parametrize("key_type", ["P-256", "P-384", "SM2", "RSA-2048"])
def test_a_public_key_is_read_from_its_attributes(key_type: str, wrapped: bool) -> None:
    private: AnyKey = sm2_key("x") if key_type == "SM2" else key("x", key_type)
    found = public_key(_described(private, wrapped=wrapped))
    assert (found.spki, found.kind.value, found.object_id) == (spki_of(private), key_type, b"\x01")
    assert found.key_id == sha256(found.spki).hexdigest()[:32]


def test_a_point_whose_beginning_looks_like_a_header_is_read_whole() -> None:
    """04, then 63: an OCTET STRING of 63 octets, were it not a point of 65."""
    point = b"\x04\x3f" + bytes(range(63))
    described = _Object(
        {
            Attribute.KEY_TYPE: KeyType.EC,
            Attribute.EC_PARAMS: bytes.fromhex("06082a8648ce3d030107"),
            Attribute.EC_POINT: point,
            Attribute.ID: b"\x01",
        }
    )
    assert public_key(cast(Any, described)).spki.endswith(point)


_OCTETS = st.binary(max_size=80)


@given(
    kind=st.sampled_from([KeyType.RSA, KeyType.EC, KeyType.EC_EDWARDS]),
    parameters=st.one_of(_OCTETS, st.just(bytes.fromhex("06082a8648ce3d030107")), st.just(_SM2_CURVE)),
    point=st.one_of(_OCTETS, st.binary(min_size=65, max_size=65)),
    modulus=_OCTETS,
    exponent=st.binary(max_size=4),
    left_out=st.sampled_from([None, Attribute.EC_POINT, Attribute.MODULUS, Attribute.ID]),
)
def test_whatever_a_module_says_of_a_public_key_it_is_read_or_left_out(
    kind: KeyType, parameters: bytes, point: bytes, modulus: bytes, exponent: bytes, left_out: Attribute | None
) -> None:
    described = _Object(
        {
            Attribute.KEY_TYPE: kind,
            Attribute.EC_PARAMS: parameters,
            Attribute.EC_POINT: point,
            Attribute.MODULUS: modulus,
            Attribute.PUBLIC_EXPONENT: exponent,
            Attribute.ID: b"\x01",
        }
    )
    described.pop(left_out, None)
    try:
        found = public_key(cast(Any, described))
    except OBJECT_ERRORS:
        return
    assert kind_of(found.spki) is found.kind


def test_kinds_of_keys() -> None:
    assert kind_of(spki(sm2_key("x").point)) is KeyKind.SM2
    assert kind_of(spki_of(key("x", "RSA-3072"))) is KeyKind.RSA3072
    odd = rsa.RSAPublicNumbers(65537, 2**2559 + 1).public_key()
    with pytest.raises(ValueError, match="size"):
        kind_of(odd.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    with pytest.raises(WeakKey):
        kind_of(spki_of(key("x", "secp256k1")))


def test_a_card_that_is_write_protected_offers_to_make_no_keys(cards: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    card = cards.insert()
    monkeypatch.setattr(Module, "writable", lambda self, identity: False)
    assert cards.page().certificates().json["tokens"][0]["key_types"] == []
    assert card.algorithms(KeyKind.P256) == ("ES256",)

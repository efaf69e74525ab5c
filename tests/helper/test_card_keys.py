"""Keys on cards: which one signs, by which mechanism, and what is never believed of a module (threats 1, 14)."""

from collections.abc import Iterator
from hashlib import sha256, sha384
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pkcs11 import Attribute, KeyType, Mechanism, MechanismFlag

from certlogin.helper.refusals import NoCertificate
from certlogin.helper.signing import Built, to_der
from certlogin.helper.tokens import cardkey
from certlogin.helper.tokens.base import KeyKind
from certlogin.helper.tokens.cardkey import CardSigner
from certlogin.helper.tokens.mechanisms import Way, algorithms_of, made_by, way_of
from certlogin.helper.tokens.modules import Module
from certlogin.helper.tokens.pkcs11 import Card, _certificate_object
from certlogin.helper.tokens.readable import PublicKey, public_key
from certlogin.helper.tokens.verified import check_signature
from certlogin.pki.certificate import read_certificate
from certlogin.pki.signature import Algorithm, verify_signature
from certlogin.pki.sm2 import SM2Unavailable, point_of
from certlogin.wire.b64 import decode
from tests.companions import without
from tests.factory import make_pki
from tests.factory_keys import key, sign, sm2, spki_of
from tests.helper.softhsm import Reader
from tests.helper.world import PIN, SITE, issue_for, origin_of

_SM2_CURVE = bytes.fromhex("06082a811ccf5501822d")
_ALL = frozenset(Mechanism)
_SOFTHSM = frozenset(
    {
        Mechanism.RSA_PKCS_KEY_PAIR_GEN, Mechanism.EC_KEY_PAIR_GEN, Mechanism.ECDSA, Mechanism.RSA_PKCS,
        Mechanism.SHA256_RSA_PKCS, Mechanism.SHA256_RSA_PKCS_PSS,
    }
)  # fmt: skip


# --- SM2 behind PKCS#11


def _made_outside(cards: Reader, card: Card, curve: bytes, object_id: bytes, label: str = "x") -> bytes:
    """A key pair made by another tool, and a certificate for it; its SubjectPublicKeyInfo."""
    with cards.session(card) as session:
        parameters = session.create_domain_parameters(KeyType.EC, {Attribute.EC_PARAMS: curve}, local=True)
        public, _ = parameters.generate_keypair(
            id=object_id, label=label, store=True, capabilities=MechanismFlag.SIGN | MechanismFlag.VERIFY,
            public_template={Attribute.PRIVATE: False},
        )  # fmt: skip
        found = public_key(public)
        session.create_object(_certificate_object(issue_for(make_pki().issuing, found.spki), object_id))
    return found.spki


def test_an_sm2_key_behind_plain_ecdsa_is_refused_by_name(cards: Reader) -> None:
    card = cards.insert()
    _made_outside(cards, card, _SM2_CURVE, b"\x01")
    page = cards.page()
    (certificate,) = page.shown()
    reply = cards.login(page, certificate)
    assert (reply.status, reply.code) == (422, "sm2_unavailable")
    assert cards.world.person.asked == []
    assert KeyKind.SM2 not in card.key_kinds


def test_companion_the_module_itself_makes_ecdsa_signatures_with_an_sm2_key(
    cards: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = cards.insert()
    found = _made_outside(cards, card, _SM2_CURVE, b"\x01")
    built = Built(b"CERTLOGIN-AUTH-V1\x00{}")
    with cards.session(card) as session:
        signer = CardSigner(session, PublicKey(found, KeyKind.SM2, b"\x01"), card.mechanisms())
        for algorithm in ("SM2-SM3", "ES256"):
            with pytest.raises(SM2Unavailable):
                signer.sign(built, algorithm)
        # Without the refusal and the check of the signature, nothing else is in the way.
        monkeypatch.setattr(cardkey, "check_signature", lambda *_: None)
        careless = CardSigner(session, PublicKey(found, KeyKind.P256, b"\x01"), card.mechanisms())
        signature = careless.sign(built, "ES256")
    assert len(signature) == 64
    with pytest.raises(InvalidSignature):
        sm2().verify(point_of(found), built.octets, signature)


def test_an_sm2_key_that_claims_to_be_another_is_found_out_by_the_check(cards: Reader) -> None:
    card = cards.insert()
    found = _made_outside(cards, card, _SM2_CURVE, b"\x01")
    with cards.session(card) as session:
        liar = CardSigner(session, PublicKey(found, KeyKind.P256, b"\x01"), card.mechanisms())
        with pytest.raises(ValueError, match="not supported"):
            liar.sign(Built(b"octets"), "ES256")


# --- which key


def test_keys_with_one_label_and_one_id_are_told_apart_by_their_public_keys(cards: Reader) -> None:
    card = cards.insert()
    curve = bytes.fromhex("06082a8648ce3d030107")
    made = [_made_outside(cards, card, curve, b"\x07", "same") for _ in range(3)]
    page = cards.page()
    certificates = page.shown()
    assert {sha256(one).hexdigest() for one in made} == {read_certificate(one).spki_sha256 for one in certificates}
    for certificate in certificates:
        answer = cards.login(page, certificate).json
        signed = b"CERTLOGIN-AUTH-V1\x00" + decode(answer["payload"])
        verify_signature(read_certificate(certificate), Algorithm("ES256"), signed, decode(answer["signature"]))


def test_companion_the_first_key_of_that_id_may_be_another_one(cards: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    card = cards.insert()
    curve = bytes.fromhex("06082a8648ce3d030107")
    for _ in range(3):
        _made_outside(cards, card, curve, b"\x07", "same")
    page = cards.page()
    monkeypatch.setattr(cardkey, "check_signature", lambda *_: None)
    signatures = []
    for certificate in page.shown():
        answer = cards.login(page, certificate).json
        leaf, payload = read_certificate(certificate), decode(answer["payload"])
        try:
            verify_signature(leaf, Algorithm("ES256"), b"CERTLOGIN-AUTH-V1\x00" + payload, decode(answer["signature"]))
            signatures.append(True)
        except Exception:
            signatures.append(False)
    assert False in signatures


def test_a_certificate_whose_key_is_not_on_the_card_signs_nothing(cards: Reader) -> None:
    card = cards.insert()
    with cards.session(card) as session:
        for name in ("leaf", "other"):
            leaf = make_pki().issuing.issue(key_name=name, key_type="RSA-2048" if name == "other" else "P-256")
            session.create_object(_certificate_object(leaf.der, b"\x05"))
    page = cards.page()
    for certificate in page.shown():
        assert cards.login(page, certificate).code == "no_certificate"


def test_a_key_that_is_not_for_signing_does_not_sign(cards: Reader) -> None:
    card = cards.insert()
    with cards.session(card) as session:
        public, _ = session.generate_keypair(
            KeyType.RSA, 2048, id=b"\x02", store=True, capabilities=MechanismFlag.DECRYPT | MechanismFlag.ENCRYPT,
            public_template={Attribute.PRIVATE: False},
        )  # fmt: skip
        der = issue_for(make_pki().issuing, public_key(public).spki)
        session.create_object(_certificate_object(der, b"\x02"))
    assert cards.login(cards.page(), der).code == "no_certificate"


# --- mechanisms


def test_the_module_hashes_where_it_can_and_else_the_digest_is_computed_here() -> None:
    octets = b"octets"
    info = bytes.fromhex("3031300d060960864801650304020105000420")
    digests = sha256(octets).digest(), sha384(octets).digest()
    for algorithm, hashing, plain, expected in (
        ("RS256", Mechanism.SHA256_RSA_PKCS, Mechanism.RSA_PKCS, info + digests[0]),
        ("PS256", Mechanism.SHA256_RSA_PKCS_PSS, Mechanism.RSA_PKCS_PSS, digests[0]),
        ("ES256", Mechanism.ECDSA_SHA256, Mechanism.ECDSA, digests[0]),
        ("ES384", Mechanism.ECDSA_SHA384, Mechanism.ECDSA, digests[1]),
    ):
        best = way_of(algorithm, _ALL)
        assert best is not None
        assert (best.mechanism, best.prepare(octets)) == (hashing, octets)
        fallback = way_of(algorithm, _ALL - {hashing})
        assert fallback is not None
        assert (fallback.mechanism, fallback.prepare(octets)) == (plain, expected)
        assert way_of(algorithm, _ALL - {hashing, plain}) is None


@pytest.mark.parametrize("algorithm", ["SM2-SM3", "", "ES512", "none"])
def test_there_is_no_mechanism_for_sm2_and_for_what_nobody_knows(algorithm: str) -> None:
    assert way_of(algorithm, _ALL) is None


def test_a_card_makes_the_keys_that_it_can_sign_a_request_with() -> None:
    assert made_by(_SOFTHSM) == (KeyKind.P256, KeyKind.RSA2048, KeyKind.P384)
    assert made_by(_SOFTHSM - {Mechanism.ECDSA}) == (KeyKind.RSA2048,)
    assert made_by(_SOFTHSM - {Mechanism.RSA_PKCS, Mechanism.SHA256_RSA_PKCS}) == (KeyKind.P256, KeyKind.P384)
    assert made_by(frozenset()) == ()
    assert algorithms_of(KeyKind.RSA3072, _SOFTHSM - {Mechanism.SHA256_RSA_PKCS_PSS}) == ("RS256",)


@pytest.mark.parametrize(
    ("kind", "missing", "algorithm"),
    [
        (KeyKind.RSA2048, Mechanism.SHA256_RSA_PKCS, "RS256"),
        (KeyKind.RSA2048, Mechanism.SHA256_RSA_PKCS_PSS, "PS256"),
    ],
)
def test_a_module_without_a_hashing_mechanism_signs_all_the_same(
    cards: Reader, monkeypatch: pytest.MonkeyPatch, kind: KeyKind, missing: Mechanism, algorithm: str
) -> None:
    card = cards.insert()
    page = cards.page()
    _, certificate = cards.enrolled(page, card, kind.value)
    mechanisms = Module.mechanisms
    monkeypatch.setattr(Module, "mechanisms", lambda self, identity: mechanisms(self, identity) - {missing})
    answer = cards.login(page, certificate, algorithms=[algorithm]).json
    signed = b"CERTLOGIN-AUTH-V1\x00" + decode(answer["payload"])
    verify_signature(read_certificate(certificate), Algorithm(algorithm), signed, decode(answer["signature"]))
    monkeypatch.setattr(Module, "mechanisms", lambda self, identity: frozenset())
    assert cards.login(page, certificate, algorithms=[algorithm]).code == "no_certificate"


# --- signatures


@without({"tests.helper.test_card_keys.check_signature": lambda *_: None})
@pytest.mark.parametrize(
    ("key_type", "algorithm"),
    [("RSA-2048", "RS256"), ("RSA-2048", "PS256"), ("P-256", "ES256"), ("P-384", "ES384")],
)
def test_s20_only_the_keys_own_signature_in_its_own_length_passes(key_type: str, algorithm: str) -> None:
    private = key("x", key_type)
    mine, octets = spki_of(private), b"octets"
    good = sign(private, octets, algorithm)
    check_signature(mine, algorithm, octets, good)
    other = sign(key("y", key_type), octets, algorithm)
    flipped = good[:-1] + bytes([good[-1] ^ 1])
    for wrong in (other, flipped, bytes(len(good))):
        with pytest.raises(InvalidSignature):
            check_signature(mine, algorithm, octets, wrong)
    with pytest.raises(InvalidSignature):
        check_signature(mine, algorithm, b"other octets", good)
    for length in (good[:-1], good + b"\x00", b"", good[:32]):
        with pytest.raises(ValueError, match="length"):
            check_signature(mine, algorithm, octets, length)
    if algorithm.startswith("ES"):
        with pytest.raises(ValueError, match="length"):
            check_signature(mine, algorithm, octets, to_der(good))
        with pytest.raises(ValueError, match="length"):
            check_signature(mine, "ES384" if algorithm == "ES256" else "ES256", octets, good)


def test_a_key_of_no_kind_that_signs_here_is_refused() -> None:
    public = ed25519.Ed25519PrivateKey.generate().public_key()
    with pytest.raises(ValueError, match="kind"):
        check_signature(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo), "ES256", b"", bytes(64))


class _Vendor:
    """A private key behind a driver that returns what it likes."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer

    def sign(self, data: bytes, **_: object) -> bytes:
        return self._answer


@pytest.mark.parametrize(
    ("answer", "code"),
    [(bytes(63), "token_removed"), (bytes(70), "token_removed"), (b"", "token_removed"), (bytes(64), "no_certificate")],
    ids=["short", "long", "empty", "wrong"],
)
def test_what_a_driver_returns_instead_of_a_signature_reaches_no_page(
    cards: Reader, monkeypatch: pytest.MonkeyPatch, answer: bytes, code: str
) -> None:
    card = cards.insert()
    page = cards.page()
    _, certificate = cards.enrolled(page, card)

    def keys(*_: object) -> Iterator[_Vendor]:
        yield _Vendor(answer)

    monkeypatch.setattr(cardkey, "private_keys", keys)
    assert cards.login(page, certificate).code == code
    # Companion: unchecked, the page gets it.
    monkeypatch.setattr(cardkey, "check_signature", lambda *_: None)
    if answer:
        assert decode(cards.login(page, certificate).json["signature"]) == answer


def under_any_name(kind: KeyKind, algorithm: str, mechanisms: frozenset[Any]) -> Way:
    way = way_of("ES256", mechanisms)
    assert way is not None
    return way


@without({"certlogin.helper.tokens.cardkey._own_way": under_any_name})
def test_s20_a_card_key_signs_with_its_own_algorithms_only(cards: Reader) -> None:
    card = cards.insert()
    key_id = cards.key(card)
    found = next(one.public for one in card.card_keys() if one.public.key_id == key_id)
    with cards.session(card) as session:
        signer = CardSigner(session, found, card.mechanisms())
        for algorithm in ("RS256", "PS256", "ES384", "SM2-SM3", ""):
            with pytest.raises(NoCertificate):
                signer.sign(Built(b"octets"), algorithm)


def test_threat_1_a_card_signs_no_hash_of_the_pages_choice(cards: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    card = cards.insert()
    page = cards.page()
    _, certificate = cards.enrolled(page, card)
    chosen = sha256(b"transcript of another protocol").digest()
    answer = cards.login(page, certificate, nonce=chosen.hex()).json
    public = read_certificate(certificate).x509.public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    mine, signature = spki_of_public(public), decode(answer["signature"])
    for message in (chosen, chosen.hex().encode(), decode(answer["payload"])):
        with pytest.raises(InvalidSignature):
            check_signature(mine, "ES256", message, signature)
    # Companion: were the page's text taken for what the module gets, it would be signed as it is.
    way = Way(Mechanism.ECDSA, lambda octets: chosen)
    monkeypatch.setattr(cardkey, "way_of", lambda *_: way)
    monkeypatch.setattr(cardkey, "check_signature", lambda *_: None)
    signature = decode(cards.login(page, certificate).json["signature"])
    check_signature(mine, "ES256", b"transcript of another protocol", signature)


def spki_of_public(public: ec.EllipticCurvePublicKey) -> bytes:
    return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def test_an_open_card_is_the_sites_only_while_its_pin_counts(cards: Reader) -> None:
    card = cards.insert()
    opened = card.unlock(bytearray(PIN.encode()))
    key_id = opened.generate(KeyKind.P256, origin_of(SITE), "u-1")
    opened.close()
    with pytest.raises(Exception, match="token_removed"):
        opened.request(key_id, "challenge")

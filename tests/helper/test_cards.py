"""From a blank card to a proof that the server accepts: PKCS#11 with a real module (SoftHSM)."""

import json
import re
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from pkcs11 import Attribute, ObjectClass, PrivateKey, UserType
from pkcs11.exceptions import AttributeSensitive, UserNotLoggedIn

from certlogin.helper.pin.base import Choice
from certlogin.helper.refusals import Busy, NoCertificate, TokenRemoved
from certlogin.helper.tokens import cardkey
from certlogin.helper.tokens.base import KeyKind
from certlogin.helper.tokens.modules import Identity
from certlogin.helper.tokens.pkcs11 import Card, _serial
from certlogin.login.challenge import Binding, Purpose, issue_challenge
from certlogin.login.proof import Expected, UnverifiedProof, accept_proof, check_proof, sid_of
from certlogin.pki.request import read_request
from certlogin.wire.b64 import decode
from tests.factory import NOW, make_pki
from tests.helper.softhsm import Reader, public_key_in, reader
from tests.helper.world import OTHER_SITE, PIN, SITE, issue_for, origin_of

_KEYS = (bytes(range(32)),)


@pytest.mark.parametrize(
    ("key_type", "offered", "algorithm"),
    [
        ("RSA-2048", ("ES256", "PS256", "RS256"), "RS256"),
        ("RSA-2048", ("ES256", "PS256"), "PS256"),
        ("P-256", ("ES256", "ES384", "RS256"), "ES256"),
        ("P-384", ("ES256", "ES384", "RS256"), "ES384"),
    ],
)
def test_c2_a4_enrol_install_and_login_with_a_card_end_in_an_accepted_proof(
    cards: Reader, key_type: str, offered: tuple[str, ...], algorithm: str
) -> None:
    card = cards.insert()
    page = cards.page()
    _, certificate = cards.enrolled(page, card, key_type)
    assert page.shown() == [certificate]
    binding = Binding("attempt", "u-1", Purpose.LOGIN, ("native",), offered, SITE, "epoch")
    expected = Expected(binding, sid_of("public-id"), timedelta(seconds=120))
    nonce = issue_challenge(binding, bytes(32), NOW, _KEYS)
    cards.world.person.pins.append(PIN)
    digest = sha256(certificate).hexdigest()
    answer = page.login(digest, nonce=nonce, sid=expected.sid, algorithms=list(offered)).json
    assert answer["tries_left"] is None
    payload, signature, shown = (decode(answer[name]) for name in ("payload", "signature", "certificate"))
    assert json.loads(payload)["alg"] == algorithm
    proof = UnverifiedProof("native", payload, signature, shown, tuple(decode(der) for der in answer["chain"]))
    accepted = accept_proof(check_proof(proof, expected, NOW, _KEYS), make_pki().trust(), NOW)
    assert accepted.certificate.path[0] == certificate


def test_both_kinds_of_media_are_listed_and_neither_needs_a_pin(cards: Reader) -> None:
    card = cards.insert("机房备用")
    file = cards.world.make_token()
    page = cards.page()
    cards.enrolled(page, card)
    asked = len(cards.world.person.asked)
    first, second = page.certificates().json["tokens"]
    assert (first["serial"], first["label"], first["model"]) == (card.serial, "机房备用", "SoftHSM v2")
    assert (first["tries_left"], first["locked"], len(first["certificates"])) == (None, False, 1)
    # SM2 is not among them: PKCS#11 has no mechanism for it.
    assert first["key_types"] == ["P-256", "RSA-2048", "P-384"]
    assert second["serial"] == file.serial
    assert len(cards.world.person.asked) == asked


@pytest.mark.parametrize("kind", [KeyKind.P256, KeyKind.RSA2048, KeyKind.P384])
def test_a_key_made_on_a_card_cannot_leave_it(cards: Reader, kind: KeyKind) -> None:
    card = cards.insert()
    cards.key(card, kind)
    with cards.session(card) as session:
        (private,) = (key for key in session.get_objects({Attribute.CLASS: ObjectClass.PRIVATE_KEY}))
        assert isinstance(private, PrivateKey)
        assert (private[Attribute.SENSITIVE], private[Attribute.EXTRACTABLE]) == (True, False)
        assert (private[Attribute.ALWAYS_SENSITIVE], private[Attribute.NEVER_EXTRACTABLE]) == (True, True)
        assert (private[Attribute.PRIVATE], private[Attribute.SIGN], private[Attribute.LOCAL]) == (True, True, True)
        assert (private[Attribute.DECRYPT], private[Attribute.UNWRAP], private[Attribute.DERIVE]) == (False,) * 3
        secret = Attribute.PRIVATE_EXPONENT if kind is KeyKind.RSA2048 else Attribute.VALUE
        with pytest.raises(AttributeSensitive):
            assert private[secret]


def test_a_card_that_makes_keys_which_can_leave_it_gets_none(cards: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    card = cards.insert()
    monkeypatch.setattr(cardkey, "_PRIVATE", {Attribute.EXTRACTABLE: True})
    with pytest.raises(TokenRemoved):
        cards.key(card)
    assert card.keys() == ()
    with cards.session(card) as session:
        assert list(session.get_objects({Attribute.CLASS: ObjectClass.PRIVATE_KEY})) == []


def test_c2_the_request_of_a_card_is_built_here_and_signed_there(cards: Reader) -> None:
    card = cards.insert()
    page = cards.page()
    for key_type, bits in (("P-384", 384), ("RSA-2048", 2048)):
        cards.world.person.pins.append(PIN)
        made = page.enroll(card, key_type=key_type, nonce="n" * 255).json
        request = read_request(decode(made["request"]))
        assert (request.key_bits, request.challenge_password) == (bits, "n" * 255)
        key = next(key for key in card.keys() if key.key_id == made["key_id"])
        assert (key.origin, key.unit, key.pending) == (SITE, "u-1", True)
        assert sha256(key.public_key).hexdigest() == request.spki_sha256


def test_an_enrolment_on_a_card_goes_on_after_a_restart_for_the_site_that_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with reader(tmp_path, monkeypatch) as before:
        card = before.insert()
        before.world.person.pins.append(PIN)
        first = before.page().enroll(card, nonce="first").json
    with reader(tmp_path, monkeypatch) as after:
        page = after.page()
        assert page.certificates().json["tokens"][0]["pending"] is True
        stranger = after.world.page(OTHER_SITE)
        stranger.pair(Choice.NOT_OK)
        assert stranger.certificates().json["tokens"][0]["pending"] is False
        after.world.person.pins.append(PIN)
        again = page.enroll(card, nonce="second").json
        assert again["key_id"] == first["key_id"]
        issuing = make_pki().issuing
        certificate = issue_for(issuing, public_key_in(again["request"]))
        assert stranger.install(again["key_id"], certificate).code == "no_certificate"
        assert page.install(again["key_id"], certificate, issuing.der).status == 200
        # Once more: the answer was lost.
        assert page.install(again["key_id"], certificate, issuing.der).status == 200
        assert page.shown() == [certificate]
        assert page.install(again["key_id"], issue_for(issuing, public_key_in(again["request"]), "x")).code == (
            "no_certificate"
        )


def test_a_card_that_wants_its_pin_before_it_takes_a_certificate_gets_it(
    cards: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = Card.put

    def only_logged_in(self: Card, session: Any, *rest: Any) -> None:
        if session.user_type != UserType.USER:
            raise UserNotLoggedIn
        put(self, session, *rest)

    monkeypatch.setattr(Card, "put", only_logged_in)
    card = cards.insert()
    page = cards.page()
    cards.world.person.pins.append(PIN)
    made = page.enroll(card).json
    issuing = make_pki().issuing
    certificate = issue_for(issuing, public_key_in(made["request"]))
    assert page.install(made["key_id"], certificate).code == "user_cancelled"
    cards.world.person.pins.append(PIN)
    assert page.install(made["key_id"], certificate, issuing.der).status == 200
    assert "下载证书" in cards.world.person.asked[-1].description
    assert page.shown() == [certificate]


def test_keys_that_wait_do_not_fill_a_card(cards: Reader) -> None:
    card = cards.insert()
    opened = card.unlock(bytearray(PIN.encode()))
    try:
        for number in range(8):
            opened.generate(KeyKind.P256, origin_of(SITE), f"u-{number}")
        with pytest.raises(Busy):
            opened.generate(KeyKind.P256, origin_of(SITE), "u-9")
        with pytest.raises(NoCertificate):
            opened.generate(KeyKind.SM2, origin_of(SITE), "u-9")
    finally:
        opened.close()
    assert len(card.keys()) == 8


def test_an_unknown_key_neither_signs_nor_takes_a_certificate(cards: Reader) -> None:
    card = cards.insert()
    opened = card.unlock(bytearray(PIN.encode()))
    try:
        with pytest.raises(NoCertificate):
            opened.request("0" * 32, "challenge")
        with pytest.raises(NoCertificate):
            opened.install("0" * 32, make_pki().issuing.der, ())
    finally:
        opened.close()
    with pytest.raises(NoCertificate):
        card.install("0" * 32, make_pki().issuing.der, ())


def test_a_chain_that_is_on_the_card_already_is_not_in_the_way(cards: Reader) -> None:
    card = cards.insert()
    page = cards.page()
    shown = {cards.enrolled(page, card, unit=unit)[1] for unit in ("u-1", "u-2")}
    assert set(page.shown()) == shown
    assert {key.chain for key in card.keys()} == {(make_pki().issuing.der,)}


def test_a_name_for_a_card_without_a_usable_serial_number() -> None:
    odd = [Identity("maker", "model", serial) for serial in (b"", b"a b", b"\xff\xfe", b"x" * 65)]
    names = [_serial(identity) for identity in odd]
    assert len(set(names)) == 4
    assert all(re.fullmatch("P[0-9A-F]{16}", name) for name in names)
    assert _serial(Identity("maker", "model", b"A1.b-2_3  ")) == "A1.b-2_3"

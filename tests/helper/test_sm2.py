"""SM2 keys on file tokens: offered first, and refused with a reason where nothing computes SM2."""

import json
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from certlogin.helper.config import HelperConfig, SM2Settings
from certlogin.helper.pin.base import Choice
from certlogin.helper.refusals import NoCertificate
from certlogin.helper.signing import Built
from certlogin.helper.surroundings import Surroundings
from certlogin.helper.tokens.base import KeyKind
from certlogin.helper.tokens.filetoken import FileToken, TokenPlan, create_token
from certlogin.helper.tokens.media import load_sm2
from certlogin.helper.tokens.softkeys import RSAKey, load_key, new_key
from certlogin.pki.certificate import read_certificate
from certlogin.pki.signature import Algorithm, verify_signature
from certlogin.pki.sm2 import SM2, SM2Unavailable, point_of
from certlogin.wire.b64 import decode
from tests.companions import without
from tests.factory_keys import sm2
from tests.helper.world import COST, PIN, SITE, Page, World, origin_of, running

_HERE = Surroundings()
_NOWHERE = SM2Settings("/nonexistent/libcrypto.so")


def _token(folder: Path) -> FileToken:
    return create_token(folder, TokenPlan("介质", cost=COST), bytearray(PIN.encode()), _HERE, sm2())


def _paired(world: World) -> Page:
    page = world.page()
    page.pair(Choice.NOT_OK)
    return page


def test_sm2_is_offered_first(world: World) -> None:
    token = world.make_token()
    assert token.key_kinds == (KeyKind.SM2, KeyKind.P256, KeyKind.RSA2048)
    assert _paired(world).certificates().json["tokens"][0]["key_types"] == ["SM2", "P-256", "RSA-2048"]


def test_an_sm2_key_signs_the_payload_with_the_default_id(world: World) -> None:
    certificate = world.make_certificate(world.make_token(), KeyKind.SM2)
    page = _paired(world)
    world.person.pins.append(PIN)
    answer = page.login(sha256(certificate).hexdigest()).json
    payload, signature = decode(answer["payload"]), decode(answer["signature"])
    assert (json.loads(payload)["alg"], len(signature)) == ("SM2-SM3", 64)
    signed = b"CERTLOGIN-AUTH-V1\x00" + payload
    verify_signature(read_certificate(certificate), Algorithm("SM2-SM3"), signed, signature, sm2())
    with pytest.raises(InvalidSignature):
        sm2().verify(point_of(world.tokens[0].keys()[0].public_key), payload, signature)


def test_where_there_is_no_sm2_the_kind_is_not_offered_and_not_made(tmp_path: Path) -> None:
    with running(tmp_path, sm2=_NOWHERE) as world:
        token = world.make_token()
        page = _paired(world)
        assert page.certificates().json["tokens"][0]["key_types"] == ["P-256", "RSA-2048"]
        reply = page.enroll(token, key_type="SM2")
        assert (reply.code, reply.facts) == ("bad_request", {"reason": "not_allowed", "member": "key_type"})


def test_an_sm2_key_is_refused_by_name_where_there_is_no_sm2(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with running(tmp_path) as world:
        certificate = world.make_certificate(world.make_token(), KeyKind.SM2)
    with running(tmp_path, sm2=_NOWHERE) as world:
        page = _paired(world)
        assert page.shown() == [certificate]
        asked = len(world.person.asked)
        reply = page.login(sha256(certificate).hexdigest())
        assert (reply.status, reply.code, reply.facts) == (422, "sm2_unavailable", {})
        # No PIN is asked for what cannot be done, and the reason is for the log.
        assert len(world.person.asked) == asked
        assert "/nonexistent/libcrypto.so" not in reply.body.decode()
        assert "/nonexistent/libcrypto.so" in caplog.text
        # A server that has no use for the key hears only that.
        assert page.login(sha256(certificate).hexdigest(), algorithms=["ES256"]).code == "no_certificate"


def test_an_open_token_without_sm2_signs_with_its_other_keys_only(tmp_path: Path) -> None:
    token = _token(tmp_path)
    opened = token.unlock(bytearray(PIN.encode()))
    with_sm2, without = (opened.generate(kind, origin_of(SITE), "u") for kind in (KeyKind.SM2, KeyKind.P256))
    poor = FileToken(tmp_path / token.serial, _HERE).unlock(bytearray(PIN.encode()))
    for use in (lambda: poor.request(with_sm2, "c"), lambda: poor.generate(KeyKind.SM2, origin_of(SITE), "u")):
        with pytest.raises(SM2Unavailable, match="not loaded"):
            use()
    assert poor.request(without, "c")


def test_the_library_comes_from_the_configuration(tmp_path: Path) -> None:
    assert isinstance(load_sm2(HelperConfig(tmp_path, tmp_path)), SM2)
    missing = load_sm2(HelperConfig(tmp_path, tmp_path, sm2=_NOWHERE))
    assert isinstance(missing, SM2Unavailable)
    assert "/nonexistent/libcrypto.so" in missing.what


@pytest.mark.parametrize("kind", [KeyKind.SM2, KeyKind.P256, KeyKind.RSA2048])
def test_a_key_is_loaded_as_what_it_is_and_as_nothing_else(kind: KeyKind) -> None:
    key = new_key(kind, sm2())
    assert load_key(key.pkcs8(), kind, sm2()).public_key == key.public_key
    for other in set(KeyKind) - {kind}:
        with pytest.raises(ValueError, match=r"."):
            load_key(key.pkcs8(), other, sm2())


@without({"certlogin.helper.tokens.softkeys._check_own": lambda *_: None})
def test_s20_a_key_signs_with_its_own_algorithms_only() -> None:
    for kind in (KeyKind.SM2, KeyKind.P256, KeyKind.RSA2048):
        key = new_key(kind, sm2())
        for algorithm in {"RS256", "PS256", "ES256", "ES384", "SM2-SM3", ""} - set(kind.algorithms):
            with pytest.raises(NoCertificate):
                key.sign(Built(b"octets"), algorithm)


def test_kinds_that_a_file_cannot_hold_are_not_made() -> None:
    for kind in (KeyKind.P384, KeyKind.RSA3072, KeyKind.RSA4096):
        with pytest.raises(NoCertificate):
            new_key(kind, sm2())
    with pytest.raises(NoCertificate):
        new_key(KeyKind.SM2, None)


def test_an_rsa_key_signs_ps256_where_the_server_offers_no_rs256(world: World) -> None:
    certificate = world.make_certificate(world.make_token(), KeyKind.RSA2048)
    page = _paired(world)
    for offered, chosen in ((["PS256", "RS256"], "RS256"), (["ES256", "PS256"], "PS256")):
        world.person.pins.append(PIN)
        answer = page.login(sha256(certificate).hexdigest(), algorithms=offered).json
        payload = decode(answer["payload"])
        assert json.loads(payload)["alg"] == chosen
        signed = b"CERTLOGIN-AUTH-V1\x00" + payload
        verify_signature(read_certificate(certificate), Algorithm(chosen), signed, decode(answer["signature"]))


def test_ps256_has_a_salt_as_long_as_the_digest() -> None:
    private = rsa.generate_private_key(65537, 2048)
    signature = RSAKey(private).sign(Built(b"octets"), "PS256")
    exactly = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    private.public_key().verify(signature, b"octets", exactly, hashes.SHA256())

"""From a blank token to a proof that the server accepts, through the helper's own socket."""

import json
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import load_der_public_key

from certlogin.helper.pin.base import Choice
from certlogin.login.challenge import Binding, Purpose, issue_challenge
from certlogin.login.proof import Expected, OriginMismatch, UnverifiedProof, accept_proof, check_proof, sid_of
from certlogin.pki.request import read_request
from certlogin.wire.b64 import decode
from certlogin.wire.helper import helper_proof_bytes
from tests.companions import without
from tests.factory import NOW, PKI, make_pki
from tests.factory_keys import sm2
from tests.helper.world import OTHER_SITE, PIN, SITE, Page, World, grants, issue_for, running

_KEYS = (bytes(range(32)),)
_BINDING = Binding("attempt", "u-1", Purpose.LOGIN, ("native",), ("ES256", "RS256", "SM2-SM3"), SITE, "epoch")
_EXPECTED = Expected(_BINDING, sid_of("public-id"), timedelta(seconds=120))


def _pki(key_type: str) -> PKI:
    return make_pki("SM2" if key_type == "SM2" else "P-256")


def _enrolled(world: World, page: Page, key_type: str) -> bytes:
    """Enrol and install; the certificate."""
    token = world.make_token()
    world.person.pins.append(PIN)
    made = page.enroll(token, key_type=key_type).json
    request = read_request(decode(made["request"]), sm2())
    assert request.challenge_password == "server.challenge.text"
    issuing = _pki(key_type).issuing
    certificate = issue_for(issuing, request.spki)
    installed = page.install(made["key_id"], certificate, issuing.der)
    assert installed.status == 200
    return certificate


def _proof(page: Page, certificate: bytes, nonce: str) -> UnverifiedProof:
    page.world.person.pins.append(PIN)
    digest = sha256(certificate).hexdigest()
    answer = page.login(digest, nonce=nonce, sid=_EXPECTED.sid, unit=_BINDING.unit).json
    parts = [decode(answer[name]) for name in ("payload", "signature", "certificate")]
    return UnverifiedProof("native", parts[0], parts[1], parts[2], tuple(decode(der) for der in answer["chain"]))


@pytest.mark.parametrize("key_type", ["SM2", "RSA-2048", "P-256"])
@pytest.mark.parametrize("choice", [Choice.OK, Choice.NOT_OK])
def test_c2_a4_enrol_install_and_login_end_in_an_accepted_proof(world: World, key_type: str, choice: Choice) -> None:
    page = world.page()
    page.pair(choice)
    world.person.choices.append(Choice.OK)  # lets the site make a key
    certificate = _enrolled(world, page, key_type)
    world.person.choices.append(Choice.OK)  # shows the certificate, when paired for this once
    assert page.shown() == [certificate]
    proof = _proof(page, certificate, issue_challenge(_BINDING, bytes(32), NOW, _KEYS))
    accepted = accept_proof(check_proof(proof, _EXPECTED, NOW, _KEYS), _pki(key_type).trust(), NOW)
    assert accepted.certificate.path[0] == certificate
    assert accepted.clock_difference == 0


@without({"certlogin.login.proof._compare": lambda *_: None})
def test_s21_threat_2_a_relayed_challenge_carries_the_origin_of_the_relay(tmp_path: Path) -> None:
    with running(tmp_path, origins=grants("login", "certificates", "enroll", origin=OTHER_SITE)) as world:
        evil = world.page(OTHER_SITE)
        evil.pair()
        certificate = _enrolled(world, evil, "P-256")
        proof = _proof(evil, certificate, issue_challenge(_BINDING, bytes(32), NOW, _KEYS))
    with pytest.raises(OriginMismatch):
        check_proof(proof, _EXPECTED, NOW, _KEYS)
    # Companion: all else is as the server expects it, the origin is what stops the relay.
    payload = json.loads(proof.payload) | {"origin": SITE}
    assert check_proof(replace(proof, payload=json.dumps(payload).encode()), _EXPECTED, NOW, _KEYS)


def test_threat_7_the_page_knows_its_helper_by_the_key_it_pinned(world: World, tmp_path: Path) -> None:
    page = world.page()
    pinned = load_der_public_key(decode(page.pair(Choice.NOT_OK).json["helper_key"]))
    assert isinstance(pinned, ec.EllipticCurvePublicKey)

    def proves(answer: bytes, key: ec.EllipticCurvePublicKey) -> bool:
        r, s = int.from_bytes(answer[:32], "big"), int.from_bytes(answer[32:], "big")
        try:
            key.verify(encode_dss_signature(r, s), helper_proof_bytes(SITE, bytes(32)), ec.ECDSA(hashes.SHA256()))
        except Exception:
            return False
        return True

    assert proves(decode(page.certificates().json["helper_proof"]), pinned)
    # A squatter on the same port, with an installation secret of its own: another key answers.
    with running(tmp_path / "squatter") as squatter:
        other = squatter.page()
        other_key = load_der_public_key(decode(other.pair(Choice.NOT_OK).json["helper_key"]))
        assert isinstance(other_key, ec.EllipticCurvePublicKey)
        answer = decode(other.certificates().json["helper_proof"])
    assert not proves(answer, pinned)
    # Companion: a page that pins nothing and takes any key believes the squatter.
    assert proves(answer, other_key)


def test_threat_17_two_sites_cannot_compare_the_helpers_key(world: World) -> None:
    keys = {page.pair(Choice.NOT_OK).json["helper_key"] for page in (world.page(), world.page(OTHER_SITE))}
    assert len(keys) == 2
    assert world.page().pair(Choice.NOT_OK).json["helper_key"] in keys

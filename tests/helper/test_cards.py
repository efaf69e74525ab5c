"""From a blank card to a proof that the server accepts: PKCS#11 with a real module (SoftHSM)."""

import json
from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from certlogin.login.challenge import Binding, Purpose, issue_challenge
from certlogin.login.proof import Expected, UnverifiedProof, accept_proof, check_proof, sid_of
from certlogin.wire.b64 import decode
from tests.factory import NOW, make_pki
from tests.helper.softhsm import Reader, reader
from tests.helper.world import PIN, SITE

_KEYS = (bytes(range(32)),)


@pytest.fixture
def cards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader]:
    with reader(tmp_path, monkeypatch) as made:
        yield made


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

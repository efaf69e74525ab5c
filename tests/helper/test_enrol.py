"""Making a key for a site and taking the certificate for it (C2, threat 15)."""

from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from certlogin.helper import keywork
from certlogin.helper.pin.base import Choice, ConfirmQuestion, PinQuestion
from certlogin.helper.showing import held_keys
from certlogin.helper.tokens.filetoken import FileToken
from certlogin.pki.request import read_request
from certlogin.wire.b64 import decode
from tests.factory import make_pki
from tests.factory_keys import sm2
from tests.helper.world import OTHER_SITE, PIN, SITE, Page, World, grants, issue_for, running


def _paired(world: World, origin: str = SITE) -> Page:
    page = world.page(origin)
    page.pair(Choice.NOT_OK)
    world.person.asked.clear()
    return page


def _enrolled(page: Page, token: FileToken, **changes: Any) -> dict[str, Any]:
    page.world.person.choices.append(Choice.OK)
    page.world.person.pins.append(PIN)
    reply = page.enroll(token, **changes)
    assert reply.status == 200, reply.body
    return reply.json


def _certificate(made: dict[str, Any], common_name: str = "测试单位") -> bytes:
    return issue_for(make_pki().issuing, read_request(decode(made["request"])).spki, common_name)


@pytest.mark.parametrize(("key_type", "bits"), [("SM2", 256), ("P-256", 256), ("RSA-2048", 2048)])
def test_c2_the_request_is_built_here_and_carries_the_challenge(world: World, key_type: str, bits: int) -> None:
    page, token = _paired(world), world.make_token()
    made = _enrolled(page, token, key_type=key_type, nonce="n" * 255)
    request = read_request(decode(made["request"]), sm2())
    assert (request.key_bits, request.challenge_password) == (bits, "n" * 255)
    key = token.keys()[0]
    assert (key.key_id, key.origin, key.unit, key.pending) == (made["key_id"], SITE, "u-1", True)
    assert sha256(key.public_key).hexdigest() == request.spki_sha256


def test_c2_the_user_is_asked_once_more_before_a_site_makes_a_key(world: World) -> None:
    page, token = _paired(world), world.make_token()
    _enrolled(page, token)
    consent, pin = world.person.asked
    assert isinstance(consent, ConfirmQuestion)
    assert isinstance(pin, PinQuestion)
    for question in (consent, pin):
        assert f"完整地址：{SITE}" in question.description
        assert "用途：下载证书" in question.description
        assert "单位：北京测试单位（u-1）" in question.description
    assert "生成密钥" in consent.description


def test_c2_without_the_users_consent_no_pin_is_asked_and_no_key_made(world: World) -> None:
    page, token = _paired(world), world.make_token()
    world.person.pins.append(PIN)
    assert page.enroll(token).code == "user_cancelled"
    assert [type(question) for question in world.person.asked] == [ConfirmQuestion]
    assert token.keys() == ()


def test_an_administrator_may_leave_out_the_consent_but_never_the_pin(tmp_path: Path) -> None:
    with running(tmp_path, origins=grants("login", "certificates", "enroll")) as world:
        page, token = world.page(), world.make_token()
        page.pair()
        assert page.enroll(token).code == "user_cancelled"
        assert [type(question) for question in world.person.asked] == [PinQuestion]
        world.person.pins.append(PIN)
        assert page.enroll(token).status == 200


def test_a_wrong_pin_makes_no_key_and_counts(world: World) -> None:
    page, token = _paired(world), world.make_token()
    world.person.choices.append(Choice.OK)
    world.person.pins.append("wrong1")
    reply = page.enroll(token)
    assert (reply.code, reply.facts) == ("pin_wrong", {"tries_left": 5})
    assert token.keys() == ()


@pytest.mark.parametrize("key_type", ["RSA-3072", "RSA-1024", "P-384"])
def test_a_kind_of_key_that_the_token_cannot_make_is_refused(world: World, key_type: str) -> None:
    page, token = _paired(world), world.make_token()
    reply = page.enroll(token, key_type=key_type)
    assert (reply.code, reply.facts) == ("bad_request", {"reason": "not_allowed", "member": "key_type"})
    assert world.person.asked == []


def test_an_unknown_token_is_no_token(world: World) -> None:
    page = _paired(world)
    assert page.enroll(world.make_token(), token_serial="F000000000000").code == "no_token"


def test_an_enrolment_that_broke_off_goes_on_with_the_same_key(world: World) -> None:
    page, token = _paired(world), world.make_token()
    first = _enrolled(page, token, nonce="first")
    again = _enrolled(page, token, nonce="second")
    assert again["key_id"] == first["key_id"]
    assert read_request(decode(again["request"])).challenge_password == "second"
    # Another unit, another kind, another site: another key.
    others = [_enrolled(page, token, unit="u-2"), _enrolled(page, token, key_type="RSA-2048")]
    others.append(_enrolled(_paired(world, OTHER_SITE), token))
    assert len({first["key_id"], *(made["key_id"] for made in others)}) == 4


def test_keys_that_wait_do_not_fill_the_token(tmp_path: Path) -> None:
    with running(tmp_path, origins=grants("login", "enroll")) as world:
        page, token = world.page(), world.make_token()
        page.pair()
        for number in range(8):
            _enrolled(page, token, unit=f"u-{number}")
        world.clock.advance(60.0)
        world.person.pins.append(PIN)
        assert page.enroll(token, unit="u-9").code == "busy"
        # Those that are there may be resumed.
        assert _enrolled(page, token, unit="u-7")["key_id"]


def test_c2_the_issued_certificate_goes_onto_its_key(world: World) -> None:
    page, token = _paired(world), world.make_token()
    made = _enrolled(page, token)
    certificate = _certificate(made)
    asked = len(world.person.asked)
    reply = page.install(made["key_id"], certificate, make_pki().issuing.der)
    assert reply.json == {"certificate_sha256": sha256(certificate).hexdigest()}
    assert len(world.person.asked) == asked
    assert page.shown() == [certificate]
    # The answer was lost and the page asks again.
    assert page.install(made["key_id"], certificate).status == 200


def test_threat_15_a_certificate_for_another_key_is_refused(world: World) -> None:
    page, token = _paired(world), world.make_token()
    mine, foreign = _enrolled(page, token), _enrolled(page, token, unit="u-2")
    reply = page.install(mine["key_id"], _certificate(foreign))
    assert (reply.code, reply.facts) == ("bad_request", {"reason": "wrong_key", "member": "certificate"})
    assert all(key.pending for key in token.keys())


def test_threat_15_companion_without_the_check_a_foreign_certificate_is_installed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, token = _paired(world), world.make_token()
    mine, foreign = _enrolled(page, token), _enrolled(page, token, unit="u-2")
    monkeypatch.setattr(keywork, "check_fits", lambda request, key: None)
    assert page.install(mine["key_id"], _certificate(foreign)).status == 200


def test_threat_15_only_the_site_that_asked_installs(world: World) -> None:
    page, token = _paired(world), world.make_token()
    made = _enrolled(page, token)
    thief = _paired(world, OTHER_SITE)
    assert thief.install(made["key_id"], _certificate(made)).code == "no_certificate"
    assert page.install("0" * 16, _certificate(made)).code == "no_certificate"
    assert token.keys()[0].pending


def test_threat_15_companion_without_the_origin_of_the_key_any_site_installs(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, token = _paired(world), world.make_token()
    made = _enrolled(page, token)
    thief = _paired(world, OTHER_SITE)
    monkeypatch.setattr(keywork.KeyWork, "_own", lambda self, caller: held_keys(self.showing.tokens()))
    assert thief.install(made["key_id"], _certificate(made)).status == 200


def test_threat_15_an_installed_certificate_is_not_replaced(world: World) -> None:
    page, token = _paired(world), world.make_token()
    made = _enrolled(page, token)
    first = _certificate(made)
    assert page.install(made["key_id"], first).status == 200
    assert page.install(made["key_id"], _certificate(made, "另一单位")).code == "no_certificate"
    assert token.keys()[0].certificate == first


@pytest.mark.parametrize("member", ["certificate", "chain"])
@pytest.mark.parametrize("junk", [b"0", b"\x30\x03\x02\x01\x01", b"-----BEGIN CERTIFICATE-----"])
def test_what_is_no_certificate_does_not_get_onto_the_token(world: World, member: str, junk: bytes) -> None:
    page, token = _paired(world), world.make_token()
    made = _enrolled(page, token)
    parts = [junk] if member == "certificate" else [_certificate(made), junk]
    reply = page.install(made["key_id"], *parts)
    assert (reply.code, reply.facts) == ("bad_request", {"reason": "not_a_certificate", "member": member})
    assert token.keys()[0].pending


def test_a_truncated_certificate_is_refused_at_every_length(world: World) -> None:
    page, token = _paired(world), world.make_token()
    made = _enrolled(page, token)
    whole = _certificate(made)
    for length in (1, len(whole) // 2, len(whole) - 1):
        assert page.install(made["key_id"], whole[:length]).facts["reason"] == "not_a_certificate"
    assert page.install(made["key_id"], whole + b"\x00").facts["reason"] == "not_a_certificate"

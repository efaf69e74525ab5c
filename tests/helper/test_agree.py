"""Signing an agreement: the whole text is shown, the very text that is hashed, under a consent of its own (E6, B16)."""

import json
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from certlogin.helper.config import Language
from certlogin.helper.log import LOGGER
from certlogin.helper.pin.base import Choice, ConfirmQuestion, PinQuestion, TextQuestion
from certlogin.helper.tokens.base import KeyKind
from certlogin.login.agreement import Agreement, accept_agreement, check_agreement
from certlogin.login.challenge import Binding, Purpose, issue_challenge
from certlogin.login.proof import Expected, OriginMismatch, UnverifiedProof, check_proof, sid_of
from certlogin.pki.certificate import read_certificate
from certlogin.pki.signature import Algorithm, SignatureMismatch, verify_signature
from certlogin.version import __version__
from certlogin.wire.agreement import AGREE_BODY_LIMIT
from certlogin.wire.b64 import decode
from certlogin.wire.bad_request import BadRequest
from certlogin.wire.helper import BODY_LIMIT
from certlogin.wire.plain_text import TEXT_LIMIT
from tests.companions import without
from tests.factory import NOW, make_pki
from tests.helper.world import (
    AGREEMENT,
    OTHER_SITE,
    PATIENCE,
    PIN,
    SITE,
    WAIT,
    Page,
    Reply,
    World,
    agree_message,
    grants,
    running,
)


@pytest.fixture
def seeded(tmp_path: Path) -> Iterator[World]:
    """An administrator lets the site show agreements without a question."""
    with running(tmp_path, origins=grants("login", "certificates", "agree")) as made:
        yield made


def _ready(world: World, kind: KeyKind = KeyKind.P256, tries: int = 6, origin: str = SITE) -> tuple[Page, bytes]:
    certificate = world.make_certificate(world.make_token(tries=tries), kind, origin=origin)
    page = world.page(origin)
    page.pair(Choice.NOT_OK)
    world.person.choices.clear()
    world.person.asked.clear()
    return page, certificate


def _agree(page: Page, certificate: bytes, pin: str = PIN, **changes: Any) -> Reply:
    """Of somebody who agrees to everything."""
    person = page.world.person
    person.choices.append(Choice.OK)
    person.readings.append(Choice.OK)
    person.pins.append(pin)
    return page.agree(sha256(certificate).hexdigest(), **changes)


def _proof(reply: Reply) -> UnverifiedProof:
    parts = [decode(reply.json[name]) for name in ("payload", "signature", "certificate")]
    return UnverifiedProof("native", parts[0], parts[1], parts[2], tuple(decode(der) for der in reply.json["chain"]))


@contextmanager
def _background(call: Callable[[], None]) -> Iterator[None]:
    thread = threading.Thread(target=call)
    thread.start()
    try:
        yield
    finally:
        thread.join(PATIENCE)
    assert not thread.is_alive()


@pytest.mark.parametrize(("kind", "algorithm"), [(KeyKind.P256, "ES256"), (KeyKind.RSA2048, "RS256")])
def test_threats_1_2_12_and_15_what_is_signed_is_the_text_that_was_shown(
    world: World, kind: KeyKind, algorithm: str
) -> None:
    page, certificate = _ready(world, kind)
    answer = _agree(page, certificate, nonce="n.1.m", sid="sid-of-attempt", unit="u-9").json
    payload = decode(answer["payload"])
    shown = world.person.asked[1]
    assert isinstance(shown, TextQuestion)
    assert shown.text == AGREEMENT
    assert json.loads(payload) == {
        "v": 1,
        "purpose": "agree",
        "origin": SITE,
        "unit": "u-9",
        "nonce": "n.1.m",
        "iat": int(NOW.timestamp()),
        "cert_sha256": sha256(certificate).hexdigest(),
        "alg": algorithm,
        "sid": "sid-of-attempt",
        "helper": __version__,
        "uv": "pin",
        "text_sha256": sha256(shown.text.encode()).hexdigest(),
        "text_version": "2026-1",
    }
    leaf, signature = read_certificate(certificate), decode(answer["signature"])
    verify_signature(leaf, Algorithm(algorithm), b"CERTLOGIN-AGREE-V1\x00" + payload, signature)
    with pytest.raises(SignatureMismatch):
        verify_signature(leaf, Algorithm(algorithm), b"CERTLOGIN-AUTH-V1\x00" + payload, signature)
    assert answer.keys() == {"payload", "signature", "certificate", "chain", "tries_left"}
    assert (decode(answer["certificate"]), answer["tries_left"]) == (certificate, 6)


def test_e6_consent_text_and_pin_come_one_after_the_other_and_each_names_the_act(world: World) -> None:
    page, certificate = _ready(world)
    assert _agree(page, certificate).status == 200
    consent, text, pin = world.person.asked
    assert isinstance(consent, ConfirmQuestion)
    assert isinstance(text, TextQuestion)
    assert isinstance(pin, PinQuestion)
    for question in (consent, text, pin):
        lines = question.description.split("\n")
        for line in (f"完整地址：{SITE}", "用途：签署协议", "协议版本：2026-1", "单位：北京测试单位（u-1）"):
            assert line in lines
        assert f"安全短语：{world.service.texts.phrase()}" in lines
    assert "阅读一份协议" in consent.description
    assert (consent.ok, text.ok, text.cancel) == ("阅读", "同意并签署", "取消")


@pytest.mark.parametrize(
    ("choices", "readings", "pins", "windows"),
    [
        ([Choice.CANCEL], [Choice.OK], [PIN], [ConfirmQuestion]),
        ([Choice.OK], [Choice.CANCEL], [PIN], [ConfirmQuestion, TextQuestion]),
        ([Choice.OK], [Choice.NOT_OK], [PIN], [ConfirmQuestion, TextQuestion]),
        ([Choice.OK], [Choice.OK], [], [ConfirmQuestion, TextQuestion, PinQuestion]),
    ],
)
def test_threat_3_a_no_in_any_window_signs_nothing_and_opens_no_further_one(
    world: World, choices: list[Choice], readings: list[Choice], pins: list[str], windows: list[type]
) -> None:
    page, certificate = _ready(world)
    world.person.choices.extend(choices)
    world.person.readings.extend(readings)
    world.person.pins.extend(pins)
    reply = page.agree(sha256(certificate).hexdigest())
    assert (reply.code, reply.facts) == ("user_cancelled", {"by": "user"})
    assert [type(question) for question in world.person.asked] == windows


@without({"certlogin.helper.prompts.Prompt.agree": lambda *_: None}, sees="assert 200 == 422")
def test_threat_3_a_paired_site_needs_a_second_consent(world: World) -> None:
    page, certificate = _ready(world)
    world.person.readings.append(Choice.OK)
    world.person.pins.append(PIN)
    assert page.agree(sha256(certificate).hexdigest()).status == 422


@without({"certlogin.helper.prompts.Prompt.read": lambda *_: None}, sees="assert 200 == 422")
def test_threat_3_an_administrator_leaves_out_the_consent_but_never_the_text(seeded: World) -> None:
    page, certificate = _ready(seeded)
    seeded.person.pins.append(PIN)
    assert page.agree(sha256(certificate).hexdigest()).status == 422
    assert [type(question) for question in seeded.person.asked] == [TextQuestion]


def test_an_administrators_grant_is_for_its_origin_and_its_act(tmp_path: Path) -> None:
    for may, windows in ((("login", "agree"), 2), (("login", "enroll"), 3)):
        with running(tmp_path / may[1], origins=grants(*may)) as world:
            page, certificate = _ready(world)
            assert _agree(page, certificate).status == 200
            assert len(world.person.asked) == windows


# --- what is shown


@without({"certlogin.wire.agreement.plain_text": lambda value, member: value[member]}, sees="assert 200 == 400")
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("付款\u202e001\u202c 元", "hidden_character"),
        ("不\u200b同意", "hidden_character"),
        ("a\ufeffb", "hidden_character"),
        ("one\r\ntwo", "control_character"),
        ("one\ttwo", "control_character"),
        ("\x1b[2Jone", "control_character"),
        ("e\u0301", "hidden_character"),
        ("\u212b", "not_normal"),
        ("שלום", "right_to_left"),
    ],
)
def test_threat_11_a_text_that_shows_less_than_it_says_is_not_shown(world: World, text: str, reason: str) -> None:
    page, certificate = _ready(world)
    reply = _agree(page, certificate, text=text)
    assert reply.status == 400
    assert (reply.code, reply.facts) == ("bad_request", {"reason": reason, "member": "text"})
    assert world.person.asked == []


def test_the_longest_text_is_shown_and_signed_whole(seeded: World) -> None:
    page, certificate = _ready(seeded)
    text = "单" * (TEXT_LIMIT // 3)
    reply = _agree(page, certificate, text=text)
    shown = seeded.person.asked[0]
    assert isinstance(shown, TextQuestion)
    assert shown.text == text
    assert json.loads(decode(reply.json["payload"]))["text_sha256"] == sha256(text.encode()).hexdigest()
    assert _agree(page, certificate, text=text + "单").facts == {"reason": "too_long", "member": "text"}


def test_windows_in_english_say_the_same(tmp_path: Path) -> None:
    with running(tmp_path, language=Language.EN) as world:
        page, certificate = _ready(world)
        assert _agree(page, certificate).status == 200
        assert "Purpose: sign an agreement" in world.person.asked[1].description
        assert "Version of the agreement: 2026-1" in world.person.asked[1].description


def test_without_anything_that_shows_long_texts_the_page_hears_so_and_no_pin_is_asked(world: World) -> None:
    world.person.illiterate = True
    page, certificate = _ready(world)
    reply = _agree(page, certificate)
    assert (reply.status, reply.code, reply.json["error"]["retryable"]) == (422, "no_text_dialog", False)
    assert [type(question) for question in world.person.asked] == [ConfirmQuestion]


# --- size, order, limits


def test_an_agreement_may_be_long_and_no_other_call_may(world: World) -> None:
    for call, limit in (("agree", AGREE_BODY_LIMIT), ("login", BODY_LIMIT), ("enroll", BODY_LIMIT)):
        for length, code in ((limit, "not_paired"), (limit + 1, "bad_request")):
            reply = world.request("POST", f"/v1/{call}", {"Content-Length": str(length)})
            assert (reply.code, reply.facts) == (code, {"reason": "too_long", "member": ""} if length > limit else {})


def test_a_page_that_has_to_pair_again_hears_so_however_long_its_agreement_is(world: World) -> None:
    for _ in range(5):
        assert world.page().post("agree", b" " * AGREE_BODY_LIMIT).code == "not_paired"


def test_the_checks_of_an_agreement_come_in_the_stated_order(world: World) -> None:
    wrong: dict[str, Any] = {
        "Host": "evil", "Origin": None, "Content-Length": str(AGREE_BODY_LIMIT + 1), "Content-Type": "x",
        "X-Certlogin": None,
    }  # fmt: skip
    codes = []
    for mend in (
        {}, {"Host": None}, {"Host": f"127.0.0.1:{world.port}"}, {"Origin": "null"}, {"Origin": SITE},
        {"Content-Length": "0"}, {"Content-Type": "application/json"}, {"X-Certlogin": "1"},
    ):  # fmt: skip
        wrong |= mend
        reply = world.request("POST", "/v1/agree", wrong)
        codes.append(reply.facts.get("reason", reply.code))
    page, _ = _ready(world)
    for message in (b"[]", json.dumps(agree_message("ab" * 32) | {"more": 1}).encode()):
        codes.append(page.post("agree", message).facts["reason"])
    assert codes == [
        "wrong_host", "wrong_host", "origin_refused", "origin_refused", "too_long",
        "content_type", "x_certlogin", "not_paired", "not_an_object", "unknown_member",
    ]  # fmt: skip
    assert world.request("GET", "/v1/agree", {}).code == "unsupported_protocol"
    assert world.person.asked == []


def test_threat_16_agreements_count_as_calls_and_three_refusals_make_the_site_wait(world: World) -> None:
    page, certificate = _ready(world)
    digest = sha256(certificate).hexdigest()
    assert [page.agree(digest).code for _ in range(4)] == ["user_cancelled"] * 3 + ["busy"]
    world.clock.advance(300.0)
    assert _agree(page, certificate).status == 200
    assert [page.agree(digest).code for _ in range(3)] == ["user_cancelled"] * 3


def test_threat_16_a_text_that_stands_open_keeps_others_out_and_ends_in_time(world: World) -> None:
    page, certificate = _ready(world)
    world.person.choices.append(Choice.OK)
    world.person.readings.append(WAIT)
    replies: list[Reply] = []

    def wait() -> None:
        replies.append(page.agree(sha256(certificate).hexdigest()))

    with _background(wait):
        assert world.person.opened.wait(PATIENCE)
        assert page.agree(sha256(certificate).hexdigest()).code == "busy"
        world.clock.advance(120.0)
    assert [(reply.status, reply.code) for reply in replies] == [(410, "expired")]


def test_a_page_withdraws_its_text(world: World) -> None:
    page, certificate = _ready(world)
    world.person.choices.append(Choice.OK)
    world.person.readings.append(WAIT)
    replies: list[Reply] = []

    def wait() -> None:
        replies.append(page.agree(sha256(certificate).hexdigest()))

    with _background(wait):
        assert world.person.opened.wait(PATIENCE)
        assert page.post("cancel").json == {"cancelled": True}
    assert [(reply.code, reply.facts) for reply in replies] == [("user_cancelled", {"by": "page"})]


def test_a_wrong_pin_counts_and_a_locked_token_shows_no_text(world: World) -> None:
    page, certificate = _ready(world, tries=2)
    reply = _agree(page, certificate, "wrong1")
    assert (reply.code, reply.facts) == ("pin_wrong", {"tries_left": 1})
    world.person.choices.append(Choice.OK)  # the last try is asked for by itself
    assert _agree(page, certificate, "wrong1").code == "pin_locked"
    world.person.asked.clear()
    assert _agree(page, certificate).code == "pin_locked"
    assert world.person.asked == []


def test_threat_10_the_pin_is_overwritten(world: World) -> None:
    page, certificate = _ready(world)
    _agree(page, certificate)
    assert world.person.typed == [bytearray(len(PIN))]


@pytest.mark.parametrize("algorithms", [[], ["RS256"], ["none"]])
def test_threat_14_only_an_algorithm_that_the_server_offers_is_used(world: World, algorithms: list[str]) -> None:
    page, certificate = _ready(world)
    assert _agree(page, certificate, algorithms=algorithms).code == "no_certificate"
    assert world.person.asked == []


@without({"certlogin.helper.showing.Showing._knows": lambda *_: True}, sees="assert 'user_cancelled' == 'no_cert")
def test_threat_17_for_this_once_a_site_cannot_find_out_by_trying(world: World) -> None:
    here = sha256(world.make_certificate(world.make_token(), origin=OTHER_SITE)).hexdigest()
    page = world.page()
    page.pair(Choice.OK)
    assert page.agree(here).code == "no_certificate"


def test_an_agreement_does_not_use_up_a_pairing_for_this_once(world: World) -> None:
    """The certificate that it is about may still have to be installed and used for the first time."""
    certificate = world.make_certificate(world.make_token())
    page = world.page()
    page.pair(Choice.OK)
    assert _agree(page, certificate).status == 200
    world.person.pins.append(PIN)
    assert page.login(sha256(certificate).hexdigest()).status == 200
    assert _agree(page, certificate).code == "not_paired"


def test_the_log_keeps_nothing_of_the_text(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, LOGGER)
    page, certificate = _ready(world)
    _agree(page, certificate)
    line = json.loads(caplog.records[-1].getMessage())
    assert line == {
        "call": "/v1/agree", "origin": SITE, "result": "ok", "certificate_sha256": sha256(certificate).hexdigest(),
    }  # fmt: skip
    assert "升级协议" not in caplog.text


# --- with the server that asked

_KEYS = (bytes(range(32)),)
_BINDING = Binding("attempt", "u-1", Purpose.AGREE, ("native",), ("ES256", "RS256", "SM2-SM3"), SITE, "epoch")
_EXPECTED = Expected(_BINDING, sid_of("public-id"), timedelta(seconds=120))
_AGREEMENT = Agreement(AGREEMENT, "2026-1")
_FACTS = {"nonce": issue_challenge(_BINDING, bytes(32), NOW, _KEYS), "sid": _EXPECTED.sid}


@pytest.mark.parametrize("kind", [KeyKind.P256, KeyKind.RSA2048])
def test_b16_what_the_helper_signs_the_server_accepts_and_keeps(world: World, kind: KeyKind) -> None:
    page, certificate = _ready(world, kind)
    proof = _proof(_agree(page, certificate, **_FACTS))
    accepted = accept_agreement(check_agreement(proof, _AGREEMENT, _EXPECTED, NOW, _KEYS), make_pki().trust(), NOW)
    assert accepted.agreement == _AGREEMENT
    assert accepted.proof.certificate.path[0] == certificate


def test_threat_1_a_login_and_an_agreement_cannot_stand_in_for_each_other(world: World) -> None:
    page, certificate = _ready(world)
    agreement = _proof(_agree(page, certificate, **_FACTS))
    world.person.pins.append(PIN)
    login = _proof(page.login(sha256(certificate).hexdigest(), **_FACTS))
    with pytest.raises(BadRequest):
        check_agreement(login, _AGREEMENT, _EXPECTED, NOW, _KEYS)
    for_login = replace(_EXPECTED, binding=replace(_BINDING, purpose=Purpose.LOGIN))
    for proof in (agreement, replace(agreement, payload=login.payload)):
        with pytest.raises(Exception, match=r"bad_request|challenge_foreign"):
            check_proof(proof, for_login, NOW, _KEYS)


def takes_any(*_: object) -> None:
    pass


@without({"certlogin.login.proof._compare": takes_any})
def test_s21_threat_2_a_relayed_agreement_carries_the_origin_of_the_relay(world: World) -> None:
    evil, certificate = _ready(world, origin=OTHER_SITE)
    proof = _proof(_agree(evil, certificate, **_FACTS))
    with pytest.raises(OriginMismatch):
        check_agreement(proof, _AGREEMENT, _EXPECTED, NOW, _KEYS)

"""Signing a login: what is signed, who types what, and when the helper stops (threats 1, 2, 10, 12, 14 to 16)."""

import json
import logging
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from certlogin.helper import keywork, signing, texts
from certlogin.helper.keywork import KeyWork
from certlogin.helper.log import LOGGER
from certlogin.helper.pin.base import Choice, ConfirmQuestion, PinQuestion
from certlogin.helper.prompts import Prompt
from certlogin.helper.tokens.base import KeyKind
from certlogin.helper.tokens.softkeys import P256Key
from certlogin.pki.certificate import read_certificate
from certlogin.pki.signature import Algorithm, verify_signature
from certlogin.version import __version__
from certlogin.wire.b64 import decode
from certlogin.wire.payload import PAYLOAD_LIMIT, Purpose
from tests.companions import without
from tests.factory import NOW
from tests.helper.world import OTHER_SITE, PIN, SITE, Page, Reply, World, grants, running


def _ready(world: World, kind: KeyKind = KeyKind.P256, tries: int = 6) -> tuple[Page, bytes]:
    """A paired page and a certificate."""
    certificate = world.make_certificate(world.make_token(tries=tries), kind)
    page = world.page()
    page.pair(Choice.NOT_OK)
    world.person.asked.clear()
    return page, certificate


def _login(page: Page, certificate: bytes, *pins: str, **changes: object) -> Reply:
    page.world.person.pins.extend(pins)
    return page.login(sha256(certificate).hexdigest(), **changes)


@pytest.mark.parametrize(("kind", "algorithm"), [(KeyKind.P256, "ES256"), (KeyKind.RSA2048, "RS256")])
def test_threats_1_2_12_and_15_the_helper_builds_and_signs_the_facts_itself(
    world: World, kind: KeyKind, algorithm: str
) -> None:
    page, certificate = _ready(world, kind)
    answer = _login(page, certificate, PIN, nonce="n.1.m", sid="sid-of-attempt", unit="u-9").json
    payload = decode(answer["payload"])
    assert json.loads(payload) == {
        "v": 1,
        "purpose": "login",
        "origin": SITE,
        "unit": "u-9",
        "nonce": "n.1.m",
        "iat": int(NOW.timestamp()),
        "cert_sha256": sha256(certificate).hexdigest(),
        "alg": algorithm,
        "sid": "sid-of-attempt",
        "helper": __version__,
        "uv": "pin",
    }
    signature = decode(answer["signature"])
    leaf = read_certificate(certificate)
    verify_signature(leaf, Algorithm(algorithm), b"CERTLOGIN-AUTH-V1\x00" + payload, signature)
    assert decode(answer["certificate"]) == certificate
    assert len(answer["chain"]) == 1
    assert answer["tries_left"] == 6


def test_threat_1_a_signature_is_none_over_a_hash_or_bytes_of_the_pages_choice(world: World) -> None:
    page, certificate = _ready(world, KeyKind.RSA2048)
    # What an attacker would have signed: the hash of a TLS transcript, as challenge text.
    chosen = sha256(b"transcript of another protocol").digest()
    answer = _login(page, certificate, PIN, nonce=chosen.hex()).json
    key = read_certificate(certificate).x509.public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    signature = decode(answer["signature"])
    for message, digest in ((chosen, Prehashed(hashes.SHA256())), (chosen.hex().encode(), hashes.SHA256())):
        with pytest.raises(InvalidSignature):
            key.verify(signature, message, padding.PKCS1v15(), digest)


def test_threat_1_companion_without_prefix_and_payload_the_page_gets_the_signature_it_wants(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, certificate = _ready(world, KeyKind.RSA2048)
    chosen = "any text of the page"
    monkeypatch.setattr(signing, "signed_bytes", lambda payload, purpose: json.loads(payload)["nonce"].encode())
    answer = _login(page, certificate, PIN, nonce=chosen.replace(" ", "_")).json
    key = read_certificate(certificate).x509.public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    key.verify(decode(answer["signature"]), chosen.replace(" ", "_").encode(), padding.PKCS1v15(), hashes.SHA256())


def test_the_window_shows_site_unit_purpose_certificate_token_and_tries(world: World) -> None:
    page, certificate = _ready(world)
    _login(page, certificate, PIN)
    question = world.person.asked[-1]
    assert isinstance(question, PinQuestion)
    for line in (
        "网站：stats.gov.cn",
        f"完整地址：{SITE}",
        "用途：登录",
        "单位：北京测试单位（u-1）",
        "证书：测试单位",
        f"介质：介质（{world.tokens[0].serial}）",
        "剩余 PIN 次数：6",
    ):
        assert line in question.description.split("\n")


@pytest.mark.parametrize(
    ("purpose", "shown"), [("bind", "绑定证书"), ("step-up", "重要操作确认"), ("transfer", "转移绑定")]
)
def test_another_purpose_of_the_class_is_named_in_window_and_payload(world: World, purpose: str, shown: str) -> None:
    page, certificate = _ready(world)
    answer = _login(page, certificate, PIN, purpose=purpose).json
    assert json.loads(decode(answer["payload"]))["purpose"] == purpose
    assert f"用途：{shown}" in world.person.asked[-1].description


#: Also where a purpose has no words to show.
ANY_PURPOSE = {
    "certlogin.wire.helper.auth_purpose": lambda name: next((one for one in Purpose if one == name), Purpose.LOGIN),
    "certlogin.helper.texts._TEXTS": {
        language: {**dict.fromkeys(Purpose, "?"), **words} for language, words in texts._TEXTS.items()
    },
}
UNREAD = {"certlogin.wire.helper.text": lambda members, name, *_, **__: members[name]}


@without(ANY_PURPOSE, sees="assert 200 == 400")
@pytest.mark.parametrize(
    "purpose",
    ["agree", "upgrade", "enrol", pytest.param("", marks=without(ANY_PURPOSE | UNREAD, sees="assert 200 == 400"))],
)
def test_s22_a_login_call_signs_no_agreement(world: World, purpose: str) -> None:
    page, certificate = _ready(world)
    reply = _login(page, certificate, PIN, purpose=purpose)
    assert reply.status == 400
    assert reply.code == "bad_request"
    assert world.person.asked == []


@pytest.mark.parametrize("algorithms", [[], ["RS256"], ["PS256", "SM2-SM3"], ["es256"]])
def test_threat_14_only_an_algorithm_that_the_server_offers_is_used(world: World, algorithms: list[str]) -> None:
    page, certificate = _ready(world, KeyKind.P256)
    assert _login(page, certificate, PIN, algorithms=algorithms).code == "no_certificate"
    assert world.person.asked == []


def test_threat_14_companion_with_an_algorithm_of_the_offers_choice_the_key_signs_under_a_false_name(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, certificate = _ready(world, KeyKind.P256)
    monkeypatch.setattr(keywork, "choose_algorithm", lambda held, offered: offered[0])
    monkeypatch.setattr(P256Key, "sign", lambda self, built, algorithm: bytes(64))
    answer = _login(page, certificate, PIN, algorithms=["PS256"]).json
    assert json.loads(decode(answer["payload"]))["alg"] == "PS256"


def test_without_any_token_and_without_the_certificate_the_reasons_differ(world: World) -> None:
    page = world.page()
    page.pair(Choice.NOT_OK)
    assert page.login("ab" * 32).code == "no_token"
    world.make_token()
    assert page.login("ab" * 32).code == "no_certificate"


def test_the_longest_facts_that_a_page_may_state_fit_into_a_payload(tmp_path: Path) -> None:
    origin = "https://" + ".".join(["a" * 60] * 4) + ".gov.cn:65535"
    with running(tmp_path) as world:
        certificate = world.make_certificate(world.make_token(), origin=origin)
        page = world.page(origin)
        page.pair(Choice.NOT_OK)
        # Each character of the longest kind: four octets in UTF-8, two after escaping.
        answer = _login(page, certificate, PIN, unit="𠀀" * 256, unit_name="𠀀" * 256, nonce='"' * 512, sid='"' * 512)
        assert answer.status == 200
        assert len(decode(answer.json["payload"])) <= PAYLOAD_LIMIT


def test_a4_a_wrong_pin_says_how_many_tries_are_left_and_the_right_one_gives_them_back(world: World) -> None:
    page, certificate = _ready(world)
    for left in (5, 4):
        reply = _login(page, certificate, "wrong1")
        assert (reply.status, reply.code, reply.facts) == (422, "pin_wrong", {"tries_left": left})
    assert "剩余 PIN 次数：5" in world.person.asked[-1].description
    assert _login(page, certificate, PIN).json["tries_left"] == 6


def test_a_warning_stands_in_the_window_when_two_tries_are_left(world: World) -> None:
    page, certificate = _ready(world, tries=3)
    _login(page, certificate, "wrong1")
    _login(page, certificate, PIN)
    assert "注意：PIN 还可以输入 2 次，输错将锁定。" in world.person.asked[-1].description


def test_threat_16_the_last_try_needs_a_confirmation_of_its_own(world: World) -> None:
    page, certificate = _ready(world, tries=2)
    _login(page, certificate, "wrong1")
    world.person.asked.clear()
    # The user says no: no PIN is asked, and the try is still there.
    assert _login(page, certificate).code == "user_cancelled"
    assert [type(question) for question in world.person.asked] == [ConfirmQuestion]
    assert "最后 1 次" in world.person.asked[0].description
    assert world.tokens[0].state().tries_left == 1
    world.person.choices.append(Choice.OK)
    assert _login(page, certificate, PIN).status == 200
    assert world.tokens[0].state().tries_left == 2


def test_threat_16_companion_without_it_a_site_that_asks_again_and_again_locks_the_token(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, certificate = _ready(world, tries=2)
    monkeypatch.setattr(Prompt, "agree", lambda self, question: None)
    assert [_login(page, certificate, "wrong1").code for _ in range(3)] == ["pin_wrong", "pin_locked", "pin_locked"]


def test_a_locked_token_opens_no_window(world: World) -> None:
    page, certificate = _ready(world, tries=1)
    world.person.choices.append(Choice.OK)
    assert _login(page, certificate, "wrong1").code == "pin_locked"
    world.person.asked.clear()
    reply = _login(page, certificate, PIN)
    assert (reply.code, reply.json["error"]["retryable"]) == ("pin_locked", False)
    assert world.person.asked == []


def test_an_empty_pin_is_a_no_and_costs_no_try(world: World) -> None:
    page, certificate = _ready(world)
    assert _login(page, certificate, "").code == "user_cancelled"
    assert world.tokens[0].state().tries_left == 6


@pytest.mark.parametrize("pin", [PIN, "wrong1"])
def test_threat_10_the_pin_is_overwritten_when_the_try_is_over(world: World, pin: str) -> None:
    page, certificate = _ready(world)
    _login(page, certificate, pin)
    assert world.person.typed == [bytearray(len(pin))]


def test_a_pairing_for_this_once_ends_with_its_login(world: World) -> None:
    certificate = world.make_certificate(world.make_token())
    page = world.page()
    page.pair(Choice.OK)
    assert _login(page, certificate, "wrong1").code == "pin_wrong"
    assert _login(page, certificate, PIN).status == 200
    assert _login(page, certificate, PIN).code == "not_paired"


def test_a_token_that_goes_meanwhile_is_said_to_be_gone(world: World) -> None:
    page, certificate = _ready(world)
    token_file = world.config.tokens / world.tokens[0].serial / "token.json"
    original = KeyWork._try_pin

    def unplug(self: KeyWork, *arguments: object) -> object:
        token_file.unlink()
        return original(self, *arguments)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(KeyWork, "_try_pin", unplug)
        assert _login(page, certificate, PIN).code == "token_removed"


def test_a_site_signs_with_any_certificate_that_it_was_shown_and_names_itself(tmp_path: Path) -> None:
    with running(tmp_path, origins=grants("login", "certificates", origin=OTHER_SITE)) as world:
        certificate = world.make_certificate(world.make_token(), origin=SITE)
        page = world.page(OTHER_SITE)
        page.pair()
        answer = _login(page, certificate, PIN).json
        assert json.loads(decode(answer["payload"]))["origin"] == OTHER_SITE


def test_the_log_says_who_and_what_came_of_it_and_no_secret(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, LOGGER)
    page, certificate = _ready(world)
    answer = _login(page, certificate, PIN, nonce="very-special-nonce").json
    _login(page, certificate, "wrong1")
    world.request("GET", "/v1/hello", {})
    world.request("GET", "/v1/hello", {"Origin": "null"})
    lines = [json.loads(record.getMessage()) for record in caplog.records if record.name == LOGGER]
    digest = sha256(certificate).hexdigest()
    assert lines == [
        {"call": "/v1/pair", "origin": SITE, "result": "ok"},
        {"call": "/v1/login", "origin": SITE, "result": "ok", "certificate_sha256": digest},
        {"call": "/v1/login", "origin": SITE, "result": "pin_wrong", "certificate_sha256": digest},
        {"call": "", "origin": "", "result": "origin_refused"},
    ]
    text = caplog.text
    secrets = (PIN, "wrong1", "very-special-nonce", answer["signature"], answer["payload"], page.token or "-")
    assert not any(secret in text for secret in secrets)

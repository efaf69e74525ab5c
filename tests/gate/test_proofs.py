"""S17 to S24 over the wire: a proof that is not this login's own is refused, written down, and changes nothing."""

import hashlib
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from asn1crypto.x509 import Certificate
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.x509 import load_der_x509_certificate

from certlogin.flows import login as logins
from certlogin.login import proof as proofs
from certlogin.pki.signature import P256_ORDER
from certlogin.records.unit import UnitId
from certlogin.stores.memory import MemoryStore
from certlogin.wire.b64 import encode
from certlogin.wire.payload import Purpose, signed_bytes
from tests import factory
from tests.factory import Issued, make_pki, sign
from tests.gate.browser import Browser, decoded
from tests.gate.conftest import MakeWorld
from tests.gate.world import World


def signed_again(issued: Issued, proof: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The proof with other members in its payload, as raw JSON, signed by the right key."""
    payload = json.dumps(json.loads(decoded(proof["payload"])) | changes, separators=(",", ":")).encode()
    return proof | {
        "payload": encode(payload),
        "signature": encode(sign(issued.key, signed_bytes(payload, Purpose.LOGIN))),
    }


def refused(browser: Browser, proof: dict[str, Any]) -> str:
    """The code; checks that the refusal is written, has a support id and texts, and that nobody got in."""
    before = len(browser.world.events("call_refused"))
    answer = browser.call("proof", **proof)
    assert 400 <= answer.status < 500, answer.text
    said = json.loads(answer.body)
    assert said["title"]
    assert said["next_step"]
    written = browser.world.events("call_refused")
    assert len(written) == before + 1
    assert (written[0].code, written[0].support_id) == (said["code"], said["support_id"])
    assert written[0].unit_id == "U1"
    assert not browser.is_admitted()
    return str(said["code"])


# --- S17


def test_s17_a_challenge_is_answered_once(world: World, mine: Browser, issued: Issued) -> None:
    proof = mine.sign(issued, mine.challenge())
    assert mine.asked("proof", **proof)["next"]
    assert mine.refused("proof", **proof) == "challenge_used"


def test_s17_two_workers_racing_for_one_challenge_have_one_winner(world: World, mine: Browser, issued: Issued) -> None:
    proof = mine.sign(issued, mine.challenge())
    message = {"attempt": mine.attempt_id(), **proof}
    cookies = mine.jar.header("/certlogin/api/proof")

    def post(_: int) -> int:
        racer = Browser(world)
        return racer.post_json("/certlogin/api/proof", message, cookie=cookies).status

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(post, range(8)))
    assert sorted(statuses) == [200, *[403] * 7]


def test_s17_without_the_once_store_a_replay_is_accepted(
    world: World, mine: Browser, issued: Issued, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MemoryStore, "add_once", lambda *_: True)
    proof = mine.sign(issued, mine.challenge())
    mine.asked("proof", **proof)
    assert mine.asked("proof", **proof)["next"]


@pytest.mark.parametrize(
    ("nonce", "code"),
    [
        ("A" * 43, "challenge_foreign"),
        ("A" * 43 + ".1772438400." + "B" * 43, "challenge_foreign"),
        ("x", "challenge_foreign"),
        ("." * 2, "challenge_foreign"),
        ("1.2.3.4", "challenge_foreign"),
        ("é", "bad_request"),
    ],
    ids=["bare", "right shape", "short", "empty parts", "four parts", "not ascii"],
)
def test_s17_a_challenge_chosen_by_the_client_is_refused(mine: Browser, issued: Issued, nonce: str, code: str) -> None:
    proof = mine.sign(issued, mine.challenge())
    assert refused(mine, signed_again(issued, proof, nonce=nonce)) == code


def test_s17_a_late_challenge_is_refused(world: World, mine: Browser, issued: Issued) -> None:
    proof = mine.sign(issued, mine.challenge())
    world.clock.advance(120)
    assert refused(mine, proof) == "challenge_expired"


def test_s17_just_in_time_is_in_time(world: World, mine: Browser, issued: Issued) -> None:
    proof = mine.sign(issued, mine.challenge())
    world.clock.advance(119)
    assert mine.asked("proof", **proof)["next"]


def test_s17_a_challenge_of_another_attempt_is_refused(world: World, mine: Browser, issued: Issued) -> None:
    other = Browser(world)
    other.log_in("U1")
    foreign = other.challenge()
    own = mine.challenge()
    assert refused(mine, mine.sign(issued, own | {"challenge": foreign["challenge"]})) == "challenge_foreign"
    assert refused(mine, mine.sign(issued, foreign)) == "challenge_foreign"


def test_s17_a_challenge_for_another_purpose_is_refused(mine: Browser, issued: Issued) -> None:
    assert refused(mine, mine.sign(issued, mine.challenge("enrol"))) == "challenge_foreign"


def test_s17_a_challenge_of_a_restarted_store_is_refused(
    world: World, mine: Browser, issued: Issued, monkeypatch: pytest.MonkeyPatch
) -> None:
    proof = mine.sign(issued, mine.challenge())
    monkeypatch.setattr(MemoryStore, "epoch", property(lambda self: "another epoch"))
    assert refused(mine, proof) == "challenge_foreign"


@pytest.mark.parametrize("hours", [-9, 9])
def test_s17_a_helper_clock_wrong_by_hours_logs_in_and_the_difference_is_written(
    world: World, mine: Browser, issued: Issued, hours: int
) -> None:
    wrong = int(world.clock.now.timestamp()) + hours * 3600
    assert mine.prove(issued, iat=wrong)["next"]
    assert world.events("proof_accepted")[0].facts["clock_difference"] == hours * 3600


def test_issuing_a_challenge_writes_nothing(world: World, mine: Browser) -> None:
    before = len(world.events())
    for _ in range(5):
        mine.challenge()
    assert len(world.events()) == before


# --- S18 to S22


@pytest.mark.parametrize("format_", ["text", "cms", "web-eid", "native2"])
def test_s18_a_format_the_server_did_not_offer_is_refused(mine: Browser, issued: Issued, format_: str) -> None:
    proof = mine.sign(issued, mine.challenge())
    assert refused(mine, proof | {"format": format_}) == "format_not_allowed"


@pytest.mark.parametrize("alg", ["HS256", "SM2", "RS512", "PS384", "ES512", "NONE"])
def test_s20_an_algorithm_the_server_did_not_offer_is_refused(mine: Browser, issued: Issued, alg: str) -> None:
    proof = mine.sign(issued, mine.challenge())
    assert refused(mine, signed_again(issued, proof, alg=alg)) == "algorithm_not_allowed"


def test_s20_an_algorithm_of_another_kind_of_key_is_refused(mine: Browser, issued: Issued) -> None:
    proof = mine.sign(issued, mine.challenge())
    assert refused(mine, signed_again(issued, proof, alg="RS256")) == "algorithm_key_mismatch"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda signature: signature[:-1], "signature_malformed"),
        (lambda signature: signature + b"\0", "signature_malformed"),
        (lambda signature: b"", "bad_request"),
        (lambda signature: bytes(64), "signature_malformed"),
        (lambda signature: signature[:32] + bytes(32), "signature_malformed"),
        (lambda signature: signature[32:] + signature[:32], "signature_mismatch"),
        (lambda signature: bytes([signature[0] ^ 1]) + signature[1:], "signature_mismatch"),
        (lambda signature: b"\xff" * 64, "signature_malformed"),
        (lambda signature: b"\x30\x44\x02\x20" + signature[:32] + b"\x02\x20" + signature[32:], "signature_malformed"),
    ],
)
def test_s20_a_signature_of_another_form_or_number_is_refused(
    mine: Browser, issued: Issued, change: Callable[[bytes], bytes], code: str
) -> None:
    proof = mine.sign(issued, mine.challenge())
    assert refused(mine, proof | {"signature": encode(change(decoded(proof["signature"])))}) == code


def test_s20_a_certificate_swapped_under_a_signature_is_refused(world: World, mine: Browser, issued: Issued) -> None:
    proof = mine.sign(issued, mine.challenge())
    other = world.certificate_of("U2")
    assert refused(mine, proof | {"certificate": encode(other.der)}) == "proof_foreign"
    own = hashlib.sha256(other.der).hexdigest()
    swapped = signed_again(issued, proof, cert_sha256=own) | {"certificate": encode(other.der)}
    assert refused(mine, swapped) == "signature_mismatch"


def test_s20_without_the_signature_check_a_stolen_certificate_is_enough(
    world: World, mine: Browser, issued: Issued, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proofs, "verify_signature", lambda *_: None)
    proof = mine.sign(issued, mine.challenge())
    assert mine.asked("proof", **(proof | {"signature": encode(b"nobody signed")}))["next"]


def test_s21_a_relayed_challenge_is_refused_by_its_origin(mine: Browser, issued: Issued) -> None:
    """The victim's helper writes down the site it was asked by: the evil one."""
    proof = mine.sign(issued, mine.challenge(), origin="https://evil.example")
    assert refused(mine, proof) == "origin_mismatch"


@pytest.mark.parametrize(
    "origin", ["https://survey.example.cn:443", "https://SURVEY.example.cn", "http://survey.example.cn", "null"]
)
def test_s21_origins_are_compared_exactly(mine: Browser, issued: Issued, origin: str) -> None:
    assert refused(mine, mine.sign(issued, mine.challenge(), origin=origin)) == "origin_mismatch"


@pytest.mark.parametrize(
    ("purpose", "code"),
    [
        *((purpose, "proof_foreign") for purpose in ("bind", "unbind", "transfer", "step-up")),
        # Of other classes, or of none: no payload of this class may name them.
        *((purpose, "bad_request") for purpose in ("agree", "upgrade", "enrol")),
    ],
)
def test_s22_a_signature_for_another_purpose_is_no_login(
    mine: Browser, issued: Issued, purpose: str, code: str
) -> None:
    proof = mine.sign(issued, mine.challenge())
    assert refused(mine, signed_again(issued, proof, purpose=purpose)) == code


@pytest.mark.parametrize("prefix", [b"", b"CERTLOGIN-AGREE-V1\0", b"CERTLOGIN-UPGRADE-V1\0", b"CERTLOGIN-AUTH-V1"])
def test_s22_a_signature_under_another_prefix_is_no_login(mine: Browser, issued: Issued, prefix: bytes) -> None:
    proof = mine.sign(issued, mine.challenge())
    foreign = sign(issued.key, prefix + decoded(proof["payload"]))
    assert refused(mine, proof | {"signature": encode(foreign)}) == "signature_mismatch"


@pytest.mark.parametrize(("member", "value"), [("unit", "U2"), ("sid", "0" * 64), ("cert_sha256", "0" * 64)])
def test_signed_facts_of_another_login_are_refused(mine: Browser, issued: Issued, member: str, value: str) -> None:
    proof = mine.sign(issued, mine.challenge())
    assert refused(mine, signed_again(issued, proof, **{member: value})) == "proof_foreign"


# --- S19


def raw(mine: Browser, issued: Issued, payload: bytes) -> str:
    proof = mine.sign(issued, mine.challenge())
    signature = encode(sign(issued.key, signed_bytes(payload, Purpose.LOGIN)))
    return refused(mine, proof | {"payload": encode(payload), "signature": signature})


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace('"v":1', '"v":true'),
        lambda text: text.replace('"v":1', '"v":1.0'),
        lambda text: text.replace('"v":1', '"v":NaN'),
        lambda text: text.replace('"v":1', '"v":1,"v":1'),
        lambda text: text.replace('"v":1', '"v":1,"pin":"123456"'),
        lambda text: "\ufeff" + text,
        lambda text: text + " " * 4096,
        lambda text: text.replace('"uv":"pin"', '"uv":"none"'),
        lambda text: text.replace('"unit":"U1"', '"unit":"\\ud800"'),
        lambda text: text[:-1],
        lambda text: "[]",
    ],
    ids=["true for 1", "float", "NaN", "doubled", "unknown", "BOM", "too long", "uv", "surrogate", "cut", "array"],
)
def test_s19_a_payload_that_is_not_exactly_ours_is_refused(
    mine: Browser, issued: Issued, change: Callable[[str], str]
) -> None:
    text = decoded(mine.sign(issued, mine.challenge())["payload"]).decode()
    assert raw(mine, issued, change(text).encode()) == "bad_request"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "bad_request"),
        (b"null", 400, "bad_request"),
        (b'{"attempt": 1}', 400, "bad_request"),
        (b'{"attempt": "x", "attempt": "x"}', 400, "bad_request"),
        (b"\xff\xfe", 400, "bad_request"),
        (b"[" * 10000, 400, "bad_request"),
        (b" " * (64 * 1024 + 1), 413, "body_too_large"),
    ],
)
def test_s19_a_message_that_is_not_ours_is_refused(mine: Browser, body: bytes, status: int, code: str) -> None:
    headers = {"origin": "https://survey.example.cn", "content-type": "application/json"}
    for name in ("report", "challenge", "proof", "enrol", "enrol/installed", "leave", "skip"):
        answer = mine.request("POST", f"/certlogin/api/{name}", headers, body)
        assert (answer.status, json.loads(answer.body)["code"]) == (status, code), name


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_a_call_of_another_content_type_is_refused(mine: Browser, kind: str) -> None:
    answer = mine.post_json("/certlogin/api/leave", {"attempt": mine.attempt_id()}, content_type=kind)
    assert (answer.status, json.loads(answer.body)["code"]) == (415, "wrong_content_type")


# --- certificates


@pytest.mark.parametrize(
    ("der", "code"),
    [
        (b"\x30", "certificate_unreadable"),
        (b"not der", "certificate_unreadable"),
        # Longer than a message may carry: it is not even read.
        (b"\x30\x82\x40\x01" + bytes(0x4001), "bad_request"),
    ],
)
def test_s25_an_unreadable_certificate_is_refused(mine: Browser, issued: Issued, der: bytes, code: str) -> None:
    proof = mine.sign(issued, mine.challenge())
    swapped = signed_again(issued, proof, cert_sha256=hashlib.sha256(der).hexdigest())
    assert refused(mine, swapped | {"certificate": encode(der)}) == code


def test_a_truncated_certificate_is_refused(mine: Browser, issued: Issued) -> None:
    der = issued.der[:-1]
    proof = signed_again(issued, mine.sign(issued, mine.challenge()), cert_sha256=hashlib.sha256(der).hexdigest())
    assert refused(mine, proof | {"certificate": encode(der)}) == "certificate_unreadable"


def test_the_certificate_of_another_unit_is_refused(world: World, mine: Browser) -> None:
    other = world.bind("U2")
    assert refused(mine, mine.sign(other, mine.challenge())) == "certificate_of_another_unit"


def test_a_certificate_nobody_registered_is_refused(world: World, mine: Browser) -> None:
    """From the right CA and with the right code, but not the one the registry has: not replaced by being shown."""
    other = world.authority.issue(factory.UNIT_CODE, "a second key")
    assert refused(mine, mine.sign(other, mine.challenge())) == "certificate_not_registered"


def test_s23_what_a_client_sends_along_never_becomes_an_anchor(world: World, mine: Browser) -> None:
    foreign = make_pki(label="foreign")
    leaf = foreign.issuing.issue(unit_code=factory.UNIT_CODE, key_name="foreign leaf")
    proof = mine.sign(leaf, mine.challenge())
    chain = [encode(foreign.issuing.der), encode(foreign.root.der)]
    assert refused(mine, proof | {"chain": chain}) == "certificate_untrusted"
    alone = factory.self_signed()
    assert refused(mine, mine.sign(alone, mine.challenge()) | {"chain": []}) == "certificate_untrusted"


@pytest.mark.parametrize("anchors", [("issuing",), ("root", "issuing")])
def test_s23_an_issuing_ca_as_anchor_works_with_revocation_required(
    make_world: MakeWorld, tmp_path: Path, anchors: tuple[str, ...]
) -> None:
    folder = tmp_path / "ca"
    tables = [
        {"name": name, "file": str(folder / f"{name}.pem"), "crls": [str(folder / f"{name}.crl")]} for name in anchors
    ]
    world = make_world(trust={"anchors": tables})
    issued = world.bind("U1")
    mine = Browser(world)
    mine.log_in_with("U1", issued)
    assert mine.home()["unit"] == "U1"
    world.authority.publish(issued)
    world.clock.advance(2)
    again = Browser(world)
    again.log_in("U1")
    assert again.refused("proof", **again.sign(issued, again.challenge())) == "certificate_revoked"


def test_s24_a_revoked_certificate_is_refused(world: World, mine: Browser, issued: Issued) -> None:
    world.authority.publish(issued)
    world.clock.advance(2)
    assert refused(mine, mine.sign(issued, mine.challenge())) == "certificate_revoked"


def test_s16_what_dropped_off_the_list_stays_revoked_and_renews_nothing(
    world: World, mine: Browser, issued: Issued
) -> None:
    world.authority.publish(issued)
    world.clock.advance(2)
    refused(mine, mine.sign(issued, mine.challenge()))
    world.authority.publish()
    world.clock.advance(2)
    assert "reissue_required" in Browser(world).log_in("U1").text


def test_s16_the_mirror_image_of_a_revoked_certificate_is_remembered_too(
    world: World, mine: Browser, issued: Issued
) -> None:
    """(r, n - s) verifies as (r, s) does: the same certificate under another hash."""
    mirrored = mirror(issued)
    assert mirrored.der != issued.der
    world.authority.publish(issued)
    world.clock.advance(2)
    assert refused(mine, mine.sign(mirrored, mine.challenge())) == "certificate_revoked"
    world.authority.publish()
    world.clock.advance(2)
    assert "reissue_required" in Browser(world).log_in("U1").text


def mirror(issued: Issued) -> Issued:
    certificate = Certificate.load(issued.der)
    r, s = decode_dss_signature(certificate["signature_value"].native)
    certificate["signature_value"] = encode_dss_signature(r, P256_ORDER - s)
    return Issued(load_der_x509_certificate(certificate.dump(force=True)), issued.key)


def test_s24_without_a_fresh_list_nobody_gets_in(world: World, mine: Browser, issued: Issued) -> None:
    world.clock.advance(7 * 24 * 3600)
    late = Browser(world)
    late.log_in("U1")
    proof = late.sign(issued, late.challenge())
    assert late.refused("proof", **proof) == "revocation_unknown"


# --- the unit


def test_a_unit_locked_while_it_types_its_pin_is_refused(world: World, mine: Browser, issued: Issued) -> None:
    proof = mine.sign(issued, mine.challenge())
    del world.directory.units[UnitId("U1")]
    assert mine.refused("proof", **proof) == "unit_unknown"


def test_a_proof_in_an_attempt_that_is_over_is_refused(world: World, mine: Browser, issued: Issued) -> None:
    attempt = mine.attempt_id()
    proof = mine.sign(issued, mine.challenge())
    mine.asked("leave")
    assert mine.refused("proof", attempt=attempt, **proof) == "attempt_missing"


def test_the_nonce_is_redeemed_after_its_mac_and_age_were_good(
    mine: Browser, issued: Issued, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not ours fills no store."""
    redeemed: list[str] = []
    monkeypatch.setattr(logins, "redeem", lambda context, nonce, now: redeemed.append(nonce))
    proof = mine.sign(issued, mine.challenge())
    refused(mine, signed_again(issued, proof, nonce="A" * 43 + ".1772438400." + "B" * 43))
    refused(mine, mine.sign(issued, mine.challenge(), origin="https://evil.example"))
    assert redeemed == []
    mine.asked("proof", **proof)
    assert len(redeemed) == 1

"""S16 to S25 over the wire: a proof that is not this login's own is refused, written down, and changes nothing."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from asn1crypto.x509 import Certificate
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.x509 import load_der_x509_certificate

from certlogin.flows import login as logins
from certlogin.login import proof as proofs
from certlogin.pki.signature import P256_ORDER
from certlogin.records.unit import UnitId
from certlogin.wire.b64 import encode
from certlogin.wire.json import b64url
from certlogin.wire.payload import Purpose, signed_bytes
from tests import factory
from tests.companions import companion, without
from tests.factory import Issued, make_pki, sign
from tests.gate.browser import Browser, decoded
from tests.gate.conftest import MakeWorld
from tests.gate.undefended_proof import (
    ANY_ALGORITHM,
    ANY_FORMAT,
    ANY_NAME,
    GULLIBLE,
    RELEASED,
    UNCOMPARED,
    UNLISTED,
    UNVERIFIED,
)
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


# --- S18 to S22

#: A proof may come without a signature.
EMPTY = {"certlogin.wire.browser.b64url": lambda value, member, limit: b64url(value, member, limit, 0)}


@without(ANY_FORMAT, sees=RELEASED)
@pytest.mark.parametrize("format_", ["text", "cms", "web-eid", "native2"])
def test_s18_a_format_the_server_did_not_offer_is_refused(mine: Browser, issued: Issued, format_: str) -> None:
    proof = mine.sign(issued, mine.challenge())
    assert refused(mine, proof | {"format": format_}) == "format_not_allowed"


@without(ANY_ALGORITHM, sees=RELEASED)
@pytest.mark.parametrize("alg", ["HS256", "SM2", "RS512", "PS384", "ES512", "NONE"])
def test_s20_an_algorithm_the_server_did_not_offer_is_refused(mine: Browser, issued: Issued, alg: str) -> None:
    proof = mine.sign(issued, mine.challenge())
    assert refused(mine, signed_again(issued, proof, alg=alg)) == "algorithm_not_allowed"


@without(ANY_NAME, sees=RELEASED)
def test_s20_an_algorithm_of_another_kind_of_key_is_refused(mine: Browser, issued: Issued) -> None:
    proof = mine.sign(issued, mine.challenge())
    assert refused(mine, signed_again(issued, proof, alg="RS256")) == "algorithm_key_mismatch"


@without(UNVERIFIED, sees=RELEASED)
@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda signature: signature[:-1], "signature_malformed"),
        (lambda signature: signature + b"\0", "signature_malformed"),
        pytest.param(lambda signature: b"", "bad_request", marks=without({**EMPTY, **UNVERIFIED}, sees=RELEASED)),
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


@without(UNCOMPARED, sees=RELEASED)
def test_s20_a_certificate_swapped_under_a_signature_is_refused(world: World, mine: Browser, issued: Issued) -> None:
    """Two certificates of one key: the signature names the one that was chosen."""
    other = world.authority.issue(factory.UNIT_CODE, "key of U1")
    proof = mine.sign(other, mine.challenge())
    assert refused(mine, proof | {"certificate": encode(issued.der)}) == "proof_foreign"


@without(UNVERIFIED, sees=RELEASED)
def test_s20_the_victims_certificate_over_the_thiefs_signature_is_refused(
    world: World, mine: Browser, issued: Issued
) -> None:
    own = world.certificate_of("U2")
    assert refused(mine, mine.sign(Issued(issued.certificate, own.key), mine.challenge())) == "signature_mismatch"


@companion("test_s20_a_signature_of_another_form_or_number_is_refused")
def test_s20_without_the_signature_check_a_stolen_certificate_is_enough(
    world: World, mine: Browser, issued: Issued, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proofs, "verify_signature", lambda *_: None)
    proof = mine.sign(issued, mine.challenge())
    assert mine.asked("proof", **(proof | {"signature": encode(b"nobody signed")}))["next"]


@without(UNCOMPARED, sees=RELEASED)
def test_s21_a_relayed_challenge_is_refused_by_its_origin(mine: Browser, issued: Issued) -> None:
    """The victim's helper writes down the site it was asked by: the evil one."""
    proof = mine.sign(issued, mine.challenge(), origin="https://evil.example")
    assert refused(mine, proof) == "origin_mismatch"


@without(UNCOMPARED, sees=RELEASED)
@pytest.mark.parametrize(
    "origin", ["https://survey.example.cn:443", "https://SURVEY.example.cn", "http://survey.example.cn", "null"]
)
def test_s21_origins_are_compared_exactly(mine: Browser, issued: Issued, origin: str) -> None:
    assert refused(mine, mine.sign(issued, mine.challenge(), origin=origin)) == "origin_mismatch"


#: Whatever purpose the payload names, it is read as a login.
ANY_PURPOSE = {"certlogin.wire.payload.auth_purpose": lambda name: Purpose.LOGIN}


@without(UNCOMPARED, sees=RELEASED)
@pytest.mark.parametrize(
    ("purpose", "code"),
    [
        *((purpose, "proof_foreign") for purpose in ("bind", "unbind", "transfer", "step-up")),
        # Of other classes, or of none: no payload of this class may name them.
        *(
            pytest.param(purpose, "bad_request", marks=without(ANY_PURPOSE, sees=RELEASED))
            for purpose in ("agree", "upgrade", "enrol")
        ),
    ],
)
def test_s22_a_signature_for_another_purpose_is_no_login(
    mine: Browser, issued: Issued, purpose: str, code: str
) -> None:
    proof = mine.sign(issued, mine.challenge())
    assert refused(mine, signed_again(issued, proof, purpose=purpose)) == code


def prefixed(prefix: bytes) -> dict[str, Any]:
    """A server that has this prefix in the place of its own."""
    return {"certlogin.login.proof.signed_bytes": lambda payload, purpose: prefix + payload}


@pytest.mark.parametrize(
    "prefix",
    [
        pytest.param(prefix, marks=without(prefixed(prefix), sees=RELEASED))
        for prefix in (b"", b"CERTLOGIN-AGREE-V1\0", b"CERTLOGIN-UPGRADE-V1\0", b"CERTLOGIN-AUTH-V1")
    ],
)
def test_s22_a_signature_under_another_prefix_is_no_login(mine: Browser, issued: Issued, prefix: bytes) -> None:
    proof = mine.sign(issued, mine.challenge())
    foreign = sign(issued.key, prefix + decoded(proof["payload"]))
    assert refused(mine, proof | {"signature": encode(foreign)}) == "signature_mismatch"


@pytest.mark.parametrize(("member", "value"), [("unit", "U2"), ("sid", "0" * 64), ("cert_sha256", "0" * 64)])
def test_signed_facts_of_another_login_are_refused(mine: Browser, issued: Issued, member: str, value: str) -> None:
    proof = mine.sign(issued, mine.challenge())
    assert refused(mine, signed_again(issued, proof, **{member: value})) == "proof_foreign"


# --- certificates

#: A unit without a certificate registers the one that it proves.
ADOPTED = {"unregistered": "match"}


@pytest.mark.parametrize("der", [b"\x30", b"not der"])
def test_an_unreadable_certificate_is_refused(mine: Browser, issued: Issued, der: bytes) -> None:
    proof = mine.sign(issued, mine.challenge())
    swapped = signed_again(issued, proof, cert_sha256=hashlib.sha256(der).hexdigest())
    assert refused(mine, swapped | {"certificate": encode(der)}) == "certificate_unreadable"


@without(
    {"certlogin.wire.browser._CERTIFICATE_LIMIT": 1 << 16, "certlogin.pki.certificate.SIZE_MAX": 1 << 16},
    sees=RELEASED,
)
def test_s25_a_certificate_longer_than_a_message_may_carry_is_not_even_read(make_world: MakeWorld) -> None:
    world = make_world(adoption=ADOPTED)
    bulk = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.25.1000"), bytes(0x4001))
    large = world.authority.issue(factory.UNIT_CODE, "key of a bulky one", extra=((bulk, False),))
    mine = Browser(world)
    mine.log_in("U1")
    assert refused(mine, mine.sign(large, mine.challenge())) == "bad_request"


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


@pytest.fixture
def adopting(make_world: MakeWorld) -> Browser:
    """At a site that registers what is proven: of what a foreign CA issued only the path is wrong."""
    mine = Browser(make_world(adoption=ADOPTED))
    mine.log_in("U1")
    return mine


@without(GULLIBLE, sees=RELEASED)
@pytest.mark.parametrize("sent", [("issuing",), ("issuing", "root"), ("root",), ()])
def test_s23_what_a_client_sends_along_never_becomes_an_anchor(adopting: Browser, sent: tuple[str, ...]) -> None:
    foreign = make_pki(label="foreign")
    leaf = foreign.issuing.issue(unit_code=factory.UNIT_CODE, key_name="foreign leaf")
    chain = [encode(getattr(foreign, name).der) for name in sent]
    proof = adopting.sign(leaf, adopting.challenge()) | {"chain": chain}
    assert refused(adopting, proof) == "certificate_untrusted"


@without(GULLIBLE, sees=RELEASED)
def test_s23_a_certificate_that_is_its_own_issuer_is_refused(adopting: Browser) -> None:
    proof = adopting.sign(factory.self_signed(), adopting.challenge())
    assert refused(adopting, proof | {"chain": []}) == "certificate_untrusted"


@without(UNLISTED, sees=RELEASED)
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


@without(UNLISTED, sees=RELEASED)
def test_s24_a_revoked_certificate_is_refused(world: World, mine: Browser, issued: Issued) -> None:
    world.authority.publish(issued)
    world.clock.advance(2)
    assert refused(mine, mine.sign(issued, mine.challenge())) == "certificate_revoked"


@without({"certlogin.flows.judge._remember": lambda *_: None}, sees="assert 303 == 403")
def test_s16_what_dropped_off_the_list_stays_revoked_and_renews_nothing(
    world: World, mine: Browser, issued: Issued
) -> None:
    world.authority.publish(issued)
    world.clock.advance(2)
    refused(mine, mine.sign(issued, mine.challenge()))
    world.authority.publish()
    world.clock.advance(2)
    answer = Browser(world).log_in("U1")
    assert answer.status == 403
    assert "reissue_required" in answer.text


@without({"certlogin.stores.sql.registry.SqlRegistry.find_by_key": lambda *_: None}, sees="assert 303 == 403")
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
    answer = Browser(world).log_in("U1")
    assert answer.status == 403
    assert "reissue_required" in answer.text


def mirror(issued: Issued) -> Issued:
    certificate = Certificate.load(issued.der)
    r, s = decode_dss_signature(certificate["signature_value"].native)
    certificate["signature_value"] = encode_dss_signature(r, P256_ORDER - s)
    return Issued(load_der_x509_certificate(certificate.dump(force=True)), issued.key)


@without(UNLISTED, sees=RELEASED)
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

"""S20 over the wire: logins with every algorithm, and none under the name of another."""

import hashlib
import itertools
import logging
from functools import partial
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from certlogin.errors import ConfigurationError
from certlogin.pki import libcrypto, selftest_data
from certlogin.pki.signature import Algorithm
from certlogin.pki.sm2 import SM2, SM2Key
from certlogin.wire.b64 import encode
from certlogin.wire.payload import Purpose, signed_bytes
from tests.companions import companion, without
from tests.factory import UNIT_CODE, Issued, make_pki, sign
from tests.gate.browser import Browser, decoded
from tests.gate.conftest import MakeWorld
from tests.gate.undefended_proof import ANY_NAME, RELEASED, UNLISTED
from tests.gate.world import World
from tests.pki import sm2_reference as reference

#: Algorithm, key of the unit, keys of the authorities.
LOGINS = (
    ("RS256", "RSA-2048", "P-256"),
    ("PS256", "RSA-2048", "P-256"),
    ("ES256", "P-256", "P-256"),
    ("ES384", "P-384", "P-256"),
    ("SM2-SM3", "SM2", "SM2"),
    ("SM2-SM3", "SM2", "P-256"),
    ("ES256", "P-256", "SM2"),
)
KEY_OF = {algorithm: key_type for algorithm, key_type, _ in LOGINS}
NO_SM2 = ("/nowhere/libcrypto.so.3",)


def bound(world: World, key_type: str) -> Issued:
    """U1 has a certificate for a key of this kind."""
    world.issued["U1"] = world.authority.issue(UNIT_CODE, f"{key_type} of U1", key_type=key_type)
    return world.bind("U1")


def chooser(world: World) -> Browser:
    """A browser that is asked for a proof."""
    browser = Browser(world)
    browser.log_in("U1")
    browser.report()
    return browser


def with_signature(browser: Browser, issued: Issued, signature_of: Any, **changes: Any) -> dict[str, Any]:
    """A proof whose signature is made by `signature_of(signed bytes)`."""
    proof = browser.sign(issued, browser.challenge(), **changes)
    signed = signed_bytes(decoded(proof["payload"]), Purpose.LOGIN)
    return proof | {"signature": encode(signature_of(signed))}


# --- logins


@pytest.mark.parametrize(("algorithm", "key_type", "authorities"), LOGINS)
def test_a_unit_logs_in_with_every_algorithm(
    make_world: MakeWorld, algorithm: str, key_type: str, authorities: str
) -> None:
    world = make_world(pki=make_pki(authorities))
    issued = bound(world, key_type)
    browser = Browser(world)
    browser.log_in_with("U1", issued, alg=algorithm)
    assert browser.home()["identity"] == {"unit": "U1", "method": "certificate"}
    (event,) = world.events("proof_accepted")
    assert event.facts["sha256"] == hashlib.sha256(issued.der).hexdigest()


def test_the_page_is_told_what_may_be_signed_with(world: World) -> None:
    world.bind("U1")
    assert chooser(world).challenge()["algorithms"] == ["ES256", "ES384", "PS256", "RS256", "SM2-SM3"]


@without(UNLISTED, sees=RELEASED)
def test_s24_a_revoked_sm2_certificate_is_refused_over_the_wire(make_world: MakeWorld) -> None:
    world = make_world(pki=make_pki("SM2"))
    issued = bound(world, "SM2")
    browser = chooser(world)
    proof = browser.sign(issued, browser.challenge())
    world.authority.publish(issued)
    world.clock.advance(2)
    assert browser.refused("proof", **proof) == "certificate_revoked"
    assert not browser.is_admitted()


# --- confusions


# One host is enough: nothing in front of the judgement knows algorithms.
@without(ANY_NAME, sees=RELEASED)
@pytest.mark.parametrize("host", ["flask"], indirect=True)
@pytest.mark.parametrize(("algorithm", "claimed"), list(itertools.permutations(KEY_OF, 2)))
def test_s20_a_signature_counts_under_its_own_name_only(make_world: MakeWorld, algorithm: str, claimed: str) -> None:
    """The payload names the wrong algorithm and is truly signed by the unit's key."""
    world = make_world()
    issued = bound(world, KEY_OF[algorithm])
    browser = chooser(world)
    proof = with_signature(browser, issued, lambda signed: sign(issued.key, signed, algorithm), alg=claimed)
    same_key = KEY_OF[claimed] == KEY_OF[algorithm]
    assert browser.refused("proof", **proof) == ("signature_mismatch" if same_key else "algorithm_key_mismatch")
    assert not browser.is_admitted()


def _d_of(issued: Issued) -> int:
    assert isinstance(issued.key, SM2Key)
    return int.from_bytes(issued.key.d, "big")


def _sm3_number(message: bytes) -> int:
    return int.from_bytes(reference.sm3(message), "big")


def test_s20_sm2_signatures_of_other_kinds_are_refused_over_the_wire(make_world: MakeWorld) -> None:
    world = make_world(pki=make_pki("SM2"))
    issued = bound(world, "SM2")
    d = _d_of(issued)
    browser = chooser(world)

    def answer(signature_of: Any) -> str:
        return browser.refused("proof", **with_signature(browser, issued, signature_of))

    def der(signed: bytes) -> bytes:
        good = reference.sign(d, signed)
        return encode_dss_signature(int.from_bytes(good[:32], "big"), int.from_bytes(good[32:], "big"))

    without_z = answer(lambda signed: reference.raw(*reference.sign_digest(d, _sm3_number(signed), 4711)))
    assert without_z == "signature_mismatch"
    assert answer(lambda signed: reference.sign(d, signed, b"ALICE123@YAHOO.COM")) == "signature_mismatch"
    assert answer(der) == "signature_malformed"
    assert answer(lambda signed: bytes(64)) == "signature_malformed"
    assert answer(lambda signed: reference.raw(1, reference.N)) == "signature_malformed"
    assert not browser.is_admitted()
    # By the formulas alone, and in the right form: it is the site that agrees with the standard.
    proof = with_signature(browser, issued, lambda signed: reference.sign(d, signed))
    assert browser.asked("proof", **proof)["next"]


@companion("test_s20_sm2_signatures_of_other_kinds_are_refused_over_the_wire")
def test_s20_companion_without_the_check_of_sm2_a_made_up_signature_is_enough(
    make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world(pki=make_pki("SM2"))
    issued = bound(world, "SM2")
    browser = chooser(world)
    proof = with_signature(browser, issued, lambda signed: reference.raw(1, 1))
    monkeypatch.setattr(SM2, "verify", lambda *_: None)
    assert browser.asked("proof", **proof)["next"]


_AUTO = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.AUTO)
#: A salt of any length is found in the signature itself.
ANY_SALT = {"certlogin.pki.signature._PADDINGS": {Algorithm.RS256: padding.PKCS1v15(), Algorithm.PS256: _AUTO}}
#: What the library takes is taken.
DER_TAKEN = {
    "certlogin.pki.signature._verify_ecdsa": lambda key, order, digest, signed, signature: key.verify(
        signature, signed, ec.ECDSA(digest)
    )
}


def _sign_padded(key: rsa.RSAPrivateKey, how: padding.PSS, signed: bytes) -> bytes:
    return key.sign(signed, how, hashes.SHA256())


@without(ANY_SALT, sees=RELEASED)
def test_s20_paddings_and_hashes_of_others_are_refused_over_the_wire(make_world: MakeWorld) -> None:
    world = make_world()
    issued = bound(world, "RSA-2048")
    key = issued.key
    assert isinstance(key, rsa.RSAPrivateKey)
    browser = chooser(world)
    for salt in (0, padding.PSS.MAX_LENGTH):
        how = padding.PSS(padding.MGF1(hashes.SHA256()), salt)
        proof = with_signature(browser, issued, partial(_sign_padded, key, how), alg="PS256")
        assert browser.refused("proof", **proof) == "signature_mismatch"
    assert browser.prove(issued, alg="PS256")["next"]


@without(DER_TAKEN, sees=RELEASED)
def test_s20_the_der_form_of_es384_is_refused_over_the_wire(make_world: MakeWorld) -> None:
    world = make_world()
    issued = bound(world, "P-384")
    key = issued.key
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    browser = chooser(world)
    proof = with_signature(browser, issued, lambda signed: key.sign(signed, ec.ECDSA(hashes.SHA384())))
    assert browser.refused("proof", **proof) == "signature_malformed"
    assert browser.prove(issued)["next"]


# --- a machine without SM2


def test_where_no_library_has_sm2_it_is_not_offered_and_not_accepted(
    make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(libcrypto, "NAMES", NO_SM2)
    with caplog.at_level(logging.WARNING, "certlogin"):
        world = make_world()
    assert any("sm2_unavailable: /nowhere/libcrypto.so.3 cannot be loaded" in text for text in caplog.messages)
    issued = bound(world, "SM2")
    browser = chooser(world)
    challenge = browser.challenge()
    assert challenge["algorithms"] == ["ES256", "ES384", "PS256", "RS256"]
    assert browser.refused("proof", **browser.sign(issued, challenge)) == "algorithm_not_allowed"
    assert not browser.is_admitted()


def test_where_no_library_has_sm2_the_others_log_in(make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libcrypto, "NAMES", NO_SM2)
    world = make_world()
    browser = Browser(world)
    browser.log_in_with("U1", world.bind("U1"))
    assert browser.home()["unit"] == "U1"


def test_below_an_sm2_authority_nobody_is_let_in_without_a_library(
    make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """OpenSSL alone would find the path; the revocation lists are what nobody can check."""
    monkeypatch.setattr(libcrypto, "NAMES", NO_SM2)
    with caplog.at_level(logging.WARNING, "certlogin"):
        world = make_world(pki=make_pki("SM2"))
    assert sum("SM2 is not available, so its revocation lists are not used" in text for text in caplog.messages) == 2
    issued = bound(world, "P-256")
    browser = chooser(world)
    assert browser.refused("proof", **browser.sign(issued, browser.challenge())) == "revocation_unknown"


def test_where_openssl_cannot_judge_sm2_certificates_it_is_not_offered(
    make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(selftest_data, "SM2_LEAF", selftest_data.LEAF)
    with caplog.at_level(logging.WARNING, "certlogin"):
        world = make_world()
    assert any(text.startswith("sm2_unavailable: the OpenSSL inside") for text in caplog.messages)
    world.bind("U1")
    assert "SM2-SM3" not in chooser(world).challenge()["algorithms"]


def test_where_openssl_cannot_judge_paths_there_is_no_start(
    make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selftest_data, "POLICY_LEAF", selftest_data.LEAF)
    with pytest.raises(ConfigurationError) as refusal:
        make_world()
    assert refusal.value.problems[0].endswith("fails the self-test: policies")


def test_a_named_library_that_cannot_be_used_stops_the_start(make_world: MakeWorld) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        make_world(sm2={"library": "/nowhere/libcrypto.so.3"})
    (problem,) = refusal.value.problems
    assert problem.startswith("[sm2] library: /nowhere/libcrypto.so.3 cannot be loaded")


def test_a_named_library_is_used(make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libcrypto, "NAMES", NO_SM2)
    world = make_world(pki=make_pki("SM2"), sm2={"library": "libcrypto.so.3"})
    browser = Browser(world)
    browser.log_in_with("U1", bound(world, "SM2"))
    assert browser.home()["unit"] == "U1"

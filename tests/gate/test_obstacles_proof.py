"""S14 to S27, companions: one check of a proof is taken away, and the attack that it stops succeeds."""

from dataclasses import replace
from typing import Any

import pytest

from certlogin.flows import judge as judging
from certlogin.flows import login as logins
from certlogin.login import proof as proofs
from certlogin.pki import certificate as certificates
from certlogin.pki import judge
from certlogin.pki.identity import Identity
from certlogin.pki.path import Path
from certlogin.wire import payload as payloads
from certlogin.wire.b64 import encode
from certlogin.wire.payload import Purpose, SignedPayload, signed_bytes
from tests import factory
from tests.companions import companion
from tests.factory import Issued, make_pki, sign
from tests.gate.browser import Browser, decoded
from tests.gate.conftest import MakeWorld
from tests.gate.forms import by_text
from tests.gate.test_proofs import refused, signed_again
from tests.gate.world import World

MATCH = {"unregistered": "match"}


@pytest.fixture
def host() -> str:
    """What is judged here is the same behind every host."""
    return "plain"


def gets_in(browser: Browser, proof: dict[str, Any]) -> bool:
    browser.get(browser.asked("proof", **proof)["next"])
    return browser.is_admitted()


@companion("test_s14_a_lying_report_changes_the_page_and_never_the_admission")
def test_s14_believing_the_page_instead_of_the_signature_lets_an_outdated_helper_in(
    make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world(rules={"helper": {"minimum": "1.2.0.0"}, "require": [{"name": "r", "tag": "一套表"}]})
    issued = world.bind("U1")
    mine = Browser(world)
    mine.log_in("U1")
    mine.report(version="9.9.9.9")
    presented = logins._presented
    monkeypatch.setattr(
        logins, "_presented", lambda *accepted: replace(presented(*accepted), helper_version=(9, 9, 9, 9))
    )
    assert gets_in(mine, mine.sign(issued, mine.challenge(), helper="1.0.0.0"))


@companion("test_s16_what_dropped_off_the_list_stays_revoked_and_renews_nothing")
def test_s16_without_the_memory_of_a_revocation_a_list_that_forgets_lets_it_in_again(
    world: World, mine: Browser, issued: Issued, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judging, "_remember", lambda *_: None)
    world.authority.publish(issued)
    world.clock.advance(2)
    assert refused(mine, mine.sign(issued, mine.challenge())) == "certificate_revoked"
    world.authority.publish()
    world.clock.advance(2)
    again = Browser(world)
    again.log_in("U1")
    assert gets_in(again, again.sign(issued, again.challenge()))


@companion("test_s17_a_challenge_chosen_by_the_client_is_refused")
def test_s17_without_the_challenges_mac_the_client_chooses_its_own(
    mine: Browser, issued: Issued, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = "A" * 43 + f".{int(mine.world.clock.now.timestamp())}." + "B" * 43
    proof = signed_again(issued, mine.sign(issued, mine.challenge()), nonce=chosen)
    assert refused(mine, proof) == "challenge_foreign"
    monkeypatch.setattr("certlogin.login.challenge.holds", lambda *_: True)
    assert gets_in(mine, proof)


@companion("test_s18_a_format_the_server_did_not_offer_is_refused")
def test_s18_without_the_list_of_formats_another_format_is_taken(
    mine: Browser, issued: Issued, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A genuine text: the list of the challenge and the one of the issuer are all that stands before it."""
    assert refused(mine, by_text(issued, mine.challenge())) == "format_not_allowed"
    binding_of = logins.binding_of
    monkeypatch.setattr(logins, "binding_of", lambda *of: replace(binding_of(*of), formats=("native", "text")))
    assert refused(mine, by_text(issued, mine.challenge())) == "format_not_allowed"
    monkeypatch.setattr("certlogin.login.other_proofs.check_issuer", lambda *_: None)
    assert gets_in(mine, by_text(issued, mine.challenge()))


@companion("test_s20_an_algorithm_the_server_did_not_offer_is_refused")
def test_s20_without_the_list_of_algorithms_the_message_chooses(
    mine: Browser, issued: Issued, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A site that allowed RSA alone: an ECDSA proof gets in once the list is what the message says."""
    binding_of = logins.binding_of
    with monkeypatch.context() as patch:
        patch.setattr(logins, "binding_of", lambda *of: replace(binding_of(*of), algorithms=("RS256",)))
        assert refused(mine, mine.sign(issued, mine.challenge())) == "algorithm_not_allowed"
    assert gets_in(mine, mine.sign(issued, mine.challenge()))


@companion("test_s21_a_relayed_challenge_is_refused_by_its_origin")
def test_s21_without_the_comparison_a_relayed_challenge_logs_the_attacker_in(
    mine: Browser, issued: Issued, monkeypatch: pytest.MonkeyPatch
) -> None:
    proof = mine.sign(issued, mine.challenge(), origin="https://evil.example")
    assert refused(mine, proof) == "origin_mismatch"
    monkeypatch.setattr(proofs, "_compare", lambda *_: None)
    assert gets_in(mine, mine.sign(issued, mine.challenge(), origin="https://evil.example"))


def for_another_purpose(issued: Issued, proof: dict[str, Any]) -> dict[str, Any]:
    """The user confirmed a step-up, of the same class and so under the same prefix."""
    octets = replace(SignedPayload.from_bytes(decoded(proof["payload"])), purpose=Purpose.STEP_UP).to_bytes()
    signature = sign(issued.key, signed_bytes(octets, Purpose.STEP_UP))
    return proof | {"payload": encode(octets), "signature": encode(signature)}


@companion("test_s22_a_signature_for_another_purpose_is_no_login")
def test_s22_without_the_comparison_a_step_up_is_a_login(
    mine: Browser, issued: Issued, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert refused(mine, for_another_purpose(issued, mine.sign(issued, mine.challenge()))) == "proof_foreign"
    monkeypatch.setattr(proofs, "_compare", lambda *_: None)
    assert gets_in(mine, for_another_purpose(issued, mine.sign(issued, mine.challenge())))


@companion("test_s22_a_signature_under_another_prefix_is_no_login")
def test_s22_without_prefixes_a_signed_agreement_is_a_login(
    mine: Browser, issued: Issued, monkeypatch: pytest.MonkeyPatch
) -> None:
    def agreement(proof: dict[str, Any]) -> dict[str, Any]:
        signature = sign(issued.key, signed_bytes(decoded(proof["payload"]), Purpose.AGREE))
        return proof | {"signature": encode(signature)}

    assert refused(mine, agreement(mine.sign(issued, mine.challenge()))) == "signature_mismatch"
    monkeypatch.setattr(payloads, "_PREFIXES", dict.fromkeys(Purpose, payloads._AUTH))
    assert gets_in(mine, agreement(mine.sign(issued, mine.challenge())))


@pytest.fixture
def foreign(make_world: MakeWorld) -> tuple[Browser, dict[str, Any]]:
    """A certificate with the victim's code from a CA that the attacker made, at a site that adopts by the code."""
    world = make_world(adoption=MATCH)
    mine = Browser(world)
    mine.log_in("U1")
    pki = make_pki(label="attacker")
    leaf = pki.issuing.issue(unit_code=factory.UNIT_CODE, key_name="attacker")
    chain = [encode(pki.issuing.der), encode(pki.root.der)]
    return mine, mine.sign(leaf, mine.challenge()) | {"chain": chain}


@companion("test_s23_what_a_client_sends_along_never_becomes_an_anchor")
def test_s23_without_the_path_a_ca_that_the_client_sent_is_believed(
    foreign: tuple[Browser, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, proof = foreign
    with monkeypatch.context() as patch:
        patch.setattr(logins, "redeem", lambda *_: None)
        assert refused(mine, proof) == "certificate_untrusted"

    def gullible(leaf: Any, chain: Any, trust: Any, now: object) -> Path:
        return Path(trust.anchors[0], (leaf, *chain))

    monkeypatch.setattr(judge, "find_path", gullible)
    # Its lists are unknown as well; a CA that can be chosen publishes them where it likes.
    monkeypatch.setattr(judge, "settle_revocation", lambda *_: None)
    mine.asked("proof", **proof)


@companion("test_s24_a_revoked_certificate_is_refused")
def test_s24_without_the_lists_a_revoked_certificate_logs_in(
    world: World, mine: Browser, issued: Issued, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.authority.publish(issued)
    world.clock.advance(2)
    monkeypatch.setattr(judge, "settle_revocation", lambda *_: None)
    assert gets_in(mine, mine.sign(issued, mine.challenge()))


@companion("test_s25_a_certificate_longer_than_a_message_may_carry_is_not_even_read")
def test_s25_without_the_limit_an_oversized_certificate_is_read(
    world: World, mine: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    der = b"\x30\x82\x40\x01" + bytes(0x4001)
    with pytest.raises(certificates.CertificateTooLarge):
        certificates.read_certificate(der)
    monkeypatch.setattr(certificates, "SIZE_MAX", 1 << 20)
    with pytest.raises(certificates.CertificateUnreadable):
        certificates.read_certificate(der)


@companion("test_s27_common_name_and_serial_are_never_an_identity")
def test_s27_an_identity_taken_from_the_common_name_is_whoever_the_name_says(
    make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A CA that lets applicants choose their name: the unit's code there would be enough."""
    world = make_world(adoption=MATCH)
    leaf = world.authority.issue(factory.OTHER_CODE, "attacker", common_name=factory.UNIT_CODE)
    mine = Browser(world)
    mine.log_in("U1")
    assert mine.refused("proof", **mine.sign(leaf, mine.challenge())) == "certificate_of_another_unit"
    monkeypatch.setattr(judge, "read_identity", lambda *_: Identity(factory.UNIT_CODE, None))
    assert gets_in(mine, mine.sign(leaf, mine.challenge()))


@companion("test_s27_no_prefix_is_stripped_so_different_ids_stay_different")
def test_s27_without_the_exact_comparison_a_stripped_prefix_makes_two_ids_equal(
    make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world(adoption=MATCH)
    other = world.authority.issue("SF" + factory.UNIT_CODE, "another holder")
    mine = Browser(world)
    mine.log_in("U1")
    mine.report()
    assert refused(mine, mine.sign(other, mine.challenge())) == "certificate_of_another_unit"
    monkeypatch.setattr("certlogin.login.policy.same_unit_code", lambda one, two: one.removeprefix("SF") == two)
    assert gets_in(mine, mine.sign(other, mine.challenge()))

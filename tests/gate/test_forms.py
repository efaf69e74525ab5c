"""A login by a vendor's text, by CMS and by Web eID: where the issuer allows it, and for nothing but this login."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from certlogin.login.challenge import Purpose
from certlogin.login.web_eid import nonce_of, signed_octets
from certlogin.pki.jwa import JWA
from certlogin.records.certificate import State
from certlogin.records.unit import UnitId
from certlogin.wire.b64 import encode
from tests import factory
from tests.companions import allows, companion, without
from tests.factory import Issued, make_pki
from tests.factory_keys import sign_der
from tests.gate.browser import Browser
from tests.gate.conftest import MakeWorld
from tests.gate.forms import ALL, MAKERS, anchor, at_the_chooser, by_cms, by_text, by_web_eid, text_of
from tests.gate.test_obstacles_proof import gets_in
from tests.gate.test_proofs import refused
from tests.gate.undefended_proof import AGELESS, BELIEVED, FORGOTTEN, RELEASED, UNBOUND, UNLISTED
from tests.gate.world import ORIGIN, World
from tests.pki.test_jwa import sign_jwa

each_form = pytest.mark.parametrize("form", MAKERS)

UNVERIFIED: dict[str, object] = {
    "certlogin.login.forms.verify_vendor_signature": lambda *_: None,
    "certlogin.login.forms.verify_signed_data": lambda *_, **__: None,
    "certlogin.login.forms.verify_token": lambda *_: None,
}
ANY_FORMAT: dict[str, object] = {"certlogin.login.proof._check_format": lambda *_: None}
ANY_ISSUER: dict[str, object] = {"certlogin.login.other_proofs.check_issuer": lambda *_: None}
ANY_CHALLENGE: dict[str, object] = {"certlogin.login.other_proofs.check_challenge": lambda text, *_: text}
AGED: dict[str, object] = {
    "certlogin.login.other_proofs.check_challenge": AGELESS["certlogin.login.proof.check_challenge"]
}


@pytest.fixture
def host() -> str:
    """What is judged here is the same behind every host."""
    return "plain"


@pytest.fixture
def open_site(make_world: MakeWorld, tmp_path: Path) -> World:
    """Its one issuer allows every form."""
    return make_world(trust={"anchors": [anchor(tmp_path, *ALL)], "reload_seconds": 1})


@pytest.fixture
def chosen(open_site: World) -> tuple[Browser, Issued]:
    return at_the_chooser(open_site)


# --- where it is allowed


@pytest.mark.parametrize("host", ["flask", "plain", "starlette"])
@each_form
def test_a_unit_logs_in_with_it(host: str, chosen: tuple[Browser, Issued], form: str) -> None:
    mine, issued = chosen
    assert not mine.is_admitted()
    mine.get(mine.asked("proof", **MAKERS[form](issued, mine.challenge()))["next"])
    assert mine.home()["unit"] == "U1"
    written = mine.world.events("proof_accepted")[0].facts
    assert (written["format"], written["clock_difference"]) == (form, None)


def test_the_server_says_what_is_to_be_signed(chosen: tuple[Browser, Issued]) -> None:
    mine, _ = chosen
    offered = mine.challenge()
    assert offered["formats"] == list(ALL)
    assert offered["text"].encode() == text_of(offered)
    assert offered["web_eid_nonce"] == nonce_of(offered["challenge"])


def test_a_native_only_site_says_none_of_it(mine: Browser) -> None:
    offered = mine.challenge()
    assert offered["formats"] == ["native"]
    assert {"text", "web_eid_nonce"}.isdisjoint(offered)


@pytest.mark.parametrize(
    ("formats", "said"),
    [(("text",), {"text"}), (("cms",), {"text"}), (("web-eid", "native"), {"web_eid_nonce"})],
)
def test_only_what_is_offered_is_said(
    make_world: MakeWorld, tmp_path: Path, formats: tuple[str, ...], said: set[str]
) -> None:
    mine, _ = at_the_chooser(make_world(trust={"anchors": [anchor(tmp_path, *formats)]}))
    offered = mine.challenge()
    assert offered["formats"] == sorted(formats)
    assert {"text", "web_eid_nonce"} & offered.keys() == said


def test_a_native_proof_is_taken_beside_the_others(chosen: tuple[Browser, Issued]) -> None:
    mine, issued = chosen
    assert gets_in(mine, mine.sign(issued, mine.challenge()))


@pytest.mark.parametrize(
    ("key_type", "algorithm"),
    [("P-256", "ES256"), ("P-384", "ES384"), ("P-521", "ES512"), ("RSA-2048", "RS256"), ("RSA-2048", "PS512")],
)
def test_a_card_logs_in_by_its_own_algorithm(open_site: World, key_type: str, algorithm: str) -> None:
    open_site.issued["U1"] = open_site.authority.issue(factory.UNIT_CODE, "card", key_type=key_type)
    mine, issued = at_the_chooser(open_site)
    assert gets_in(mine, by_web_eid(issued, mine.challenge(), algorithm=algorithm))


def test_a_card_with_a_signing_certificate_logs_in(open_site: World) -> None:
    mine, issued = at_the_chooser(open_site)
    signing = open_site.authority.issue(factory.UNIT_CODE, "signing", usages=("content_commitment",), extended=None)
    assert gets_in(mine, by_web_eid(issued, mine.challenge(), signers=[signing]))


def test_an_sm2_key_logs_in_by_text_and_cms(make_world: MakeWorld, tmp_path: Path) -> None:
    world = make_world(pki=make_pki("SM2"), trust={"anchors": [anchor(tmp_path, *ALL)]})
    world.issued["U1"] = world.authority.issue(factory.UNIT_CODE, "sm2", key_type="SM2")
    mine, issued = at_the_chooser(world)
    assert gets_in(mine, by_text(issued, mine.challenge()))
    again = Browser(world)
    again.log_in("U1")
    challenge = again.challenge()
    der = by_text(issued, challenge) | {"signature": encode(sign_der(issued.key, text_of(challenge)))}
    assert gets_in(again, der)
    third = Browser(world)
    third.log_in("U1")
    assert gets_in(third, by_cms(issued, third.challenge()))


@allows
def test_s14_such_a_proof_has_no_version_to_be_outdated(make_world: MakeWorld, tmp_path: Path) -> None:
    """The rule is about our helper; who may do without it is said by the issuer's formats."""
    world = make_world(
        trust={"anchors": [anchor(tmp_path, *ALL)]},
        rules={"helper": {"minimum": "9.0.0.0"}, "require": [{"name": "r", "tag": "一套表"}]},
    )
    mine, issued = at_the_chooser(world)
    assert "/certlogin/helper" in mine.asked("proof", **mine.sign(issued, mine.challenge()))["next"]
    assert gets_in(mine, by_text(issued, mine.challenge()))


# --- S18: and nowhere else


@without({**ANY_FORMAT, **ANY_ISSUER}, sees=RELEASED)
@each_form
def test_s18_a_genuine_proof_is_refused_where_nobody_allows_the_form(mine: Browser, issued: Issued, form: str) -> None:
    assert refused(mine, MAKERS[form](issued, mine.challenge())) == "format_not_allowed"


@without({**ANY_FORMAT, **ANY_ISSUER}, sees=RELEASED)
@each_form
def test_s18_nor_where_other_forms_are_allowed(make_world: MakeWorld, tmp_path: Path, form: str) -> None:
    others = [name for name in ALL if name != form]
    mine, issued = at_the_chooser(make_world(trust={"anchors": [anchor(tmp_path, *others)]}))
    assert refused(mine, MAKERS[form](issued, mine.challenge())) == "format_not_allowed"


@without(ANY_ISSUER, sees=RELEASED)
@each_form
def test_s18_nor_for_the_certificate_of_an_issuer_that_does_not_allow_it(
    make_world: MakeWorld, tmp_path: Path, form: str
) -> None:
    """Another issuer allows it, so the challenge is offered for it; the nearest anchor decides."""
    tables = [anchor(tmp_path, *ALL, name="root"), anchor(tmp_path, "native", name="issuing")]
    mine, issued = at_the_chooser(make_world(trust={"anchors": tables}))
    offered = mine.challenge()
    assert offered["formats"] == list(ALL)
    assert refused(mine, MAKERS[form](issued, offered)) == "format_not_allowed"
    assert gets_in(mine, mine.sign(issued, mine.challenge()))


@without({"certlogin.login.proof.check_issuer": lambda *_: None}, sees=RELEASED)
def test_s18_an_issuer_may_allow_no_native_proof(make_world: MakeWorld, tmp_path: Path) -> None:
    tables = [anchor(tmp_path, "native", name="root"), anchor(tmp_path, "text", name="issuing")]
    mine, issued = at_the_chooser(make_world(trust={"anchors": tables}))
    assert refused(mine, mine.sign(issued, mine.challenge())) == "format_not_allowed"
    assert gets_in(mine, by_text(issued, mine.challenge()))


@pytest.mark.parametrize(("made", "named"), [("text", "cms"), ("cms", "text"), ("web-eid", "text"), ("text", "native")])
def test_a_form_under_the_name_of_another_is_not_read(chosen: tuple[Browser, Issued], made: str, named: str) -> None:
    mine, issued = chosen
    proof = MAKERS[made](issued, mine.challenge()) | {"format": named}
    assert refused(mine, proof) in {"bad_request", "signature_malformed"}


# --- S17: replay, age, attempt


@each_form
def test_s17_it_is_answered_once(chosen: tuple[Browser, Issued], form: str) -> None:
    mine, issued = chosen
    proof = MAKERS[form](issued, mine.challenge())
    assert mine.asked("proof", **proof)["next"]
    assert mine.refused("proof", **proof) == "challenge_used"


@without(FORGOTTEN, sees=RELEASED)
def test_s17_one_challenge_serves_one_form(chosen: tuple[Browser, Issued]) -> None:
    """Signed by text and by card: the second one comes too late."""
    mine, issued = chosen
    challenge = mine.challenge()
    mine.asked("proof", **by_text(issued, challenge))
    assert mine.refused("proof", **by_web_eid(issued, challenge)) == "challenge_used"


@companion("test_s17_it_is_answered_once")
@each_form
def test_s17_without_the_once_store_a_replay_of_it_is_accepted(
    chosen: tuple[Browser, Issued], form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, issued = chosen
    monkeypatch.setattr("certlogin.stores.memory.MemoryStore.add_once", lambda *_: True)
    proof = MAKERS[form](issued, mine.challenge())
    mine.asked("proof", **proof)
    assert mine.asked("proof", **proof)["next"]


@without(AGED, sees=RELEASED)
@each_form
def test_s17_a_late_one_is_refused(chosen: tuple[Browser, Issued], form: str) -> None:
    mine, issued = chosen
    proof = MAKERS[form](issued, mine.challenge())
    mine.world.clock.advance(120)
    assert refused(mine, proof) == "challenge_expired"


@without(UNBOUND, sees=RELEASED)
@each_form
def test_s17_one_for_another_attempt_of_the_unit_is_refused(chosen: tuple[Browser, Issued], form: str) -> None:
    mine, issued = chosen
    other = Browser(mine.world)
    other.log_in("U1")
    assert refused(mine, MAKERS[form](issued, other.challenge())) == "challenge_foreign"


@without(ANY_CHALLENGE, sees=RELEASED)
@each_form
def test_s17_one_that_the_client_chose_is_refused(chosen: tuple[Browser, Issued], form: str) -> None:
    mine, issued = chosen
    made_up = mine.challenge() | {"challenge": "A" * 43 + ".1772438400." + "B" * 43}
    assert refused(mine, MAKERS[form](issued, made_up)) == "challenge_foreign"


# --- S21, S22: other sites, units and uses


@without(UNVERIFIED, sees=RELEASED)
def test_s21_a_token_that_another_site_asked_for_is_refused(chosen: tuple[Browser, Issued]) -> None:
    """A page that relays our nonce to the victim's card: the card signs the page's own origin."""
    mine, issued = chosen
    assert refused(mine, by_web_eid(issued, mine.challenge(), origin="https://evil.example")) == "signature_mismatch"


@without(UNVERIFIED, sees=RELEASED)
def test_s21_nor_is_the_text_of_another_site_a_proof(chosen: tuple[Browser, Issued]) -> None:
    """Another site of ours asked for it with our challenge; its text says its own origin."""
    mine, issued = chosen
    challenge = mine.challenge()
    theirs = text_of(challenge, origin="https://evil.example")
    assert refused(mine, by_text(issued, challenge, theirs)) == "signature_mismatch"
    assert refused(mine, by_cms(issued, mine.challenge(), theirs)) in {"cms_content_mismatch", "signature_mismatch"}


@allows
def test_s21_whose_page_asked_a_vendors_helper_nobody_can_tell(chosen: tuple[Browser, Issued]) -> None:
    """The risk that the settings accept: our text, signed at a page of somebody else, logs in whoever began here."""
    thief, victims = chosen
    offered = thief.challenge()
    signed_elsewhere = by_text(victims, offered, offered["text"].encode())
    assert gets_in(thief, signed_elsewhere)


OTHER_FACTS: dict[str, dict[str, Any]] = {"unit": {"unit": "U2"}, "purpose": {"purpose": Purpose.ENROL}}


@without(UNVERIFIED, sees=RELEASED)
@pytest.mark.parametrize("fact", OTHER_FACTS)
@pytest.mark.parametrize("form", ["text", "cms"])
def test_s22_a_text_for_another_unit_or_use_is_refused(chosen: tuple[Browser, Issued], form: str, fact: str) -> None:
    mine, issued = chosen
    challenge = mine.challenge()
    proof = MAKERS[form](issued, challenge, text_of(challenge, **OTHER_FACTS[fact]))
    assert refused(mine, proof) in {"signature_mismatch", "cms_content_mismatch"}


@without(BELIEVED, sees=RELEASED)
@each_form
def test_s22_the_certificate_of_another_unit_is_refused(chosen: tuple[Browser, Issued], form: str) -> None:
    mine, _ = chosen
    other = mine.world.bind("U2")
    assert refused(mine, MAKERS[form](other, mine.challenge())) == "certificate_of_another_unit"


@without(UNVERIFIED, sees=RELEASED)
def test_s22_a_native_signature_is_no_text_proof(chosen: tuple[Browser, Issued]) -> None:
    mine, issued = chosen
    challenge = mine.challenge()
    proof = by_text(issued, challenge) | {"signature": mine.sign(issued, challenge)["signature"]}
    assert refused(mine, proof) == "signature_mismatch"


@without({"certlogin.login.proof.verify_signature": lambda *_: None}, sees=RELEASED)
def test_s22_a_text_signature_is_no_native_proof(chosen: tuple[Browser, Issued]) -> None:
    mine, issued = chosen
    challenge = mine.challenge()
    proof = mine.sign(issued, challenge) | {"signature": by_text(issued, challenge)["signature"]}
    assert refused(mine, proof) == "signature_mismatch"


@without(UNVERIFIED, sees=RELEASED)
def test_s22_a_cards_signature_is_no_text_proof(chosen: tuple[Browser, Issued]) -> None:
    mine, issued = chosen
    challenge = mine.challenge()
    signed = signed_octets(JWA.ES256, ORIGIN, nonce_of(challenge["challenge"]))
    proof = by_text(issued, challenge) | {"signature": encode(sign_jwa(issued.key, signed, "ES256"))}
    assert refused(mine, proof) == "signature_mismatch"


@without(UNVERIFIED, sees=RELEASED)
def test_s20_a_cms_message_is_no_signature_of_a_text(chosen: tuple[Browser, Issued]) -> None:
    mine, issued = chosen
    challenge = mine.challenge()
    message = by_cms(issued, challenge, certificates=())["signature"]
    assert refused(mine, by_text(issued, challenge) | {"signature": message}) == "signature_malformed"


@without({"certlogin.flows.login._formats": lambda *_: ALL, **UNBOUND}, sees="'formats'")
def test_s22_for_anything_else_than_a_login_only_the_native_form_is_offered(chosen: tuple[Browser, Issued]) -> None:
    mine, _ = chosen
    offered = mine.challenge("enrol")
    assert offered["formats"] == ["native"], "'formats'"
    assert {"text", "web_eid_nonce"}.isdisjoint(offered)


@without(UNBOUND, sees=RELEASED)
@each_form
def test_s22_a_challenge_for_something_else_serves_no_login(chosen: tuple[Browser, Issued], form: str) -> None:
    mine, issued = chosen
    assert refused(mine, MAKERS[form](issued, mine.challenge("enrol"))) == "challenge_foreign"


@without({"certlogin.flows.login._check_binds": lambda _: None}, sees=RELEASED)
@each_form
def test_s22_it_never_binds_a_certificate(make_world: MakeWorld, tmp_path: Path, form: str) -> None:
    """A site that registers what is proven: it takes a proof that says for which unit, at which site, such as ours."""
    anchors = {"anchors": [anchor(tmp_path, *ALL)]}
    world = make_world(trust=anchors, adoption={"unregistered": "match"})
    issued = world.certificate_of("U1")
    mine = Browser(world)
    mine.log_in("U1")
    assert refused(mine, MAKERS[form](issued, mine.challenge())) == "format_not_allowed"
    assert world.store.of_unit(UnitId("U1")) == ()
    assert gets_in(mine, mine.sign(issued, mine.challenge()))


# --- S16, S24 and the rest of the judgement


@without(UNLISTED, sees=RELEASED)
@each_form
def test_s24_a_revoked_certificate_is_refused_and_stays_revoked(chosen: tuple[Browser, Issued], form: str) -> None:
    mine, issued = chosen
    mine.world.authority.publish(issued)
    mine.world.clock.advance(2)
    assert refused(mine, MAKERS[form](issued, mine.challenge())) == "certificate_revoked"
    (row,) = mine.world.store.of_unit(UnitId("U1"))
    assert row.state is State.REVOKED


@without(UNVERIFIED, sees=RELEASED)
@each_form
def test_s20_a_certificate_that_did_not_sign_is_refused(chosen: tuple[Browser, Issued], form: str) -> None:
    """The victim's certificate around the attacker's signature."""
    mine, issued = chosen
    thief = Issued(issued.certificate, factory.key("thief"))
    assert refused(mine, MAKERS[form](thief, mine.challenge())) == "signature_mismatch"


BENT: list[tuple[str, Callable[[dict[str, Any]], dict[str, Any]]]] = [
    ("not JSON", lambda token: {"token": "{"}),
    ("another version", lambda token: {"token": json.dumps(token | {"format": "web-eid:2"})}),
    ("doubled", lambda token: {"token": json.dumps(token)[:-1] + ',"format":"web-eid:1"}'}),
    ("unknown member", lambda token: {"token": json.dumps(token | {"x": 1})}),
]


@pytest.mark.parametrize("bend", [bend for _, bend in BENT], ids=[name for name, _ in BENT])
def test_a_malformed_token_is_refused(chosen: tuple[Browser, Issued], bend: Callable[..., dict[str, Any]]) -> None:
    mine, issued = chosen
    proof = by_web_eid(issued, mine.challenge())
    assert refused(mine, proof | bend(json.loads(proof["token"]))) in {"bad_request", "web_eid_format"}


def test_of_a_unit_that_no_text_can_name_the_other_forms_are_offered(make_world: MakeWorld, tmp_path: Path) -> None:
    world = make_world(trust={"anchors": [anchor(tmp_path, *ALL)]})
    strange = UnitId("U\u30001")
    unit = world.directory.units[UnitId("U1")]
    world.directory.units[strange] = type(unit)(strange, unit.name, unit.code, unit.tags)
    mine = Browser(world)
    mine.log_in(strange)
    offered = mine.challenge()
    assert "text" not in offered
    assert offered["formats"] == list(ALL)

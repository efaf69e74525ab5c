"""A certificate that is not the account's: both sides, what would fit, what to do next. D6, D7, on every host."""

import hashlib
import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from certlogin import UnitId
from certlogin.flows import fits
from certlogin.pki.identity import masked_code
from certlogin.pki.judge import facts_of
from certlogin.wire.b64 import encode
from tests import factory
from tests.companions import without
from tests.factory import Issued
from tests.gate.browser import Browser
from tests.gate.conftest import MakeWorld
from tests.gate.world import World

MATCH = {"unregistered": "match"}
U1 = UnitId("U1")
ACCOUNT = {"account_name": "曙光机械制造有限公司", "account_code": masked_code(factory.UNIT_CODE)}
OTHER = {"certificate_name": "测试单位", "certificate_code": masked_code(factory.OTHER_CODE)}


@pytest.fixture
def matching(make_world: MakeWorld) -> World:
    return make_world(adoption=MATCH)


def at_login(world: World, unit: str = "U1") -> Browser:
    mine = Browser(world)
    mine.log_in(unit)
    mine.report()
    return mine


def refusal(mine: Browser, issued: Issued) -> dict[str, Any]:
    answer = mine.call("proof", **mine.sign(issued, mine.challenge()))
    assert answer.status == 403
    return dict(json.loads(answer.body))


def shown(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: answer[name] for name in ("code", *ACCOUNT, *OTHER, "advice")}


def asked(mine: Browser, *held: Issued) -> list[str]:
    certificates, chain = [encode(one.der) for one in held], [encode(mine.world.pki.issuing.der)]
    return list(mine.asked("fits", certificates=certificates, chain=chain)["fits"])


def sha256(issued: Issued) -> str:
    return hashlib.sha256(issued.der).hexdigest()


def test_d6_both_units_are_shown_with_masked_codes(matching: World) -> None:
    answer = refusal(at_login(matching), matching.certificate_of("U2"))
    assert shown(answer) == {"code": "certificate_of_another_unit", **ACCOUNT, **OTHER, "advice": "compare"}
    for code in (factory.UNIT_CODE, factory.OTHER_CODE):
        assert code not in json.dumps(answer)
    (event,) = matching.events("call_refused")
    assert (event.code, event.facts["advice"]) == ("certificate_of_another_unit", "compare")


def test_d6_a_certificate_bound_to_another_account_is_shown_alike(world: World) -> None:
    world.bind("U1")
    answer = refusal(at_login(world), world.bind("U2"))
    assert shown(answer) == {"code": "certificate_of_another_unit", **ACCOUNT, **OTHER, "advice": "compare"}


def test_d7_a_certificate_without_the_identifier_has_its_information_changed(matching: World) -> None:
    nameless = matching.authority.issue(None, "nameless")  # type: ignore[arg-type]
    answer = refusal(at_login(matching), nameless)
    assert (answer["code"], answer["advice"]) == ("certificate_without_code", "change")
    assert answer["certificate_code"] == ""
    assert "证书信息变更" in answer["next_step"]


def test_d7_a_good_certificate_of_an_account_without_code_needs_the_authority(matching: World) -> None:
    matching.directory.units[U1] = replace(matching.directory.units[U1], code="")
    answer = refusal(at_login(matching), matching.certificate_of("U2"))
    assert (answer["code"], answer["advice"]) == ("unit_without_code", "authorise")
    assert answer["account_code"] == ""
    assert "授权" in answer["next_step"]


def test_d7_a_good_certificate_that_is_not_registered_needs_the_authority(world: World) -> None:
    world.bind("U1")
    another = world.authority.issue(factory.UNIT_CODE, "another key of U1")
    answer = refusal(at_login(world), another)
    assert (answer["code"], answer["advice"]) == ("certificate_not_registered", "authorise")


def test_d6_both_languages_have_the_texts(matching: World) -> None:
    mine = at_login(matching)
    proof = mine.sign(matching.certificate_of("U2"), mine.challenge())
    message = {"attempt": mine.attempt_id(), **proof}
    answer = mine.post_json("/certlogin/api/proof", message, accept_language="en")
    assert json.loads(answer.body)["title"] == "This certificate belongs to another unit"
    page = mine.get("/certlogin/login?lang=en").text
    assert "apply to its issuer for a change of the certificate information" in page
    assert "Ask the authority in charge to authorise your organisation" in page


def test_before_a_proof_the_page_shows_name_and_masked_code_only(matching: World) -> None:
    page = at_login(matching).get("/certlogin/login?lang=zh-CN").text
    assert ACCOUNT["account_name"] in page
    assert ACCOUNT["account_code"] in page
    assert factory.UNIT_CODE not in page


# --- which of the others would fit


def test_d6_the_plugged_certificates_that_fit_are_named(matching: World) -> None:
    held = [matching.certificate_of("U2"), matching.certificate_of("U1")]
    mine = at_login(matching)
    assert asked(mine, *held) == [sha256(held[1])]
    assert asked(at_login(matching, "U2"), *held) == [sha256(held[0])]
    assert matching.store.listing() == ()
    assert not mine.is_admitted()


def test_d6_only_the_registered_one_fits_where_one_is(world: World) -> None:
    own = world.bind("U1")
    another = world.authority.issue(factory.UNIT_CODE, "another key of U1")
    assert asked(at_login(world), another, own) == [sha256(own)]


def test_what_cannot_log_in_does_not_fit(matching: World) -> None:
    ended = matching.authority.issue(
        factory.UNIT_CODE, "ended", not_before=factory.NOW - 400 * factory.DAY, not_after=factory.NOW - factory.DAY
    )
    revoked = matching.authority.issue(factory.UNIT_CODE, "revoked")
    matching.authority.publish(revoked)
    matching.clock.advance(2)
    assert asked(at_login(matching), ended, revoked) == []


def believes_everybody(leaf: Any, *_: Any) -> Any:
    """As if a certificate's own word were enough."""
    return SimpleNamespace(facts=facts_of(leaf, factory.make_pki().trust().anchors[0]))


@without({"certlogin.flows.fits.judge_certificate": believes_everybody}, sees="assert ['")
def test_s27_nobody_learns_a_code_from_certificates_of_their_own_making(matching: World) -> None:
    """An authority of the attacker's own, that writes one guess after the other into certificates."""
    forged = factory.make_pki("RSA-2048").issuing.issue(unit_code=factory.UNIT_CODE, key_name="guess")
    assert asked(at_login(matching), forged) == []


@without({"certlogin.flows.fits.PER_ATTEMPT": 1000}, sees="assert ['")
def test_s26_so_many_questions_and_no_more(matching: World) -> None:
    mine, own = at_login(matching), matching.certificate_of("U1")
    for _ in range(10):
        assert asked(mine, own) == [sha256(own)]
    found = asked(mine, own)
    assert found == []


def test_nobody_asks_without_a_login_or_for_another(matching: World) -> None:
    assert fits.PER_ATTEMPT == 10
    message: dict[str, Any] = {"certificates": [], "chain": []}
    stranger = Browser(matching)
    answer = stranger.post_json("/certlogin/api/fits", {"attempt": "A" * 16, **message})
    assert answer.status >= 400
    assert at_login(matching).refused("fits", attempt="A" * 16, **message) == "other_login_in_progress"

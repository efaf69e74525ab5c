"""S17 over the wire: a challenge is ours, fresh, of this attempt and purpose, and answered once."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from certlogin.stores.memory import MemoryStore
from tests.companions import allows, companion, without
from tests.factory import Issued
from tests.gate.browser import Browser
from tests.gate.test_proofs import refused, signed_again
from tests.gate.undefended_proof import AGELESS, ANY_CHALLENGE, FORGOTTEN, RELEASED, UNBOUND, UNMACED
from tests.gate.world import World

#: One attempt's public id in the signed bytes is as good as another's.
ANY_ATTEMPT = {"certlogin.flows.login.sid_of": lambda public_id: "0" * 64}
#: A payload may carry any text.
ANY_TEXT = {"certlogin.wire.payload.VISIBLE_ASCII": ".+"}


def test_s17_a_challenge_is_answered_once(mine: Browser, issued: Issued) -> None:
    proof = mine.sign(issued, mine.challenge())
    assert mine.asked("proof", **proof)["next"]
    assert mine.refused("proof", **proof) == "challenge_used"


@without(FORGOTTEN, sees="At index 1 diff: 200 != 403")
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


@companion("test_s17_a_challenge_is_answered_once")
def test_s17_without_the_once_store_a_replay_is_accepted(
    mine: Browser, issued: Issued, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MemoryStore, "add_once", lambda *_: True)
    proof = mine.sign(issued, mine.challenge())
    mine.asked("proof", **proof)
    assert mine.asked("proof", **proof)["next"]


@without(ANY_CHALLENGE, sees=RELEASED)
@pytest.mark.parametrize(
    ("nonce", "code"),
    [
        ("A" * 43, "challenge_foreign"),
        pytest.param("A" * 43 + ".1772438400." + "B" * 43, "challenge_foreign", marks=without(UNMACED, sees=RELEASED)),
        ("x", "challenge_foreign"),
        ("." * 2, "challenge_foreign"),
        ("1.2.3.4", "challenge_foreign"),
        pytest.param("é", "bad_request", marks=without({**ANY_TEXT, **ANY_CHALLENGE}, sees=RELEASED)),
    ],
    ids=["bare", "right shape", "short", "empty parts", "four parts", "not ascii"],
)
def test_s17_a_challenge_chosen_by_the_client_is_refused(mine: Browser, issued: Issued, nonce: str, code: str) -> None:
    proof = mine.sign(issued, mine.challenge())
    assert refused(mine, signed_again(issued, proof, nonce=nonce)) == code


@without(AGELESS, sees=RELEASED)
def test_s17_a_late_challenge_is_refused(world: World, mine: Browser, issued: Issued) -> None:
    proof = mine.sign(issued, mine.challenge())
    world.clock.advance(120)
    assert refused(mine, proof) == "challenge_expired"


@allows
def test_s17_just_in_time_is_in_time(world: World, mine: Browser, issued: Issued) -> None:
    proof = mine.sign(issued, mine.challenge())
    world.clock.advance(119)
    assert mine.asked("proof", **proof)["next"]


@pytest.fixture
def foreign(world: World) -> Browser:
    """Another login of the same unit, under way."""
    other = Browser(world)
    other.log_in("U1")
    return other


@without(UNBOUND, sees=RELEASED)
def test_s17_a_challenge_of_another_attempt_is_refused(mine: Browser, foreign: Browser, issued: Issued) -> None:
    own = mine.challenge() | {"challenge": foreign.challenge()["challenge"]}
    assert refused(mine, mine.sign(issued, own)) == "challenge_foreign"


@without({**UNBOUND, **ANY_ATTEMPT}, sees=RELEASED)
def test_s17_a_proof_made_for_another_attempt_is_refused(mine: Browser, foreign: Browser, issued: Issued) -> None:
    assert refused(mine, mine.sign(issued, foreign.challenge())) == "challenge_foreign"


@without(UNBOUND, sees=RELEASED)
def test_s17_a_challenge_for_another_purpose_is_refused(mine: Browser, issued: Issued) -> None:
    assert refused(mine, mine.sign(issued, mine.challenge("enrol"))) == "challenge_foreign"


@without(UNBOUND, sees=RELEASED)
def test_s17_a_challenge_of_a_restarted_store_is_refused(
    mine: Browser, issued: Issued, monkeypatch: pytest.MonkeyPatch
) -> None:
    proof = mine.sign(issued, mine.challenge())
    monkeypatch.setattr(MemoryStore, "epoch", property(lambda self: "another epoch"))
    assert refused(mine, proof) == "challenge_foreign"


@allows
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

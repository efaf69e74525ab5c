"""S17: a challenge is ours, of this attempt, and fresh."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certlogin.login.challenge import (
    Binding,
    ChallengeExpired,
    ChallengeForeign,
    Purpose,
    check_challenge,
    issue_challenge,
)
from certlogin.login.keys import Keyring, Use, mac
from certlogin.wire.b64 import encode
from tests.companions import without
from tests.factory import DAY, NOW
from tests.login.signing import BINDING, FOREIGN, KEYS, MAX_AGE, OTHER_KEYS, SECOND, challenge, foreign_binding
from tests.login.tampering import accepted

FORGED = {"certlogin.login.challenge.holds": lambda *_: True}
UNBOUND = {"certlogin.login.challenge.Binding.octets": lambda binding: ()}

RANDOM = bytes(range(32))


def check(text: str, binding: Binding = BINDING, now: datetime = NOW, keys: tuple[bytes, ...] = KEYS) -> str:
    return check_challenge(text, binding, MAX_AGE, now, keys)


def test_a_fresh_challenge_gives_its_random_part_to_redeem() -> None:
    assert check(challenge()) == encode(RANDOM)


def test_a_challenge_is_short_visible_ascii() -> None:
    text = challenge()
    assert len(text) == 43 + 1 + 10 + 1 + 43
    assert text.isascii()
    assert text.isprintable()
    assert " " not in text


def test_the_random_part_alone_makes_two_challenges_differ() -> None:
    other = issue_challenge(BINDING, bytes(32), NOW, KEYS)
    assert check(other) != check(challenge())


# --- foreign


@without(UNBOUND)
@pytest.mark.parametrize("member", FOREIGN)
def test_s17_a_challenge_holds_for_nothing_else(member: str) -> None:
    binding = foreign_binding(member)
    with pytest.raises(ChallengeForeign):
        check(challenge(), binding)
    with pytest.raises(ChallengeForeign):
        check(challenge(binding))
    assert check(challenge(binding), binding) == check(challenge())


def test_every_member_of_the_binding_was_tried() -> None:
    assert set(FOREIGN) == set(Binding.__slots__)


@without(UNBOUND)
@pytest.mark.parametrize("purpose", [purpose for purpose in Purpose if purpose is not BINDING.purpose])
def test_s22_a_login_challenge_is_good_for_nothing_else_and_the_other_way_round(purpose: Purpose) -> None:
    other = replace(BINDING, purpose=purpose)
    with pytest.raises(ChallengeForeign):
        check(challenge(), other)
    with pytest.raises(ChallengeForeign):
        check(challenge(other))


@without(FORGED)
def test_s17_a_challenge_of_the_client_s_own_choice_is_refused() -> None:
    nonce, issued, _ = challenge().split(".")
    with pytest.raises(ChallengeForeign):
        check(f"{nonce}.{issued}.{encode(bytes(32))}")
    with pytest.raises(ChallengeForeign):
        check(issue_challenge(BINDING, RANDOM, NOW, OTHER_KEYS))
    # The obstacle is the key and nothing else.
    assert check(f"{nonce}.{issued}.{mac(KEYS[0], nonce.encode(), issued.encode(), *BINDING.octets())}")


@without(FORGED)
def test_s17_a_late_challenge_gets_no_younger() -> None:
    late = NOW + 2 * MAX_AGE
    nonce, _, seal = challenge().split(".")
    with pytest.raises(ChallengeForeign):
        check(f"{nonce}.{int(late.timestamp())}.{seal}", now=late)


def test_another_use_s_key_makes_no_challenge() -> None:
    for use in Use:
        keys = Keyring((b"k" * 32,)).keys(use)
        text = issue_challenge(BINDING, RANDOM, NOW, keys)
        if use is Use.CHALLENGE:
            assert check(text)
        else:
            with pytest.raises(ChallengeForeign):
                check(text)


def test_keys_may_be_rotated() -> None:
    text = challenge()
    assert check(text, keys=OTHER_KEYS + KEYS) == check(text, keys=KEYS + OTHER_KEYS)
    with pytest.raises(ChallengeForeign):
        check(text, keys=OTHER_KEYS)


# --- age


@pytest.mark.parametrize("seconds", [0, 1, 119, -5])
def test_a_challenge_is_good_for_its_time(seconds: int) -> None:
    assert check(challenge(), now=NOW + seconds * SECOND)


@without({"tests.login.test_challenge.MAX_AGE": 9 * DAY, "certlogin.login.challenge._AHEAD": 9 * DAY})
@pytest.mark.parametrize("seconds", [120, 121, 86_400, -6, -86_400])
def test_s17_a_late_or_early_challenge_is_refused(seconds: int) -> None:
    now = NOW + seconds * SECOND
    with pytest.raises(ChallengeExpired) as refusal:
        check(challenge(), now=now)
    assert (refusal.value.code, refusal.value.status) == ("challenge_expired", 410)
    assert refusal.value.facts() == {"issued_at": NOW, "moment": now}


def test_age_is_judged_by_the_server_s_clock_alone() -> None:
    for offset in (timedelta(), timedelta(days=1000)):
        text = issue_challenge(BINDING, RANDOM, NOW + offset, KEYS)
        assert check(text, now=NOW + offset + MAX_AGE - SECOND)


# --- shape


def test_a_bent_challenge_is_refused() -> None:
    assert accepted(challenge(), check, ChallengeForeign) == []


@pytest.mark.parametrize("text", ["", ".", "..", "...", "a.1.b", "١.٢.٣", "9" * 161, "." * 160])
def test_what_is_no_challenge_is_refused(text: str) -> None:
    with pytest.raises(ChallengeForeign):
        check(text)


@given(st.one_of(st.text(), st.lists(st.text(max_size=50), min_size=3, max_size=3).map(".".join)))
def test_any_text_is_refused_in_one_way(text: str) -> None:
    with pytest.raises(ChallengeForeign):
        check(text)


@given(st.integers(0, 10**10), st.integers(-200, 200))
def test_any_age_is_accepted_or_refused(issued: int, age: int) -> None:
    late = max(issued + age, 0)
    text = issue_challenge(BINDING, RANDOM, datetime.fromtimestamp(issued, NOW.tzinfo), KEYS)
    now = datetime.fromtimestamp(late, NOW.tzinfo)
    if -5 <= late - issued < 120:
        assert check(text, now=now)
    else:
        with pytest.raises(ChallengeExpired):
            check(text, now=now)


# --- injectivity

names = st.text("ab,.", min_size=1, max_size=3)
texts = st.text("ab,.", max_size=3)
bindings = st.builds(
    Binding,
    attempt=texts,
    unit=texts,
    purpose=st.sampled_from(Purpose),
    formats=st.lists(names, max_size=3).map(tuple),
    algorithms=st.lists(names, max_size=3).map(tuple),
    origin=texts,
    epoch=texts,
)


@given(bindings, bindings)
def test_two_bindings_never_give_the_same_octets(one: Binding, other: Binding) -> None:
    assert (one == other) == (one.octets() == other.octets())


def test_one_format_with_a_comma_is_not_two() -> None:
    two = foreign_binding("formats")
    assert two.octets() != replace(two, formats=(",".join(two.formats),)).octets()

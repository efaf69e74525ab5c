"""Any octets are read or refused in our own words, and nothing that was signed is accepted once it was changed."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from certlogin.login import challenge, seal, ticket
from certlogin.wire.b64 import encode
from tests.companions import companion
from tests.fuzz.table import TARGETS
from tests.fuzz.target import Target

by_name = {target.name: target for target in TARGETS}
each_target = pytest.mark.parametrize("target", TARGETS, ids=[target.name for target in TARGETS])


@st.composite
def mutations(draw: st.DrawFn, seeds: tuple[bytes, ...]) -> bytes:
    """A seed with a few pieces replaced, left out, doubled or put in."""
    data = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(len(data), start + 16)))
        middle = draw(st.binary(max_size=6) | st.just(data[start:end] * 2))
        data = data[:start] + middle + data[end:]
    return data


def test_each_target_has_a_name_of_its_own() -> None:
    assert len(by_name) == len(TARGETS)


@each_target
def test_its_seeds_are_read(target: Target) -> None:
    """The companion: what was not changed passes, so a refusal means something."""
    assert target.seeds
    for seed in target.seeds:
        assert target.run(seed), target.name


@each_target
def test_s19_any_octets_and_any_change_are_read_or_refused(target: Target) -> None:
    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.binary(max_size=80) | mutations(target.seeds))
    def check(data: bytes) -> None:
        target.run(data)

    check()


@companion("test_s19_any_octets_and_any_change_are_read_or_refused")
@pytest.mark.parametrize(("name", "room"), [("ticket", ticket), ("seal", seal), ("challenge", challenge)])
def test_s2_without_its_mac_a_changed_text_is_read(name: str, room: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """The companion: the table notices, so the fuzzers would."""
    target = by_name[name]
    (seed,) = target.seeds
    changed = seed[:-1] + (b"A" if seed[-1:] != b"A" else b"B")
    assert not accepts(target, changed)
    monkeypatch.setattr(room, "holds", lambda *_: True)
    with pytest.raises(AssertionError, match="accepted"):
        target.run(changed)


@companion("test_s19_any_octets_and_any_change_are_read_or_refused")
def test_s20_without_the_check_a_proof_with_another_signature_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    target = by_name["proof"]
    message = json.loads(target.seeds[0])
    changed = json.dumps(message | {"signature": encode(bytes(64))}).encode()
    assert not target.run(changed)
    monkeypatch.setattr("certlogin.login.proof.verify_signature", lambda *_: None)
    with pytest.raises(AssertionError, match="accepted"):
        target.run(changed)


def accepts(target: Target, data: bytes) -> bool:
    """A seal that does not hold gives None, which is no refusal and no acceptance."""
    try:
        target.run(data)
    except AssertionError:
        return True
    return False

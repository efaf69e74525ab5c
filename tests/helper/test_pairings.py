"""What is remembered of pairings, and that other processes may change it."""

import json
import stat
from pathlib import Path

import pytest

from certlogin.errors import ConfigurationError, Unavailable
from certlogin.helper.durable import locked, only_one, write_whole
from certlogin.helper.pairing import ONCE_LASTS, Installation, Mode, Pairings
from certlogin.helper.refusals import NotPaired, OriginRefused
from certlogin.helper.surroundings import Surroundings
from tests.helper.world import OTHER_SITE, SITE, Clock, origin_of

_SITE, _OTHER = origin_of(SITE), origin_of(OTHER_SITE)


def _pairings(folder: Path, clock: Clock | None = None) -> Pairings:
    return Pairings(folder, Surroundings(monotonic=clock or Clock()))


def test_only_the_hash_of_a_token_is_written_and_for_its_owner(tmp_path: Path) -> None:
    pairings = _pairings(tmp_path / "state")
    token = pairings.pair(_SITE, Mode.ALWAYS)
    assert len(token) == 32
    path = tmp_path / "state" / "pairings.json"
    assert token not in path.read_bytes()
    assert token.hex() not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("mode", Mode)
def test_a_token_is_bound_to_its_origin(tmp_path: Path, mode: Mode) -> None:
    pairings = _pairings(tmp_path)
    token = pairings.pair(_SITE, mode)
    assert pairings.check(_SITE, token).mode is mode
    for origin, other in ((_OTHER, token), (_SITE, bytes(32)), (_SITE, token[:31] + bytes([token[31] ^ 1]))):
        with pytest.raises(NotPaired):
            pairings.check(origin, other)


def test_once_ends_by_time_and_by_use_and_the_others_do_not(tmp_path: Path) -> None:
    clock = Clock()
    pairings = _pairings(tmp_path, clock)
    tokens = {mode: pairings.pair(_SITE, mode) for mode in Mode}
    used = pairings.pair(_SITE, Mode.ONCE)
    for token in (*tokens.values(), used):
        if token != tokens[Mode.ONCE]:
            pairings.use_up(token)
    with pytest.raises(NotPaired):
        pairings.check(_SITE, used)
    for token in tokens.values():
        pairings.check(_SITE, token)
    clock.advance(ONCE_LASTS)
    with pytest.raises(NotPaired):
        pairings.check(_SITE, tokens[Mode.ONCE])
    for mode in (Mode.ALWAYS, Mode.GRANTED):
        pairings.check(_SITE, tokens[mode])


def test_the_oldest_pairing_of_an_origin_goes_when_there_are_too_many(tmp_path: Path) -> None:
    pairings = _pairings(tmp_path)
    for mode in Mode:
        tokens = [pairings.pair(_SITE, mode) for _ in range(9)]
        with pytest.raises(NotPaired):
            pairings.check(_SITE, tokens[0])
        for token in tokens[1:]:
            pairings.check(_SITE, token)


def test_pairings_in_memory_are_bounded_over_all_origins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("certlogin.helper.pairing._PAIRINGS", 3)
    pairings = _pairings(tmp_path)
    origins = [origin_of(f"https://n{number}.example.com") for number in range(4)]
    tokens = [pairings.pair(origin, Mode.GRANTED) for origin in origins]
    with pytest.raises(NotPaired):
        pairings.check(origins[0], tokens[0])
    for origin, token in zip(origins[1:], tokens[1:], strict=True):
        pairings.check(origin, token)


def test_another_process_forgets_and_a_running_helper_obeys(tmp_path: Path) -> None:
    running, command = _pairings(tmp_path), _pairings(tmp_path)
    token = running.pair(_SITE, Mode.ALWAYS)
    running.block(_OTHER)
    assert command.listed() == {SITE: "always", OTHER_SITE: "blocked"}
    assert command.forget(SITE)
    assert command.forget(OTHER_SITE)
    assert not command.forget(OTHER_SITE)
    with pytest.raises(NotPaired):
        running.check(_SITE, token)
    running.check_not_blocked(_OTHER)
    # And neither overwrites what the other has written.
    first, second = running.pair(_SITE, Mode.ALWAYS), command.pair(_SITE, Mode.ALWAYS)
    for token in (first, second):
        assert running.check(_SITE, token).mode is command.check(_SITE, token).mode is Mode.ALWAYS


def test_a_block_ends_every_pairing_of_the_origin(tmp_path: Path) -> None:
    pairings = _pairings(tmp_path)
    tokens = [pairings.pair(_SITE, mode) for mode in Mode]
    kept = pairings.pair(_OTHER, Mode.ALWAYS)
    pairings.block(_SITE)
    for token in tokens:
        with pytest.raises(NotPaired):
            pairings.check(_SITE, token)
    pairings.check(_OTHER, kept)
    for again in (pairings, _pairings(tmp_path)):
        with pytest.raises(OriginRefused):
            again.check_not_blocked(_SITE)
        again.check_not_blocked(_OTHER)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"{}", b'{"always":[],"blocked":[1]}', b'{"always":[{"origin":"x","token_sha256":"y"}],"blocked":[]}'],
)
def test_a_damaged_file_stops_the_start_with_its_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "pairings.json").write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"pairings\.json is damaged"):
        _pairings(tmp_path)


def test_a_state_that_cannot_be_written_pairs_nobody_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pairings = _pairings(tmp_path)

    def full(path: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("certlogin.helper.pairing.write_whole", full)
    with pytest.raises(OSError, match="No space"):
        pairings.pair(_SITE, Mode.ALWAYS)
    assert _pairings(tmp_path).listed() == {}


def test_threat_7_the_secret_is_made_once_and_gives_each_origin_its_own_key(tmp_path: Path) -> None:
    first, again = Installation(tmp_path, Surroundings()), Installation(tmp_path, Surroundings())
    numbers = {
        made.key_of(origin).private_numbers().private_value for made in (first, again) for origin in (_SITE, _OTHER)
    }
    assert len(numbers) == 2
    assert first.phrase_number() == again.phrase_number()
    assert stat.S_IMODE((tmp_path / "installation.key").stat().st_mode) == 0o600


@pytest.mark.parametrize("content", [b"", bytes(31), bytes(33)])
def test_threat_7_a_secret_of_another_length_proves_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "installation.key").write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"installation\.key is damaged"):
        Installation(tmp_path, Surroundings())


# --- small files that must be whole


def test_a_file_is_old_or_new_and_never_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_whole(path, b"old")

    def crash(descriptor: int) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("certlogin.helper.durable.os.fsync", crash)
        with pytest.raises(KeyboardInterrupt):
            write_whole(path, b"new and longer")
    assert path.read_bytes() == b"old"
    write_whole(path, b"new")
    assert [found.name for found in tmp_path.iterdir()] == ["file"]
    assert path.read_bytes() == b"new"


def test_only_one_process_holds_the_place_and_nobody_waits(tmp_path: Path) -> None:
    path = tmp_path / "running"
    with only_one(path, "it runs already"):
        with pytest.raises(Unavailable, match="it runs already"), only_one(path, "it runs already"):
            pass
    with only_one(path, "x"), locked(tmp_path / "another"):
        pass


def test_the_state_is_strict_json(tmp_path: Path) -> None:
    pairings = _pairings(tmp_path)
    pairings.pair(_SITE, Mode.ALWAYS)
    pairings.pair(_SITE, Mode.ONCE)
    state = json.loads((tmp_path / "pairings.json").read_bytes())
    assert [list(item) for item in state["always"]] == [["origin", "token_sha256"]]
    assert state["blocked"] == []

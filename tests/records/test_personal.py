"""Personal data at rest: it opens in its own place, under its own key, and nowhere else."""

from dataclasses import replace
from typing import Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from certlogin.records.personal import PersonalDataUnreadable, PersonalKeyMissing, PersonalKeys, Place
from tests.companions import without

OLD: Final = "an old key of 32 bytes or more, any text"
NEW: Final = "a newer key of 32 bytes or more, any text"
KEYS: Final = PersonalKeys.from_settings((OLD,))
ROTATED: Final = PersonalKeys.from_settings((NEW, OLD))
PLACE: Final = Place("evidence", "17", "body")
NONCE: Final = b"n" * 12
ADDRESS: Final = "北京市西城区月坛南街 57 号 13800000000".encode()


@given(st.binary(max_size=200), st.binary(min_size=12, max_size=12))
def test_what_is_sealed_opens_again(plain: bytes, nonce: bytes) -> None:
    sealed = KEYS.seal(plain, PLACE, nonce)
    assert KEYS.open(sealed, PLACE) == plain
    assert len(sealed) == 1 + 8 + 12 + len(plain) + 16


def test_nothing_of_it_can_be_read_at_rest() -> None:
    sealed = KEYS.seal(ADDRESS, PLACE, NONCE)
    assert ADDRESS not in sealed
    assert b"13800000000" not in sealed
    assert OLD.encode() not in sealed
    assert OLD not in repr(KEYS)


@without({"certlogin.records.personal._bound": lambda header, place: b""})
@pytest.mark.parametrize("change", [{"table": "orders"}, {"row": "18"}, {"field": "phone"}])
def test_s30_what_was_moved_to_another_place_does_not_open(change: dict[str, str]) -> None:
    sealed = KEYS.seal(ADDRESS, PLACE, NONCE)
    with pytest.raises(PersonalDataUnreadable):
        KEYS.open(sealed, replace(PLACE, **change))


def test_no_two_places_are_bound_alike() -> None:
    sealed = KEYS.seal(ADDRESS, Place("evidence", "1", "7body"), NONCE)
    with pytest.raises(PersonalDataUnreadable):
        KEYS.open(sealed, Place("evidence", "17", "body"))


@example(place=0, flipped=1)
@given(st.integers(0, 200), st.integers(1, 255))
def test_what_was_changed_does_not_open(place: int, flipped: int) -> None:
    sealed = bytearray(KEYS.seal(ADDRESS, PLACE, NONCE))
    sealed[place % len(sealed)] ^= flipped
    with pytest.raises((PersonalDataUnreadable, PersonalKeyMissing)):
        KEYS.open(bytes(sealed), PLACE)


@given(st.binary(max_size=60))
def test_what_nobody_sealed_does_not_open(data: bytes) -> None:
    with pytest.raises((PersonalDataUnreadable, PersonalKeyMissing)):
        KEYS.open(data, PLACE)


def test_a_piece_of_it_does_not_open() -> None:
    sealed = KEYS.seal(ADDRESS, PLACE, NONCE)
    for end in (0, 1, 9, 20, 21, 30, len(sealed) - 1):
        with pytest.raises(PersonalDataUnreadable):
            KEYS.open(sealed[:end], PLACE)


def test_a_new_key_seals_and_the_old_one_still_opens() -> None:
    old, new = KEYS.seal(ADDRESS, PLACE, NONCE), ROTATED.seal(ADDRESS, PLACE, NONCE)
    assert ROTATED.open(old, PLACE) == ROTATED.open(new, PLACE) == ADDRESS
    assert [ROTATED.is_current(one) for one in (old, new)] == [False, True]
    assert KEYS.is_current(old)
    with pytest.raises(PersonalKeyMissing) as missing:
        KEYS.open(new, PLACE)
    assert missing.value.what == f"key {new[1:9].hex()}"


def test_without_a_key_nothing_is_sealed_or_opened() -> None:
    none = PersonalKeys.from_settings(())
    with pytest.raises(PersonalKeyMissing):
        none.seal(ADDRESS, PLACE, NONCE)
    with pytest.raises(PersonalKeyMissing):
        none.open(KEYS.seal(ADDRESS, PLACE, NONCE), PLACE)
    assert not none.is_current(KEYS.seal(ADDRESS, PLACE, NONCE))


def test_a_nonce_has_one_length() -> None:
    with pytest.raises(ValueError, match="nonce"):
        KEYS.seal(ADDRESS, PLACE, b"short")


def test_the_format_stays_as_it_is() -> None:
    """What is on disk today must open tomorrow."""
    sealed = bytes.fromhex("01dd16f862ca543b656e6e6e6e6e6e6e6e6e6e6e6e0c6995df65eb30a001dc0db6c601f99481")
    assert KEYS.seal(b"x", PLACE, NONCE) == sealed

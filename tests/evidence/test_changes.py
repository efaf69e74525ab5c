"""S30 by property: whatever is done to an export as it stands is found."""

from functools import cache
from typing import Final

from hypothesis import example, given, settings
from hypothesis import strategies as st

from certlogin.evidence.verify import verify
from tests.companions import without
from tests.evidence.made import checkpoint, operators_key, three, trust
from tests.evidence.test_attacks import NO_CHAIN, NO_CHECKPOINTS, NO_PLACE, SOUND

#: Nothing but the record's hash speaks of it.
_A_MICROSECOND: Final = len(b'{"algorithm":"ES256","at":"2026-03-02T08:00:00.00000')


@cache
def export() -> tuple[bytes, ...]:
    """Three records and a checkpoint, as the file has them."""
    lines = three()
    return (*(line.to_bytes() for line in lines), checkpoint(lines).to_bytes())


def is_sound(data: bytes) -> bool:
    return verify(data.removesuffix(b"\n").split(b"\n"), trust(), [operators_key().public_key()]).is_sound


def whole() -> bytes:
    return b"\n".join(export()) + b"\n"


@without(NO_CHAIN | NO_CHECKPOINTS, sees=SOUND)
@settings(max_examples=150, deadline=None)
@example(place=_A_MICROSECOND, flipped=1)
@given(st.integers(0, 1 << 20), st.integers(1, 255))
def test_s30_any_changed_byte_is_found(place: int, flipped: int) -> None:
    given = bytearray(whole())
    # The last octet is the end of the file, which is no part of a record.
    given[place % (len(given) - 1)] ^= flipped
    assert not is_sound(bytes(given))


@without({"certlogin.evidence.chain.check_canonical": lambda *given: None}, sees=SOUND)
@settings(max_examples=60, deadline=None)
@given(st.integers(1, 3), st.sampled_from([b" ", b"\t", b"\r", b",", b"\x00"]))
def test_s30_any_added_byte_is_found(number: int, added: bytes) -> None:
    lines = list(export())
    # Behind the opening brace JSON allows any space.
    lines[number - 1] = lines[number - 1][:1] + added + lines[number - 1][1:]
    assert not is_sound(b"\n".join(lines))


@without(NO_PLACE | NO_CHECKPOINTS, sees=SOUND)
@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(range(3)), max_size=4).filter(lambda order: order != [0, 1, 2]))
def test_s30_any_other_choice_and_order_of_the_records_is_found(order: list[int]) -> None:
    given = [export()[place] for place in order]
    assert not is_sound(b"\n".join([*given, export()[-1]]))


def test_the_export_itself_is_sound() -> None:
    assert is_sound(whole())

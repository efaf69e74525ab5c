"""S3: what a host's view may say, once, before its response."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from certlogin.errors import HostMistake
from certlogin.web.slot import (
    SLOT_KEY,
    AnotherUnitNamed,
    Carrier,
    LoginSlot,
    NoLoginSlot,
    ResponseStarted,
    UnitIdNotText,
    logout,
    password_verified,
)
from tests.companions import without

Say = Callable[[Carrier], None]


def _careless(carrier: Carrier, unit_id: Any) -> None:
    """`password_verified` that takes whatever it is given, and "" for nothing."""
    slot = carrier[SLOT_KEY]
    if slot.unit_id and slot.unit_id != unit_id:
        raise AnotherUnitNamed
    slot.unit_id = unit_id


CARELESS = {"tests.web.test_slot.password_verified": _careless}
#: Every word is said into a slot of its own.
FORGOTTEN = {"certlogin.web.slot._open_slot": lambda carrier: LoginSlot()}
NEVER_CLOSED = {"certlogin.web.slot._open_slot": lambda carrier: carrier[SLOT_KEY]}
COPIED = {
    "certlogin.web.slot.LoginSlot.__copy__": lambda self: LoginSlot(),
    "certlogin.web.slot.LoginSlot.__deepcopy__": lambda self, memo: LoginSlot(),
}
UNMARKED = "assert (None, False) in "


def name_unit(carrier: Carrier) -> None:
    password_verified(carrier, "unit-1")


#: Both things a view may say.
each_word = pytest.mark.parametrize("say", [name_unit, logout])


@pytest.fixture
def slot() -> LoginSlot:
    return LoginSlot()


def carrier_of(slot: LoginSlot) -> dict[str, Any]:
    return {"type": "http", "state": {}, SLOT_KEY: slot}


def test_a_fresh_slot_says_nothing(slot: LoginSlot) -> None:
    assert (slot.unit_id, slot.conflict, slot.closed, slot.logout) == (None, False, False, False)


def test_the_view_names_the_unit(slot: LoginSlot) -> None:
    password_verified(carrier_of(slot), "unit-1")
    assert (slot.unit_id, slot.conflict, slot.logout) == ("unit-1", False, False)


def test_the_view_ends_the_ticket(slot: LoginSlot) -> None:
    logout(carrier_of(slot))
    assert (slot.unit_id, slot.logout) == (None, True)


# --- named twice


def test_the_same_unit_may_be_named_again(slot: LoginSlot) -> None:
    for _ in range(3):
        password_verified(carrier_of(slot), "unit-1")
    assert (slot.unit_id, slot.conflict) == ("unit-1", False)


@without(FORGOTTEN)
@pytest.mark.parametrize("other", ["unit-2", "UNIT-1", "unit-1 ", ""])
def test_s3_two_units_are_a_conflict_for_good(slot: LoginSlot, other: str) -> None:
    carrier = carrier_of(slot)
    password_verified(carrier, "unit-1")
    with pytest.raises(AnotherUnitNamed) as mistake:
        password_verified(carrier, other)
    assert (mistake.value.code, mistake.value.status) == ("another_unit_named", 500)
    # Whatever the host makes of our exception, and whatever it says afterwards.
    password_verified(carrier, "unit-1")
    assert slot.conflict


@without(CARELESS)
def test_s3_an_empty_unit_is_named_all_the_same(slot: LoginSlot) -> None:
    password_verified(carrier_of(slot), "")
    assert slot.unit_id == ""
    with pytest.raises(AnotherUnitNamed):
        password_verified(carrier_of(slot), "unit-1")


@without(CARELESS)
@pytest.mark.parametrize("unit", [None, 7, b"unit-1", ("unit-1",), object()])
def test_s3_what_is_no_text_names_no_unit(slot: LoginSlot, unit: Any) -> None:
    with pytest.raises(UnitIdNotText):
        password_verified(carrier_of(slot), unit)
    assert slot.unit_id is None


# --- after the response started


@without(NEVER_CLOSED)
@each_word
def test_s3_after_the_response_started_it_is_too_late(slot: LoginSlot, say: Say) -> None:
    slot.closed = True
    with pytest.raises(ResponseStarted) as mistake:
        say(carrier_of(slot))
    assert mistake.value.code == "response_started"
    assert (slot.unit_id, slot.conflict, slot.logout) == (None, False, False)
    # The companion: only the time was wrong.
    slot.closed = False
    say(carrier_of(slot))


# --- on a copied scope


@without(COPIED, sees=UNMARKED)
@each_word
@pytest.mark.parametrize(
    "copied",
    [
        pytest.param(dict, marks=without(FORGOTTEN, sees=UNMARKED)),
        copy.deepcopy,
        lambda carrier: copy.deepcopy(copy.deepcopy(carrier)),
        lambda carrier: {name: copy.copy(value) for name, value in carrier.items()},
    ],
    ids=["dict", "deepcopy", "twice", "value by value"],
)
def test_s3_what_is_said_on_a_copy_marks_the_response_that_goes_out(
    slot: LoginSlot, say: Say, copied: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    say(copied(carrier_of(slot)))
    assert (slot.unit_id, slot.logout) in (("unit-1", False), (None, True))


@without(COPIED)
def test_s3_two_copies_that_name_two_units_are_a_conflict(slot: LoginSlot) -> None:
    carrier = carrier_of(slot)
    password_verified(copy.deepcopy(carrier), "unit-1")
    with pytest.raises(AnotherUnitNamed):
        password_verified(dict(carrier), "unit-2")
    assert slot.conflict


def test_a_slot_of_another_request_is_not_marked(slot: LoginSlot) -> None:
    other = LoginSlot()
    password_verified(carrier_of(other), "unit-1")
    assert slot.unit_id is None


# --- without the middleware


@without(FORGOTTEN)
@each_word
@pytest.mark.parametrize(
    "carrier",
    [
        {},
        {"certlogin.slots": LoginSlot()},
        {SLOT_KEY: None},
        {SLOT_KEY: {"unit_id": None}},
        {SLOT_KEY: "slot"},
        {SLOT_KEY: LoginSlot},
        {"HTTP_CERTLOGIN_SLOT": "x"},
    ],
    ids=repr,
)
def test_s3_without_a_slot_the_host_is_told(say: Say, carrier: dict[str, Any]) -> None:
    with pytest.raises(NoLoginSlot) as mistake:
        say(carrier)
    assert mistake.value.code == "no_login_slot"
    assert isinstance(mistake.value, HostMistake)

"""S2: the ticket. Whatever is not letter for letter a text of ours is none."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from certlogin.login.keys import Keyring, Use, mac
from certlogin.login.ticket import Ticket, TicketExpired, TicketInvalid, mint, read
from certlogin.records.identity import Identity, Method
from certlogin.records.unit import UnitId
from certlogin.wire.b64 import encode
from tests.companions import without
from tests.factory import NOW
from tests.login.tampering import accepted, any_text

FORGED = {"certlogin.login.ticket.holds": lambda *_: True}

SECOND = timedelta(seconds=1)
IDLE, ABSOLUTE = timedelta(minutes=30), timedelta(hours=8)
KEYS, OTHER = Keyring((b"k" * 32,)).keys(Use.TICKET), Keyring((b"o" * 32,)).keys(Use.TICKET)
TICKET = Ticket(
    id=encode(bytes(range(16))),
    unit_id=UnitId("单位-1"),
    method=Method.CERTIFICATE,
    certificate_sha256="ab" * 32,
    issued=NOW,
    proved=NOW - 60 * SECOND,
    expires=NOW + ABSOLUTE,
    rules="digest",
)
TEXT = mint(TICKET, KEYS)


def read_now(text: str, keys: tuple[bytes, ...] = KEYS, now: datetime = NOW) -> Ticket:
    return read(text, keys, IDLE, now)


def signed(*fields: str | bytes) -> str:
    """Any fields, under our own key: the key is the only obstacle the tables below leave out."""
    encoded = [encode(field if isinstance(field, bytes) else field.encode()) for field in fields]
    return ".".join([*encoded, mac(KEYS[0], *(field.encode() for field in encoded))])


# --- good ones


@pytest.mark.parametrize(
    "ticket",
    [
        TICKET,
        replace(TICKET, method=Method.PASSWORD, certificate_sha256=None),
        replace(TICKET, unit_id=UnitId("")),
        replace(TICKET, unit_id=UnitId("a.b~c; d=é")),
        replace(TICKET, unit_id=UnitId("𠮷" * 256)),
    ],
    ids=["certificate", "password", "empty unit", "odd unit", "longest unit"],
)
def test_a_ticket_is_read_as_it_was_minted(ticket: Ticket) -> None:
    assert read_now(mint(ticket, KEYS)) == ticket


def test_a_ticket_is_a_cookie_value() -> None:
    """RFC 6265 4.1.1, and with its name and attributes below the 4096 octets a browser keeps."""
    assert set(TEXT) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")
    assert len(mint(replace(TICKET, unit_id=UnitId("𠮷" * 256)), KEYS)) <= 2048


def test_a_ticket_says_who_the_request_belongs_to() -> None:
    expected = Identity(UnitId("单位-1"), Method.CERTIFICATE, "ab" * 32, NOW - 60 * SECOND)
    assert read_now(TEXT).identity() == expected


def test_times_are_kept_to_the_second() -> None:
    exact = replace(TICKET, issued=NOW + timedelta(microseconds=999_999))
    assert read_now(mint(exact, KEYS)) == TICKET


def test_keys_may_be_rotated() -> None:
    assert read_now(TEXT, OTHER + KEYS) == read_now(TEXT, KEYS + OTHER) == TICKET
    with pytest.raises(TicketInvalid):
        read_now(TEXT, OTHER)


# --- S2


@without(FORGED | {"certlogin.login.ticket.judge_age": lambda *_: None}, sees="other character")
def test_s2_a_bent_ticket_is_none() -> None:
    assert accepted(TEXT, read_now, TicketInvalid) == []


@without({"certlogin.login.ticket._MAX_LENGTH": 9999})
def test_s2_an_overlong_ticket_is_none() -> None:
    with pytest.raises(TicketInvalid):
        read_now(mint(replace(TICKET, unit_id=UnitId("u" * 2000)), KEYS))


@pytest.mark.parametrize("text", ["", "." * 9, "A" * 5000, TEXT.replace(".", ".." * 1000, 1)])
def test_an_empty_or_misshapen_text_is_no_ticket(text: str) -> None:
    with pytest.raises(TicketInvalid):
        read_now(text)


@without({"certlogin.login.keys.Keyring.keys": lambda ring, use: KEYS})
@pytest.mark.parametrize("use", [use for use in Use if use is not Use.TICKET])
def test_s2_the_key_of_another_use_makes_no_ticket(use: Use) -> None:
    with pytest.raises(TicketInvalid):
        read_now(mint(TICKET, Keyring((b"k" * 32,)).keys(use)))


@without(FORGED)
@pytest.mark.parametrize("place", range(9))
def test_s2_no_field_moves_from_one_ticket_to_another(place: int) -> None:
    other = mint(
        Ticket("id", UnitId("u"), Method.PASSWORD, None, NOW - SECOND, NOW, NOW + 2 * SECOND, "rules"), KEYS
    ).split(".")
    fields = TEXT.split(".")
    if place:
        fields[place] = other[place]
        with pytest.raises(TicketInvalid):
            read_now(".".join(fields))
    with pytest.raises(TicketInvalid):
        read_now(".".join([*fields[:-1], other[-1]]))


@without(FORGED)
@example(f"{TEXT[:-1]}~")
@given(any_text)
def test_s2_any_text_is_no_ticket(text: str) -> None:
    with pytest.raises(TicketInvalid):
        read_now(text)


# --- time


@pytest.mark.parametrize("now", [NOW, NOW + IDLE - SECOND, NOW - 5 * SECOND])
def test_a_ticket_is_good_while_it_is_used(now: datetime) -> None:
    assert read_now(TEXT, now=now) == TICKET


@pytest.mark.parametrize("now", [NOW + IDLE, NOW + ABSOLUTE, NOW + 100 * ABSOLUTE])
def test_an_idle_ticket_has_expired(now: datetime) -> None:
    with pytest.raises(TicketExpired) as refusal:
        read_now(TEXT, now=now)
    assert refusal.value.facts() == {"unit_id": "单位-1"}


def test_a_ticket_minted_again_lives_until_its_absolute_end() -> None:
    again = mint(replace(TICKET, issued=NOW + ABSOLUTE - SECOND), KEYS)
    assert read_now(again, now=NOW + ABSOLUTE - SECOND)
    with pytest.raises(TicketExpired):
        read_now(again, now=NOW + ABSOLUTE)


# --- what only our own key can make

GOOD = ("1", "id", "unit", "", "password", "1", "1", "9999999999", "rules")


def test_fields_under_our_key_are_read() -> None:
    found = read(signed(*GOOD), KEYS, timedelta(days=36500), NOW)
    moment = datetime.fromtimestamp(1, UTC)
    end = datetime.fromtimestamp(9999999999, UTC)
    assert found == Ticket("id", UnitId("unit"), Method.PASSWORD, None, moment, moment, end, "rules")


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (0, "2"),
        (0, ""),
        (1, b"\xff"),
        (4, "Password"),
        (4, "card"),
        (5, ""),
        (5, "1.5"),
        (6, "x"),
        (7, "9" * 13),
        (7, "9" * 18),
        (7, "9" * 40),
        (7, "-" + "9" * 18),
    ],
)
def test_a_field_that_we_never_write_is_refused(place: int, value: str | bytes) -> None:
    fields: list[str | bytes] = list(GOOD)
    fields[place] = value
    with pytest.raises(TicketInvalid):
        read(signed(*fields), KEYS, timedelta(days=36500), NOW)


def test_a_second_encoding_under_our_key_is_refused() -> None:
    *fields, _ = signed(*GOOD).split(".")
    fields[0] = "MQ="
    text = ".".join([*fields, mac(KEYS[0], *(field.encode() for field in fields))])
    with pytest.raises(TicketInvalid):
        read_now(text)


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=8), min_size=9, max_size=9))
def test_any_fields_under_our_key_are_a_ticket_or_none(fields: list[str]) -> None:
    with pytest.raises((TicketInvalid, TicketExpired)):
        read_now(signed(*fields))

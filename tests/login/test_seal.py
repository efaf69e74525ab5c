"""S1: a host's cookie works only with the ticket it was released with."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from certlogin.login.keys import Keyring, Use
from certlogin.login.seal import looks_sealed, seal, unseal
from tests.companions import without
from tests.login.tampering import any_text, bent

_unseal = unseal
FORGED = {"certlogin.login.seal.holds": lambda *_: True}

KEYS, OTHER = Keyring((b"k" * 32,)).keys(Use.SEAL), Keyring((b"o" * 32,)).keys(Use.SEAL)
SEALED = seal("value", "session", "ticket", KEYS)
cookie_text = st.text(st.characters(), max_size=20)


def run_together(value: str, name: str, ticket_id: str) -> tuple[bytes]:
    return (f"{ticket_id}{name}{value}".encode(),)


def opens_a_bare_mark(sealed: str, name: str, ticket_id: str, keys: tuple[bytes, ...]) -> str | None:
    return _unseal(sealed if "~" in sealed else f"~{sealed}", name, ticket_id, keys)


def test_a_seal_is_opened_with_its_ticket_name_and_key() -> None:
    assert SEALED.startswith("value~")
    assert unseal(SEALED, "session", "ticket", KEYS) == "value"


@given(cookie_text, cookie_text)
def test_any_value_comes_back_octet_for_octet(value: str, name: str) -> None:
    sealed = seal(value, name, "ticket", KEYS)
    assert unseal(sealed, name, "ticket", KEYS) == value
    assert looks_sealed(sealed)


@pytest.mark.parametrize("value", ["", "~", "a~b", '"quoted"', "a=b", SEALED])
def test_a_value_that_looks_like_part_of_a_seal_comes_back(value: str) -> None:
    assert unseal(seal(value, "session", "ticket", KEYS), "session", "ticket", KEYS) == value


@without(FORGED, sees="assert 'value' is None")
@pytest.mark.parametrize(
    ("name", "ticket"), [("session", "ticket2"), ("session", ""), ("Session", "ticket"), ("remember", "ticket")]
)
def test_s1_the_seal_of_another_ticket_or_name_is_not_opened(name: str, ticket: str) -> None:
    assert unseal(SEALED, name, ticket, KEYS) is None


@without(FORGED, sees="assert 'value' is None")
def test_s1_a_seal_does_not_move_to_another_value() -> None:
    other = seal("other", "session", "ticket", KEYS)
    assert unseal(f"value~{other.rpartition('~')[2]}", "session", "ticket", KEYS) is None


@without({"certlogin.login.seal._parts": run_together}, sees="assert '' is None")
def test_s1_name_and_value_keep_their_border() -> None:
    """The name `a` with the value `b~…` is not the name `ab`."""
    mark = seal("b", "a", "t", KEYS).rpartition("~")[2]
    assert unseal(f"~{mark}", "ab", "t", KEYS) is None
    assert unseal(f"b~{mark}", "a", "t", KEYS) == "b"


@without({"tests.login.test_seal.unseal": lambda sealed, *_: sealed}, sees="is None")
@pytest.mark.parametrize("text", ["", "value", "value~", "~", "value~x", SEALED.replace("~", "")])
def test_s1_what_is_not_sealed_is_not_opened(text: str) -> None:
    assert unseal(text, "session", "ticket", KEYS) is None


@without({"tests.login.test_seal.unseal": opens_a_bare_mark}, sees="assert '' is None")
def test_s1_the_mark_belongs_to_the_seal_of_an_empty_value() -> None:
    sealed = seal("", "session", "ticket", KEYS)
    assert unseal(sealed, "session", "ticket", KEYS) == ""
    assert unseal(sealed.removeprefix("~"), "session", "ticket", KEYS) is None


@without(FORGED, sees="without character 0")
def test_s1_a_bent_seal_is_not_opened() -> None:
    opened = [what for what, text in bent(SEALED, "~") if unseal(text, "session", "ticket", KEYS) is not None]
    assert opened == []


@without(FORGED, sees="is None")
@example("value~forged")
@given(any_text)
def test_s1_any_text_is_not_opened(text: str) -> None:
    assert unseal(text, "session", "ticket", KEYS) is None


def test_keys_may_be_rotated() -> None:
    assert unseal(SEALED, "session", "ticket", OTHER + KEYS) == "value"
    assert unseal(SEALED, "session", "ticket", OTHER) is None


def test_the_key_of_another_use_seals_nothing() -> None:
    for use in Use:
        sealed = seal("value", "session", "ticket", Keyring((b"k" * 32,)).keys(use))
        assert unseal(sealed, "session", "ticket", KEYS) == ("value" if use is Use.SEAL else None)


@pytest.mark.parametrize(
    ("value", "sealed"),
    [
        (SEALED, True),
        (seal("value", "session", "another", OTHER), True),
        ("~" + "A" * 43, True),
        ("value~" + "é" * 43, True),
        ("value", False),
        ("", False),
        ("value~" + "A" * 42, False),
        ("value~" + "A" * 44, False),
        ("A" * 43, False),
    ],
)
def test_a_value_has_the_shape_of_a_sealed_one_whoever_sealed_it(value: str, sealed: bool) -> None:
    assert looks_sealed(value) is sealed

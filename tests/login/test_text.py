"""The text that vendors' helpers sign: one form, from the server's facts, a line each."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certlogin.login import text as module
from certlogin.login.challenge import Binding
from certlogin.login.text import FIRST_LINE, UnfitForText, login_text
from certlogin.pki.cms import _could_be_attributes
from certlogin.wire.payload import Purpose, signed_bytes
from tests.companions import without
from tests.login.signing import BINDING, challenge


def test_the_text_is_as_documented() -> None:
    assert login_text(BINDING, "a.1.b").decode() == (
        "certlogin: log in with this certificate (text 1)\n"
        "purpose: login\n"
        "origin: https://survey.example\n"
        "unit: unit-1\n"
        "challenge: a.1.b"
    )


def test_a_unit_may_have_any_visible_name() -> None:
    assert "\nunit: 曙光 机械 (1)\n".encode() in login_text(replace(BINDING, unit="曙光 机械 (1)"), "c")


BREAKING = [
    "", "U1\norigin: https://evil.example", "U1\r", "U1\x00", "U1\x85", "U1\u2028", "U1\u2029", "U\u202e1", "U\u200b1",
    "U1\u3000", "\ud800", "U1\t",
]  # fmt: skip


class Writes:
    """A writer that puts down whatever it is given."""

    def __new__(cls, binding: Binding, challenge: str) -> bytes:  # type: ignore[misc]
        return "\n".join((FIRST_LINE, f"unit: {binding.unit}")).encode("utf-8", "surrogatepass")


@without({f"{__name__}.login_text": Writes})
@pytest.mark.parametrize("unit", BREAKING)
def test_s22_a_fact_never_makes_a_line_of_its_own(unit: str) -> None:
    with pytest.raises(UnfitForText) as refused:
        login_text(replace(BINDING, unit=unit), "c")
    assert refused.value.member == "unit"


@pytest.mark.parametrize("member", ["origin", "unit"])
def test_the_fact_that_does_not_fit_is_named(member: str) -> None:
    with pytest.raises(UnfitForText) as refused:
        login_text(replace(BINDING, **{member: "\n"}), "c")  # type: ignore[arg-type]
    assert refused.value.facts() == {"member": member}


facts = st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=20)


@without({f"{module.__name__}.FIRST_LINE": ""}, sees="begins")
@given(facts, facts, facts)
def test_s22_it_is_nothing_else_that_is_signed(origin: str, unit: str, text: str) -> None:
    made = login_text(replace(BINDING, origin=origin, unit=unit), text)
    # Neither a native payload nor the attributes of a CMS message, and longer than any two hashes of Web eID.
    assert made.startswith(b"certlogin: log in"), "begins"
    assert not made.startswith(signed_bytes(b"", Purpose.LOGIN)[:9])
    assert not _could_be_attributes(made)


@without({f"{__name__}.login_text": Writes}, sees="the same text")
@given(st.lists(facts, min_size=6, max_size=6))
def test_s22_two_logins_never_have_the_same_text(values: list[str]) -> None:
    first, second = (tuple(values[:3]), tuple(values[3:]))
    texts = {login_text(replace(BINDING, origin=o, unit=u), c) for o, u, c in (first, second)}
    assert len(texts) == len({first, second}), "the same text"


def test_a_real_challenge_fits() -> None:
    assert challenge().encode() in login_text(BINDING, challenge())

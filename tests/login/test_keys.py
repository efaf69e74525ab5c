import pytest
from hypothesis import given
from hypothesis import strategies as st

from certlogin.login.keys import Keyring, Use, holds, mac

OLD, NEW = b"o" * 32, b"n" * 32
parts = st.lists(st.binary(max_size=4), max_size=4)


def test_every_use_has_keys_of_its_own_and_none_is_the_secret() -> None:
    ring = Keyring((NEW, OLD))
    keys = [key for use in Use for key in ring.keys(use)]
    assert len(set(keys)) == len(keys) == 2 * len(Use)
    assert not {NEW, OLD} & set(keys)
    assert {len(key) for key in keys} == {32}


def test_keys_are_what_hkdf_expands() -> None:
    """RFC 5869 2.3, by another implementation."""
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

    expanded = HKDFExpand(SHA256(), 32, b"certlogin ticket v1").derive(NEW)
    assert Keyring((NEW,)).keys(Use.TICKET) == (expanded,)


def test_the_order_of_the_secrets_is_kept() -> None:
    assert Keyring((NEW, OLD)).keys(Use.SEAL) == (*Keyring((NEW,)).keys(Use.SEAL), *Keyring((OLD,)).keys(Use.SEAL))


def test_secrets_of_the_settings_are_taken_as_they_stand() -> None:
    assert Keyring.from_settings(("n" * 32, "钥")) == Keyring((NEW, "钥".encode()))


def test_secrets_are_not_shown() -> None:
    assert "n" not in repr(Keyring((NEW,))).removeprefix("Keyring")


def test_the_first_key_signs_and_all_verify() -> None:
    text = mac(OLD, b"part")
    assert holds((OLD,), text, b"part")
    assert holds((NEW, OLD), text, b"part")
    assert not holds((NEW,), text, b"part")
    assert not holds((), text, b"part")


@given(parts, parts)
def test_two_lists_of_parts_never_have_one_mac(one: list[bytes], other: list[bytes]) -> None:
    assert (mac(NEW, *one) == mac(NEW, *other)) == (one == other)


def test_a_part_cannot_slip_into_its_neighbour() -> None:
    assert mac(NEW, b"ab", b"c") != mac(NEW, b"a", b"bc")
    assert mac(NEW, b"ab") != mac(NEW, b"ab", b"")


@given(st.text(st.characters(), max_size=60))
def test_any_text_may_be_tried_as_a_mac(candidate: str) -> None:
    assert holds((NEW,), candidate, b"part") == (candidate == mac(NEW, b"part"))


@pytest.mark.parametrize("more", ["", "=", " ", "\ud800", "é"])
def test_a_mac_is_compared_as_text(more: str) -> None:
    assert holds((NEW,), mac(NEW, b"part") + more, b"part") == (more == "")

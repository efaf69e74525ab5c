"""The encrypted file token: what is in the file, and what damage does to it."""

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from certlogin.helper.refusals import Busy, NoCertificate, PinLocked, PinWrong, TokenRemoved
from certlogin.helper.surroundings import Surroundings
from certlogin.helper.tokens.base import KeyKind
from certlogin.helper.tokens.filetoken import FileToken, TokenPlan, check_new_pin, create_token, list_tokens
from certlogin.helper.tokens.sealed import KEYS, TokenFile, derive, seal, unseal
from certlogin.wire.b64 import encode
from certlogin.wire.bad_request import BadRequest
from certlogin.wire.helper import BODY_LIMIT
from tests.helper.world import COST, PIN, SITE, origin_of

_HERE = Surroundings()


def _token(folder: Path, pin: str = PIN, tries: int = 6) -> FileToken:
    return create_token(folder, TokenPlan("介质", "FILE", tries, COST), bytearray(pin.encode()), _HERE)


def _file(folder: Path, token: FileToken) -> Path:
    return folder / token.serial / "token.json"


def _new_key(token: FileToken, kind: KeyKind = KeyKind.P256, unit: str = "u-1") -> str:
    opened = token.unlock(bytearray(PIN.encode()))
    try:
        return opened.generate(kind, origin_of(SITE), unit)
    finally:
        opened.close()


def test_a_token_is_for_its_owner_only_and_survives_a_restart(tmp_path: Path) -> None:
    token = _token(tmp_path)
    key_id = _new_key(token)
    folder = tmp_path / token.serial
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    (again,) = list_tokens(tmp_path, _HERE)
    assert (again.serial, again.label, again.model) == (token.serial, "介质", "FILE")
    assert [key.key_id for key in again.keys()] == [key_id]
    assert again.unlock(bytearray(PIN.encode())).request(key_id, "challenge")


def test_neither_pin_nor_private_key_stands_in_the_file(tmp_path: Path) -> None:
    token = _token(tmp_path)
    key_id = _new_key(token)
    opened = token.unlock(bytearray(PIN.encode()))
    private = opened._private(key_id)
    assert private.public_key == token.keys()[0].public_key
    loaded = load_der_private_key(private.pkcs8(), None)
    assert isinstance(loaded, ec.EllipticCurvePrivateKey)
    number = loaded.private_numbers().private_value
    everything = b"".join(path.read_bytes() for path in (tmp_path / token.serial).iterdir())
    assert PIN.encode() not in everything
    assert number.to_bytes(32, "big") not in everything


def test_a_closed_token_has_forgotten_its_key(tmp_path: Path) -> None:
    token = _token(tmp_path)
    key_id = _new_key(token)
    opened = token.unlock(bytearray(PIN.encode()))
    opened.close()
    assert opened._token_key == bytes(32)
    with pytest.raises(TokenRemoved):
        opened.request(key_id, "challenge")


@pytest.mark.parametrize("pin", ["12345", "1" * 17, "", "五五五五五"])
def test_g6_a_pin_has_6_to_16_characters(pin: str) -> None:
    with pytest.raises(BadRequest) as caught:
        check_new_pin(bytearray(pin.encode()))
    assert (caught.value.reason, caught.value.member) == ("wrong_length", "pin")


def test_g6_a_pin_is_counted_in_characters_and_is_utf_8() -> None:
    for pin in ("123456", "1" * 16, "六六六六六六"):
        check_new_pin(bytearray(pin.encode()))
    with pytest.raises(BadRequest, match="not_utf8"):
        check_new_pin(bytearray(b"\xff" * 8))


def test_the_same_characters_typed_on_two_keyboards_are_one_pin(tmp_path: Path) -> None:
    token = _token(tmp_path, "pässword")
    token.unlock(bytearray("pa\u0308ssword".encode())).close()


@pytest.mark.parametrize("pin", [b"wrong1", b"", b"\xff\xff\xff\xff\xff\xff", b"1" * 5000])
def test_any_other_pin_costs_a_try(tmp_path: Path, pin: bytes) -> None:
    token = _token(tmp_path)
    with pytest.raises(PinWrong) as caught:
        token.unlock(bytearray(pin))
    assert caught.value.tries_left == 5


@given(st.binary(max_size=64))
@settings(max_examples=200, deadline=None)
def test_sealed_bytes_open_with_their_key_and_in_their_place_only(plain: bytes) -> None:
    sealed = seal(bytes(32), bytes(12), plain, "F1/k1")
    assert unseal(bytes(32), sealed, "F1/k1") == plain
    for key, octets, place in (
        (b"\x01" + bytes(31), sealed, "F1/k1"),
        (bytes(32), sealed, "F1/k2"),
        (bytes(32), sealed, "F2/k1"),
        (bytes(32), sealed[:-1] + bytes([sealed[-1] ^ 1]), "F1/k1"),
        (bytes(32), sealed[:12], "F1/k1"),
        (bytes(32), b"", "F1/k1"),
    ):
        with pytest.raises(InvalidTag):
            unseal(key, octets, place)


def test_the_key_derived_from_the_pin_depends_on_salt_and_cost() -> None:
    keys = {derive(bytearray(b"123456"), salt, cost) for salt in (bytes(16), b"\x01" * 16) for cost in (1024, 2048)}
    assert len(keys) == 4


def _edit(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    value = json.loads(path.read_bytes())
    change(value)
    path.write_text(json.dumps(value))


def test_keys_swapped_between_slots_do_not_open(tmp_path: Path) -> None:
    token = _token(tmp_path)
    first, second = _new_key(token), _new_key(token, unit="u-2")

    def swap(value: dict[str, Any]) -> None:
        one, two = value["keys"]
        one["sealed"], two["sealed"] = two["sealed"], one["sealed"]

    _edit(_file(tmp_path, token), swap)
    opened = token.unlock(bytearray(PIN.encode()))
    for key_id in (first, second):
        with pytest.raises(TokenRemoved):
            opened.request(key_id, "challenge")


@pytest.mark.parametrize(
    "change",
    [
        lambda value: value.pop("salt"),
        lambda value: value.update(extra=1),
        lambda value: value.update(v=2),
        lambda value: value.update(serial="../../etc"),
        lambda value: value.update(cost=2**25),
        lambda value: value.update(cost=3),
        # scrypt wants a power of two: whoever edits the file gets a damaged token, not a crash that costs a try.
        lambda value: value.update(cost=1025),
        lambda value: value.update(tries_max=0),
        lambda value: value.update(sealed_key="*"),
        lambda value: value.update(label="a\u0007"),
        lambda value: value["keys"][0].update(kind="DSA"),
        lambda value: value["keys"][0].update(key_id="x"),
        lambda value: value["keys"][0].update(certificate="*"),
    ],
)
def test_a_damaged_file_is_a_token_that_is_gone(tmp_path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    token = _token(tmp_path)
    _new_key(token)
    path = _file(tmp_path, token)
    _edit(path, change)
    assert list_tokens(tmp_path, _HERE) == ()
    for use in (token.state, token.keys, lambda: token.unlock(bytearray(PIN.encode()))):
        with pytest.raises(TokenRemoved):
            use()
    assert (tmp_path / token.serial / "tries").read_bytes() == b"6\n"


@pytest.mark.parametrize("octets", [b"", b"{", b"[]", b"\xff", b"x" * (3 * 1024 * 1024)])
def test_a_file_that_is_none_is_a_token_that_is_gone(tmp_path: Path, octets: bytes) -> None:
    token = _token(tmp_path)
    _file(tmp_path, token).write_bytes(octets)
    assert list_tokens(tmp_path, _HERE) == ()


def test_a_changed_key_cannot_be_opened_with_the_right_pin(tmp_path: Path) -> None:
    token = _token(tmp_path)

    def flip(value: dict[str, Any]) -> None:
        text = value["sealed_key"]
        value["sealed_key"] = text[:20] + ("A" if text[20] != "A" else "B") + text[21:]

    _edit(_file(tmp_path, token), flip)
    with pytest.raises(PinWrong):
        token.unlock(bytearray(PIN.encode()))


def test_the_folder_of_an_unplugged_token_is_gone(tmp_path: Path) -> None:
    token = _token(tmp_path)
    key_id = _new_key(token)
    opened = token.unlock(bytearray(PIN.encode()))
    (tmp_path / token.serial).rename(tmp_path.parent / "elsewhere")
    for use in (
        token.keys,
        lambda: token.unlock(bytearray(PIN.encode())),
        lambda: token.install(key_id, b"der", ()),
        lambda: opened.request(key_id, "challenge"),
        lambda: opened.generate(KeyKind.P256, origin_of(SITE), "u"),
    ):
        with pytest.raises(TokenRemoved):
            use()


def test_install_wants_a_key_that_waits(tmp_path: Path) -> None:
    token = _token(tmp_path)
    key_id = _new_key(token)
    with pytest.raises(NoCertificate):
        token.install("0" * 16, b"der", ())
    token.install(key_id, b"der", (b"ca",))
    assert (token.keys()[0].certificate, token.keys()[0].chain) == (b"der", (b"ca",))
    with pytest.raises(NoCertificate):
        token.install(key_id, b"other", ())


def test_an_unknown_key_signs_nothing(tmp_path: Path) -> None:
    opened = _token(tmp_path).unlock(bytearray(PIN.encode()))
    with pytest.raises(NoCertificate):
        opened.request("0" * 16, "challenge")


def test_a_full_token_can_still_be_read_and_takes_no_more(tmp_path: Path) -> None:
    token = _token(tmp_path)
    opened = token.unlock(bytearray(PIN.encode()))
    # As much as one request can carry, for every key.
    most = BODY_LIMIT * 3 // 4
    for number in range(KEYS):
        key_id = opened.generate(KeyKind.P256, origin_of(SITE), f"u-{number}")
        token.install(key_id, bytes(most - 1024), (bytes(1024),))
    assert len(FileToken(tmp_path / token.serial, _HERE).keys()) == KEYS
    with pytest.raises(Busy):
        opened.generate(KeyKind.P256, origin_of(SITE), "one more")


def test_a_key_of_a_kind_that_nobody_made_is_not_used(tmp_path: Path) -> None:
    token = _token(tmp_path)
    key_id = _new_key(token)
    opened = token.unlock(bytearray(PIN.encode()))
    foreign = ed25519.Ed25519PrivateKey.generate().private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    sealed = seal(bytes(opened._token_key), bytes(12), foreign, f"{token.serial}/{key_id}")
    _edit(_file(tmp_path, token), lambda value: value["keys"][0].update(sealed=encode(sealed)))
    with pytest.raises(TokenRemoved):
        opened.request(key_id, "challenge")


def test_what_is_written_is_read(tmp_path: Path) -> None:
    token = _token(tmp_path)
    key_id = _new_key(token, KeyKind.RSA2048)
    token.install(key_id, b"der", (b"ca", b"root"))
    path = _file(tmp_path, token)
    file = TokenFile.read(path)
    assert file.to_bytes() == path.read_bytes()
    assert file.find(key_id) == file.keys[0]
    assert file.find("0" * 16) is None


def test_two_tokens_of_one_name_are_two(tmp_path: Path) -> None:
    assert _token(tmp_path).serial != _token(tmp_path).serial
    assert len(list_tokens(tmp_path, _HERE)) == 2
    assert list_tokens(tmp_path / "nowhere", _HERE) == ()


def test_a_locked_token_is_not_opened_by_the_right_pin(tmp_path: Path) -> None:
    token = _token(tmp_path, tries=2)
    with pytest.raises(PinWrong):
        token.unlock(bytearray(b"wrong1"))
    for pin in (b"wrong1", PIN.encode()):
        with pytest.raises(PinLocked):
            token.unlock(bytearray(pin))
    assert token.state().locked


def test_a_counter_that_cannot_be_read_counts_as_zero(tmp_path: Path) -> None:
    token = _token(tmp_path)
    folder = tmp_path / token.serial
    (folder / "tries").unlink()
    (folder / "tries").mkdir()
    assert token.state().locked
    with pytest.raises(PinLocked):
        token.unlock(bytearray(PIN.encode()))

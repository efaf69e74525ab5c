"""PINs of cards: tried once each, never taken as right unseen, and what the card tells of its tries (16)."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pkcs11
import pytest
from pkcs11 import TokenFlag
from pkcs11.exceptions import (
    PinExpired,
    PinIncorrect,
    PinInvalid,
    PinLenRange,
    UserAlreadyLoggedIn,
    UserPinNotInitialized,
)

from certlogin.helper.config import ModuleSettings
from certlogin.helper.refusals import Busy, PinLocked, PinWrong
from certlogin.helper.tokens.base import KeyKind, TokenState
from certlogin.helper.tokens.modules import Module
from certlogin.helper.tokens.pkcs11 import Card
from tests.helper.softhsm import Reader
from tests.helper.world import PIN, SITE, origin_of


def test_a_wrong_pin_is_told_without_a_number_and_the_right_one_still_works(cards: Reader) -> None:
    card = cards.insert()
    page = cards.page()
    _, certificate = cards.enrolled(page, card)
    for wrong in ("654321", "1", "9" * 300):
        reply = cards.login(page, certificate, wrong)
        assert (reply.code, reply.facts) == ("pin_wrong", {})
    with pytest.raises(PinWrong):
        card.unlock(bytearray(b"\xff" * 6))
    assert cards.login(page, certificate).status == 200
    assert not any(typed.strip(b"\x00") for typed in cards.world.person.typed)


def _module(flags: TokenFlag, error: Exception) -> tuple[Module, Any]:
    """A card that answers the PIN with that error, and says that of itself afterwards."""

    def refuse(**_: object) -> None:
        raise error

    token = SimpleNamespace(flags=flags, open=refuse)
    token.slot = SimpleNamespace(get_token=lambda: token)
    return Module(ModuleSettings(Path("/none"), "x"), lambda: 0.0), token


@pytest.mark.parametrize("error", [PinIncorrect, PinInvalid, PinLenRange])
def test_threat_16_a_wrong_pin_tells_what_the_card_says_of_its_tries(error: type[Exception]) -> None:
    for flags, left in ((TokenFlag.RNG, None), (TokenFlag.USER_PIN_COUNT_LOW, None), (TokenFlag.USER_PIN_FINAL_TRY, 1)):
        module, token = _module(flags, error())
        with pytest.raises(PinWrong) as caught:
            module._log_in(token, "1", write=True)
        assert caught.value.tries_left == left
    module, token = _module(TokenFlag.USER_PIN_LOCKED, error())
    with pytest.raises(PinLocked):
        module._log_in(token, "1", write=True)


@pytest.mark.parametrize("error", [pkcs11.exceptions.PinLocked, PinExpired, UserPinNotInitialized])
def test_a_pin_that_only_the_vendors_tool_can_mend_is_locked(error: type[Exception]) -> None:
    module, token = _module(TokenFlag.RNG, error())
    with pytest.raises(PinLocked):
        module._log_in(token, "1", write=True)


def test_threat_16_with_one_try_left_the_user_is_asked_first(cards: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    card = cards.insert()
    page = cards.page()
    _, certificate = cards.enrolled(page, card)
    flags = "certlogin.helper.tokens.modules.state_of"
    monkeypatch.setattr(flags, lambda token: TokenState(1, None, False))
    assert cards.login(page, certificate).code == "user_cancelled"
    assert "最后 1 次机会" in cards.world.person.asked[-1].description
    monkeypatch.setattr(flags, lambda token: TokenState(0, None, True))
    assert cards.login(page, certificate).code == "pin_locked"


def _left_open(card: Card) -> pkcs11.Session:
    """Somebody is logged in already, and does not log out."""
    token = card.module._find(card.identity)
    return token.open(rw=True, user_pin=PIN)


def test_a_login_that_is_open_already_does_not_make_a_wrong_pin_right(cards: Reader) -> None:
    card = cards.insert()
    page = cards.page()
    _, certificate = cards.enrolled(page, card)
    _left_open(card)
    assert cards.login(page, certificate, "654321").code == "pin_wrong"
    _left_open(card)
    assert cards.login(page, certificate).status == 200


def test_companion_taken_for_a_success_the_open_login_lets_a_wrong_pin_sign(
    cards: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = cards.insert()
    page = cards.page()
    _, certificate = cards.enrolled(page, card)
    _left_open(card)
    log_in = Module._log_in

    def trusting(self: Module, token: pkcs11.Token, pin: str | None, *, write: bool) -> pkcs11.Session:
        try:
            return log_in(self, token, pin, write=write)
        except UserAlreadyLoggedIn:
            return token.open(rw=write)

    monkeypatch.setattr(Module, "_log_in", trusting)
    assert cards.login(page, certificate, "654321").status == 200


def test_a_module_whose_login_others_hold_is_busy(cards: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    card = cards.insert()

    def held(*_: object, **__: object) -> None:
        raise UserAlreadyLoggedIn

    monkeypatch.setattr(Module, "_log_in", held)
    with pytest.raises(Busy):
        card.unlock(bytearray(PIN.encode()))


def test_an_open_card_is_not_opened_again(cards: Reader) -> None:
    card = cards.insert()
    opened = card.unlock(bytearray(PIN.encode()))
    try:
        with pytest.raises(Busy):
            card.unlock(bytearray(b"654321"))
        assert opened.generate(KeyKind.P256, origin_of(SITE), "u-1")
    finally:
        opened.close()

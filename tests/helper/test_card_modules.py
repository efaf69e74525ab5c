"""PKCS#11 modules: where they come from (20), cards that come and go, PINs, threads."""

import ast
import json
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pkcs11
import pytest
from pkcs11 import TokenFlag
from pkcs11.exceptions import (
    DeviceRemoved,
    PinExpired,
    PinIncorrect,
    PinInvalid,
    PinLenRange,
    TokenNotPresent,
    UserAlreadyLoggedIn,
    UserPinNotInitialized,
)

import certlogin
from certlogin.helper.config import ModuleSettings
from certlogin.helper.refusals import Busy, PinLocked, PinWrong, TokenRemoved
from certlogin.helper.tokens.base import KeyKind
from certlogin.helper.tokens.media import Media
from certlogin.helper.tokens.modules import Module, ModuleUnusable
from certlogin.helper.tokens.pkcs11 import Card
from certlogin.wire.b64 import decode, encode
from tests.helper.softhsm import NAME, Reader, reader
from tests.helper.world import PATIENCE, PIN, SITE, enroll_message, login_message, origin_of, running
from tests.needs import SOFTHSM, needs

_HELPER = sorted((Path(certlogin.__file__).parent / "helper").rglob("*.py"))


# --- which modules


def _places(called: str) -> list[str]:
    """The files of the helper that call it."""
    found = []
    for path in _HELPER:
        nodes = ast.walk(ast.parse(path.read_text("utf-8")))
        if any(isinstance(node, ast.Call) and ast.unparse(node.func) == called for node in nodes):
            found.append(path.name)
    return found


def test_threat_20_only_the_configuration_names_modules() -> None:
    assert _places("pkcs11.lib") == ["modules.py"]
    assert _places("Module") == ["media.py"]
    assert _places("ModuleSettings") == ["config.py"]


@pytest.mark.parametrize("member", ["module", "modules", "path", "library"])
def test_threat_20_a_page_cannot_name_a_module(cards: Reader, member: str) -> None:
    card = cards.insert()
    page = cards.page()
    for call, message in (
        ("pair", {"purpose": "login"}),
        ("certificates", {"challenge": encode(bytes(32))}),
        ("enroll", enroll_message(card.serial)),
        ("login", login_message("ab" * 32)),
    ):
        assert page.post(call, {**message, member: SOFTHSM}).code == "bad_request"


def test_threat_20_a_module_that_is_not_configured_is_not_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PKCS11_MODULE_PATH", "PKCS11_MODULE", "CERTLOGIN_MODULES"):
        monkeypatch.setenv(name, needs(SOFTHSM))
    with reader(tmp_path, monkeypatch, modules=()) as without:
        without.hsm.insert()
        assert without.cards() == []
        assert without.world.media.modules == ()
    # Companion: the configuration is the obstacle, and nothing else.
    with reader(tmp_path, monkeypatch) as configured:
        assert len(configured.cards()) == 1


def test_a_module_that_is_none_leaves_the_other_tokens_in_place_and_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    junk = tmp_path / "junk.so"
    junk.write_bytes(b"no library")
    modules = (ModuleSettings(Path("/nonexistent/module.so"), "missing"), ModuleSettings(junk, "junk"))
    with running(tmp_path, modules=modules) as world:
        token = world.make_token()
        for _ in range(3):
            assert [found.serial for found in world.media()] == [token.serial]
    said = [record.getMessage() for record in caplog.records]
    assert len([line for line in said if line.startswith("module missing: ")]) == 1
    assert len([line for line in said if line.startswith("module junk: ")]) == 1


_WITHOUT = """
import sys
sys.modules["pkcs11"] = None
from certlogin.cli.main import main
sys.exit(main(["helper", *sys.argv[1:]]))
"""


def test_without_the_package_the_helper_works_and_says_what_is_missing(tmp_path: Path) -> None:
    config = tmp_path / "helper.toml"
    config.write_text(f'state = "state"\nports = [0]\n[[modules]]\npath = "{SOFTHSM}"\nname = "x"\n')
    command = [sys.executable, "-c", _WITHOUT]
    where = ["--config", str(config)]
    made = subprocess.run(
        [*command, "token", "create", "--label", "x", *where], input="123456\n", capture_output=True, text=True
    )
    assert (made.returncode, made.stderr) == (0, "")
    listed = subprocess.run([*command, "token", "list", "--json", *where], capture_output=True, text=True)
    assert [token["medium"] for token in json.loads(listed.stdout)] == ["file"]
    assert "pip install 'certlogin[helper]'" in listed.stderr
    doctor = subprocess.run([*command, "doctor", *where], capture_output=True, text=True)
    assert "CHECK   python-pkcs11 is not installed" in doctor.stdout


def test_without_modules_the_package_is_not_even_loaded(tmp_path: Path) -> None:
    config = tmp_path / "helper.toml"
    config.write_text('state = "state"\nports = [0]\n')
    code = "import sys\nfrom certlogin.cli.main import main\nmain(sys.argv[1:])\nprint('pkcs11' in sys.modules)"
    arguments = ["helper", "token", "list", "--config", str(config)]
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_one_card_behind_two_modules_is_one(cards: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    card = cards.insert()
    monkeypatch.setattr(Media, "_all", lambda self: iter([card, card]))
    assert cards.world.media() == (card,)


# --- cards that come and go


def test_two_cards_with_one_label_are_told_apart_by_their_serial_numbers(cards: Reader) -> None:
    first, second = cards.insert("同名"), cards.insert("同名")
    assert first.serial != second.serial
    page = cards.page()
    certificates = [cards.enrolled(page, card)[1] for card in (first, second)]
    assert [len(card.keys()) for card in (first, second)] == [1, 1]
    reported = {
        token["serial"]: [decode(one["certificate"]) for one in token["certificates"]]
        for token in page.certificates().json["tokens"]
    }
    assert reported == {first.serial: certificates[:1], second.serial: certificates[1:]}
    for certificate in certificates:
        assert cards.login(page, certificate).status == 200


def test_a_card_that_is_pulled_out_and_another_put_in_while_the_helper_runs(cards: Reader) -> None:
    card = cards.insert()
    page = cards.page()
    _, certificate = cards.enrolled(page, card)
    cards.remove(card)
    assert cards.cards() == []
    assert cards.login(page, certificate).code == "no_token"
    for use in (
        card.state,
        card.keys,
        lambda: card.key_kinds,
        lambda: card.unlock(bytearray(PIN.encode())),
        lambda: card.unlock(bytearray(b"\xff" * 6)),
        lambda: card.install("0" * 32, certificate, ()),
    ):
        with pytest.raises(TokenRemoved):
            use()
    # The same label, another card.
    again = cards.insert()
    assert again.serial != card.serial
    assert again.keys() == ()
    _, newer = cards.enrolled(page, again)
    assert cards.login(page, newer).status == 200
    assert cards.login(page, certificate).code == "no_certificate"


def test_a_card_that_is_pulled_out_while_it_is_open_ends_in_token_removed(cards: Reader) -> None:
    card = cards.insert()
    key_id = cards.key(card)
    opened = card.unlock(bytearray(PIN.encode()))
    cards.remove(card)
    try:
        for use in (
            lambda: opened.generate(KeyKind.P256, origin_of(SITE), "u-2"),
            lambda: opened.request(key_id, "challenge"),
            lambda: opened.install(key_id, b"", ()),
        ):
            with pytest.raises(TokenRemoved):
                use()
    finally:
        opened.close()
    assert cards.cards() == []
    assert cards.insert().keys() == ()


def test_between_two_re_scans_the_module_is_not_started_anew(cards: Reader) -> None:
    cards.cards()
    cards.hsm.insert()
    assert [token for token in cards.world.media() if isinstance(token, Card)] == []
    assert len(cards.cards()) == 1


def test_a_module_is_not_started_anew_under_an_open_card(cards: Reader) -> None:
    card = cards.insert()
    key_id = cards.key(card)
    opened = card.unlock(bytearray(PIN.encode()))
    try:
        assert len(cards.cards()) == 1
        assert opened.request(key_id, "challenge")
    finally:
        opened.close()


# --- PINs


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
    flags = "certlogin.helper.tokens.modules._state"
    from certlogin.helper.tokens.base import TokenState

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


# --- threads


def test_a_card_has_one_owner_at_a_time(cards: Reader) -> None:
    card = cards.insert()
    cards.key(card)
    started, done = threading.Event(), threading.Event()

    def look() -> None:
        started.set()
        assert len(card.keys()) == 1
        done.set()

    opened = card.unlock(bytearray(PIN.encode()))
    other = threading.Thread(target=look)
    try:
        other.start()
        assert started.wait(PATIENCE)
        assert not done.wait(0.2)
    finally:
        opened.close()
    assert done.wait(PATIENCE)
    other.join(PATIENCE)


def test_two_threads_list_and_sign_at_once(cards: Reader) -> None:
    card = cards.insert()
    page = cards.page()
    _, certificate = cards.enrolled(page, card)
    failed: list[BaseException] = []

    def look() -> None:
        try:
            for _ in range(40):
                cards.world.clock.advance(1.0)
                (found,) = (token for token in cards.world.media() if isinstance(token, Card))
                assert [key.certificate for key in found.keys()] == [certificate]
        except BaseException as error:
            failed.append(error)

    others = [threading.Thread(target=look) for _ in range(2)]
    for other in others:
        other.start()
    for _ in range(4):
        assert cards.login(page, certificate).status == 200
    for other in others:
        other.join(PATIENCE)
    assert failed == []


# --- what a module may complain of


@pytest.mark.parametrize("error", [DeviceRemoved, TokenNotPresent, ValueError, KeyError, NotImplementedError])
def test_whatever_a_module_complains_of_the_card_is_gone_and_looked_for_anew(
    cards: Reader, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: type[Exception]
) -> None:
    card = cards.insert()

    def fail(*_: object) -> None:
        raise error("of the module")

    with monkeypatch.context() as broken:
        broken.setattr("certlogin.helper.tokens.pkcs11.read_card", fail)
        with pytest.raises(TokenRemoved):
            card.keys()
    assert card.keys() == ()
    # What it was is for the log.
    assert f"{NAME}: {error.__name__}" in caplog.text


def test_a_module_that_stops_answering_is_started_anew(cards: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    card = cards.insert()
    module = card.module
    with monkeypatch.context() as broken:

        def fail(self: Module) -> None:
            raise pkcs11.GeneralError

        broken.setattr(Module, "_refresh", fail)
        with pytest.raises(ModuleUnusable, match="GeneralError"):
            module.tokens()
        assert [token.serial for token in cards.world.media() if isinstance(token, Card)] == []
    assert [found.serial for found in cards.cards()] == [card.serial]

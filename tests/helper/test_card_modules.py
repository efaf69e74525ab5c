"""PKCS#11 modules: where they come from (20), cards that come and go, PINs, threads."""

import ast
import json
import subprocess
import sys
import threading
from pathlib import Path

import pkcs11
import pytest
from pkcs11.exceptions import (
    DeviceRemoved,
    TokenNotPresent,
)

import certlogin
from certlogin.helper.config import ModuleSettings
from certlogin.helper.refusals import TokenRemoved
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

"""The demonstration's helper: its settings, its tokens and its process, without the site."""

import sys
from pathlib import Path

import pytest

from certlogin.helper.config import load_config
from certlogin.helper.origins import Grant
from demonstration.demo import scripted
from demonstration.running.assistant import HelperProcess
from demonstration.running.files import DemoFiles, Handout
from demonstration.running.prepare import SPARE_LABEL, SPARE_MODEL, Demo, Origins, _make_tokens
from demonstration.running.settings import HELPER_NAME, helper_settings
from demonstration.running.surroundings import free_ports
from demonstration.walking.assistant import Assistant, HelperMissing, HelperRefused

_ORIGIN, _OTHER = "http://127.0.0.1:8000", "http://127.0.0.1:8001"
_MAY = {_ORIGIN: ("login", "certificates", "enroll"), _OTHER: ("login", "certificates")}


def _demo(folder: Path) -> Demo:
    files = DemoFiles(folder)
    ports = free_ports(2)
    settings = helper_settings(_MAY, ports, str(files.helper_state), str(files.tokens), scripted(folder / "pins"))
    files.helper_config.write_text(settings, "utf-8")
    return Demo(
        files,
        Origins(_ORIGIN, _OTHER),
        tuple(ports),
        (),
        Handout({}, {"曙光的证书介质": "pin-one-1", SPARE_LABEL: "pin-two-2"}),
    )


def test_the_demonstrations_settings_are_the_helpers(tmp_path: Path) -> None:
    demo = _demo(tmp_path)
    config = load_config(demo.files.helper_config, {})
    assert (config.state, config.tokens, config.ports) == (demo.files.helper_state, demo.files.tokens, demo.ports)
    assert (config.dev, config.name) == (True, HELPER_NAME)
    assert config.pinentry[:2] == (sys.executable, "-m")
    assert config.origins == (
        Grant(_ORIGIN, frozenset({"login", "certificates", "enroll"})),
        Grant(_OTHER, frozenset({"login", "certificates"})),
    )
    bare = helper_settings(_MAY, [1], "s", "t", [])
    demo.files.helper_config.write_text(bare, "utf-8")
    assert load_config(demo.files.helper_config, {}).pinentry == ()


def test_b7_the_helper_starts_with_its_tokens_answers_its_page_and_stops(tmp_path: Path) -> None:
    demo = _demo(tmp_path)
    _make_tokens(demo)
    _make_tokens(demo)
    page, helper = Assistant(_ORIGIN, demo.ports), HelperProcess(demo)
    with pytest.raises(HelperMissing):
        page.hello()
    helper.start()
    try:
        page.hello()
        page.pair("login")
        tokens = {token["label"]: token for token in page.tokens()}
        assert tokens.keys() == demo.handout.pins.keys()
        assert tokens[SPARE_LABEL]["model"] == SPARE_MODEL
        challenge = {"unit": "u-1", "unit_name": "曙光", "challenge": "text"}
        (tmp_path / "pins").write_text("pin wrong-pin\npin pin-two-2\n")
        with pytest.raises(HelperRefused) as caught:
            page.enroll(challenge, tokens[SPARE_LABEL]["serial"], "P-256")
        assert (caught.value.code, caught.value.facts["tries_left"]) == ("pin_wrong", 5)
        assert page.enroll(challenge, tokens[SPARE_LABEL]["serial"], "P-256")["key_id"]
    finally:
        helper.stop()
    with pytest.raises(HelperMissing):
        page.hello()
    log = demo.files.helper_log.read_text("utf-8")
    assert "security phrase: " in log
    assert "pin-two-2" not in log


def test_a_helper_that_cannot_start_says_why(tmp_path: Path) -> None:
    demo = _demo(tmp_path)
    demo.files.helper_config.write_text("branding = 'x'\n", "utf-8")
    helper = HelperProcess(demo)
    with pytest.raises(RuntimeError, match="unknown key 'branding'"):
        helper.start()
    helper.stop()

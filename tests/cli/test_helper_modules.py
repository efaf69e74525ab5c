"""`certlogin helper doctor` and `token list` with PKCS#11 modules."""

import json
from pathlib import Path

import pytest

from certlogin.cli.main import main
from certlogin.helper.surroundings import Surroundings
from certlogin.helper.tokens import filetoken
from certlogin.helper.tokens.base import TokenState
from tests.helper.softhsm import reader
from tests.helper.world import COST
from tests.needs import SOFTHSM


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One card with a key that waits and one with a certificate, and a file token."""
    with reader(tmp_path, monkeypatch) as cards:
        first, second = cards.insert("甲"), cards.insert("乙")
        cards.key(first)
        cards.enrolled(cards.page(), second)
    plan = filetoken.TokenPlan("丙", cost=COST)
    filetoken.create_token(tmp_path / "tokens", plan, bytearray(b"123456"), Surroundings())
    path = tmp_path / "helper.toml"
    path.write_text(
        f'state = "state"\ntokens = "tokens"\nports = [0]\n[[modules]]\npath = "{SOFTHSM}"\nname = "软证书"\n', "utf-8"
    )
    return path


def test_both_kinds_of_tokens_are_listed(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["helper", "token", "list", "--json", "--config", str(config)]) == 0
    listed = {token["label"]: token for token in json.loads(capsys.readouterr().out)}
    assert {label: token["medium"] for label, token in listed.items()} == {"甲": "pkcs11", "乙": "pkcs11", "丙": "file"}
    assert [(token["tries_left"], token["tries_max"]) for token in listed.values()].count((None, None)) == 2
    assert listed["丙"]["key_kinds"][0] == "SM2"
    assert listed["甲"]["key_kinds"] == ["P-256", "RSA-2048", "P-384"]
    (waiting,), (certified,) = listed["甲"]["keys"], listed["乙"]["keys"]
    assert (waiting["kind"], waiting["certificate_sha256"]) == ("P-256", None)
    assert len(certified["certificate_sha256"]) == 64
    assert main(["helper", "token", "list", "--config", str(config)]) == 0
    plain = capsys.readouterr().out
    assert "乙 (SoftHSM v2): PIN tries unknown, 1 certificates, 0 keys that wait for one" in plain
    assert "丙 (FILE): 6 of 6 PIN tries" in plain


def test_the_doctor_says_of_each_module_what_it_is(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["helper", "doctor", "--config", str(config)])
    said = capsys.readouterr().out
    assert f"ok      module 软证书 ({SOFTHSM}): Implementation of PKCS11 (SoftHSM), 2 tokens\n" in said
    assert "none is configured" not in said
    assert "locked" not in said


def test_the_doctor_points_at_locked_cards(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("certlogin.helper.tokens.modules.state_of", lambda token: TokenState(0, None, True))
    assert main(["helper", "doctor", "--config", str(config)]) == 1
    assert f"CHECK   token {json.dumps('甲')} is locked" in capsys.readouterr().out


def test_the_doctor_says_why_a_module_does_not_work(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    junk = tmp_path / "junk.so"
    junk.write_bytes(b"no library")
    junk.chmod(0o666)
    config = tmp_path / "helper.toml"
    config.write_text(
        'state = "state"\nports = [0]\n[sm2]\nlibrary = "/nonexistent/libcrypto.so"\n'
        '[[modules]]\npath = "/nonexistent/module.so"\nname = "missing"\n'
        f'[[modules]]\npath = "{junk}"\nname = "junk"\n'
    )
    assert main(["helper", "doctor", "--config", str(config)]) == 1
    said = capsys.readouterr().out
    assert "CHECK   module missing (/nonexistent/module.so) is not usable: " in said
    assert f"CHECK   module junk ({junk}) is not usable: " in said
    assert f"CHECK   module {junk} can be changed by other users of this machine" in said
    assert "CHECK   no SM2 keys on file tokens: " in said
    assert "/nonexistent/libcrypto.so" in said

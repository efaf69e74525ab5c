"""The demonstration's certificate authority."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from demonstration.running import prepare
from demonstration.running.prepare import CommandFailed, _init_ca

SECRETS = {"CERTLOGIN_CA_PASSPHRASE": "correct horse battery"}


class Commands:
    """What was run; `complaint` is what SM2 fails with."""

    def __init__(self, complaint: str) -> None:
        self.complaint = complaint
        self.key_types: list[str] = []

    def __call__(self, *arguments: str, secrets: Any = None) -> str:
        self.key_types.append(arguments[arguments.index("--key-type") + 1])
        if self.key_types[-1] == "SM2" and self.complaint:
            raise CommandFailed(arguments, self.complaint)
        return ""


def run(monkeypatch: pytest.MonkeyPatch, folder: Path, complaint: str) -> Sequence[str]:
    commands = Commands(complaint)
    monkeypatch.setattr(prepare, "certlogin_command", commands)
    _init_ca(folder, SECRETS)
    return commands.key_types


def test_the_authority_has_sm2_keys_where_the_machine_has_sm2(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert run(monkeypatch, tmp_path, "") == ["SM2"]
    assert run(monkeypatch, tmp_path, "certlogin: sm2_unavailable: what='no libcrypto'") == ["SM2", "P-256"]


def test_another_failure_is_not_taken_for_that(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="No space left"):
        run(monkeypatch, tmp_path, "certlogin: No space left on device")


def test_the_command_says_why_it_fails(tmp_path: Path) -> None:
    """As the fallback reads it."""
    plan = ("ca", "init", str(tmp_path / "ca"), "--name", "Demo CA", "--sm2-library", "/nonexistent")
    with pytest.raises(CommandFailed, match="sm2_unavailable"):
        prepare.certlogin_command(*plan, "--key-type", "SM2", secrets=SECRETS)

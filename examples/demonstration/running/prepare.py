"""Makes what a demonstration needs, through the `certlogin` command as an administrator would. What is there stays."""

import csv
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from argon2 import PasswordHasher

from certlogin import Unit
from demonstration.running.downloads import write_downloads
from demonstration.running.files import DemoFiles, Handout, handout, secret
from demonstration.running.settings import helper_settings, survey_settings
from host_parts.accounts import read_roster, write_hashes
from survey_app.state import PREFIX, ROSTER

#: The command line, run by the interpreter that runs us.
CERTLOGIN = (sys.executable, "-m", "certlogin.cli.main")
#: 证书唯一码 in the certificates of the embedded CA: `unique_id` in its `ca.toml`.
UNIQUE_ID = "2.25.20094988646605500440730656503632765366"
#: One more token: blank, of the model that old systems upgrade in place.
SPARE_LABEL = "备用"
SPARE_MODEL = "3000GM"


@dataclass(frozen=True, slots=True)
class Origins:
    """Where each host is reached."""

    survey: str
    zcqd: str


@dataclass(frozen=True, slots=True)
class Demo:
    """A prepared demonstration; the list system is prepared by `zcqd.prepare_zcqd`."""

    files: DemoFiles
    origins: Origins
    ports: tuple[int, ...]
    roster: tuple[tuple[str, Unit], ...]
    handout: Handout

    @property
    def origin(self) -> str:
        return self.origins.survey

    @property
    def members(self) -> tuple[tuple[str, Unit], ...]:
        """Those of the roster that must log in with a certificate."""
        return tuple((user, unit) for user, unit in self.roster if "一套表" in unit.tags)


def prepare(
    directory: Path,
    origins: Origins,
    ports: Sequence[int],
    pinentry: Sequence[str] = (),
    hasher: PasswordHasher | None = None,
) -> Demo:
    """Everything but the running programs. Raises CommandFailed."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    files = DemoFiles(directory.resolve())
    roster = tuple(read_roster(ROSTER))
    labels = [token_label(unit) for _, unit in roster if unit.code and "一套表" in unit.tags] + [SPARE_LABEL]
    demo = Demo(files, origins, tuple(ports), roster, handout(files.handout, [user for user, _ in roster], labels))
    secret(files.survey.session_key)
    if not files.survey.hashes.exists():
        write_hashes(files.survey.hashes, demo.handout.passwords, hasher or PasswordHasher())
    files.settings.write_text(survey_settings(origins.survey, ports, UNIQUE_ID), encoding="utf-8")
    state, tokens = str(files.helper_state), str(files.tokens)
    may = {origins.survey: ("login", "certificates", "enroll"), origins.zcqd: ("login", "certificates")}
    files.helper_config.write_text(helper_settings(may, ports, state, tokens, pinentry), encoding="utf-8")
    write_downloads(files.survey.downloads, files.builds, f"{PREFIX}/downloads")
    _make_ca(demo)
    _make_tokens(demo)
    return demo


def token_label(unit: Unit) -> str:
    return f"{unit.name[:2]}的证书介质"


def site_environment(files: DemoFiles) -> dict[str, str]:
    """The secrets that certlogin reads from the environment."""
    return {
        "CERTLOGIN_SITE_SECRET_KEYS": secret(files.site_keys),
        "CERTLOGIN_CA_PASSPHRASE": secret(files.ca_passphrase),
    }


class CommandFailed(Exception):
    def __init__(self, command: Sequence[str], output: str) -> None:
        super().__init__(f"{' '.join(command)}\n{output.strip()}")


def certlogin_command(*arguments: str, secrets: Mapping[str, str] | None = None, text: str = "") -> str:
    """Run `certlogin ARGUMENTS`; returns what it prints. Raises CommandFailed."""
    done = subprocess.run(  # noqa: S603 the command is our own
        [*CERTLOGIN, *arguments], env={**os.environ, **(secrets or {})}, input=text, capture_output=True, text=True
    )
    if done.returncode:
        raise CommandFailed(["certlogin", *arguments], done.stderr or done.stdout)
    return done.stdout


def _make_ca(demo: Demo) -> None:
    files = demo.files
    passphrase = site_environment(files)
    if not (files.ca / "issuing.pem").exists():
        _init_ca(files.ca, passphrase)
    with files.units.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["id", "name", "code"])
        table.writerows([unit.id, unit.name, unit.code] for _, unit in demo.members)
    certlogin_command("ca", "entitle", str(files.ca), "--units", str(files.units), secrets=passphrase)


def _init_ca(directory: Path, passphrase: Mapping[str, str]) -> None:
    plan = ("ca", "init", str(directory), "--name", "Demo CA")
    try:
        certlogin_command(*plan, "--key-type", "SM2", secrets=passphrase)
    except CommandFailed as failed:
        # This machine's libcrypto has no SM2; the demonstration works without it.
        if "sm2_unavailable" not in str(failed):
            raise
        certlogin_command(*plan, "--key-type", "P-256", secrets=passphrase)


def _make_tokens(demo: Demo) -> None:
    """A blank token for each unit that needs a certificate: the kind of key is chosen when it is made."""
    config = ("--config", str(demo.files.helper_config))
    listed = json.loads(certlogin_command("helper", "token", "list", "--json", *config))
    there = {token["label"] for token in listed}
    for label, pin in demo.handout.pins.items():
        if label not in there:
            model = SPARE_MODEL if label == SPARE_LABEL else "file"
            plan = ("--label", label, "--model", model)
            certlogin_command("helper", "token", "create", *plan, *config, text=f"{pin}\n")

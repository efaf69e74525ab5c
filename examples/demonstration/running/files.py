"""Where the demonstration keeps what, and its secrets: made once, readable by their owner only."""

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from survey_app.app import SurveyFiles
from zcqd_app.app import ZcqdFiles

#: Read aloud without mistakes; ten characters are about 49 bits.
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"


@dataclass(frozen=True, slots=True)
class DemoFiles:
    directory: Path

    @property
    def survey(self) -> SurveyFiles:
        here = self.directory
        return SurveyFiles(
            settings=self.settings,
            hashes=here / "passwords.json",
            reports=here / "reports.db",
            session_key=here / "session_key",
            downloads=here / "downloads",
        )

    @property
    def zcqd(self) -> "ZcqdDemoFiles":
        return ZcqdDemoFiles(self.directory / "zcqd")

    @property
    def settings(self) -> Path:
        return self.directory / "certlogin.toml"

    @property
    def registry(self) -> Path:
        return self.directory / "certlogin.db"

    @property
    def builds(self) -> Path:
        """The list of the helper's installers."""
        return self.directory / "builds.json"

    @property
    def ca(self) -> Path:
        return self.directory / "ca"

    @property
    def units(self) -> Path:
        return self.directory / "units.csv"

    @property
    def tokens(self) -> Path:
        return self.directory / "tokens"

    @property
    def helper_state(self) -> Path:
        return self.directory / "helper"

    @property
    def helper_config(self) -> Path:
        return self.directory / "helper.toml"

    @property
    def helper_log(self) -> Path:
        return self.directory / "helper.log"

    @property
    def site_keys(self) -> Path:
        """What signs certlogin's tickets and challenges."""
        return self.directory / "site_keys"

    @property
    def ca_passphrase(self) -> Path:
        return self.directory / "ca_passphrase"

    @property
    def handout(self) -> Path:
        """The passwords and PINs given to the people of the demonstration."""
        return self.directory / "handout.json"


@dataclass(frozen=True, slots=True)
class ZcqdDemoFiles:
    """What belongs to the list system alone: a folder of its own, as on another server."""

    directory: Path

    @property
    def host(self) -> ZcqdFiles:
        here = self.directory
        return ZcqdFiles(
            here / "certlogin.toml",
            here / "passwords.json",
            here / "products.db",
            here / "session_key",
            here / "downloads",
        )

    @property
    def builds(self) -> Path:
        return self.directory / "builds.json"

    @property
    def ca(self) -> Path:
        """The authority of earlier years."""
        return self.directory / "ca"

    @property
    def ca_passphrase(self) -> Path:
        return self.directory / "ca_passphrase"

    @property
    def site_keys(self) -> Path:
        return self.directory / "site_keys"

    @property
    def handout(self) -> Path:
        return self.directory / "handout.json"


@dataclass(frozen=True, slots=True)
class Handout:
    #: By user name.
    passwords: Mapping[str, str]
    #: By token label.
    pins: Mapping[str, str]


def secret(path: Path) -> str:
    """The secret in that file; a new one when there is no such file."""
    if not path.exists():
        _write_private(path, secrets.token_urlsafe(48))
    return path.read_text().strip()


def handout(path: Path, users: list[str], labels: list[str]) -> Handout:
    """The passwords and PINs in that file; new ones when there is no such file."""
    if not path.exists():
        made = {"passwords": {user: word(10) for user in users}, "pins": {label: word(8) for label in labels}}
        _write_private(path, json.dumps(made, indent=1, ensure_ascii=False))
    kept = json.loads(path.read_text(encoding="utf-8"))
    return Handout(kept["passwords"], kept["pins"])


def word(length: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(length))


def _write_private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text + "\n")

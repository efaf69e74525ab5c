"""A host's own list of units and their passwords: it exists with or without certlogin."""

import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from certlogin import Unit, UnitId


class LoginRefused(Exception):
    """The login form was refused; `code` names the text the user reads."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Account:
    user: str
    unit: Unit
    password_hash: str


class Accounts:
    """Looks accounts up by user name, and is the `UnitDirectory` that certlogin asks."""

    def __init__(self, accounts: Iterable[Account], hasher: PasswordHasher) -> None:
        self._by_user = {account.user: account for account in accounts}
        self._by_unit = {account.unit.id: account for account in self._by_user.values()}
        self._hasher = hasher
        # A hash that fits no password: an unknown user must cost the same time as a wrong password.
        self._nobody = hasher.hash("no password of anybody")

    def find(self, unit_id: UnitId) -> Unit | None:
        account = self._by_unit.get(unit_id)
        return account.unit if account else None

    def check_password(self, user: str, password: str) -> Unit:
        """The unit of that user. Raises LoginRefused, with the same code for an unknown user and a wrong password."""
        account = self._by_user.get(user)
        try:
            self._hasher.verify(account.password_hash if account else self._nobody, password)
        except VerificationError:
            raise LoginRefused("credentials_wrong") from None
        if account is None:
            raise LoginRefused("credentials_wrong")
        return account.unit


def read_roster(path: Path) -> list[tuple[str, Unit]]:
    """User name and unit of each row of the roster file, in its order."""
    rows = tomllib.loads(path.read_text(encoding="utf-8"))["units"]
    return [(row["user"], _unit(row)) for row in rows]


def load_accounts(roster: Path, hashes_file: Path, hasher: PasswordHasher) -> Accounts:
    """The accounts of the roster with their password hashes: a JSON object from user name to argon2 hash."""
    hashes: Mapping[str, str] = json.loads(hashes_file.read_text(encoding="utf-8"))
    return Accounts([Account(user, unit, hashes[user]) for user, unit in read_roster(roster)], hasher)


def write_hashes(path: Path, passwords: Mapping[str, str], hasher: PasswordHasher) -> None:
    """Keep the passwords as argon2 hashes only."""
    path.write_text(json.dumps({user: hasher.hash(password) for user, password in passwords.items()}, indent=1))


def _unit(row: Mapping[str, object]) -> Unit:
    tags = row["tags"]
    if not isinstance(tags, list):
        raise TypeError("tags must be a list")
    return Unit(UnitId(str(row["id"])), str(row["name"]), str(row["code"]), frozenset(str(tag) for tag in tags))

import json
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from certlogin import Unit, UnitId
from host_parts.accounts import Account, Accounts, LoginRefused, load_accounts, read_roster, write_hashes
from survey_app.state import ROSTER
from zcqd_app.state import ROSTER as ZCQD_ROSTER

_FAST = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
_UNIT = Unit(UnitId("U1"), "某单位", "91990000MA0000015Q", frozenset({"一套表"}))


@pytest.fixture
def accounts() -> Accounts:
    return Accounts([Account("someone", _UNIT, _FAST.hash("right"))], _FAST)


def test_the_right_password_gives_the_unit(accounts: Accounts) -> None:
    assert accounts.check_password("someone", "right") == _UNIT


@pytest.mark.parametrize(
    ("user", "password"),
    [
        ("someone", "wrong"),
        ("someone", ""),
        ("nobody", "right"),
        ("Someone", "right"),
        ("", ""),
        # The password whose hash stands in for unknown users opens nothing.
        ("nobody", "no password of anybody"),
    ],
)
def test_unknown_user_and_wrong_password_are_told_the_same(accounts: Accounts, user: str, password: str) -> None:
    with pytest.raises(LoginRefused) as refused:
        accounts.check_password(user, password)
    assert refused.value.code == "credentials_wrong"


def test_an_unknown_user_costs_a_hash_too(accounts: Accounts, monkeypatch: pytest.MonkeyPatch) -> None:
    verified: list[str] = []
    verify = PasswordHasher.verify

    def counting(self: PasswordHasher, hashed: str, password: str) -> bool:
        verified.append(hashed)
        return verify(self, hashed, password)

    monkeypatch.setattr(PasswordHasher, "verify", counting)
    with pytest.raises(LoginRefused):
        accounts.check_password("nobody", "guess")
    assert len(verified) == 1


def test_the_directory_knows_units_by_their_id_only(accounts: Accounts) -> None:
    assert accounts.find(UnitId("U1")) == _UNIT
    assert accounts.find(UnitId("someone")) is None


def test_the_roster_has_units_with_and_without_the_tag_and_an_operator() -> None:
    units = [unit for _, unit in read_roster(ROSTER)]
    assert len({unit.id for unit in units}) == len(units)
    tags = [unit.tags for unit in units]
    assert tags.count(frozenset({"一套表"})) >= 2
    assert frozenset() in tags
    assert [unit.code for unit in units if "exempt" in unit.tags] == [""]


@pytest.mark.parametrize("roster", [ROSTER, ZCQD_ROSTER])
def test_the_codes_of_the_roster_have_right_check_characters(roster: Path) -> None:
    alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    for _, unit in read_roster(roster):
        if unit.code:
            total = sum(alphabet.index(character) * 3**place for place, character in enumerate(unit.code[:17]))
            assert unit.code[17] == alphabet[(31 - total % 31) % 31], unit.code


def test_passwords_are_kept_as_argon2_hashes_only(tmp_path: Path) -> None:
    passwords = {user: f"secret-{user}" for user, _ in read_roster(ROSTER)}
    write_hashes(tmp_path / "hashes.json", passwords, _FAST)
    kept = (tmp_path / "hashes.json").read_text()
    assert "secret-" not in kept
    assert all(value.startswith("$argon2id$") for value in json.loads(kept).values())
    unit = load_accounts(ROSTER, tmp_path / "hashes.json", _FAST).check_password("shuguang", "secret-shuguang")
    assert unit.id == "U1001"

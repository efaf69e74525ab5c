"""Replacing the list of units."""

from pathlib import Path

import pytest

from certlogin.ca.base import RequestRefused
from certlogin.ca.database import Database
from certlogin.ca.entitlements import Entitlement
from certlogin.ca.imports import Imported, RemovalNotConfirmed, import_units
from certlogin.errors import Unavailable
from certlogin.records.unit import UnitId
from tests.ca.house import OTHER, UNIT, House
from tests.companions import without
from tests.factory import DAY, NOW, UNIT_CODE, key, request


@pytest.fixture
def database(tmp_path: Path) -> Database:
    made = Database(tmp_path / "ca.db")
    made.create()
    return made


def units(count: int, name: str = "n") -> list[Entitlement]:
    return [Entitlement(UnitId(f"u-{number:04d}"), name, UNIT_CODE, NOW, NOW + DAY) for number in range(count)]


def listed(database: Database) -> dict[UnitId, Entitlement]:
    with database.change() as rows:
        return rows.entitlements()


def test_a_list_is_kept_as_it_was_given(database: Database) -> None:
    assert import_units(database, units(3), None) == Imported(3, 3, 0, ())
    assert list(listed(database).values()) == units(3)
    with database.change() as rows:
        assert rows.entitlement(UnitId("u-0001")) == units(3)[1]
        assert rows.entitlement(UnitId("u-0003")) is None


def test_added_changed_and_removed_are_counted(database: Database) -> None:
    import_units(database, units(4), None)
    wanted = [*units(2), *units(3, "renamed")[2:], Entitlement(UnitId("new"), "n", UNIT_CODE)]
    assert import_units(database, wanted, 1) == Imported(4, 1, 1, (UnitId("u-0003"),))
    assert list(listed(database).values()) == wanted


@pytest.mark.parametrize(
    ("before", "after", "confirmed"),
    [(100, 99, None), (200, 198, None), (0, 0, None), (100, 98, 2), (200, 200, 0)],
)
def test_one_per_cent_or_a_confirmed_number_is_removed(
    database: Database, before: int, after: int, confirmed: int | None
) -> None:
    import_units(database, units(before), None)
    wanted = [*units(after), Entitlement(UnitId("new"), "n", UNIT_CODE)]
    assert len(import_units(database, wanted, confirmed).removed) == before - after
    assert len(listed(database)) == after + 1


@without({"certlogin.ca.imports._check_removal": lambda *_: None})
@pytest.mark.parametrize(
    ("before", "after", "confirmed"),
    [
        (100, 98, None),
        (99, 98, None),
        (200, 197, None),
        (100, 0, None),
        (100, 98, 1),
        (100, 98, 3),
        # Also below one per cent a number that is given must be the right one.
        (200, 199, 2),
        (200, 200, 1),
    ],
)
def test_s12_more_than_one_per_cent_is_removed_only_when_the_number_is_confirmed(
    database: Database, before: int, after: int, confirmed: int | None
) -> None:
    import_units(database, units(before), None)
    wanted = [*units(after), Entitlement(UnitId("new"), "n", UNIT_CODE)]
    with pytest.raises(RemovalNotConfirmed) as refused:
        import_units(database, wanted, confirmed)
    assert (refused.value.removing, refused.value.listed) == (before - after, before)
    assert list(listed(database).values()) == units(before), "nothing of the import was taken"


@without({"certlogin.ca.embedded.check_new": lambda *_: None})
def test_s12_a_removed_unit_that_comes_back_gets_no_second_first_certificate(house: House) -> None:
    ca = house.open()
    ca.issue(UNIT, request(key("one")))
    only_other = [Entitlement(OTHER.id, OTHER.name, OTHER.code)]
    import_units(house.database, only_other, 1)
    with pytest.raises(RequestRefused, match="unit_not_entitled"):
        ca.issue(UNIT, request(key("one")))
    house.entitle(UNIT)
    with pytest.raises(RequestRefused, match="already_issued"):
        ca.issue(UNIT, request(key("two")))
    assert ca.issue(UNIT, request(key("one")))


def test_a_missing_database_is_no_empty_one(house: House) -> None:
    ca = house.open()
    house.files.database.unlink()
    with pytest.raises(Unavailable):
        ca.issue(UNIT, request(key("one")))
    with pytest.raises(Unavailable):
        import_units(house.database, units(1), None)
    assert not house.files.database.exists()


def test_a_damaged_database_is_unavailable(house: House) -> None:
    house.files.database.write_bytes(b"not a database" * 1000)
    with pytest.raises(Unavailable):
        house.open()

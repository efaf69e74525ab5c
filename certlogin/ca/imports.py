"""Putting a new list of units in the place of the old one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from certlogin.ca.database import Database
from certlogin.ca.entitlements import Entitlement, removals
from certlogin.errors import Refusal
from certlogin.records.unit import UnitId


@dataclass(eq=False)
class RemovalNotConfirmed(Refusal):
    """The new list lacks more units than go unnoticed, or another number than was confirmed (S12)."""

    code: ClassVar[str] = "removal_not_confirmed"
    status: ClassVar[int] = 409
    removing: int
    listed: int
    confirmed: int | None


@dataclass(frozen=True, slots=True)
class Imported:
    listed: int
    added: int
    #: Other name, code or window than before.
    changed: int
    removed: tuple[UnitId, ...]


def import_units(database: Database, wanted: Sequence[Entitlement], confirmed: int | None) -> Imported:
    """Replace the list, or change nothing. Raises RemovalNotConfirmed, Unavailable.

    Certificates of removed units stay valid and remembered: a unit that comes back gets no second first certificate.
    """
    with database.change() as rows:
        before = rows.entitlements()
        gone = removals(before, wanted)
        _check_removal(len(gone), len(before), confirmed)
        rows.withdraw(gone)
        rows.entitle(wanted)
    return Imported(
        listed=len(wanted),
        added=sum(one.unit_id not in before for one in wanted),
        changed=sum(before.get(one.unit_id, one) != one for one in wanted),
        removed=tuple(gone),
    )


def _check_removal(removing: int, listed: int, confirmed: int | None) -> None:
    noticeable = removing * 100 > listed
    if confirmed != removing and (noticeable or confirmed is not None):
        raise RemovalNotConfirmed(removing, listed, confirmed)

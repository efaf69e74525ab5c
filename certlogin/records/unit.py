"""The unit (单位) and the host's directory of units."""

from dataclasses import dataclass
from typing import NewType, Protocol

UnitId = NewType("UnitId", str)

#: The tag of accounts that are no units (operators): they need no certificate.
EXEMPT = "exempt"


@dataclass(frozen=True, slots=True)
class Unit:
    """One account's organisation at the host."""

    #: The host's own key for the unit.
    id: UnitId
    name: str
    #: 统一社会信用代码 (18 characters) or 组织机构代码 (9 characters); empty when the host knows none.
    code: str = ""
    #: Labels that rules match on, such as `一套表`.
    tags: frozenset[str] = frozenset()


class UnitDirectory(Protocol):
    """What a host implements: its own list of units."""

    def find(self, unit_id: UnitId) -> Unit | None:
        """The unit, or None when the host knows no such unit (which refuses the login)."""
        ...

"""What a host's views say to the middleware: `password_verified` and `logout`."""

from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any, ClassVar

from certlogin.errors import HostMistake
from certlogin.records.unit import UnitId

#: The key under which the middleware puts the slot into `environ` and `scope`.
SLOT_KEY = "certlogin.slot"

#: WSGI's environ or ASGI's scope.
Carrier = MutableMapping[str, Any]


@dataclass(eq=False)
class NoLoginSlot(HostMistake):
    """The request did not pass the certlogin middleware."""

    code: ClassVar[str] = "no_login_slot"


@dataclass(eq=False)
class ResponseStarted(HostMistake):
    """The response has already begun: the host named the unit too late."""

    code: ClassVar[str] = "response_started"


@dataclass(eq=False)
class AnotherUnitNamed(HostMistake):
    """One response was marked with two units (S3)."""

    code: ClassVar[str] = "another_unit_named"


@dataclass(eq=False)
class UnitIdNotText(HostMistake):
    """`password_verified` was given something else than a unit's id, such as None or a whole row."""

    code: ClassVar[str] = "unit_id_not_text"


@dataclass(slots=True)
class LoginSlot:
    """One per request; shared by every copy of the environ or scope."""

    unit_id: UnitId | None = None
    #: Two units were named: the response is refused even if the host caught our exception.
    conflict: bool = False
    #: The response's status has been seen: too late to name a unit.
    closed: bool = False
    #: The host's logout view asks that the ticket ends.
    logout: bool = False

    def __copy__(self) -> "LoginSlot":
        return self

    def __deepcopy__(self, memo: object) -> "LoginSlot":
        # A copied scope must still mark the response that really goes out (S3).
        return self


def password_verified(carrier: Carrier, unit_id: str) -> None:
    """Say that user, password and captcha of this unit were found good. Call it before the host's own login call.

    Raises NoLoginSlot, ResponseStarted, UnitIdNotText, AnotherUnitNamed.
    """
    slot = _open_slot(carrier)
    # A host without types may hand over what its database gave it: nobody must be admitted as "None".
    given: object = unit_id
    if not isinstance(given, str):
        raise UnitIdNotText
    if slot.unit_id is not None and slot.unit_id != unit_id:
        slot.conflict = True
        raise AnotherUnitNamed
    slot.unit_id = UnitId(unit_id)


def logout(carrier: Carrier) -> None:
    """End the ticket of this request; call it in the host's logout view. Raises NoLoginSlot, ResponseStarted."""
    _open_slot(carrier).logout = True


def _open_slot(carrier: Carrier) -> LoginSlot:
    slot = carrier.get(SLOT_KEY)
    if not isinstance(slot, LoginSlot):
        raise NoLoginSlot
    if slot.closed:
        raise ResponseStarted
    return slot

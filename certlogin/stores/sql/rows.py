"""Records to rows and back."""

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from enum import Enum
from math import isfinite
from typing import Any, Final

from sqlalchemy import RowMapping

from certlogin.records.audit import AuditEvent
from certlogin.records.certificate import BoundCertificate, CertificateFacts, KeyType, Slot, State
from certlogin.records.unit import UnitId
from certlogin.stores.base import DownloadGrant, EnrolmentOrder

#: A fact may come from a stranger; nobody fills the disk with one.
_LONGEST: Final = 2000
_DEEPEST: Final = 4

_FACTS: Final = tuple(field.name for field in fields(CertificateFacts))
_ORDER: Final = ("unit_id", "spki_sha256", "state", "requested_at", "certificate_sha256")


def certificate_values(row: BoundCertificate) -> dict[str, Any]:
    own = {field.name: getattr(row, field.name) for field in fields(row) if field.name not in ("facts", "chain")}
    values = own | {name: getattr(row.facts, name) for name in _FACTS}
    return {name: str_of(value) for name, value in values.items()} | {"chain": _chain_text(row.chain)}


def certificate_of(values: RowMapping) -> BoundCertificate:
    facts = {name: values[name] for name in _FACTS}
    return BoundCertificate(
        unit_id=UnitId(values["unit_id"]),
        facts=CertificateFacts(**(facts | {"key_type": KeyType(values["key_type"])})),
        slot=Slot(values["slot"]),
        state=State(values["state"]),
        bound_at=values["bound_at"],
        bound_by=values["bound_by"],
        applied_on=values["applied_on"],
        claimed_model=values["claimed_model"],
        chain=_chain_of(values["chain"]),
    )


def order_values(order: EnrolmentOrder) -> dict[str, Any]:
    return {name: str_of(getattr(order, name)) for name in _ORDER} | {"chain": _chain_text(order.chain)}


def order_of(values: RowMapping) -> EnrolmentOrder:
    return EnrolmentOrder(**{name: values[name] for name in _ORDER}, chain=_chain_of(values["chain"]))


def grant_of(values: RowMapping) -> DownloadGrant:
    return DownloadGrant(**{field.name: values[field.name] for field in fields(DownloadGrant)})


def event_values(event: AuditEvent) -> dict[str, Any]:
    texts = ("kind", "code", "unit_id", "attempt", "address", "support_id")
    return {"at": event.at, "facts": _plain(event.facts, _DEEPEST)} | {
        name: None if getattr(event, name) is None else _clean(getattr(event, name)) for name in texts
    }


def event_of(values: RowMapping) -> AuditEvent:
    return AuditEvent(**{field.name: values[field.name] for field in fields(AuditEvent)})


def str_of(value: Any) -> Any:
    """An enumeration's value: drivers need not know that a StrEnum is text."""
    return value.value if isinstance(value, Enum) else value


def _chain_text(chain: Sequence[bytes]) -> list[str]:
    return [b64encode(der).decode() for der in chain]


def _chain_of(texts: Sequence[str]) -> tuple[bytes, ...]:
    return tuple(b64decode(text, validate=True) for text in texts)


def _plain(value: object, depth: int) -> object:
    """What JSON can say. An object that has no plain form leaves its type's name, never its contents."""
    if isinstance(value, Enum):
        return _plain(value.value, depth)
    if value is None or isinstance(value, bool) or (isinstance(value, float) and isfinite(value)):
        return value
    if isinstance(value, int):
        return value if -(2**53) < value < 2**53 else _clean(hex(value))
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str):
        return _clean(value)
    return _plain_container(value, depth - 1)


def _plain_container(value: object, depth: int) -> object:
    if depth >= 0 and isinstance(value, Mapping):
        return {_clean(str(key)): _plain(entry, depth) for key, entry in value.items()}
    if depth >= 0 and isinstance(value, Sequence) and not isinstance(value, bytes | bytearray | memoryview):
        return [_plain(entry, depth) for entry in value]
    return f"<{type(value).__name__}>"


def _clean(text: str) -> str:
    """Lone surrogates and NUL fit in no database."""
    shown = text.encode("utf-8", "backslashreplace").decode().replace("\x00", "\\x00")
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}…"

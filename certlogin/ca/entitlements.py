"""The CA's own list of units: who may be issued a certificate, under which name and code, and when."""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from io import StringIO
from typing import Final

from certlogin.errors import ConfigurationError
from certlogin.pki.codes import UnitCodeInvalid, check_code
from certlogin.records.identity_tables import Strictness
from certlogin.records.unit import UnitId

#: A date without a time means 00:00 there, as in the settings.
_SHANGHAI: Final = timezone(timedelta(hours=8))
_REQUIRED: Final = ("id", "name", "code")
_OPTIONAL: Final = ("opens", "closes")
_TEXT_MAX: Final = 200
#: More are not listed one by one.
_PROBLEMS_MAX: Final = 20


@dataclass(frozen=True, slots=True)
class Entitlement:
    unit_id: UnitId
    name: str
    #: Normalised.
    code: str
    #: The window for the first certificate; None: open on that side.
    opens: datetime | None = None
    closes: datetime | None = None

    def is_open(self, now: datetime) -> bool:
        return (self.opens is None or self.opens <= now) and (self.closes is None or now < self.closes)


def read_entitlements(text: str, *, lines_of_json: bool) -> list[Entitlement]:
    """Read a CSV file with a header, or one JSON object a line.

    Members: id, name, code and, optional, opens and closes (ISO 8601). Raises ConfigurationError with the line numbers:
    then nothing was read.
    """
    found: dict[UnitId, Entitlement] = {}
    problems: list[str] = []
    for line, row in _json_rows(text) if lines_of_json else _csv_rows(text):
        try:
            entitlement = _read(row)
            if entitlement.unit_id in found:
                raise ValueError(f"unit {entitlement.unit_id!r} occurs twice")
            found[entitlement.unit_id] = entitlement
        except (ValueError, UnitCodeInvalid) as error:
            problems.append(f"line {line}: {error}")
    if problems:
        raise ConfigurationError(tuple(problems[:_PROBLEMS_MAX]))
    return list(found.values())


def _csv_rows(text: str) -> Iterator[tuple[int, Mapping[str, object]]]:
    reader = csv.DictReader(StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    try:
        for row in reader:
            # DictReader puts surplus cells under None.
            if None in row:
                raise csv.Error("more cells than the header has")
            yield reader.line_num, {name: value for name, value in row.items() if value}
    except csv.Error as error:
        # The inner reader has counted the line that could not be read.
        raise ConfigurationError((f"line {reader.reader.line_num}: {error}",)) from None


def _json_rows(text: str) -> Iterator[tuple[int, Mapping[str, object]]]:
    for line, content in enumerate(text.removeprefix("\ufeff").splitlines(), start=1):
        if content.strip():
            yield line, _json_object(line, content)


def _json_object(line: int, content: str) -> Mapping[str, object]:
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ConfigurationError((f"line {line}: {error}",)) from None
    if not isinstance(value, dict):
        raise ConfigurationError((f"line {line}: not an object",))
    return value


def _read(row: Mapping[str, object]) -> Entitlement:
    unknown = sorted(set(row) - {*_REQUIRED, *_OPTIONAL})
    if unknown:
        raise ValueError(f"unknown column {', '.join(unknown)}; known: {', '.join((*_REQUIRED, *_OPTIONAL))}")
    unit_id, name, code = (_text(row, column) for column in _REQUIRED)
    opens, closes = (_moment(row, column) for column in _OPTIONAL)
    if opens is not None and closes is not None and not opens < closes:
        raise ValueError("closes must be later than opens")
    return Entitlement(UnitId(unit_id), name, check_code(code, Strictness.LENIENT), opens, closes)


def _text(row: Mapping[str, object], column: str) -> str:
    value = row.get(column)
    text = value.strip() if isinstance(value, str) else ""
    if not text or len(text) > _TEXT_MAX or not text.isprintable():
        raise ValueError(f"{column} must be a text of 1 to {_TEXT_MAX} printable characters")
    return text


def _moment(row: Mapping[str, object], column: str) -> datetime | None:
    if row.get(column) is None:
        return None
    moment = datetime.fromisoformat(_text(row, column))
    return moment if moment.tzinfo else moment.replace(tzinfo=_SHANGHAI)


def removals(kept: Iterable[UnitId], wanted: Iterable[Entitlement]) -> list[UnitId]:
    """Which units of the list are missing from an import."""
    return sorted(set(kept) - {entitlement.unit_id for entitlement in wanted})

"""The two revocation lists: made inside a transaction, then put into their files.

The database comes first and knows the number. A crash in between leaves an old file, which the next start replaces; it
never leaves a number that is used twice.
"""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from certlogin.ca.certificates import make_list
from certlogin.ca.database import Database, ListRow, Rows
from certlogin.ca.files import CAFiles, locked, replace_public
from certlogin.ca.signing import CAKey
from certlogin.errors import Unavailable

_log = logging.getLogger(__name__)

#: Before the first list.
_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)
#: RFC 5280 5.3.1, those that a final revocation of a unit's certificate can have; anything else is in our books only.
_REASONS: Final = {
    reason.value: reason
    for reason in (
        x509.ReasonFlags.key_compromise,
        x509.ReasonFlags.affiliation_changed,
        x509.ReasonFlags.superseded,
        x509.ReasonFlags.cessation_of_operation,
        x509.ReasonFlags.privilege_withdrawn,
    )
}


class ListName(StrEnum):
    """Whose list it is."""

    ROOT = "root"
    ISSUING = "issuing"


@dataclass(frozen=True, slots=True)
class Signer:
    """A CA that can sign now."""

    certificate: x509.Certificate
    key: CAKey


def add_root_list(rows: Rows, signer: Signer, days: int, now: datetime) -> ListRow:
    """The next list of the root: no issuing CA of ours has ever been revoked."""
    return _add(rows, ListName.ROOT, signer, [], days, now)


def add_issuing_list(rows: Rows, signer: Signer, days: int, now: datetime) -> ListRow:
    previous = rows.list_of(ListName.ISSUING)
    # RFC 5280 3.3: an entry stays until it was on one list made after its certificate had ended.
    revoked = rows.revoked_until(previous.this_update if previous else _LONG_AGO)
    entries = [(int(row.serial, 16), row.revoked_at or now, _reason(row.reason)) for row in revoked]
    return _add(rows, ListName.ISSUING, signer, entries, days, now)


def next_due(row: ListRow | None, days: int, now: datetime) -> datetime:
    """When the list must be renewed: at half its life, or now."""
    # A list from the future was made while the clock was wrong; until then no verifier takes it.
    if row is None or row.this_update > now:
        return now
    return row.this_update + timedelta(days=days) / 2


def publish(files: CAFiles, database: Database) -> None:
    """Bring the files to what the database has. Raises Unavailable.

    Read and written under one lock, so that of two processes the slower one cannot put an older list back.
    """
    targets = ((ListName.ROOT, files.root_list), (ListName.ISSUING, files.issuing_list))
    try:
        with locked(files.directory):
            with database.change() as rows:
                wanted = [(path, rows.list_of(name)) for name, path in targets]
            for path, row in wanted:
                if row is not None and _content(path) != row.der:
                    replace_public(path, row.der)
                    _log.info("published %s, number %d", path, row.number)
    except OSError as error:
        raise Unavailable(f"the CA's directory: {error.strerror}") from error


def _add(
    rows: Rows,
    name: ListName,
    signer: Signer,
    revoked: list[tuple[int, datetime, x509.ReasonFlags]],
    days: int,
    now: datetime,
) -> ListRow:
    previous = rows.list_of(name)
    number = previous.number + 1 if previous else 1
    made = make_list(signer.certificate, signer.key, number, revoked, now, days)
    row = ListRow(number, made.public_bytes(Encoding.DER), made.last_update_utc)
    rows.put_list(name, row)
    return row


def _reason(text: str | None) -> x509.ReasonFlags:
    return _REASONS.get(text or "", x509.ReasonFlags.unspecified)


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None

"""What an operator does with the evidence of a site: list, export, erase, seal again."""

import argparse
import secrets
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Final

from certlogin.cli.arguments import count, day, positive, words
from certlogin.cli.certificates import open_desk
from certlogin.cli.evidence_files import written_whole
from certlogin.cli.printable import json_line, shown
from certlogin.cli.registry import Desk
from certlogin.errors import ConfigurationError, Refusal
from certlogin.flows.evidence import EvidenceBook
from certlogin.records.audit import AuditEvent
from certlogin.records.personal import PersonalKeys
from certlogin.records.unit import UnitId
from certlogin.stores.base import StoredEvidence

_AT_ONCE: Final = 100


@dataclass(eq=False)
class EvidenceNotFound(Refusal):
    """There is no such record, or what the user wrote was erased from it already."""

    code: ClassVar[str] = "evidence_not_found"
    status: ClassVar[int] = 404
    seq: int


def add_site(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config", default="certlogin.toml", metavar="FILE", help="the site's settings (default: certlogin.toml)"
    )
    parser.add_argument("--operator", type=words, metavar="NAME", help="who is written into the audit log")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")


def add_list(parser: argparse.ArgumentParser) -> None:
    add_site(parser)
    parser.add_argument("--unit", type=words, metavar="ID")
    parser.add_argument("--after", type=count, default=0, metavar="N", help="records behind this number")
    parser.add_argument("--limit", type=positive, default=100, metavar="N")
    parser.set_defaults(run=run_list)


def add_export(parser: argparse.ArgumentParser) -> None:
    add_site(parser)
    parser.add_argument("file", metavar="FILE", help="replaced as a whole; it holds personal data")
    parser.set_defaults(run=run_export)


def add_redact(parser: argparse.ArgumentParser) -> None:
    add_site(parser)
    parser.add_argument("--reason", type=words, required=True, metavar="TEXT", help="kept in the audit log")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--record", type=positive, metavar="N", help="as `list` shows it")
    which.add_argument("--before", type=day, metavar="DATE", help="every record signed earlier")
    parser.set_defaults(run=run_redact)


def add_reseal(parser: argparse.ArgumentParser) -> None:
    add_site(parser)
    parser.set_defaults(run=run_reseal)


def run_list(arguments: argparse.Namespace) -> int:
    desk = open_desk(arguments)
    unit_id = None if arguments.unit is None else UnitId(arguments.unit)
    with closing(desk.store):
        rows = desk.store.evidence(arguments.after, arguments.limit, unit_id=unit_id)
    for row in rows:
        facts = _facts(row)
        print(json_line(facts) if arguments.json else "  ".join(shown(value) for value in facts.values()))
    return 0


def run_export(arguments: argparse.Namespace) -> int:
    """The records, then the checkpoints, each a line. Raises OSError; PersonalKeyMissing, PersonalDataUnreadable."""
    desk = open_desk(arguments)
    records = 0
    with closing(desk.store), written_whole(Path(arguments.file)) as file:
        # Before the records: a checkpoint of a record added meanwhile would be one of a record that is not there.
        checkpoints = desk.store.checkpoints()
        for line in book_of(desk).lines():
            file.write(line.to_bytes() + b"\n")
            records += 1
        file.writelines(checkpoint.to_bytes() + b"\n" for checkpoint in checkpoints)
        desk.store.record(_event(desk, "evidence_exported", records=records))
    _tell(arguments, {"records": records, "checkpoints": len(checkpoints), "file": arguments.file})
    return 0


def run_redact(arguments: argparse.Namespace) -> int:
    """Raises EvidenceNotFound."""
    desk = open_desk(arguments)
    with closing(desk.store):
        if arguments.record is None:
            erased = _redact_before(desk, arguments.before, arguments.reason)
        elif not _redact(desk, arguments.record, arguments.reason):
            raise EvidenceNotFound(arguments.record)
        else:
            erased = 1
    _tell(arguments, {"erased": erased})
    return 0


def run_reseal(arguments: argparse.Namespace) -> int:
    """Raises ConfigurationError without a key; PersonalKeyMissing, PersonalDataUnreadable."""
    desk = open_desk(arguments)
    with closing(desk.store):
        if not desk.settings.personal.keys:
            raise ConfigurationError(("[personal] keys: is empty",))
        sealed = book_of(desk).reseal()
        desk.store.record(_event(desk, "evidence_resealed", records=sealed))
    _tell(arguments, {"resealed": sealed})
    return 0


def book_of(desk: Desk) -> EvidenceBook:
    return EvidenceBook(desk.store, PersonalKeys.from_settings(desk.settings.personal.keys), secrets.token_bytes)


def _redact_before(desk: Desk, before: datetime, reason: str) -> int:
    erased = last = 0
    while found := desk.store.evidence(last, _AT_ONCE, before=before):
        erased += sum(_redact(desk, one.entry.seq, reason) for one in found if one.body is not None)
        last = found[-1].entry.seq
    return erased


def _redact(desk: Desk, seq: int, reason: str) -> bool:
    return desk.store.redact_evidence(seq, _event(desk, "evidence_redacted", seq=seq, reason=reason))


def _event(desk: Desk, kind: str, **facts: object) -> AuditEvent:
    return AuditEvent(desk.clock(), kind, "ok", facts={"operator": desk.operator, **facts})


def _facts(row: StoredEvidence) -> dict[str, object]:
    """Nothing that a user wrote."""
    record = row.entry.record
    return {
        "seq": row.entry.seq,
        "at": record.at.isoformat(),
        "unit": record.unit_id,
        "purpose": record.purpose.value,
        "text_version": record.text_version,
        "algorithm": record.algorithm.value,
        "revocation": record.settled.value,
        "body": "erased" if row.body is None else "kept",
        "hash": row.hash,
    }


def _tell(arguments: argparse.Namespace, facts: dict[str, object]) -> None:
    print(json_line(facts) if arguments.json else "  ".join(f"{name}: {shown(value)}" for name, value in facts.items()))

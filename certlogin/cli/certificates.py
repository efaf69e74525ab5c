"""`certlogin certificates`: what an operator does with the certificates of units, also while the site is running."""

import argparse
import getpass
import os
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from certlogin.ca.base import CertificateAuthority
from certlogin.cli.arguments import count, day, positive, words
from certlogin.cli.printable import json_line, shown
from certlogin.cli.registry import Desk, ImportRequest, RevocationRequest, import_certificate, revoke_certificate
from certlogin.errors import ConfigurationError
from certlogin.records.certificate import BoundCertificate, State
from certlogin.records.unit import UnitId
from certlogin.settings import Settings, load_settings

_SHA256_DIGITS: Final = 64
_FILE_MAX: Final = 1 << 20


def register(subcommands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    group = subcommands.add_parser(
        "certificates", help="list, revoke and import the certificates of units", allow_abbrev=False
    )
    settings = "the site's settings (default: certlogin.toml)"
    group.add_argument("--config", default="certlogin.toml", metavar="FILE", help=settings)
    again = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    # Before or after the action: SUPPRESS keeps the later parser from putting its default over what was given.
    again.add_argument("--config", default=argparse.SUPPRESS, metavar="FILE", help=settings)
    again.add_argument("--operator", type=words, metavar="NAME", help="who is written into the audit log")
    actions = group.add_subparsers(title="actions", metavar="ACTION", required=True)
    for name, add, summary in (
        ("list", _add_list, "show registered certificates, newest first"),
        ("revoke", _add_revoke, "end a certificate for good"),
        ("import", _add_import, "register a certificate issued elsewhere"),
    ):
        # No abbreviations: what forces or limits something is written out.
        add(actions.add_parser(name, parents=[again], help=summary, allow_abbrev=False))


def _add_list(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--unit", type=words, metavar="ID")
    parser.add_argument("--state", choices=[state.value for state in State])
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--limit", type=positive, default=100, metavar="N")
    parser.add_argument("--offset", type=count, default=0, metavar="N")
    parser.set_defaults(run=run_list)


def _add_revoke(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("sha256", type=_sha256, metavar="SHA256", help="as `list` shows it")
    parser.add_argument("--reason", type=words, required=True, metavar="TEXT", help="kept in the audit log")
    parser.add_argument("--no-download", action="store_true", help="the unit may not download another one by itself")
    parser.add_argument("--download-days", type=positive, default=7, metavar="N", help="how long it may (default: 7)")
    parser.add_argument("--registry-only", action="store_true", help="do not ask the CA, such as when it is down")
    parser.set_defaults(run=run_revoke)


def _add_import(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file", metavar="FILE", help="the certificate (DER or PEM), in PEM followed by its intermediates"
    )
    parser.add_argument("--unit", type=words, required=True, metavar="ID")
    parser.add_argument("--code", metavar="CODE", help="the unit's code; the certificate must carry the same")
    parser.add_argument("--force-code-mismatch", action="store_true", help="import though the codes differ; audited")
    parser.add_argument("--applied-on", type=day, metavar="DATE", help="when the unit applied for it")
    parser.set_defaults(run=run_import)


def run_list(arguments: argparse.Namespace) -> int:
    desk = open_desk(arguments)
    with closing(desk.store):
        rows = desk.store.listing(
            unit_id=None if arguments.unit is None else UnitId(arguments.unit),
            state=None if arguments.state is None else State(arguments.state),
            limit=arguments.limit,
            offset=arguments.offset,
        )
    for row in rows:
        print(json_line(_facts(row)) if arguments.json else _line(row))
    if len(rows) == arguments.limit:
        print(f"there may be more: --offset {arguments.offset + arguments.limit}", file=sys.stderr)
    return 0


def run_revoke(arguments: argparse.Namespace) -> int:
    desk = open_desk(arguments)
    days = None if arguments.no_download else arguments.download_days
    request = RevocationRequest(arguments.sha256, arguments.reason, days, arguments.registry_only)
    with closing(desk.store):
        done = revoke_certificate(desk, request)
    word = "already revoked" if done.before is State.REVOKED else "revoked"
    print(f"{word}: {done.sha256}, unit {shown(done.unit_id)}")
    print(f"CA: {shown(done.ca)}")
    print(f"download again: {'no' if done.download_until is None else f'until {done.download_until.isoformat()}'}")
    return 0


def run_import(arguments: argparse.Namespace) -> int:
    request = ImportRequest(
        ders=_read_file(Path(arguments.file)),
        unit_id=UnitId(arguments.unit),
        code=arguments.code,
        force_code_mismatch=arguments.force_code_mismatch,
        applied_on=arguments.applied_on,
    )
    desk = open_desk(arguments)
    with closing(desk.store):
        row = import_certificate(desk, request)
    print(f"imported: {_line(row)}")
    if arguments.code is None:
        print(f"its unit code {shown(row.facts.unit_code)} was not compared: no --code given", file=sys.stderr)
    return 0


def open_desk(arguments: argparse.Namespace) -> Desk:
    """Settings and store; the clock of every command. Raises ConfigurationError, Unavailable."""
    from certlogin.stores.sql import SqlStore

    settings = load_settings(arguments.config)
    return Desk(
        settings=settings,
        store=SqlStore.open(settings.stores.durable),
        clock=_now,
        operator=arguments.operator or _user(),
        ca=_ca_of(settings),
    )


def _ca_of(settings: Settings) -> Callable[[], CertificateAuthority] | None:
    """How to reach the CA; nothing is opened before it is asked."""
    if settings.ca.socket:
        return lambda: _remote_ca(settings)
    return (lambda: _embedded_ca(settings)) if settings.ca.directory else None


def _remote_ca(settings: Settings) -> CertificateAuthority:
    from certlogin.ca.client import RemoteCA

    return RemoteCA(settings.ca.socket)


def _embedded_ca(settings: Settings) -> CertificateAuthority:
    from certlogin.ca.embedded import EmbeddedCA

    return EmbeddedCA(settings.ca.directory, settings.ca.passphrase, _now)


def _read_file(path: Path) -> tuple[bytes, ...]:
    from certlogin.flows.trust import read_certificates

    if path.stat().st_size > _FILE_MAX:
        raise ConfigurationError((f"{path}: larger than {_FILE_MAX} bytes",))
    try:
        return read_certificates(path)
    except ConfigurationError as error:
        raise ConfigurationError(tuple(f"{path}: {problem}" for problem in error.problems)) from error


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # In a container the user often has a number only.
        return f"uid {os.getuid()}"


def _facts(row: BoundCertificate) -> dict[str, object]:
    facts = row.facts
    return {
        "unit": row.unit_id,
        "state": row.state.value,
        "slot": row.slot.value,
        "sha256": facts.sha256,
        "spki_sha256": facts.spki_sha256,
        "issuer": facts.issuer,
        "serial": facts.serial,
        "subject": facts.subject,
        "unit_code": facts.unit_code,
        "unique_id": facts.unique_id,
        "key": f"{facts.key_type.value}/{facts.key_bits}",
        "not_before": facts.not_before.isoformat(),
        "not_after": facts.not_after.isoformat(),
        "bound_at": row.bound_at.isoformat(),
        "bound_by": row.bound_by,
        "applied_on": None if row.applied_on is None else row.applied_on.isoformat(),
        "claimed_model": row.claimed_model,
    }


def _line(row: BoundCertificate) -> str:
    columns = ("sha256", "state", "slot", "unit", "unit_code", "key", "not_after", "bound_by", "subject")
    facts = _facts(row)
    return "  ".join(shown(facts[name]) for name in columns)


def _sha256(text: str) -> str:
    plain = text.replace(":", "").lower()
    if len(plain) != _SHA256_DIGITS or not set(plain) <= set("0123456789abcdef"):
        raise argparse.ArgumentTypeError("must be the SHA-256 of the certificate, 64 hexadecimal digits")
    return plain


def _now() -> datetime:
    return datetime.now(UTC)

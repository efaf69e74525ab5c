"""Checkpoints: made by a person, or another machine's cron, with a key that the web workers cannot read."""

import argparse
import secrets
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from certlogin.ca.files import create_private, replace_public
from certlogin.ca.keys import check_passphrase, seal_pkcs8
from certlogin.cli import passphrase
from certlogin.cli.certificates import open_desk
from certlogin.cli.evidence_desk import add_site, book_of
from certlogin.cli.evidence_files import lines_of, written_whole
from certlogin.cli.printable import json_line, shown
from certlogin.cli.registry import Desk
from certlogin.errors import ConfigurationError, Refusal
from certlogin.evidence.chain import Head, Line
from certlogin.evidence.checkpoint import Checkpoint, PrivateKey, key_id_of, read_private_key, sign_checkpoint
from certlogin.evidence.findings import Code
from certlogin.evidence.verify import check_chain
from certlogin.records.audit import AuditEvent
from certlogin.wire.json import BadRequest

PASSPHRASE: Final = "CERTLOGIN_EVIDENCE_PASSPHRASE"  # noqa: S105
#: The first checkpoint has none before it; and after a clock was wrong there must be checkpoints again.
_NO_OBSTACLES: Final = frozenset({Code.ANCHOR_MISSING, Code.WRONG_TIME})
_KEY_TYPES: Final = ("Ed25519", "P-256")
_FILE_MAX: Final = 1 << 16


@dataclass(eq=False)
class EvidenceChainBroken(Refusal):
    """What is stored is not the chain that earlier checkpoints were of; nothing is signed."""

    code: ClassVar[str] = "evidence_chain_broken"
    status: ClassVar[int] = 409
    #: The codes of the findings, with the number of the record or checkpoint.
    findings: str


def add_checkpoint(parser: argparse.ArgumentParser) -> None:
    add_site(parser)
    parser.add_argument(
        "--key", required=True, metavar="FILE", help=f"as `init-key` made it; {PASSPHRASE}, or asked for"
    )
    parser.add_argument(
        "--file", metavar="FILE", help="kept elsewhere: its checkpoints must fit, and the new one is added to them"
    )
    parser.set_defaults(run=run_checkpoint)


def add_init_key(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="a new file for the private key; FILE.pub gets the public one")
    parser.add_argument("--key-type", choices=_KEY_TYPES, default="Ed25519")
    parser.set_defaults(run=run_init_key)


def run_checkpoint(arguments: argparse.Namespace) -> int:
    """Raises ConfigurationError, OSError: a file cannot be used; EvidenceChainBroken, CheckpointRefused."""
    key = _read_key(Path(arguments.key))
    outside = None if arguments.file is None else Path(arguments.file)
    earlier = [] if outside is None or not outside.exists() else _read_checkpoints(outside)
    desk = open_desk(arguments)
    with closing(desk.store):
        made = sign_checkpoint(_checked_head(desk, key, earlier), desk.clock(), key)
        facts = {"operator": desk.operator, "seq": made.head.seq, "head": made.head.hash, "key_id": made.key_id}
        desk.store.add_checkpoint(made, AuditEvent(desk.clock(), "evidence_checkpoint", "ok", facts=facts))
    if outside is not None:
        _write_checkpoints(outside, [*earlier, made])
    told = {"seq": made.head.seq, "head": made.head.hash, "at": made.at.isoformat(), "key_id": made.key_id}
    print(json_line(told) if arguments.json else "  ".join(f"{name}: {shown(value)}" for name, value in told.items()))
    return 0


def run_init_key(arguments: argparse.Namespace) -> int:
    """Raises ConfigurationError: a weak passphrase; FileExistsError."""
    path = Path(arguments.file)
    key = _new_key(arguments.key_type)
    secret = check_passphrase(passphrase.chosen(PASSPHRASE, str(path)))
    plain = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    create_private(path, seal_pkcs8(plain, secret, secrets.token_bytes))
    public = path.with_name(f"{path.name}.pub")
    replace_public(public, key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    print(f"{shown(path)}: keep it where the web workers cannot read it")
    print(f"{shown(public)}: key id {key_id_of(key.public_key())}")
    return 0


def _new_key(key_type: str) -> PrivateKey:
    return ed25519.Ed25519PrivateKey.generate() if key_type == "Ed25519" else ec.generate_private_key(ec.SECP256R1())


def _checked_head(desk: Desk, key: PrivateKey, earlier: Iterable[Checkpoint]) -> Head:
    """The end of the chain as it was followed here, not as a column says. Raises EvidenceChainBroken."""
    lines = (Line(one.entry, one.hash, None) for one in book_of(desk).stored())
    known = (*desk.store.checkpoints(), *earlier)
    report = check_chain(lines, known, [key.public_key()])
    broken = [one for one in report.findings if not one.is_note and one.code not in _NO_OBSTACLES]
    if broken:
        raise EvidenceChainBroken(", ".join(f"{one.code} {one.seq}" for one in broken))
    return report.head


def _read_key(path: Path) -> PrivateKey:
    if path.stat().st_size > _FILE_MAX:
        raise ConfigurationError((f"{path}: larger than {_FILE_MAX} bytes",))
    try:
        return read_private_key(path.read_bytes(), passphrase.existing(PASSPHRASE, str(path)))
    except ConfigurationError as error:
        raise ConfigurationError(tuple(f"{path}: {problem}" for problem in error.problems)) from None


def _read_checkpoints(path: Path) -> list[Checkpoint]:
    try:
        return [Checkpoint.from_bytes(line) for line in lines_of(path)]
    except BadRequest as problem:
        raise ConfigurationError((f"{path}: a line is no checkpoint: {problem.reason}",)) from None


def _write_checkpoints(path: Path, checkpoints: Iterable[Checkpoint]) -> None:
    with written_whole(path) as file:
        file.writelines(one.to_bytes() + b"\n" for one in checkpoints)

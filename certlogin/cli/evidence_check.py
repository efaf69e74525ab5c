"""`certlogin evidence verify`: an export judged without the site, as anybody can who has the trust anchors."""

import argparse
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Final

from certlogin.cli.evidence_files import lines_of
from certlogin.cli.language import add_language, language_of
from certlogin.cli.printable import json_line, shown
from certlogin.errors import ConfigurationError
from certlogin.evidence.checkpoint import PublicKey, read_public_key
from certlogin.evidence.findings import Finding, Report
from certlogin.evidence.verify import verify
from certlogin.flows.trust import open_sm2
from certlogin.pki.path import AnchorMaterial, Trust, build_trust
from certlogin.pki.pem import CERTIFICATE, read_pem
from certlogin.pki.revocation import Mode
from certlogin.settings.trust import SM2Settings
from certlogin.web.locale import Texts, load_command_texts

_FOUND: Final = 1


def add_verify(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="an export")
    parser.add_argument(
        "--anchors", action="append", required=True, metavar="FILE", help="what is trusted, PEM or DER; may be repeated"
    )
    parser.add_argument(
        "--checkpoint-key", action="append", default=[], metavar="FILE", help="a public key, PEM; may be repeated"
    )
    parser.add_argument(
        "--checkpoints",
        action="append",
        default=[],
        metavar="FILE",
        help="kept elsewhere; may be repeated",
    )
    parser.add_argument(
        "--lenient", action="store_true", help="as for an anchor with strict = false: old cards without key identifiers"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object")
    add_language(parser)
    parser.set_defaults(run=run_verify)


def run_verify(arguments: argparse.Namespace) -> int:
    """0: notes at most; 1: something was found. Raises ConfigurationError, OSError: a file cannot be used."""
    report = verify(
        lines_of(Path(arguments.file)),
        _trust(arguments.anchors, strict=not arguments.lenient),
        [_key(Path(file)) for file in arguments.checkpoint_key],
        chain.from_iterable(lines_of(Path(file)) for file in arguments.checkpoints),
    )
    if arguments.json:
        print(json_line(_facts(report)))
    else:
        print("\n".join(_lines(report, load_command_texts(language_of(arguments.language)))))
    return 0 if report.is_sound else _FOUND


def _trust(files: Iterable[str], *, strict: bool) -> Trust:
    """Nobody is asked about revocation: what was known then stands in the records."""
    ders = dict.fromkeys(der for file in files for der in _certificates(Path(file)))
    materials = [
        AnchorMaterial(name=f"anchor {number}", anchor_der=der, revocation=Mode.OFF, strict=strict)
        for number, der in enumerate(ders, 1)
    ]
    return build_trust(materials, sm2=open_sm2(SM2Settings()))


def _certificates(path: Path) -> tuple[bytes, ...]:
    try:
        return read_pem(path.read_bytes(), CERTIFICATE)
    except ConfigurationError as error:
        raise _named(path, error) from None


def _key(path: Path) -> PublicKey:
    try:
        return read_public_key(path.read_bytes())
    except ConfigurationError as error:
        raise _named(path, error) from None


def _named(path: Path, error: ConfigurationError) -> ConfigurationError:
    return ConfigurationError(tuple(f"{path}: {problem}" for problem in error.problems))


def _facts(report: Report) -> dict[str, object]:
    return {
        "sound": report.is_sound,
        "records": report.records,
        "head": {"seq": report.head.seq, "hash": report.head.hash},
        "anchored": report.anchored,
        "findings": [
            {"code": one.code.value, "note": one.is_note, "seq": one.seq, "detail": one.detail}
            for one in report.findings
        ],
    }


def _lines(report: Report, texts: Texts) -> Iterator[str]:
    verdict = "sound" if report.is_sound else "found"
    yield texts.text(f"evidence.verdict.{verdict}", records=report.records, anchored=report.anchored)
    yield from (_line(one, texts) for one in report.findings)


def _line(finding: Finding, texts: Texts) -> str:
    kind = texts.text("evidence.note" if finding.is_note else "evidence.problem")
    number = "" if finding.seq is None else f" {texts.text('evidence.number', seq=finding.seq)}"
    detail = f" ({shown(finding.detail)})" if finding.detail else ""
    return f"  {kind}{number} {finding.code}: {texts.text(f'evidence.finding.{finding.code}')}{detail}"

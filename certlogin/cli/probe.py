"""`certlogin probe-signature`: how a vendor's helper signs, from one sample. It diagnoses and admits nobody.

Exit codes: 0 something fits; 1 nothing does; 2 the input is unusable.
"""

import argparse
from pathlib import Path
from typing import Final

from certlogin.cli.printable import json_line, shown
from certlogin.errors import ConfigurationError
from certlogin.pki.sm2 import SM2, SM2Unavailable
from certlogin.probe.findings import Finding
from certlogin.probe.keys import Signer, read_signer
from certlogin.probe.readings import readings
from certlogin.probe.search import Diagnosis, Sample, diagnose

NOTHING_FITS: Final = 1
_FILE_MAX: Final = 1 << 20
_EITHER: Final = "itself, or a file that holds it"


def register(subcommands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = subcommands.add_parser(
        "probe-signature",
        help="find out how a vendor's helper signs, from one sample",
        description="Tries encodings, hashes, paddings, user ids and readings of the text until the sample fits.",
        allow_abbrev=False,
    )
    parser.add_argument("--certificate", required=True, metavar="FILE", help="of the signer: DER, PEM or base64")
    parser.add_argument("--signature", required=True, metavar="TEXT|FILE", help=f"{_EITHER}: base64, hex, PEM, octets")
    parser.add_argument("--text", required=True, metavar="TEXT|FILE", help=f"what was to be signed: {_EITHER}")
    parser.add_argument(
        "--id", action="append", default=[], metavar="TEXT", help="a user id of SM2 to try as well; may be repeated"
    )
    parser.add_argument("--sm2-library", default="", metavar="FILE", help="libcrypto, for CMS messages with SM2")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.set_defaults(run=run_probe)


def run_probe(arguments: argparse.Namespace) -> int:
    signer = read_signer(_read_file(Path(arguments.certificate)))
    signature = _text_or_file(arguments.signature)
    sample = Sample(
        signer=signer,
        signature=signature,
        text=_text_or_file(arguments.text),
        identities=tuple(_octets(identity) for identity in arguments.id),
        sm2=_load(arguments.sm2_library),
    )
    _check_signature(signature)
    found = diagnose(sample)
    lines = [json_line(_object(signer, found))] if arguments.json else _lines(signer, found)
    print("\n".join(lines))
    return 0 if found.findings else NOTHING_FITS


def _object(signer: Signer, found: Diagnosis) -> dict[str, object]:
    return {
        "found": bool(found.findings),
        "key": signer.kind,
        "subject": signer.subject,
        "serial": signer.serial,
        "findings": [_facts(finding) for finding in found.findings],
        "hints": found.hints,
    }


def _facts(finding: Finding) -> dict[str, object]:
    return {
        "accepted": finding.accepted,
        "format": finding.format,
        "algorithm": finding.algorithm or None,
        "encoding": finding.encoding,
        "form": finding.form.name,
        "text": finding.text,
        "digest": finding.digest,
        "way": finding.way,
        "advice": list(finding.advice()),
    }


def _lines(signer: Signer, found: Diagnosis) -> list[str]:
    lines = [f"certificate  {signer.kind}; {shown(signer.subject)}; serial {signer.serial}"]
    for finding in found.findings:
        lines += [
            "",
            f"signature    {finding.encoding}: {finding.form.name}",
            f"signed       {finding.text}",
            f"hash         {finding.digest}; {shown(finding.way)}",
            *(f"certlogin    {line}" for line in finding.advice()),
        ]
    if not found.findings:
        lines += ["", "nothing fits: another text, another key, or a way to sign that is not known here"]
    return lines + [f"hint         {shown(hint)}" for hint in found.hints]


def _check_signature(signature: bytes) -> None:
    """Refuse what stands for nothing but itself and is plain text: a mistake in copying."""
    if not signature:
        raise ConfigurationError(("the signature is empty",))
    if len(readings(signature)) == 1 and _is_text(signature):
        raise ConfigurationError(("the signature is neither base64 nor hexadecimal, nor the name of a file",))


def _text_or_file(argument: str) -> bytes:
    path = Path(argument)
    try:
        is_file = path.is_file()
    except (OSError, ValueError):
        # Too long for a name, or with a zero character in it.
        is_file = False
    return _read_file(path) if is_file else _octets(argument)


def _read_file(path: Path) -> bytes:
    if path.stat().st_size > _FILE_MAX:
        raise ConfigurationError((f"{path}: larger than {_FILE_MAX} bytes",))
    return path.read_bytes()


def _octets(text: str) -> bytes:
    # What the terminal gave in another encoding goes on as it came.
    return text.encode("utf-8", "surrogateescape")


def _load(library: str) -> SM2 | None:
    try:
        return SM2.load(library)
    except SM2Unavailable:
        if library:
            raise
        return None


def _is_text(octets: bytes) -> bool:
    try:
        return octets.decode("utf-8").strip().isprintable()
    except UnicodeDecodeError:
        return False

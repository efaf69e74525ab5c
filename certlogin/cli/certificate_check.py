"""`certlogin certificate check`: the verdict over one certificate, or over a file of them, and each check in order."""

import argparse
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from certlogin.cli import batch
from certlogin.cli.arguments import count
from certlogin.cli.printable import json_line, shown
from certlogin.cli.verdicts import Answer, Purpose, Question, Verdict, judge, unusable
from certlogin.errors import ConfigurationError
from certlogin.flows.trust import open_sm2
from certlogin.pki.path import INTERMEDIATES_MAX
from certlogin.pki.pem import CERTIFICATE, REVOCATION_LIST, read_pem
from certlogin.pki.revocation import Mode
from certlogin.pki.sm2 import SM2
from certlogin.settings.trust import SM2Settings

_EXIT: Final = {Answer.ACCEPTED: 0, Answer.REFUSED: 1, Answer.UNUSABLE: 2}
_SEVERAL: Final = ("--anchors", "--intermediates", "--crl", "--ocsp")
_FLAGS: Final = ("--batch", "--json", "--help", "-h")


def add_check(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="the certificate, PEM or DER; with --batch one question a line")
    parser.add_argument("--batch", action="store_true", help="FILE has one JSON object a line, and so has the answer")
    parser.add_argument(
        "--anchors", nargs="+", action="extend", default=[], metavar="PEM", help="what is trusted: PEM or DER files"
    )
    parser.add_argument("--intermediates", nargs="+", action="extend", default=[], metavar="PEM")
    parser.add_argument(
        "--crl", nargs="+", action="extend", default=[], metavar="FILE", help="revocation lists, PEM or DER"
    )
    parser.add_argument("--ocsp", nargs="+", action="extend", default=[], metavar="FILE", help="OCSP responses, DER")
    parser.add_argument("--at", type=_moment, metavar="ISO8601", help="when (default: now); without a zone it is UTC")
    parser.add_argument("--revocation", type=Mode, choices=list(Mode), default=Mode.REQUIRE)
    parser.add_argument(
        "--purpose", type=Purpose, choices=list(Purpose), default=Purpose.LOGIN,
        help="any: without usages and identity (default: login)",
    )  # fmt: skip
    parser.add_argument("--max-intermediates", type=count, default=INTERMEDIATES_MAX, metavar="N")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.set_defaults(run=run_check)


class CheckParser(argparse.ArgumentParser):
    """Takes the last word for FILE also behind an option with several values, which would swallow it."""

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        return super().parse_known_args(_with_file_apart(list(args or ())), namespace)


def _with_file_apart(words: list[str]) -> list[str]:
    """With `--` before the last word, if no word is left for FILE and the last option has one to spare."""
    spare, option = False, ""
    left = 0
    for word in words:
        if word.startswith("-"):
            option, left = word, {**dict.fromkeys(_SEVERAL, -1), **dict.fromkeys(_FLAGS, 0)}.get(word, 1)
            spare = False
        elif left == 0:
            return words
        else:
            spare = left < -1
            left -= 1
    return [*words[:-1], "--", words[-1]] if spare and option in _SEVERAL else words


def run_check(arguments: argparse.Namespace) -> int:
    """Raises ConfigurationError, OSError: a file cannot be used."""
    sm2 = open_sm2(SM2Settings())
    if arguments.batch:
        return _run_batch(Path(arguments.file), sm2)
    verdict = _verdict(arguments, sm2)
    if arguments.json:
        print(json_line(_facts(verdict)))
    else:
        print("\n".join(_lines(verdict)))
    return _EXIT[verdict.answer]


def _verdict(arguments: argparse.Namespace, sm2: SM2 | None) -> Verdict:
    try:
        return judge(_question(arguments), sm2)
    except (ConfigurationError, OSError) as error:
        if not arguments.json:
            raise
        # Who reads JSON gets an object whatever happens.
        problems = error.problems if isinstance(error, ConfigurationError) else (f"{error.filename}: {error.strerror}",)
        return unusable(ConfigurationError.code, "; ".join(problems))


def _run_batch(file: Path, sm2: SM2 | None) -> int:
    """0 once every line has its answer, whatever it is."""
    now = datetime.now(UTC)
    for line in batch.answers(file, lambda members: judge(question_of(members, now), sm2)):
        print(line, flush=True)
    return 0


def question_of(members: Mapping[str, Any], now: datetime) -> Question:
    """One line of a batch. Members that are not known are notes of whoever wrote it. Raises batch.Unreadable."""
    return Question(
        leaf=batch.octets(members, "leaf"),
        anchors=batch.list_of_octets(members, "anchors"),
        at=batch.moment(members, "at", now),
        intermediates=batch.list_of_octets(members, "intermediates"),
        crls=batch.list_of_octets(members, "crls"),
        ocsp=batch.list_of_octets(members, "ocsp"),
        revocation=batch.one_of(members, "revocation", Mode, Mode.REQUIRE),
        purpose=batch.one_of(members, "purpose", Purpose, Purpose.LOGIN),
        max_intermediates=batch.count(members, "max_intermediates", INTERMEDIATES_MAX),
    )


def _question(arguments: argparse.Namespace) -> Question:
    return Question(
        leaf=_only(arguments.file),
        anchors=_read(arguments.anchors, CERTIFICATE),
        at=arguments.at or datetime.now(UTC),
        intermediates=_read(arguments.intermediates, CERTIFICATE),
        crls=_read(arguments.crl, REVOCATION_LIST),
        ocsp=tuple(Path(file).read_bytes() for file in arguments.ocsp),
        revocation=arguments.revocation,
        purpose=arguments.purpose,
        max_intermediates=arguments.max_intermediates,
    )


def _only(file: str) -> bytes:
    """The certificate of a file: its first one, so that a PEM file may hold its chain as well."""
    data = Path(file).read_bytes()
    if b"-----BEGIN " not in data:
        # Whatever it is, it is refused with the code that a login would give.
        return data
    return _blocks(file, data, CERTIFICATE)[0]


def _read(files: Iterable[str], label: str) -> tuple[bytes, ...]:
    return tuple(der for file in files for der in _blocks(file, Path(file).read_bytes(), label))


def _blocks(file: str, data: bytes, label: str) -> tuple[bytes, ...]:
    try:
        return read_pem(data, label)
    except ConfigurationError as error:
        raise ConfigurationError(tuple(f"{file}: {problem}" for problem in error.problems)) from None


def _facts(verdict: Verdict) -> dict[str, object]:
    return {
        "verdict": verdict.answer.value,
        "code": verdict.code,
        "detail": verdict.detail,
        "path": list(verdict.path),
        "checks": [{"check": name, "result": result} for name, result in verdict.checks],
        "notes": list(verdict.notes),
    }


def _lines(verdict: Verdict) -> Iterable[str]:
    yield f"{verdict.answer.value}: {verdict.code}" if verdict.code else verdict.answer.value
    if verdict.code:
        yield f"  {shown(verdict.detail)}"
    yield from (f"  {name}: {result}" for name, result in verdict.checks)
    yield from (f"  {'  ' * depth}{shown(name)}" for depth, name in enumerate(verdict.path, 1))
    yield from (f"  note: {shown(note)}" for note in verdict.notes)


def _moment(text: str) -> datetime:
    try:
        return batch.read_moment(text)
    except batch.Unreadable as problem:
        raise argparse.ArgumentTypeError(str(problem)) from None

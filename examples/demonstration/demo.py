"""`make demo`: the reporting system, its CA, tokens and a helper, running until Ctrl-C.

python -m demonstration.demo [--directory .demo] [--port 8000] [--helper-ports 17561,17562,17563] [--scripted-pin FILE]
"""

import argparse
import signal
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from threading import Event

from certlogin import Unit
from demonstration.running.assistant import HelperProcess
from demonstration.running.prepare import SPARE_LABEL, CommandFailed, Demo, prepare, token_label
from demonstration.running.site import Site, free_ports, port_is_free

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    stop = Event()
    for number in _SIGNALS:
        signal.signal(number, lambda *_: stop.set())
    port = options.port or free_ports(1)[0]
    ports = [int(text) for text in options.helper_ports.split(",")]
    problem = _port_problem([port, ports[0]])
    if problem:
        return _fail(problem)
    _say(f"Preparing {options.directory}/ …")
    try:
        demo = prepare(options.directory, f"http://127.0.0.1:{port}", ports, scripted(options.scripted_pin))
    except CommandFailed as failure:
        return _fail(str(failure))
    return _run(demo, stop)


def scripted(answers: Path | None) -> list[str]:
    """The pinentry command that reads its answers from a file; empty: the helper finds a PIN dialog by itself."""
    if answers is None:
        return []
    return [sys.executable, "-m", "certlogin.helper.pin.scripted", "--answers", str(answers.resolve())]


def _run(demo: Demo, stop: Event) -> int:
    site, helper = Site(demo), HelperProcess(demo)
    try:
        site.start()
        helper.start()
        _say(_sheet(demo))
        # In rounds: a signal that comes just before a wait without end would not end it.
        while not stop.wait(1):
            pass
        _say("Stopping …")
    except RuntimeError as failure:
        return _fail(str(failure))
    finally:
        helper.stop()
        site.stop()
    return 0


def _sheet(demo: Demo) -> str:
    users = [
        (user, demo.handout.passwords[user], unit.name, _kind(unit), _pin(demo, unit)) for user, unit in demo.roster
    ]
    return "\n".join(
        [
            "",
            f"  Home page    {demo.origin}/survey/welcome",
            f"  Log in       {demo.origin}/survey/login     (中文 / English: link at the top right)",
            "",
            *_table([("user", "password", "unit", "needs a certificate", "PIN of its token"), *users]),
            "",
            f"  One more blank token, {SPARE_LABEL} (model 3000GM): PIN {demo.handout.pins[SPARE_LABEL]}",
            f"  Everything is kept in {demo.files.directory}; delete that folder to start afresh.",
            "  The helper asks for PINs in a window of its own (pinentry or Tk), else in this terminal;",
            f"  what it could not do is in {demo.files.helper_log}.",
            "",
            "  Running. Ctrl-C stops everything.",
        ]
    )


def _kind(unit: Unit) -> str:
    if "exempt" in unit.tags:
        return "no (operator)"
    return "yes (一套表)" if "一套表" in unit.tags else "no"


def _pin(demo: Demo, unit: Unit) -> str:
    return demo.handout.pins.get(token_label(unit), "-") if unit.code else "-"


def _table(rows: Sequence[Sequence[str]]) -> Iterable[str]:
    widths = [max(_width(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  " + "  ".join(cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True))


def _width(text: str) -> int:
    """Columns on a terminal: Chinese characters take two."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def _port_problem(ports: Sequence[int]) -> str:
    taken = [str(port) for port in ports if not port_is_free(port)]
    return f"port {', '.join(taken)} is in use: stop what uses it, or see --help for other ports" if taken else ""


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 a program's own output


def _fail(problem: str) -> int:
    print(problem, file=sys.stderr)  # noqa: T201 a program's own output
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make demo ARGS=…", description="Run the demonstration until Ctrl-C.")
    parser.add_argument("--directory", type=Path, default=Path(".demo"), help="where it keeps everything")
    parser.add_argument("--port", type=int, default=8000, help="of the reporting system; 0: any free one")
    parser.add_argument("--helper-ports", default="17561,17562,17563", help="of the helper, tried in this order")
    parser.add_argument("--scripted-pin", type=Path, metavar="FILE", help="take PINs from a file, for tests only")
    return parser


if __name__ == "__main__":
    sys.exit(main())

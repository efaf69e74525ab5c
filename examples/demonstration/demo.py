"""`make demo`: both hosts, their CAs, tokens and a helper, running until Ctrl-C.

python -m demonstration.demo [--directory .demo] [--port 8000] [--zcqd-port 8001] [--helper-ports 17561,17562,17563]
                             [--scripted-pin FILE]
"""

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from threading import Event

from demonstration.running.assistant import HelperProcess
from demonstration.running.prepare import CommandFailed, Demo, Origins, prepare
from demonstration.running.sheet import sheet
from demonstration.running.site import Site
from demonstration.running.surroundings import free_ports, port_is_free
from demonstration.running.zcqd import ZcqdDemo, prepare_zcqd
from demonstration.running.zcqd_site import ZcqdSite

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    stop = Event()
    for number in _SIGNALS:
        signal.signal(number, lambda *_: stop.set())
    free = free_ports(2)
    survey, zcqd = options.port or free[0], options.zcqd_port or free[1]
    ports = [int(text) for text in options.helper_ports.split(",")]
    problem = _port_problem([survey, zcqd, ports[0]])
    if problem:
        return _fail(problem)
    _say(f"Preparing {options.directory}/ …")
    try:
        origins = Origins(f"http://127.0.0.1:{survey}", f"http://127.0.0.1:{zcqd}")
        demo = prepare(options.directory, origins, ports, scripted(options.scripted_pin))
        return _run(demo, prepare_zcqd(demo), stop)
    except CommandFailed as failure:
        return _fail(str(failure))


def scripted(answers: Path | None) -> list[str]:
    """The pinentry command that reads its answers from a file; empty: the helper finds a PIN dialog by itself."""
    if answers is None:
        return []
    return [sys.executable, "-m", "certlogin.helper.pin.scripted", "--answers", str(answers.resolve())]


def _run(demo: Demo, zcqd: ZcqdDemo, stop: Event) -> int:
    site, zcqd_site, helper = Site(demo), ZcqdSite(zcqd), HelperProcess(demo)
    try:
        site.start()
        zcqd_site.start()
        helper.start()
        _say(sheet(demo, zcqd))
        # In rounds: a signal that comes just before a wait without end would not end it.
        while not stop.wait(1):
            pass
        _say("Stopping …")
    except RuntimeError as failure:
        return _fail(str(failure))
    finally:
        helper.stop()
        zcqd_site.stop()
        site.stop()
    return 0


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
    parser.add_argument("--zcqd-port", type=int, default=8001, help="of the list system; 0: any free one")
    parser.add_argument("--helper-ports", default="17561,17562,17563", help="of the helper, tried in this order")
    parser.add_argument("--scripted-pin", type=Path, metavar="FILE", help="take PINs from a file, for tests only")
    return parser


if __name__ == "__main__":
    sys.exit(main())

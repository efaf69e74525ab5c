"""A pinentry that nobody sits at: it answers from a file. For tests and demonstrations only.

    python -m certlogin.helper.pin.scripted --answers FILE

Each line of FILE is one answer, used once, in order, separately for the three kinds of question:

    pin 123456        types that PIN             confirm ok        presses the first button (once, continue)
    pin-cancel        presses cancel             confirm not_ok    presses the second one (always)
    pin-wait          leaves the window open     confirm cancel    presses cancel (block) or closes the window
                                                 confirm-wait      leaves the window open

    read ok           reads a text to its end and agrees    read cancel, read-wait

A line that starts with `* ` is used for every further question of its kind. Without a line left: cancel. What was shown
is appended to FILE.log, one JSON object a line, never with the PIN. It refuses to run unless the helper that started it
is in development mode.
"""

import argparse
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

from certlogin.helper.durable import locked, write_whole
from certlogin.helper.pin.base import Choice
from certlogin.helper.pin.server import Shown, serve

#: Set by a helper in development mode for the programs it starts.
DEVELOPMENT = "CERTLOGIN_HELPER_DEV"
#: Names the file when `--answers` does not.
ANSWERS = "CERTLOGIN_TEST_PINENTRY"


class Script:
    """The answers still to be given."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def pin(self, shown: Shown) -> bytes | None:
        verb, value = self._next("pin", shown)
        if verb == "pin-wait":
            _wait()
        return value.encode("utf-8") if verb == "pin" else None

    def confirm(self, shown: Shown) -> Choice:
        verb, value = self._next("confirm", shown)
        if verb == "confirm-wait":
            _wait()
        return Choice(value) if verb == "confirm" else Choice.CANCEL

    def read(self, shown: Shown) -> Choice:
        verb, value = self._next("read", shown)
        if verb == "read-wait":
            _wait()
        return Choice.OK if (verb, value) == ("read", Choice.OK) else Choice.CANCEL

    def _next(self, kind: str, shown: Shown) -> tuple[str, str]:
        with locked(self._path.with_name(f"{self._path.name}.lock")):
            lines = self._path.read_text("utf-8").splitlines()
            verb, value = "", ""
            for index, line in enumerate(lines):
                stays = line.startswith("* ")
                verb, _, value = line.removeprefix("* ").partition(" ")
                if verb == kind or verb.startswith(f"{kind}-"):
                    if not stays:
                        write_whole(self._path, "".join(f"{rest}\n" for rest in _without(lines, index)).encode("utf-8"))
                    break
            else:
                verb, value = "nothing", "left"
            self._log(kind, shown, verb if kind == "pin" else f"{verb} {value}".strip())
        return verb, value

    def _log(self, kind: str, shown: Shown, answer: str) -> None:
        entry = {"kind": kind, **asdict(shown), "answer": answer}
        with self._path.with_name(f"{self._path.name}.log").open("a", encoding="utf-8") as log:
            log.write(json.dumps(entry, ensure_ascii=False) + "\n")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="A pinentry that answers from a file (tests and demonstrations)")
    parser.add_argument("--answers", type=Path, default=os.environ.get(ANSWERS))
    options = parser.parse_args(arguments)
    if os.environ.get(DEVELOPMENT) != "1":
        sys.stderr.write("refused: the helper is not in development mode\n")
        return 2
    if options.answers is None:
        parser.error(f"--answers or {ANSWERS} is needed")
    serve(sys.stdin.buffer, sys.stdout.buffer, Script(Path(options.answers)))
    return 0


def _without(lines: list[str], index: int) -> list[str]:
    return lines[:index] + lines[index + 1 :]


def _wait() -> None:
    """Until the helper closes the pipe or ends this process."""
    sys.stdin.buffer.read()
    raise SystemExit(0)


if __name__ == "__main__":
    raise SystemExit(main())

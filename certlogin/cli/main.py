"""`certlogin`: finds the command's module, loads only that one, and turns every error into lines and an exit code.

Exit codes: 0 done; 1 refused, or cannot be done now; 2 the input is unusable (arguments, settings, files).
A command module has `register(subcommands)`: it adds its parser and sets `run=` to a function `(arguments) -> int`.
"""

import argparse
import importlib
import io
import os
import signal
import sys
from collections.abc import Sequence
from typing import Final

from certlogin.errors import CertloginError, ConfigurationError
from certlogin.version import __version__

#: Command: (module, what the overview says).
COMMANDS: Final = {
    "ca": ("certlogin.cli.ca", "make and run the embedded certificate authority"),
    "helper": ("certlogin.cli.helper", "run the local helper and manage its file tokens"),
    "certificate": ("certlogin.cli.certificate", "look at and judge a certificate in a file"),
    "certificates": ("certlogin.cli.certificates", "list, revoke and import the certificates of units"),
    "evidence": ("certlogin.cli.evidence", "list, export and verify what users have signed"),
    "proof": ("certlogin.cli.proof", "judge what was signed for a login"),
    "refresh": ("certlogin.cli.refresh", "fetch revocation lists and answers"),
    "probe-signature": ("certlogin.cli.probe", "find out how a vendor's helper signs, from one sample"),
}

REFUSED: Final = 1
UNUSABLE: Final = 2
INTERRUPTED: Final = 128 + signal.SIGINT


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code. Only argparse itself exits (help, version, wrong arguments)."""
    given = list(sys.argv[1:] if argv is None else argv)
    _print_whatever_comes()
    arguments = make_parser(given).parse_args(given)
    try:
        code: int = arguments.run(arguments)
        sys.stdout.flush()
        return code
    except ConfigurationError as error:
        return _complain(str(error), UNUSABLE)
    except CertloginError as error:
        return _complain(str(error), REFUSED)
    except BrokenPipeError:
        # The reader (`| head`) has seen enough; the interpreter must not try to flush again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return REFUSED
    except OSError as error:
        return _complain(_about_file(error), UNUSABLE)
    except KeyboardInterrupt:
        return INTERRUPTED


def make_parser(given: Sequence[str]) -> argparse.ArgumentParser:
    """The parser with the named command's own arguments; the others appear in the overview only."""
    parser = argparse.ArgumentParser(prog="certlogin", description="Certificate login.", allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"certlogin {__version__}")
    subcommands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    chosen = next((word for word in given if not word.startswith("-")), None)
    for command, (module, summary) in COMMANDS.items():
        if command == chosen:
            importlib.import_module(module).register(subcommands)
        else:
            subcommands.add_parser(command, help=summary)
    return parser


def _print_whatever_comes() -> None:
    """A terminal that cannot show a unit's name shows its escapes; the command does not fail half-way."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _about_file(error: OSError) -> str:
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or type(error).__name__}"


def _complain(text: str, code: int) -> int:
    for line in text.splitlines():
        print(f"certlogin: {line}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())

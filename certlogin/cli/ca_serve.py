"""`certlogin ca serve`: the CA as its own process, for sites that run as other users (S28)."""

import argparse
import grp
import logging
import os
import pwd
import signal
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from certlogin.cli import passphrase

if TYPE_CHECKING:
    from certlogin.ca.embedded import EmbeddedCA
    from certlogin.ca.server import CAServer

_STOP: Final = (signal.SIGTERM, signal.SIGINT)


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("directory", metavar="DIR", help="the CA's directory")
    parser.add_argument("--socket", required=True, metavar="PATH", help="made with permissions 0660")
    parser.add_argument(
        "--allow-user",
        action="append",
        default=[],
        type=_user,
        metavar="USER",
        help="name or number of a user who may ask, beside the CA's own; may be repeated",
    )
    parser.add_argument("--group", type=_group, metavar="GROUP", help="the group that may reach the socket")
    parser.set_defaults(run=run_serve)


def run_serve(arguments: argparse.Namespace) -> int:
    from certlogin.ca.embedded import EmbeddedCA
    from certlogin.ca.files import CAFiles
    from certlogin.ca.listener import listening
    from certlogin.ca.server import CAServer

    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    files = CAFiles(Path(arguments.directory))
    ca = EmbeddedCA(files.directory, passphrase.existing(passphrase.CA, "the CA"), _now)
    if files.root_key.exists():
        print(f"certlogin: {files.root_key} is still here: take it off-line", file=sys.stderr)
    with listening(Path(arguments.socket), arguments.group) as listener:
        _serve(ca, CAServer(ca, listener, {os.getuid(), *arguments.allow_user}), arguments.socket)
    return 0


def _serve(ca: "EmbeddedCA", server: "CAServer", path: str) -> None:
    from certlogin.ca.renewal import keep_fresh

    stopping = threading.Event()
    renewal = threading.Thread(target=keep_fresh, args=(ca.refresh, _now, stopping.wait), name="ca-renewal")
    # Before there are threads, which inherit it: only `sigwait` gets these signals, in this one.
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOP)
    server.start()
    renewal.start()
    try:
        print(f"serving on {path}", flush=True)
        signal.sigwait(_STOP)
    finally:
        stopping.set()
        server.stop()
        renewal.join()


def _user(text: str) -> int:
    return _number(text, lambda name: pwd.getpwnam(name).pw_uid, "user")


def _group(text: str) -> int:
    return _number(text, lambda name: grp.getgrnam(name).gr_gid, "group")


def _number(text: str, find: Callable[[str], int], what: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= 9:
        return int(text)
    try:
        return find(text)
    except KeyError:
        raise argparse.ArgumentTypeError(f"no {what} {text!r} on this machine") from None


def _now() -> datetime:
    return datetime.now(UTC)

"""`certlogin helper`: runs the local helper (证书助手), manages its file tokens and pairings, says what is missing."""

import argparse
import getpass
import json
import logging
import signal
import sys
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from certlogin.cli.helper_doctor import examine
from certlogin.errors import ConfigurationError
from certlogin.helper.config import HelperConfig, environment_of_process, load_config
from certlogin.helper.durable import only_one, private_folder
from certlogin.helper.log import LOGGER
from certlogin.helper.pairing import Pairings
from certlogin.helper.pin.available import available, readers
from certlogin.helper.pin.base import Dialog, FirstThatWorks
from certlogin.helper.server import HelperServer, open_listener
from certlogin.helper.service import build_service
from certlogin.helper.showing import Held
from certlogin.helper.surroundings import Surroundings
from certlogin.helper.tokens.base import Token, TokenState
from certlogin.helper.tokens.filetoken import (
    PIN_LENGTHS,
    TRIES,
    FileToken,
    TokenPlan,
    check_new_pin,
    create_token,
)
from certlogin.helper.tokens.media import Media, load_sm2
from certlogin.wire.bad_request import BadRequest

_NAME_MAX: Final = 64
_TRIES_MAX: Final = 99
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


def register(subcommands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    group = subcommands.add_parser("helper", help="run the local helper and manage its tokens")
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--config", type=Path, metavar="FILE", help="default: ~/.config/certlogin/helper.toml, if any")
    actions = group.add_subparsers(title="actions", metavar="ACTION", required=True)

    run = actions.add_parser("run", parents=[shared], help="answer the pages of this user until a signal ends it")
    run.add_argument("--dev", action="store_true", help="development mode: pages on http://127.0.0.1 are accepted")
    run.set_defaults(run=run_helper)
    doctor = actions.add_parser("doctor", parents=[shared], help="say what works on this machine and what is missing")
    doctor.add_argument("--json", action="store_true")
    doctor.set_defaults(run=run_doctor)
    _add_tokens(actions, shared)
    _add_pairings(actions, shared)


def _add_tokens(
    actions: "argparse._SubParsersAction[argparse.ArgumentParser]", shared: argparse.ArgumentParser
) -> None:
    group = actions.add_parser("token", help="USBKeys, and file tokens: keys in an encrypted file instead")
    tokens = group.add_subparsers(title="actions", metavar="ACTION", required=True)
    create = tokens.add_parser(
        "create", parents=[shared], help="make a blank file token; the PIN is asked, or read from a pipe"
    )
    create.add_argument("--label", type=_name, required=True, metavar="TEXT", help="what the user knows it by")
    create.add_argument("--model", type=_name, default="FILE", metavar="TEXT", help="as a page sees it (default: FILE)")
    create.add_argument("--tries", type=_tries, default=TRIES, metavar="N", help=f"PIN tries (default: {TRIES})")
    create.add_argument("--json", action="store_true")
    create.set_defaults(run=run_token_create)
    listing = tokens.add_parser("list", parents=[shared], help="show the tokens of both kinds and what is on them")
    listing.add_argument("--json", action="store_true", help="one JSON list")
    listing.set_defaults(run=run_token_list)


def _add_pairings(
    actions: "argparse._SubParsersAction[argparse.ArgumentParser]", shared: argparse.ArgumentParser
) -> None:
    group = actions.add_parser("pairings", help="the sites that may use this helper, and those that are blocked")
    pairings = group.add_subparsers(title="actions", metavar="ACTION", required=True)
    listing = pairings.add_parser("list", parents=[shared], help="show them")
    listing.add_argument("--json", action="store_true", help="one JSON list")
    listing.set_defaults(run=run_pairings_list)
    forget = pairings.add_parser(
        "forget", parents=[shared], help="end pairing or block; a running helper obeys at once"
    )
    forget.add_argument("origin", metavar="ORIGIN", help="as `list` shows it")
    forget.set_defaults(run=run_pairings_forget)


def run_helper(arguments: argparse.Namespace) -> int:
    environment = environment_of_process()
    config = load_config(arguments.config, environment, dev=arguments.dev)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(message)s")
    logging.getLogger(LOGGER).setLevel(logging.INFO)

    def dialog() -> Dialog:
        chosen = available(config.pinentry, dev=config.dev, environment=environment)
        return FirstThatWorks(chosen, readers(config.pinentry, dev=config.dev, environment=environment))

    with only_one(private_folder(config.state) / "running", f"a helper with the state in {config.state} runs already"):
        surroundings = Surroundings()
        with closing(Media(config, surroundings)) as media, closing(open_listener(config.ports)) as listener:
            service = build_service(config, surroundings, dialog, media)
            server = HelperServer(service, listener, dev=config.dev)
            for number in _SIGNALS:
                signal.signal(number, lambda *_: server.stop())
            mode = " in development mode" if config.dev else ""
            print(f"certlogin helper on {server.address}{mode}; security phrase: {service.texts.phrase()}", flush=True)
            server.serve()
    return 0


def run_doctor(arguments: argparse.Namespace) -> int:
    environment = environment_of_process()
    findings = examine(load_config(arguments.config, environment), environment)
    if arguments.json:
        print(json.dumps([{"ok": found.ok, "what": found.what} for found in findings], ensure_ascii=False, indent=1))
    else:
        for found in findings:
            print(f"{'ok      ' if found.ok else 'CHECK   '}{found.what}")
    return 0 if all(found.ok for found in findings) else 1


def run_token_create(arguments: argparse.Namespace) -> int:
    config = _config(arguments)
    plan = TokenPlan(arguments.label, arguments.model, arguments.tries)
    pin = _new_pin()
    try:
        token = create_token(config.tokens, plan, pin, Surroundings(), load_sm2(config))
    finally:
        pin[:] = bytes(len(pin))
    print(json.dumps(_facts(token), ensure_ascii=False) if arguments.json else _line(token))
    return 0


def run_token_list(arguments: argparse.Namespace) -> int:
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    with closing(Media(_config(arguments), Surroundings())) as media:
        tokens = media()
        if arguments.json:
            print(json.dumps([_facts(token) for token in tokens], ensure_ascii=False, indent=1))
        else:
            for token in tokens:
                print(_line(token))
    return 0


def run_pairings_list(arguments: argparse.Namespace) -> int:
    listed = sorted(_pairings(arguments).listed().items())
    if arguments.json:
        print(json.dumps([{"origin": origin, "state": state} for origin, state in listed], indent=1))
    else:
        for origin, state in listed:
            print(f"{state:8}{origin}")
    return 0


def run_pairings_forget(arguments: argparse.Namespace) -> int:
    if _pairings(arguments).forget(arguments.origin):
        print(f"forgotten: {arguments.origin}")
        return 0
    print(f"not known: {arguments.origin!r}", file=sys.stderr)
    return 1


def _config(arguments: argparse.Namespace) -> HelperConfig:
    return load_config(arguments.config, environment_of_process())


def _pairings(arguments: argparse.Namespace) -> Pairings:
    return Pairings(_config(arguments).state, Surroundings())


def _new_pin() -> bytearray:
    """Asked twice on a terminal, else the first line of standard input. Raises ConfigurationError."""
    if sys.stdin.isatty():
        pin = bytearray(getpass.getpass("New PIN: ").encode("utf-8"))
        again = getpass.getpass("Once more: ").encode("utf-8")
        if pin != again:
            raise ConfigurationError(("the two PINs differ",))
    else:
        pin = bytearray(sys.stdin.buffer.readline().rstrip(b"\r\n"))
    try:
        check_new_pin(pin)
    except BadRequest:
        lengths = f"{PIN_LENGTHS[0]} to {PIN_LENGTHS[-1]}"
        raise ConfigurationError((f"a PIN has {lengths} characters, in UTF-8",)) from None
    return pin


def _facts(token: Token) -> dict[str, Any]:
    state = token.state()
    return {
        "medium": "file" if isinstance(token, FileToken) else "pkcs11",
        "serial": token.serial,
        "label": token.label,
        "model": token.model,
        "tries_left": state.tries_left,
        "tries_max": state.tries_max,
        "locked": state.locked,
        "key_kinds": [kind.value for kind in token.key_kinds],
        "keys": [
            {
                "key_id": key.key_id,
                "kind": key.kind.value,
                "origin": key.origin,
                "unit": key.unit,
                "certificate_sha256": Held(token, key).sha256 or None,
            }
            for key in token.keys()
        ],
    }


def _line(token: Token) -> str:
    keys = token.keys()
    waiting = sum(key.pending for key in keys)
    state = token.state()
    tries = "locked" if state.locked else _tries_of(state)
    held = f"{len(keys) - waiting} certificates, {waiting} keys that wait for one"
    return f"{token.serial}  {token.label} ({token.model}): {tries}, {held}"


def _tries_of(state: TokenState) -> str:
    if state.tries_left is None:
        return "PIN tries unknown"
    return f"{state.tries_left}{'' if state.tries_max is None else f' of {state.tries_max}'} PIN tries"


def _name(text: str) -> str:
    if 1 <= len(text) <= _NAME_MAX and text.isprintable():
        return text
    raise argparse.ArgumentTypeError(f"1 to {_NAME_MAX} printable characters")


def _tries(text: str) -> int:
    if text.isascii() and text.isdigit() and 1 <= int(text) <= _TRIES_MAX:
        return int(text)
    raise argparse.ArgumentTypeError(f"a number from 1 to {_TRIES_MAX}")

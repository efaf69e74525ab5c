"""`certlogin ca`: make the embedded certificate authority, tell it its units, publish its lists, run it."""

import argparse
import json
import secrets
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from certlogin.cli import ca_serve, passphrase
from certlogin.errors import ConfigurationError

_KEY_TYPES: Final = ("SM2", "P-256", "RSA-2048")
_LINES_OF_JSON: Final = frozenset({".jsonl", ".ndjson"})
#: More removed units are counted, not named.
_NAMED_MAX: Final = 20


def register(subcommands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    group = subcommands.add_parser(
        "ca",
        help="make and run the embedded certificate authority",
        epilog=f"Passphrases: {passphrase.CA} and {passphrase.ROOT} in the environment, or asked for.",
    )
    actions = group.add_subparsers(title="actions", metavar="ACTION", required=True)
    _add_init(actions.add_parser("init", help="make root and issuing CA in a new directory"))
    _add_entitle(actions.add_parser("entitle", help="replace the list of units that may get a certificate"))
    _add_publish(actions.add_parser("publish", help="renew the revocation lists now"))
    ca_serve.add(actions.add_parser("serve", help="answer sites over a Unix socket, as an own process"))


def _add_init(parser: argparse.ArgumentParser) -> None:
    _add_directory(parser)
    parser.add_argument("--name", required=True, metavar="NAME", help="what the certificates call this authority")
    parser.add_argument("--key-type", choices=_KEY_TYPES, default="P-256", help="of both CA keys (default: P-256)")
    parser.add_argument("--sm2-library", default="", metavar="FILE", help="libcrypto for SM2 (default: the system's)")
    parser.add_argument("--root-key-out", metavar="FILE", help="where the root key goes (default: DIR/root.key)")
    parser.add_argument("--json", action="store_true")
    parser.set_defaults(run=run_init)


def _add_entitle(parser: argparse.ArgumentParser) -> None:
    _add_directory(parser)
    parser.add_argument(
        "--units",
        required=True,
        metavar="FILE",
        help="CSV with a header, or .jsonl; columns id, name, code and, optional, opens, closes",
    )
    parser.add_argument(
        "--yes-remove", type=_count, metavar="N", help="confirm that N units are missing from FILE and lose their place"
    )
    parser.add_argument("--json", action="store_true")
    parser.set_defaults(run=run_entitle)


def _add_publish(parser: argparse.ArgumentParser) -> None:
    _add_directory(parser)
    parser.add_argument("--root-key", metavar="FILE", help="the root key, to renew the root's list too")
    parser.add_argument("--json", action="store_true")
    parser.set_defaults(run=run_publish)


def run_init(arguments: argparse.Namespace) -> int:
    from certlogin.ca.profile import CAProfile
    from certlogin.ca.setup import NewCA, make_ca

    directory = Path(arguments.directory)
    own = passphrase.chosen(passphrase.CA, "the CA")
    root_key = make_ca(
        directory,
        NewCA(
            name=arguments.name,
            key_type=arguments.key_type,
            passphrase=own,
            root_passphrase=_new_root_passphrase(own),
            root_key_out=None if arguments.root_key_out is None else Path(arguments.root_key_out),
            profile=CAProfile(sm2_library=arguments.sm2_library),
        ),
        _now(),
        secrets.token_bytes,
    )
    _report_new(directory, root_key, as_json=arguments.json)
    return 0


def _new_root_passphrase(own: str) -> str:
    """Asked for only where the other one was; a script that sets one variable gets one passphrase."""
    if passphrase.given(passphrase.CA) and not passphrase.given(passphrase.ROOT):
        return own
    return passphrase.chosen(passphrase.ROOT, "the root key")


def _report_new(directory: Path, root_key: Path, *, as_json: bool) -> None:
    from certlogin.ca.files import CAFiles

    files = CAFiles(directory)
    if as_json:
        made = {"directory": directory, "anchor": files.root, "issuing": files.issuing, "root_key": root_key}
        print(json.dumps({name: str(path) for name, path in made.items()}, ensure_ascii=False))
    else:
        print(f"made: {directory}")
        print(f"trust anchor of the sites: {files.root}; below it {files.issuing}")
        print(f"lists: {files.root_list}, {files.issuing_list}")
    # On stderr, so that it is read also where the output goes elsewhere.
    print(f"ROOT KEY: {root_key} - take it off-line now. The CA runs without it.", file=sys.stderr)
    if not passphrase.given(passphrase.ROOT) and passphrase.given(passphrase.CA):
        print("It is encrypted under the CA's own passphrase.", file=sys.stderr)


def run_entitle(arguments: argparse.Namespace) -> int:
    from certlogin.ca.database import Database
    from certlogin.ca.entitlements import read_entitlements
    from certlogin.ca.files import CAFiles
    from certlogin.ca.imports import RemovalNotConfirmed, import_units
    from certlogin.ca.profile import read_profile

    files, source = CAFiles(Path(arguments.directory)), Path(arguments.units)
    read_profile(files.directory)
    wanted = read_entitlements(_text_of(source), lines_of_json=source.suffix in _LINES_OF_JSON)
    try:
        done = import_units(Database(files.database), wanted, arguments.yes_remove)
    except RemovalNotConfirmed as refused:
        print(
            f"{source} lacks {refused.removing} of the {refused.listed} units in the list. If that is right: "
            f"--yes-remove {refused.removing}",
            file=sys.stderr,
        )
        raise
    facts = {"listed": done.listed, "added": done.added, "changed": done.changed, "removed": len(done.removed)}
    if arguments.json:
        print(json.dumps({**facts, "removed_units": done.removed}, ensure_ascii=False))
        return 0
    print(", ".join(f"{name}: {count}" for name, count in facts.items()))
    for unit_id in done.removed[:_NAMED_MAX]:
        print(f"removed: {unit_id}")
    if done.removed:
        print("Certificates of removed units stay valid until they are revoked.", file=sys.stderr)
    return 0


def run_publish(arguments: argparse.Namespace) -> int:
    from certlogin.ca.embedded import EmbeddedCA, open_signer
    from certlogin.ca.files import CAFiles
    from certlogin.ca.profile import read_profile

    files = CAFiles(Path(arguments.directory))
    ca = EmbeddedCA(files.directory, passphrase.existing(passphrase.CA, "the CA"), _now)
    if arguments.root_key is not None:
        # A script that sets one variable has one passphrase, as in `init`.
        variable = passphrase.ROOT if passphrase.given(passphrase.ROOT) else passphrase.CA
        secret = passphrase.existing(variable, "the root key")
        library = read_profile(files.directory).sm2_library
        ca.renew_root_list(open_signer(files.root, Path(arguments.root_key), secret, library))
    ca.renew()
    for file in (files.root_list, files.issuing_list):
        _report_list(file, as_json=arguments.json)
    return 0


def _report_list(file: Path, *, as_json: bool) -> None:
    from cryptography import x509

    found = x509.load_der_x509_crl(file.read_bytes())
    number = found.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    end = found.next_update_utc
    facts = {"file": str(file), "number": number, "revoked": len(found), "ends": end.isoformat() if end else None}
    if as_json:
        print(json.dumps(facts, ensure_ascii=False))
    else:
        print(f"{file}: number {number}, {len(found)} revoked, ends {facts['ends']}")


def _add_directory(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("directory", metavar="DIR", help="the CA's directory")


def _text_of(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ConfigurationError((f"{file}: is not UTF-8",)) from None


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise argparse.ArgumentTypeError("must be a whole number")
    return int(text)


def _now() -> datetime:
    return datetime.now(UTC)

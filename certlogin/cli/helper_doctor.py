"""What `certlogin helper doctor` looks at: PIN dialogs, ports, the check of the caller's user, SM2, modules, tokens."""

import http.client
import json
import stat
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from certlogin.errors import Unavailable
from certlogin.helper import peer
from certlogin.helper.config import HelperConfig
from certlogin.helper.pin.available import available, readers
from certlogin.helper.server import ADDRESS, open_listener
from certlogin.helper.surroundings import Surroundings
from certlogin.helper.tokens.filetoken import list_tokens
from certlogin.helper.tokens.media import INSTALL, load_modules, load_sm2
from certlogin.pki.sm2 import SM2Unavailable
from certlogin.wire.bad_request import BadRequest
from certlogin.wire.helper import Hello
from certlogin.wire.json import read_object

if TYPE_CHECKING:
    from certlogin.helper.tokens.modules import Module

_NO_TEXTS: Final = (
    "no way to show an agreement, which a pinentry cannot: install Tk for Python (apt install python3-tk), or start "
    "the helper in a terminal"
)
_NO_DIALOG: Final = (
    "no way to ask for a PIN: install a pinentry (Debian, UOS, Kylin: apt install pinentry-gtk2, pinentry-qt or "
    "pinentry-curses; Fedora, Anolis, openEuler: dnf install pinentry; macOS: brew install pinentry-mac), or Tk for "
    "Python (apt install python3-tk), or start the helper in a terminal"
)
_HELLO_MAX: Final = 4096
_HELLO_SECONDS: Final = 3
#: Reserved for names that lead nowhere (RFC 2606, 2): nobody can have paired or blocked it.
_ASKING_ORIGIN: Final = "https://doctor.invalid"


@dataclass(frozen=True, slots=True)
class Finding:
    ok: bool
    what: str


def examine(config: HelperConfig, environment: Mapping[str, str]) -> list[Finding]:
    return [
        *_dialogs(config, environment),
        *_ports(config),
        _peer_check(),
        _sm2(config),
        *_modules(config),
        *_tokens(config),
        *_relaxed(config),
    ]


def _dialogs(config: HelperConfig, environment: Mapping[str, str]) -> Iterator[Finding]:
    names = [dialog.name for dialog in available(config.pinentry, dev=config.dev, environment=environment)]
    if not names:
        yield Finding(False, _NO_DIALOG)
    for place, name in enumerate(names):
        yield Finding(True, f"PIN dialog: {name}{'' if place == 0 else ' (when the ones before it cannot be shown)'}")
    # A configured program may be one of ours, which can.
    if not readers(config.pinentry, dev=config.dev, environment=environment):
        yield Finding(False, _NO_TEXTS)


def _ports(config: HelperConfig) -> Iterator[Finding]:
    usable = False
    for port in config.ports:
        free, what = _port(port)
        usable = usable or free
        yield Finding(True, f"port {port}: {what}")
    if not usable:
        yield Finding(False, "no port for a helper: set `ports` here and `[helper] ports` in the settings of the site")


def _port(port: int) -> tuple[bool, str]:
    """Whether a helper can be reached there, or could be."""
    try:
        open_listener([port]).close()
    except Unavailable:
        version = _helper_on(port)
        if version is not None:
            return True, f"a helper of version {version} answers"
        return False, "used by another program, or by the helper of another user"
    return True, "free"


def _helper_on(port: int) -> str | None:
    connection = http.client.HTTPConnection(ADDRESS, port, timeout=_HELLO_SECONDS)
    try:
        connection.request("GET", "/v1/hello", headers={"Origin": _ASKING_ORIGIN})
        return Hello.parse(read_object(connection.getresponse().read(_HELLO_MAX), _HELLO_MAX)).version
    except (OSError, http.client.HTTPException, BadRequest):
        return None
    finally:
        connection.close()


def _peer_check() -> Finding:
    if peer.SUPPORTED:
        return Finding(True, "other users of this machine are kept out by looking at who owns the connection")
    return Finding(False, f"on {sys.platform} other users of this machine are kept out by the pairing alone")


def _sm2(config: HelperConfig) -> Finding:
    found = load_sm2(config)
    if isinstance(found, SM2Unavailable):
        return Finding(False, f"no SM2 keys on file tokens: {found.what} (`[sm2] library` names another libcrypto)")
    return Finding(True, "SM2 keys on file tokens: the self-test passed")


def _modules(config: HelperConfig) -> Iterator[Finding]:
    """Of each configured PKCS#11 module: what it is and what is plugged in, or why it does not work."""
    surroundings = Surroundings()
    modules = load_modules(config, surroundings)
    if not modules:
        nothing = Finding(True, "PKCS#11 modules: none is configured")
        yield Finding(False, INSTALL) if config.modules else nothing
    for module in modules:
        with closing(module):
            yield from _module(module)
        if not _only_its_owner_writes(module.settings.path):
            yield Finding(False, f"module {module.settings.path} can be changed by other users of this machine")


def _module(module: "Module") -> Iterator[Finding]:
    from certlogin.helper.tokens.modules import ModuleUnusable, state_of

    about = f"module {module.settings.name} ({module.settings.path})"
    try:
        tokens = module.tokens()
        yield Finding(True, f"{about}: {module.description()}, {len(tokens)} tokens")
    except ModuleUnusable as error:
        yield Finding(False, f"{about} is not usable: {error}")
        return
    for token in tokens:
        if state_of(token).locked:
            yield Finding(False, f"token {json.dumps(token.label)} is locked: its PIN was wrong too often")


def _only_its_owner_writes(path: Path) -> bool:
    try:
        return not path.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    except OSError:
        # That it is not there was said.
        return True


def _tokens(config: HelperConfig) -> Iterator[Finding]:
    readable = {token.serial: token for token in list_tokens(config.tokens, Surroundings())}
    yield Finding(True, f"file tokens: {len(readable)} in {config.tokens}")
    for token in readable.values():
        if token.state().locked:
            yield Finding(False, f"token {token.serial} is locked: its PIN was wrong too often")
    folders = sorted(config.tokens.iterdir()) if config.tokens.is_dir() else []
    for folder in folders:
        if folder.is_dir() and folder.name not in readable:
            yield Finding(False, f"token {json.dumps(folder.name)} is damaged and left out")


def _relaxed(config: HelperConfig) -> Iterator[Finding]:
    if config.dev:
        yield Finding(False, "development mode is on: not for real use")
    for grant in config.origins:
        if "//*." in grant.origin:
            yield Finding(True, f"every host below {grant.origin} may without asking: {', '.join(sorted(grant.may))}")

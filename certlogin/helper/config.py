"""The helper's configuration: one TOML file, written by an administrator. Unknown keys are refused by name."""

import difflib
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from typing import Any

from certlogin.errors import ConfigurationError
from certlogin.helper.limits import LimitSettings
from certlogin.helper.origins import Grant, parse_origin
from certlogin.helper.refusals import OriginRefused

PORTS = (17561, 17562, 17563)

#: Of a module: it may stand for the label of a card.
_NAME_MAX = 64

#: The module whose use is allowed in development mode only.
SCRIPTED = "certlogin.helper.pin.scripted"


class Language(StrEnum):
    ZH_CN = "zh-CN"
    EN = "en"


class Act(StrEnum):
    """What an administrator may allow an origin without the user being asked."""

    LOGIN = "login"
    CERTIFICATES = "certificates"
    ENROLL = "enroll"
    #: It shows its agreements without asking first whether it may. They are always shown, and the PIN always asked for.
    AGREE = "agree"


@dataclass(frozen=True, slots=True)
class ModuleSettings:
    """A PKCS#11 module. Only this file names any: a library runs with all rights of the user (20)."""

    #: Absolute: a bare name would be searched for in folders that others may write to.
    path: Path
    #: What the administrator calls it.
    name: str


@dataclass(frozen=True, slots=True)
class SM2Settings:
    #: The libcrypto that computes SM2; empty: the system's.
    library: str = ""


@dataclass(frozen=True, slots=True)
class HelperConfig:
    #: Pairings and the installation secret; readable by its owner only.
    state: Path
    #: One folder per file token.
    tokens: Path
    #: Tried in order; the first free one wins. 0: any free one (tests).
    ports: tuple[int, ...] = PORTS
    #: Accept http://127.0.0.1:PORT origins and the scripted pinentry; every window says so.
    dev: bool = False
    origins: tuple[Grant, ...] = ()
    #: A command line; empty: whatever the machine has.
    pinentry: tuple[str, ...] = ()
    #: What the windows are titled (证书助手-统计局专版).
    name: str = "证书助手"
    language: Language = Language.ZH_CN
    #: Seconds for which a window stays open.
    prompt: int = 120
    limits: LimitSettings = field(default_factory=LimitSettings)
    modules: tuple[ModuleSettings, ...] = ()
    sm2: SM2Settings = field(default_factory=SM2Settings)


def load_config(path: Path | None, environment: Mapping[str, str], *, dev: bool = False) -> HelperConfig:
    """The configuration of that file; None: the user's own file, or the defaults. Raises ConfigurationError.

    `dev` switches development mode on, whatever the file says.
    """
    home = Path(environment.get("HOME", "."))
    usual = Path(environment.get("XDG_CONFIG_HOME") or home / ".config") / "certlogin" / "helper.toml"
    state = Path(environment.get("XDG_STATE_HOME") or home / ".local" / "state") / "certlogin" / "helper"
    source = path or (usual if usual.exists() else None)
    if source is None:
        return HelperConfig(state, state / "tokens", dev=dev)
    try:
        table = tomllib.loads(source.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError((f"{source}: {error}",)) from None
    return _Reader(source.parent, state, dev=dev).read(table)


class _Reader:
    """Collects every mistake before it gives up."""

    def __init__(self, folder: Path, state: Path, *, dev: bool) -> None:
        self._folder = folder
        self._state = state
        self._dev = dev
        self._problems: list[str] = []

    def read(self, table: dict[str, Any]) -> HelperConfig:
        self._known("the file", table, [field.name for field in fields(HelperConfig)])
        state = self._path(table, "state", self._state)
        dev = self._typed(table, "dev", bool, False) or self._dev
        config = HelperConfig(
            state=state,
            tokens=self._path(table, "tokens", state / "tokens"),
            ports=self._ports(table),
            dev=dev,
            origins=tuple(self._grant(item, dev=dev) for item in self._typed(table, "origins", list, [])),
            pinentry=self._pinentry(table, dev=dev),
            name=self._typed(table, "name", str, "证书助手"),
            language=self._choice(table, "language", Language, Language.ZH_CN),
            prompt=self._positive(table, "prompt", 120),
            limits=self._limits(self._typed(table, "limits", dict, {})),
            modules=self._modules(self._typed(table, "modules", list, [])),
            sm2=self._sm2(self._typed(table, "sm2", dict, {})),
        )
        if self._problems:
            raise ConfigurationError(tuple(self._problems))
        return config

    def _known(self, where: str, table: dict[str, Any], names: list[str]) -> None:
        for name in table.keys() - set(names):
            near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            self._problems.append(f"unknown key {name!r} in {where}; known keys: {', '.join(names)}{hint}")

    def _typed(self, table: dict[str, Any], name: str, kind: type[Any], default: Any) -> Any:
        value = table.get(name, default)
        # True is an int in Python and a mistake here.
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            self._problems.append(f"{name} must be of type {kind.__name__}")
            return default
        return value

    def _path(self, table: dict[str, Any], name: str, default: Path) -> Path:
        # Relative to the file, so that a configuration and its state can move together.
        return self._folder.absolute() / str(self._typed(table, name, str, str(default)))

    def _ports(self, table: dict[str, Any]) -> tuple[int, ...]:
        ports = self._typed(table, "ports", list, list(PORTS))
        if not ports or any(type(port) is not int or not 0 <= port <= 65535 for port in ports):
            self._problems.append("ports must be a list of port numbers")
            return ()
        return tuple(ports)

    def _grant(self, item: Any, *, dev: bool) -> Grant:
        if not isinstance(item, dict) or not isinstance(item.get("origin"), str):
            self._problems.append("every entry of origins needs an origin")
            return Grant("", frozenset())
        self._known("origins", item, ["origin", "may"])
        origin = item["origin"]
        try:
            parse_origin(origin.replace("//*.", "//wildcard.", 1), dev=dev)
        except OriginRefused:
            self._problems.append(f"origins: {origin!r} is no canonical https origin (or http in development mode)")
        may = self._typed(item, "may", list, [])
        known = [act.value for act in Act]
        self._problems += [f"origins: may {word!r} is none of {', '.join(known)}" for word in may if word not in known]
        return Grant(origin, frozenset(word for word in known if word in may))

    def _pinentry(self, table: dict[str, Any], *, dev: bool) -> tuple[str, ...]:
        value = table.get("pinentry", "")
        words = [value] if isinstance(value, str) else value
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            self._problems.append("pinentry must be a path or a list of words")
            return ()
        if not dev and any(SCRIPTED in word for word in words):
            self._problems.append("the scripted pinentry works in development mode only")
        return tuple(word for word in words if word)

    def _choice(self, table: dict[str, Any], name: str, kind: type[Language], default: Language) -> Language:
        value = table.get(name, default.value)
        if value not in list(kind):
            self._problems.append(f"{name} must be one of {', '.join(kind)}")
            return default
        return kind(value)

    def _limits(self, table: dict[str, Any]) -> LimitSettings:
        names = [field.name for field in fields(LimitSettings)]
        self._known("limits", table, names)
        default = LimitSettings()
        return LimitSettings(**{name: self._positive(table, name, getattr(default, name)) for name in names})

    def _modules(self, items: list[Any]) -> tuple[ModuleSettings, ...]:
        found = tuple(self._module(item) for item in items)
        if len({module.path for module in found}) < len(found):
            self._problems.append("modules: a path stands there twice")
        return found

    def _module(self, item: Any) -> ModuleSettings:
        if not isinstance(item, dict) or not all(isinstance(item.get(name), str) for name in ("path", "name")):
            self._problems.append("every entry of modules needs a path and a name")
            return ModuleSettings(Path(), "")
        self._known("modules", item, ["path", "name"])
        path = Path(item["path"])
        if not path.is_absolute():
            self._problems.append(f"modules: {item['path']!r} is no absolute path")
        if not 1 <= len(item["name"]) <= _NAME_MAX or not item["name"].isprintable():
            self._problems.append(f"modules: the name of {path} must be 1 to {_NAME_MAX} printable characters")
        return ModuleSettings(path, item["name"])

    def _sm2(self, table: dict[str, Any]) -> SM2Settings:
        self._known("sm2", table, ["library"])
        return SM2Settings(self._typed(table, "library", str, ""))

    def _positive(self, table: dict[str, Any], name: str, default: int) -> int:
        value: int = self._typed(table, name, int, default)
        if value < 1:
            self._problems.append(f"{name} must be positive")
        return value


def environment_of_process() -> Mapping[str, str]:
    """For the command line; everything below is handed its environment."""
    return os.environ

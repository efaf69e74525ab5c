"""The only reader of the TOML file.

Its tables carry the names of the dataclasses; only `[adoption]` stands at the top level and becomes
`Settings.rules.adoption`.
Secrets may come from the environment, which then wins over the file: CERTLOGIN_SITE_SECRET_KEYS and
CERTLOGIN_PERSONAL_KEYS (separated by commas), CERTLOGIN_CA_PASSPHRASE, CERTLOGIN_STORES_DURABLE,
CERTLOGIN_REVOCATION_PROXY. File names are relative to the folder of the TOML file.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from certlogin.errors import ConfigurationError
from certlogin.settings.build import Builder, Place
from certlogin.settings.checks import MISSING, dead_ends, problems_of
from certlogin.settings.model import Settings
from certlogin.settings.rules import Adoption, Rules
from certlogin.settings.trust import Anchor

#: Environment variable, table, key, whether commas separate entries.
_ENVIRONMENT: Final = (
    ("CERTLOGIN_SITE_SECRET_KEYS", "site", "secret_keys", True),
    ("CERTLOGIN_CA_PASSPHRASE", "ca", "passphrase", False),
    ("CERTLOGIN_STORES_DURABLE", "stores", "durable", False),
    ("CERTLOGIN_REVOCATION_PROXY", "revocation", "proxy", False),
    ("CERTLOGIN_PERSONAL_KEYS", "personal", "keys", True),
)
#: `[adoption]` is a table of its own.
_MOVED: Final = {Settings: frozenset({"adoption"}), Rules: frozenset({"adoption"})}


def load_settings(path: str | os.PathLike[str], environ: Mapping[str, str] | None = None) -> Settings:
    """Read the file and the process environment (or `environ`). Raises ConfigurationError with every problem."""
    file = Path(path)
    data = _read_toml(file)
    return settings_from_mapping(data, os.environ if environ is None else environ, file.resolve().parent)


def settings_from_mapping(
    data: Mapping[str, Any], environ: Mapping[str, str], folder: str | os.PathLike[str] | None = None
) -> Settings:
    """The same from plain data; without `folder` file names stay as they are. Raises ConfigurationError."""
    problems: list[str] = []
    builder = Builder(problems_of, MISSING, problems, _MOVED)
    tables = _with_environment(data, environ)
    adoption = builder.table(Adoption, tables.pop("adoption", {}), Place(("adoption",)))
    if isinstance(tables.get("rules"), Mapping) and "adoption" in tables["rules"]:
        problems.append("[rules.adoption] is written [adoption], at the top level")
        tables["rules"] = {key: value for key, value in tables["rules"].items() if key != "adoption"}
    settings = builder.table(Settings, tables, Place())
    if settings is None or adoption is None or problems:
        raise ConfigurationError(tuple(problems))
    settings = replace(settings, rules=replace(settings.rules, adoption=adoption))
    problems.extend(dead_ends(settings))
    if problems:
        raise ConfigurationError(tuple(problems))
    return settings if folder is None else _resolved(settings, Path(folder))


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        # Some editors begin every file with a byte order mark.
        return tomllib.loads(file.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise ConfigurationError((f"{file}: cannot be read: {error.strerror or 'no reason given'}",)) from error
    except (ValueError, RecursionError) as error:
        # ValueError covers TOML, UTF-8 and integers too long to read; its words give the place, never a value.
        raise ConfigurationError((f"{file}: is no TOML: {error}",)) from error


def _with_environment(data: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    tables = dict(data)
    for variable, table, key, several in _ENVIRONMENT:
        text = environ.get(variable, "")
        if text and isinstance(tables.get(table, {}), Mapping):
            value = [part.strip() for part in text.split(",") if part.strip()] if several else text
            tables[table] = {**tables.get(table, {}), key: value}
    return tables


def _resolved(settings: Settings, folder: Path) -> Settings:
    def full(name: str) -> str:
        return str(folder / name) if name else ""

    def anchor_in_folder(anchor: Anchor) -> Anchor:
        return replace(
            anchor,
            file=full(anchor.file),
            intermediates=tuple(full(name) for name in anchor.intermediates),
            crls=tuple(full(name) for name in anchor.crls),
        )

    ca, stores, trust = settings.ca, settings.stores, settings.trust
    return replace(
        settings,
        trust=replace(trust, anchors=tuple(anchor_in_folder(anchor) for anchor in trust.anchors)),
        revocation=replace(settings.revocation, directory=full(settings.revocation.directory)),
        ca=replace(ca, socket=full(ca.socket), directory=full(ca.directory)),
        helper=replace(settings.helper, builds=full(settings.helper.builds)),
        stores=replace(stores, lock_file=full(stores.lock_file), durable=_database_in(stores.durable, folder)),
    )


def _database_in(address: str, folder: Path) -> str:
    """An SQLite address with three slashes names a relative file; with four an absolute one."""
    scheme, separator, name = address.partition(":///")
    if not scheme.startswith("sqlite") or not separator or name.startswith("/"):
        return address
    # What has a meaning in an address must not have one in the folder's name.
    return f"{scheme}:///{str(folder).replace('%', '%25').replace('?', '%3F')}/{name}"

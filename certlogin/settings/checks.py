"""What settings must mean, table by table: takes the values that could be read, yields `key: problem`.

Used for the file and, through `check_settings`, for settings that a program put together itself.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import Any, Final

from certlogin.errors import ConfigurationError
from certlogin.records.unit import EXEMPT
from certlogin.settings.addresses import canonical_origin as canonical_origin
from certlogin.settings.build import Place, is_required, toml_name
from certlogin.settings.helpers import HelperRule
from certlogin.settings.login import Attempts, HelperSettings, Stores, Tickets
from certlogin.settings.model import Settings
from certlogin.settings.personal import PersonalSettings
from certlogin.settings.revocation import RevocationSettings
from certlogin.settings.rule_checks import helper_rule, in_range, key_condition, unique, upgrade_rule
from certlogin.settings.rules import Adoption, EnrolmentWindow, RequireRule, Rules, Stage, Unregistered
from certlogin.settings.site import Host, Mode, Paths, Site
from certlogin.settings.trust import Anchor, CASettings, SM2Settings, Trust
from certlogin.settings.trust_checks import anchor_settings, revocation_settings, trust_settings
from certlogin.settings.upgrades import KeyCondition, UpgradeRule

SECRET_BYTES: Final = 32

#: What is said of a value that has no default.
MISSING: Final[Mapping[tuple[type, str], str]] = {
    (Site, "origin"): "is missing; give scheme://host[:port] as the browser sends it in Origin",
    (
        Site,
        "secret_keys",
    ): "is missing; give at least one key of 32 bytes or more, here or in CERTLOGIN_SITE_SECRET_KEYS",
    (Host, "auth_cookies"): "is missing; name every cookie by which the host recognises a user, remember-me included",
    (Paths, "login"): "is missing; give the path of the host's login page",
    (Trust, "anchors"): "is missing; give at least one [[trust.anchors]] with name and file",
}

_YEAR: Final = 366 * 24 * 3600
_TERABYTE: Final = 1 << 40
_MILLION: Final = 1_000_000
_LABEL: Final = re.compile(r"[a-z0-9-]{1,32}", re.ASCII)
_DEVELOPMENT: Final = re.compile(r"http://127\.0\.0\.1:[1-9][0-9]{0,4}", re.ASCII)
_COOKIE_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
#: No SQLite in memory and no `file:` address, which could name one: what is durable is in a file.
_DATABASE: Final = re.compile(
    r"sqlite(?:\+[a-z0-9]+)?:///(?!file:)(?!.*:memory:)[^?]*[^?/](?:\?.*)?|postgresql(?:\+[a-z0-9]+)?://.+", re.ASCII
)
_KEY_TYPES: Final = ("SM2", "P-256", "RSA-2048")


def problems_of(kind: type, values: Mapping[str, Any]) -> Iterator[str]:
    """The problems of one table; a value that could not be read is not in `values` and is not judged."""
    if kind in _CHECKS:
        yield from _CHECKS[kind](values)


def check_settings(settings: Settings) -> None:
    """Judge settings that no file was read for. Raises ConfigurationError."""
    problems = tuple(_walk(settings, Place())) or tuple(dead_ends(settings))
    if problems:
        raise ConfigurationError(problems)


def dead_ends(settings: Settings) -> Iterator[str]:
    """Where settings that are each right would lead users to a page without a next step."""
    rules, ca = settings.rules, settings.ca
    must_download = rules.adoption.unregistered is Unregistered.ISSUE and any(
        rule.stage is not Stage.REPORT for rule in rules.require
    )
    if must_download and not (ca.socket or ca.directory):
        yield (
            "[ca] socket: is missing; units that need a certificate could download none "
            "(or they have theirs from elsewhere: [adoption] unregistered = 'match')"
        )


def _walk(table: Any, place: Place) -> Iterator[str]:
    values = {field.name: getattr(table, field.name) for field in fields(table)}
    for field in fields(table):
        name, value = field.name, values[field.name]
        key = toml_name(name)
        if is_dataclass(value):
            yield from _walk(value, place.below(key))
        elif value in ("", ()) and is_required(field):
            yield f"{place} {key}: {MISSING.get((type(table), name), 'is missing')}"
        elif isinstance(value, tuple):
            for number, entry in enumerate(value, 1):
                if is_dataclass(entry):
                    yield from _walk(entry, place.below(key, number))
        elif isinstance(value, datetime) and value.utcoffset() is None:
            yield f"{place} {key}: must say its offset"
            del values[name]
    yield from (f"{place} {problem}" for problem in problems_of(type(table), values))


def canonical_path(path: str) -> bool:
    """A path as the host sees it: decoded, with nothing that two readers could take in two ways (S4)."""
    segments = path.split("/")[1:]
    return (
        path.startswith("/")
        and "" not in segments[:-1]
        and not any(segment.endswith(".") for segment in segments)
        and not any(character in ";\\%?#\ufffd" or not _is_visible(character) for character in path)
    )


def _is_visible(character: str) -> bool:
    return not character.isspace() and character.isprintable()


def _site(values: Mapping[str, Any]) -> Iterator[str]:
    origin = values.get("origin")
    if origin:
        yield from _origin(origin, values.get("mode"))
    yield from _secrets("secret_keys", values.get("secret_keys", ()))
    if "label" in values and not _LABEL.fullmatch(values["label"]):
        yield "label: must be 1 to 32 of a-z, 0-9 and '-'"
    if values.get("label", "").endswith("-attempt"):
        # `x-attempt` would name its ticket's cookie like the attempt's cookie of a site labelled `x`.
        yield "label: must not end in '-attempt'"
    prefix = values.get("prefix", "/x")
    if not canonical_path(prefix) or prefix.endswith("/"):
        yield "prefix: must be a canonical path that starts with '/' and does not end in it"


def _secrets(name: str, keys: Iterable[str]) -> Iterator[str]:
    for number, key in enumerate(keys, 1):
        if len(key.encode()) < SECRET_BYTES:
            yield f"{name}: key no. {number} is shorter than {SECRET_BYTES} bytes"


def _personal(values: Mapping[str, Any]) -> Iterator[str]:
    yield from _secrets("keys", values.get("keys", ()))


def _origin(origin: str, mode: Mode | None) -> Iterator[str]:
    if not canonical_origin(origin):
        yield "origin: must be scheme://host[:port], lower case, without path and default port"
    elif mode is Mode.DEVELOPMENT and not _DEVELOPMENT.fullmatch(origin):
        yield "origin: mode 'development' works only with http://127.0.0.1:<port>, written so"
    elif mode in (Mode.PRODUCTION, None) and not origin.startswith("https://"):
        yield "origin: must be https (http://127.0.0.1:<port> needs mode = 'development')"


def _host(values: Mapping[str, Any]) -> Iterator[str]:
    cookies = values.get("auth_cookies", ())
    for cookie in cookies:
        if not _COOKIE_NAME.fullmatch(cookie) or cookie.startswith("__Host-certlogin-"):
            yield f"auth_cookies: {cookie!r} is no name of a cookie of the host"
    yield from unique("auth_cookies", cookies)
    yield from _rotation(values.get("rotates"))


def _rotation(rotates: bool | None) -> Iterator[str]:
    if rotates is False:
        yield (
            "rotates: false is refused for now: where the host keeps its session id at login, a session from before "
            "the login could enter, and certlogin cannot tell yet whose it is"
        )


def _paths(values: Mapping[str, Any]) -> Iterator[str]:
    for key in ("login", "public", "machine"):
        entries = values.get(key, ())
        for entry in entries:
            if not canonical_path(entry):
                yield f"{key}: {entry!r} must start with '/' and be canonical: no '//', dot segments or any of ;\\%?#"
            elif entry == "/" and key != "login":
                yield f"{key}: '/' would cover every path of the host"
        yield from unique(key, entries)


def _sm2(values: Mapping[str, Any]) -> Iterator[str]:
    library = values.get("library", "")
    if "/" in library and not library.startswith("/"):
        # The loader would look for it in the folder the process happens to run in.
        yield "library: must be a name, such as libcrypto.so.3, or an absolute path"


def _ca(values: Mapping[str, Any]) -> Iterator[str]:
    if values.get("socket") and values.get("directory"):
        yield "socket: give either socket or directory"
    key_types = values.get("key_types", _KEY_TYPES)
    unknown = [name for name in key_types if name not in _KEY_TYPES]
    if unknown or not key_types:
        yield f"key_types: must be some of: {', '.join(_KEY_TYPES)}"
    yield from unique("key_types", key_types)


def _rules(values: Mapping[str, Any]) -> Iterator[str]:
    for key in ("require", "upgrade"):
        yield from unique(key, [rule.name for rule in values.get(key, ())])
    yield from in_range(values, "renew_days", 0, 3660)


def _require(values: Mapping[str, Any]) -> Iterator[str]:
    if values.get("tag") == EXEMPT:
        yield f"tag: {EXEMPT!r} marks accounts that need no certificate"
    yield from in_range(values, "skips", 0, _MILLION)


def _adoption(values: Mapping[str, Any]) -> Iterator[str]:
    if values.get("unregistered") is Unregistered.BIND:
        yield "unregistered: 'bind' is refused for now: users cannot bind a certificate to their account yet"


def _enrolment(values: Mapping[str, Any]) -> Iterator[str]:
    opens, closes = values.get("opens"), values.get("closes")
    if opens is not None and closes is not None and not opens < closes:
        yield "closes: must be later than opens"


def _tickets(values: Mapping[str, Any]) -> Iterator[str]:
    for key in ("absolute", "idle", "recheck"):
        yield from in_range(values, key, 1, _YEAR)
    yield from in_range(values, "recheck_grace", 0, _YEAR)
    yield from _at_most(values, "idle", "absolute")


def _attempts(values: Mapping[str, Any]) -> Iterator[str]:
    for key in ("idle", "total", "hold_max", "challenge", "repeat"):
        yield from in_range(values, key, 1, _YEAR)
    for key in ("held_max", "held_total"):
        yield from in_range(values, key, 1, _TERABYTE)
    for key in ("per_unit", "per_address"):
        yield from in_range(values, key, 1, _MILLION)
    yield from _at_most(values, "idle", "total")
    yield from _at_most(values, "held_max", "held_total")


def _helper(values: Mapping[str, Any]) -> Iterator[str]:
    ports = values.get("ports", (1024,))
    if not ports or any(not 1024 <= port <= 65535 for port in ports):
        yield "ports: must be one or more of 1024 to 65535"
    yield from unique("ports", ports)
    yield from in_range(values, "countdown", 0, 3600)


def _stores(values: Mapping[str, Any]) -> Iterator[str]:
    if values.get("volatile", "memory") != "memory":
        yield "volatile: must be one of: memory"
    durable = values.get("durable")
    if durable is not None and not _DATABASE.fullmatch(durable):
        yield "durable: must be a SQLAlchemy address of an SQLite file or a PostgreSQL database"
    yield from in_range(values, "failures_per_minute", 1, _MILLION)


def _settings(values: Mapping[str, Any]) -> Iterator[str]:
    """What no table can judge alone."""
    site, ca, host = values.get("site"), values.get("ca"), values.get("host")
    if site and ca:
        yield from _ca_inside(site, ca)
    if site and host:
        yield from _paths_apart(site, host.paths)
    trust, revocation = values.get("trust"), values.get("revocation", RevocationSettings())
    if trust and revocation:
        yield from _sources(trust.anchors, revocation)


def _sources(anchors: Iterable[Anchor], revocation: RevocationSettings) -> Iterator[str]:
    for anchor in anchors:
        if anchor.ocsp and not revocation.hosts:
            yield f"[[trust.anchors]] {anchor.name!r} ocsp: needs the responders' hosts in [revocation] hosts"
    if not revocation.background and not revocation.directory:
        yield "[revocation] directory: is missing; with background = false the workers read nothing else"


def _ca_inside(site: Site, ca: CASettings) -> Iterator[str]:
    if ca.directory and site.mode is not Mode.DEVELOPMENT:
        yield "[ca] directory: the CA runs inside this process in mode 'development' only; give its socket (S28)"


def _paths_apart(site: Site, paths: Paths) -> Iterator[str]:
    for path in (*paths.login, *paths.public, *paths.machine):
        if f"{path}/".startswith(f"{site.prefix}/"):
            yield f"[host.paths] {path!r} lies below certlogin's own prefix"


def _at_most(values: Mapping[str, Any], key: str, limit: str) -> Iterator[str]:
    if key in values and limit in values and values[key] > values[limit]:
        yield f"{key}: must not be more than {limit}"


_CHECKS: Final[Mapping[type, Callable[[Mapping[str, Any]], Iterator[str]]]] = {
    Site: _site,
    Host: _host,
    Paths: _paths,
    Trust: trust_settings,
    Anchor: anchor_settings,
    RevocationSettings: revocation_settings,
    SM2Settings: _sm2,
    CASettings: _ca,
    Rules: _rules,
    RequireRule: _require,
    Adoption: _adoption,
    HelperRule: helper_rule,
    UpgradeRule: upgrade_rule,
    KeyCondition: key_condition,
    EnrolmentWindow: _enrolment,
    Tickets: _tickets,
    Attempts: _attempts,
    HelperSettings: _helper,
    Stores: _stores,
    PersonalSettings: _personal,
    Settings: _settings,
}

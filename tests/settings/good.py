"""Settings that pass, and ways to change them in one place."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, Final

from certlogin.errors import ConfigurationError
from certlogin.settings import Settings
from certlogin.settings.loader import settings_from_mapping

SECRET: Final = "correct-horse-battery-staple-0123456789"
#: The smallest file that passes: nothing in it has a default.
SMALLEST: Final[Mapping[str, Any]] = {
    "site": {"origin": "https://survey.example", "secret_keys": [SECRET]},
    "host": {"auth_cookies": ["session"], "paths": {"login": ["/login"]}},
    "trust": {"anchors": [{"name": "root", "file": "root.pem"}]},
}
#: With somebody to issue certificates, as units that must download one need.
ISSUING: Final[Mapping[str, Any]] = {**SMALLEST, "ca": {"socket": "ca.sock"}}
#: For `changed`: the key is left out.
LEFT_OUT: Final = object()


def changed(path: str, value: object, base: Mapping[str, Any] = SMALLEST) -> dict[str, Any]:
    """`base` with one value set, or left out: `changed("trust.anchors.0.name", "")`. Missing tables are made."""
    data = deepcopy(dict(base))
    *tables, key = path.split(".")
    place: Any = data
    for name in tables:
        place = place[int(name)] if isinstance(place, list) else place.setdefault(name, {})
    if value is LEFT_OUT:
        del place[key]
    elif isinstance(place, list):
        place[int(key)] = value
    else:
        place[key] = value
    return data


def read(data: Mapping[str, Any], **environ: str) -> Settings:
    return settings_from_mapping(data, environ)


def problems(data: Mapping[str, Any], **environ: str) -> tuple[str, ...]:
    """Empty when the settings pass."""
    try:
        read(data, **environ)
    except ConfigurationError as error:
        return error.problems
    return ()

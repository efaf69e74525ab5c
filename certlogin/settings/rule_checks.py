"""What the rules about helpers and keys must mean, and what every check asks; a part of `checks.py`."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from certlogin.settings.stages import Stage
from certlogin.settings.upgrades import KeyCondition, UpgradeAction

_DAYS: Final = 3660
_RSA_BITS: Final = 16384
#: Without a page of their own yet.
_PAGELESS: Final = frozenset({UpgradeAction.REPLACE, UpgradeAction.UPGRADE, UpgradeAction.RENEW})


def unique(key: str, entries: Iterable[object]) -> Iterator[str]:
    for entry, count in Counter(entries).items():
        if count > 1:
            yield f"{key}: {entry!r} is given {count} times"
        if entry == "":
            yield f"{key}: an entry is empty"


def in_range(values: Mapping[str, Any], key: str, least: int, most: int) -> Iterator[str]:
    if key in values and not least <= values[key] <= most:
        yield f"{key}: must be {least} to {most}"


def helper_rule(values: Mapping[str, Any]) -> Iterator[str]:
    blocked = [".".join(map(str, build.version)) for build in values.get("blocked", ())]
    yield from unique("blocked", blocked)
    yield from unique("systems", [row.os.value for row in values.get("systems", ())])


def upgrade_rule(values: Mapping[str, Any]) -> Iterator[str]:
    action, stage = values.get("action"), values.get("stage", Stage.REPORT)
    if action in _PAGELESS and stage is not Stage.REPORT:
        yield f"stage: only 'report' for now with action = {action.value!r}: keys cannot be changed here yet"
    if action is not UpgradeAction.UPGRADE and values.get("models"):
        yield "models: only with action = 'upgrade'"
    if KeyCondition() in values.get("any_", ()):
        yield "any: an alternative says nothing, so every key would fall under the rule"
    if not 0 <= values.get("grace", 0) <= _DAYS:
        yield f"grace: must be 0 to {_DAYS}"
    elif values.get("grace") and values.get("from_") is None:
        yield "grace: needs from, the date that it is counted from"
    for key in ("models", "exempt_tags", "exempt_units"):
        yield from unique(key, values.get(key, ()))


def key_condition(values: Mapping[str, Any]) -> Iterator[str]:
    if not 0 <= values.get("rsa_bits_below", 0) <= _RSA_BITS:
        yield f"rsa_bits_below: must be 0 to {_RSA_BITS}"
    begins, ends = values.get("applied_from"), values.get("applied_before")
    if begins is not None and ends is not None and not begins < ends:
        yield "applied_before: must be later than applied_from"
    for key in ("key_types", "digests"):
        yield from unique(key, [entry.value for entry in values.get(key, ())])
    yield from unique("issuers", values.get("issuers", ()))

"""How one version of our own helper stands with the rules.

PURE. The version is a claim of whoever says it, and the system always one of the page's, since no signature carries it:
who lies about the system is held to the lowest minimum of the rules, never to less.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from certlogin.settings.helpers import HelperRule, Version


class Standing(StrEnum):
    GOOD = "good"
    #: It works, and a newer one is recommended.
    RECOMMENDED = "recommended"
    OUTDATED = "outdated"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class Verdict:
    standing: Standing
    #: The version that would be good; None: any other than this one, or this one is.
    needed: Version | None = None
    #: Why it is blocked, in the administrator's words.
    reason: str = ""
    #: From when on it is, or will be, refused.
    since: datetime | None = None

    @property
    def is_refused(self) -> bool:
        return self.standing in (Standing.OUTDATED, Standing.BLOCKED)


@dataclass(frozen=True, slots=True)
class _Limits:
    minimum: Version
    recommended: Version
    from_: datetime | None


def judge_helper(version: Version, os: str, rule: HelperRule, now: datetime) -> Verdict:
    """`os` as the page reported it; empty: nobody said, and the strictest of all systems holds."""
    for build in rule.blocked:
        if build.version == version and _in_force(build.from_, now):
            return Verdict(Standing.BLOCKED, None, build.reason, build.from_)
    verdicts = [_against(limits, version, now) for limits in _limits(os, rule)]
    return max(verdicts, key=lambda verdict: list(Standing).index(verdict.standing))


def _against(limits: _Limits, version: Version, now: datetime) -> Verdict:
    if version < limits.minimum:
        standing = Standing.OUTDATED if _in_force(limits.from_, now) else Standing.RECOMMENDED
        return Verdict(standing, max(limits.minimum, limits.recommended), since=limits.from_)
    if version < limits.recommended:
        return Verdict(Standing.RECOMMENDED, limits.recommended)
    return Verdict(Standing.GOOD)


def _limits(os: str, rule: HelperRule) -> Iterator[_Limits]:
    named = [row for row in rule.systems if os in ("", row.os)]
    for row in named:
        yield _Limits(
            rule.minimum if row.minimum is None else row.minimum,
            rule.recommended if row.recommended is None else row.recommended,
            rule.from_ if row.from_ is None else row.from_,
        )
    if os == "" or not named:
        yield _Limits(rule.minimum, rule.recommended, rule.from_)


def _in_force(from_: datetime | None, now: datetime) -> bool:
    return from_ is None or now >= from_

"""What is said to a user of the helper that runs on the computer: that it is too old, or that there is a newer one."""

from dataclasses import dataclass

from certlogin.flows.context import Context
from certlogin.login.helpers import Standing, Verdict, judge_helper
from certlogin.records.helper import HelperReport
from certlogin.settings.build import SHANGHAI


@dataclass(frozen=True, slots=True)
class RunningHelper:
    """The helper that the page has found, or that signed, where there is something to say of it."""

    version: str
    is_refused: bool
    #: The version that would be good; empty: any other.
    needed: str
    #: Why it is blocked.
    reason: str
    #: The day from which on it will be refused; empty: none is known, or it has come.
    until: str


def told_helper(context: Context, report: HelperReport) -> RunningHelper | None:
    """None: it is good, or nobody knows."""
    if report.version is None:
        return None
    verdict = judge_helper(report.version, report.os, context.settings.rules.helper, context.clock())
    if verdict.standing is Standing.GOOD:
        return None
    needed = "" if verdict.needed is None else _text(verdict.needed)
    return RunningHelper(_text(report.version), verdict.is_refused, needed, verdict.reason, _day(verdict))


def _day(verdict: Verdict) -> str:
    if verdict.since is None or verdict.is_refused:
        return ""
    return verdict.since.astimezone(SHANGHAI).date().isoformat()


def _text(version: tuple[int, int, int, int]) -> str:
    return ".".join(map(str, version))

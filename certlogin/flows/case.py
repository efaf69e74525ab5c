"""Building the case of one login from the directory and the registry, and asking the policy."""

from dataclasses import replace
from datetime import datetime

from certlogin.errors import CertloginError, Unavailable
from certlogin.flows.context import Context
from certlogin.login.policy import Case, Decision, Presented, decide, requirement_of
from certlogin.login.rules import Requirement
from certlogin.records.helper import HelperReport
from certlogin.records.unit import Unit, UnitId


def find_unit(context: Context, unit_id: UnitId) -> Unit | None:
    """The host's word on the unit. Whatever the host's directory raises means that we cannot decide."""
    try:
        return context.units.find(unit_id)
    except CertloginError:
        raise
    except Exception as error:
        raise Unavailable("directory") from error


def load_case(
    context: Context,
    unit_id: UnitId,
    now: datetime,
    helper: HelperReport | None = None,
    presented: Presented | None = None,
) -> Case:
    """Raises Unavailable."""
    unit = find_unit(context, unit_id)
    case = Case(
        unit=unit,
        registered=context.durable.of_unit(unit_id),
        presented=presented,
        helper=helper,
        granted=context.durable.open_grant(unit_id, now) is not None,
        judged=_judged(context, unit, now),
    )
    return _with_skips(context, case, unit_id, now)


def decide_case(context: Context, case: Case, now: datetime) -> Decision:
    return decide(case, context.settings.rules, now)


def _judged(context: Context, unit: Unit | None, now: datetime) -> tuple[Requirement | None] | None:
    if context.requirement is None or unit is None:
        return None
    try:
        return (context.requirement(unit, now),)
    except Exception as error:
        raise Unavailable("requirement") from error


def _with_skips(context: Context, case: Case, unit_id: UnitId, now: datetime) -> Case:
    requirement = requirement_of(case, context.settings.rules, now)
    if requirement is None or requirement.skips == 0:
        return case
    return replace(case, skipped=context.durable.skipped(unit_id, requirement.rule))

"""The environment check and the helper's download page (B1-B16). Both are open to anybody."""

from functools import cache

from certlogin.flows.attempts import OpenAttempt
from certlogin.flows.case import find_unit
from certlogin.flows.login import next_step
from certlogin.login.attempt import AttemptExpired, AttemptMissing
from certlogin.pki.identity import masked_code
from certlogin.portal.builds import Build, guess_arch, load_builds
from certlogin.web.http import Response
from certlogin.web.own import Visit
from certlogin.web.running import RunningHelper, told_helper

#: In the address of the download page: the user wants a newer helper than the one that works.
NEWER = "newer"
_HINTS = ("sec-ch-ua-arch", "sec-ch-ua-bitness", "sec-ch-ua-platform")


def check_page(visit: Visit) -> Response:
    found = attempt_if_any(visit)
    left = 0 if found is None else next_step(visit.context, found.attempt).skips_left
    return visit.page(
        "helper", found, skips_left=left, running=running_helper(visit, found), **unit_values(visit, found)
    )


def download_page(visit: Visit) -> Response:
    request, settings = visit.request, visit.context.settings.helper
    hints = {name: request.header(name) or "" for name in _HINTS}
    found = attempt_if_any(visit)
    running = running_helper(visit, found)
    if running is not None and not running.is_refused and not visit.query(NEWER):
        running = None
    return visit.page(
        "download",
        found,
        running=running,
        builds=_builds(settings.builds),
        guess_arch=guess_arch(request.header("user-agent") or "", hints),
        countdown=settings.countdown,
    )


def running_helper(visit: Visit, found: OpenAttempt | None) -> RunningHelper | None:
    report = None if found is None else found.attempt.helper
    return None if report is None else told_helper(visit.context, report)


def unit_values(visit: Visit, found: OpenAttempt | None) -> dict[str, str]:
    """Before a proof a page shows of the unit its name and the masked code, nothing else."""
    unit = None if found is None else find_unit(visit.context, found.attempt.unit_id)
    if unit is None:
        return {}
    return {"unit_name": unit.name, "unit_code": masked_code(unit.code)}


def attempt_if_any(visit: Visit) -> OpenAttempt | None:
    try:
        return visit.attempt()
    except (AttemptMissing, AttemptExpired):
        return None


@cache
def _builds(file: str) -> tuple[Build, ...]:
    return load_builds(file)

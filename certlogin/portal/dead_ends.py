"""Where a way ends: a refusal by its code, and the help for a lost, a locked and an expired certificate.

Each shows the hotline and a code. Nothing here needs an attempt, and nothing is decided here.
"""

from certlogin.errors import Refusal
from certlogin.login.policy import Reason
from certlogin.portal.helper import attempt_if_any, unit_values
from certlogin.web.http import Response
from certlogin.web.own import Visit

#: A code that is none of the policy's reasons is somebody's own invention.
_KNOWN = frozenset(reason.value for reason in Reason)


def refused_page(visit: Visit) -> Response:
    """The text for the code in the address."""
    asked = visit.query("code")
    code = asked if asked in _KNOWN else Refusal.code
    found = attempt_if_any(visit)
    return visit.page(
        "refused",
        found,
        code=code,
        text=visit.pages.texts[visit.language].error(code, {}),
        login_url=visit.refuser.login_address(visit.request),
        **unit_values(visit, found),
    )


def help_page(visit: Visit) -> Response:
    found = attempt_if_any(visit)
    return visit.page(
        "help",
        found,
        topic=visit.request.path.rpartition("/")[2],
        login_url=visit.refuser.login_address(visit.request),
        **unit_values(visit, found),
    )

"""正在确认证书状态: the page of a login whose certificate is being asked about, and its look at the answer."""

from certlogin.flows import await_revocation
from certlogin.flows.attempts import OpenAttempt
from certlogin.flows.await_revocation import Waiting
from certlogin.flows.login import next_step
from certlogin.login.policy import Decision, Step
from certlogin.portal.helper import unit_values
from certlogin.records.attempt import LoginKind
from certlogin.web.api import released_to
from certlogin.web.http import Response, json_response, redirect
from certlogin.web.own import Visit
from certlogin.wire import browser
from certlogin.wire.bad_request import BadRequest


def page(visit: Visit) -> Response:
    found = visit.attempt()
    awaiting = found.attempt.awaiting
    if awaiting is None:
        return redirect(visit.address_of(next_step(visit.context, found.attempt)))
    left = await_revocation.rest(visit.context, awaiting, visit.context.clock())
    wait = visit.context.settings.revocation.wait
    return visit.page("await_revocation", found, rest=int(left.total_seconds()), wait=wait, **unit_values(visit, found))


def look(visit: Visit) -> Response:
    """What the page's script asks every other second."""
    found = visit.attempt_of_page(browser.read_leave(visit.json_body()))
    seen = await_revocation.look(visit.context, found)
    if isinstance(seen, Waiting):
        return json_response(200, {"rest": seen.rest})
    decision, token = seen
    if decision.step is not Step.ADMIT:
        return json_response(200, {"next": visit.address_of(decision)})
    return json_response(200, released_to(found, token))


def look_by_form(visit: Visit) -> Response:
    """The same by the page's button, where its script does not run."""
    found = visit.attempt_of_page(_only_attempt(visit))
    if found.attempt.kind is LoginKind.JSON:
        # A script has begun this login, and a script has to fetch its end.
        return redirect(_here(visit))
    seen = await_revocation.look(visit.context, found)
    return redirect(_here(visit) if isinstance(seen, Waiting) else _onward(visit, found, *seen))


def _onward(visit: Visit, found: OpenAttempt, decision: Decision, token: str) -> str:
    if decision.step is not Step.ADMIT:
        return visit.address_of(decision)
    return released_to(found, token)["next"]


def _here(visit: Visit) -> str:
    return f"{visit.prefix}/revocation?lang={visit.language.value}"


def _only_attempt(visit: Visit) -> str:
    fields = visit.form()
    if fields.keys() != {"attempt"}:
        raise BadRequest("unknown_member")
    return fields["attempt"]

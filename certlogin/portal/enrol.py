"""Downloading a certificate (C1, C2, C5): confirm the unit, issue, install, done."""

from certlogin.flows import enrol
from certlogin.flows.attempts import OpenAttempt
from certlogin.flows.login import StepRefused, next_step
from certlogin.login.policy import Decision, Step
from certlogin.portal.helper import running_helper, unit_values
from certlogin.web import api
from certlogin.web.cookies import dropped_cookie
from certlogin.web.http import Response, json_response, redirect
from certlogin.web.own import Visit
from certlogin.wire import browser
from certlogin.wire.b64 import encode
from certlogin.wire.bad_request import BadRequest


def page(visit: Visit) -> Response:
    key_types = enrol.offered_key_types(visit.context.settings.ca, visit.context.trust.sm2)
    return step_page(visit, Step.GET_CERTIFICATE, "enrol", key_types=key_types)


def login_page(visit: Visit) -> Response:
    """The certificate chooser (A4)."""
    return step_page(visit, Step.PROVE_KEY, "login")


def done_page(visit: Visit) -> Response:
    found = visit.attempt()
    if found.attempt.enrolled_sha256 is None:
        return redirect(visit.address_of(next_step(visit.context, found.attempt)))
    return visit.page("done", found, **unit_values(visit, found))


def here(visit: Visit) -> Response:
    """To the page of whatever the attempt owes now."""
    return redirect(visit.address_of(_owed(visit, visit.attempt())))


def request(visit: Visit) -> Response:
    message = browser.read_enrol(visit.json_body())
    found = visit.attempt_of_page(message.attempt)
    delivered = enrol.enrol(visit.context, found, message.request)
    answer = {
        "certificate": encode(delivered.certificate),
        "chain": [encode(der) for der in delivered.chain],
        "certificate_sha256": delivered.sha256,
    }
    return json_response(200, answer)


def installed(visit: Visit) -> Response:
    message = browser.read_installed(visit.json_body())
    found = visit.attempt_of_page(message.attempt)
    enrol.installed(visit.context, found, message.certificate_sha256)
    return json_response(200, {"next": f"{visit.prefix}/enrol/done?lang={visit.language.value}"})


def leave(visit: Visit) -> Response:
    """返回报送系统 (A5): end this login and go back to the host's login page."""
    found = visit.attempt_of_page(_only_attempt(visit))
    api.end(visit)
    return redirect(found.attempt.login_path, dropped_cookie(visit.guard.attempt_cookie))


def step_page(visit: Visit, step: Step, name: str, **values: object) -> Response:
    """The page of a step, when that is what the attempt owes; else on to what it does owe."""
    found = visit.attempt()
    decision = _owed(visit, found)
    if decision.step is not step:
        return redirect(visit.address_of(decision))
    running = running_helper(visit, found)
    unit = unit_values(visit, found)
    return visit.page(name, found, skips_left=decision.skips_left, running=running, **unit, **values)


def _owed(visit: Visit, found: OpenAttempt) -> Decision:
    decision = next_step(visit.context, found.attempt)
    if decision.step in (Step.REFUSE, Step.RENEW_CERTIFICATE):
        raise StepRefused(decision.reasons[0])
    return decision


def _only_attempt(visit: Visit) -> str:
    fields = visit.form()
    if fields.keys() != {"attempt"}:
        raise BadRequest("unknown_member")
    return fields["attempt"]

"""The calls of a login: the page's report, the challenge, the proof."""

from dataclasses import asdict

from certlogin.flows import login
from certlogin.flows.attempts import OpenAttempt, drop_attempt
from certlogin.flows.await_revocation import complete_proof
from certlogin.flows.fits import which_fit
from certlogin.login.challenge import Purpose
from certlogin.login.other_proofs import OtherProof, UnverifiedMessage, UnverifiedText, UnverifiedWebEid
from certlogin.login.policy import Step
from certlogin.login.proof import UnverifiedProof
from certlogin.login.web_eid import read_token
from certlogin.records.attempt import LoginKind
from certlogin.web.cookies import dropped_cookie
from certlogin.web.http import Response, json_response
from certlogin.web.own import Visit
from certlogin.web.resume import release_address
from certlogin.web.running import told_helper
from certlogin.wire import browser


def report(visit: Visit) -> Response:
    """What the page found of the helper; answers where to go."""
    message = browser.read_report(visit.json_body())
    found = visit.attempt_of_page(message.attempt)
    decision = login.report_helper(visit.context, found, message.helper)
    answer: dict[str, object] = {"next": visit.address_of(decision)}
    running = told_helper(visit.context, message.helper)
    # Only where there is something to say of it.
    return json_response(200, answer if running is None else answer | {"helper": asdict(running)})


def challenge(visit: Visit) -> Response:
    message = browser.read_challenge_wanted(visit.json_body())
    found = visit.attempt_of_page(message.attempt)
    offer = login.offer_challenge(visit.context, found, Purpose(message.purpose))
    answer = {
        "challenge": offer.challenge,
        "unit": offer.unit,
        "unit_name": offer.unit_name,
        "origin": visit.context.settings.site.origin,
        "sid": offer.sid,
        "formats": offer.formats,
        "algorithms": offer.algorithms,
        "expires_in": offer.expires_in,
    }
    # Only where another form is offered.
    others = {"text": offer.text, "web_eid_nonce": offer.web_eid_nonce}
    return json_response(200, answer | {name: value for name, value in others.items() if value})


def proof(visit: Visit) -> Response:
    envelope = browser.read_envelope(visit.json_body())
    found = visit.attempt_of_page(envelope.attempt)
    login.check_format(visit.context, found.attempt, envelope.format)
    unverified = unverified_of(browser.open_envelope(envelope))
    decision, token = complete_proof(visit.context, found, unverified)
    if decision.step is not Step.ADMIT:
        return json_response(200, {"next": visit.address_of(decision)})
    return json_response(200, released_to(found, token))


def fits(visit: Visit) -> Response:
    """Which of the plugged certificates the account could use; a hint (D6)."""
    message = browser.read_fits(visit.json_body())
    found = visit.attempt_of_page(message.attempt)
    return json_response(200, {"fits": which_fit(visit.context, found, message.certificates, message.chain)})


def unverified_of(
    message: browser.ProofMessage | browser.TextMessage | browser.CMSMessage | browser.WebEidMessage,
) -> UnverifiedProof | OtherProof:
    """Raises BadRequest, WebEidFormat: a token is read here."""
    match message:
        case browser.TextMessage():
            return UnverifiedText(
                message.challenge, message.algorithm, message.signature, message.certificate, message.chain
            )
        case browser.CMSMessage():
            return UnverifiedMessage(message.challenge, message.signature, message.certificate, message.chain)
        case browser.WebEidMessage():
            return UnverifiedWebEid(message.challenge, read_token(message.token))
        case browser.ProofMessage():
            return UnverifiedProof(
                message.format, message.payload, message.signature, message.certificate, message.chain
            )


def skip(visit: Visit) -> Response:
    """Go on without what is only advised; answers as an accepted proof does."""
    found = visit.attempt_of_page(browser.read_leave(visit.json_body()))
    return json_response(200, released_to(found, login.skip(visit.context, found)))


def leave(visit: Visit) -> Response:
    """End the attempt; answers the host's login address."""
    found = visit.attempt_of_page(browser.read_leave(visit.json_body()))
    end(visit)
    return json_response(200, {"next": found.attempt.login_path}, dropped_cookie(visit.guard.attempt_cookie))


def end(visit: Visit) -> None:
    drop_attempt(visit.context, visit.guard.attempt_of(visit.request))


def released_to(found: OpenAttempt, token: str) -> dict[str, str]:
    """How the page fetches the released response: a form login by going there, a JSON login by a POST."""
    method = "POST" if found.attempt.kind is LoginKind.JSON else "GET"
    return {"next": release_address(found.attempt, token), "method": method}

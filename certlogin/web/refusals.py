"""Turning an error into what the user sees: a page or JSON, with cause, next step, code and support id.

Never `str(error)`. What is not one of our errors is a mistake of ours: 503, logged with its traceback.
"""

import logging
from urllib.parse import parse_qs

from certlogin.errors import CertloginError, Unavailable
from certlogin.flows.audit import plain, record_refusal
from certlogin.flows.context import Context
from certlogin.records.attempt import Attempt
from certlogin.records.unit import UnitId
from certlogin.settings.site import Language
from certlogin.stores.base import TooManyAttempts
from certlogin.web.http import Request, Response, html_response, json_response, redirect, wants_json
from certlogin.web.pages import Pages

_log = logging.getLogger("certlogin")
#: The facts that a script may read; the others stay in the log.
_PUBLIC_FACTS = frozenset(
    {"reason", "member", "retry_after", "not_after", "not_before", "moment", "conflict"}
    # Both sides of a mismatch, codes masked (D6).
    | {"account_name", "account_code", "certificate_name", "certificate_code", "advice"}
)


class Refuser:
    def __init__(self, context: Context, pages: Pages) -> None:
        self._context = context
        self._pages = pages

    def language(self, request: Request) -> Language:
        asked = parse_qs(request.query).get("lang", [""])[0]
        return self._pages.negotiate(asked or None, request.header("accept-language"))

    def answer(
        self,
        request: Request,
        problem: Exception,
        kind: str,
        *,
        attempt: Attempt | None = None,
        unit_id: UnitId | None = None,
        as_json: bool | None = None,
    ) -> Response:
        """Audit the refusal and answer it. `kind` names what was refused, for the audit log."""
        error = as_error(problem)
        support = record_refusal(self._context, kind, error, attempt=attempt, unit_id=unit_id, address=request.address)
        if wants_json(request) if as_json is None else as_json:
            return self._json(request, error, support)
        return self._page(request, error, support)

    def to_login(self, request: Request) -> Response:
        """No ticket: a person is sent to the host's login page, a script is told so."""
        if wants_json(request) or request.method not in ("GET", "HEAD"):
            return json_response(401, {"code": "ticket_missing", "next": self.login_address(request)})
        return redirect(self.login_address(request))

    def login_address(self, request: Request) -> str:
        return request.root + self._context.settings.host.paths.login[0]

    def _page(self, request: Request, error: CertloginError, support: str) -> Response:
        language = self.language(request)
        page = self._pages.render(
            "refused",
            language,
            prefix=request.root + self._context.settings.site.prefix,
            code=error.public_code(),
            support_id=support,
            text=self._pages.error_text(error, language),
            login_url=self.login_address(request),
        )
        return html_response(error.status, page, self._pages.headers()).with_headers(*_retry(error))

    def _json(self, request: Request, error: CertloginError, support: str) -> Response:
        text = self._pages.error_text(error, self.language(request))
        facts = {name: value for name, value in plain(error).items() if name in _PUBLIC_FACTS}
        answer = {
            **facts,
            "code": error.public_code(),
            "support_id": support,
            "title": text.title,
            "next_step": text.next_step,
            "retryable": isinstance(error, Unavailable),
        }
        return json_response(error.status, answer, *_retry(error))


def as_error(problem: Exception) -> CertloginError:
    """What is not one of our errors is a mistake of ours, logged with its traceback."""
    if isinstance(problem, CertloginError):
        return problem
    _log.error("unexpected", exc_info=problem)
    return Unavailable("internal")


def _retry(error: CertloginError) -> tuple[tuple[str, str], ...]:
    return (("Retry-After", str(error.retry_after)),) if isinstance(error, TooManyAttempts) else ()

"""What every page and call of our own shares: the rooms, the checks of a call, the attempt of the browser."""

from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import parse_qs, parse_qsl

from certlogin.errors import CertloginError, Refusal
from certlogin.flows.attempts import OpenAttempt, check_public_id, find_attempt
from certlogin.flows.context import Context
from certlogin.login.policy import Decision, Step
from certlogin.records.attempt import Attempt
from certlogin.settings.site import Language
from certlogin.web.guard import Guard
from certlogin.web.http import OwnBody, Request, Response, html_response
from certlogin.web.pages import Pages
from certlogin.web.refusals import Refuser
from certlogin.web.steps import page_of
from certlogin.wire.bad_request import BadRequest

_JSON = "application/json"
_FORM = "application/x-www-form-urlencoded"
_FORM_FIELDS = 8


@dataclass(eq=False)
class NotFound(Refusal):
    code: ClassVar[str] = "not_found"
    status: ClassVar[int] = 404


@dataclass(eq=False)
class MethodNotAllowed(Refusal):
    code: ClassVar[str] = "method_not_allowed"
    status: ClassVar[int] = 405


@dataclass(eq=False)
class WrongContentType(Refusal):
    """A call that is not JSON, or a form that is not urlencoded: a simple cross-site request looks like that."""

    code: ClassVar[str] = "wrong_content_type"
    status: ClassVar[int] = 415


@dataclass(eq=False)
class BodyTooLarge(Refusal):
    code: ClassVar[str] = "body_too_large"
    status: ClassVar[int] = 413


@dataclass(frozen=True, slots=True)
class Visit:
    """One request to one of our own addresses, with the rooms it may use."""

    context: Context
    guard: Guard
    pages: Pages
    refuser: Refuser
    request: Request
    body: OwnBody

    @property
    def prefix(self) -> str:
        """Our prefix as the browser knows it."""
        return self.request.root + self.context.settings.site.prefix

    @property
    def language(self) -> Language:
        return self.refuser.language(self.request)

    def attempt(self) -> OpenAttempt:
        """The attempt of this browser. Raises AttemptMissing, AttemptExpired, Unavailable."""
        return find_attempt(self.context, self.guard.attempt_of(self.request), self.context.clock())

    def attempt_of_page(self, public_id: str) -> OpenAttempt:
        """The attempt of this browser, if the page belongs to it. Raises OtherLogin as well."""
        found = self.attempt()
        check_public_id(found, public_id)
        return found

    def attempt_for_audit(self) -> Attempt | None:
        """Whose refusal it was, as far as the browser's cookie and the store tell."""
        try:
            return self.attempt().attempt
        except CertloginError:
            return None

    def query(self, name: str) -> str:
        """A member of the address's query; empty unless it stands there once."""
        values = parse_qs(self.request.query).get(name, [])
        return values[0] if len(values) == 1 else ""

    def json_body(self) -> bytes:
        """The body of a call from our own page. Raises ForeignOrigin, WrongContentType, BodyTooLarge."""
        self._check_post(_JSON)
        return self.body.octets

    def form(self) -> dict[str, str]:
        """The fields of a form of ours, each once. Raises as `json_body`, and BadRequest."""
        self._check_post(_FORM)
        try:
            pairs = parse_qsl(
                self.body.octets.decode(), keep_blank_values=True, strict_parsing=True, max_num_fields=_FORM_FIELDS
            )
        except ValueError as error:
            raise BadRequest("not_a_form") from error
        fields = dict(pairs)
        if len(fields) != len(pairs):
            raise BadRequest("duplicate_member")
        return fields

    def page(self, name: str, found: OpenAttempt | None = None, /, **values: object) -> Response:
        common: dict[str, object] = {"prefix": self.prefix, "login_url": self.refuser.login_address(self.request)}
        if found is not None:
            common["attempt"] = found.attempt.public_id
        html = self.pages.render(name, self.language, **(common | values))
        return html_response(200, html, self.pages.headers())

    def address_of(self, decision: Decision) -> str:
        """The page that shows this decision, as the browser knows it, in the language of this page."""
        if decision.step is Step.ADMIT:
            # Nothing is owed any more, such as after a rule was lifted: a new login goes straight through.
            return self.refuser.login_address(self.request)
        page = page_of(decision)
        return f"{self.prefix}{page}{'&' if '?' in page else '?'}lang={self.language.value}"

    def _check_post(self, content_type: str) -> None:
        self.guard.check_origin(self.request)
        given = (self.request.header("content-type") or "").partition(";")[0].strip().lower()
        if given != content_type:
            raise WrongContentType
        if self.body.too_large:
            raise BodyTooLarge

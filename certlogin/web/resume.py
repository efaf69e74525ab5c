"""Releasing the held response at the host's own login address, where its relative locations and cookie paths hold."""

from urllib.parse import parse_qs, urlencode

from certlogin.flows.attempts import OpenAttempt, cookie_text, find_attempt
from certlogin.flows.context import Context
from certlogin.flows.release import ReleaseRefused, release
from certlogin.records.attempt import Attempt, HeldResponse, LoginKind
from certlogin.web.cookies import own_cookie
from certlogin.web.guard import Guard
from certlogin.web.http import NO_STORE, Headers, Request, Response
from certlogin.web.steps import RELEASE_MEMBER

#: 307 and 308 repeat the method and body, which here would be a GET without body (RFC 9110 15.4.8).
_REPEATING = frozenset({307, 308})
#: The held response is answered to another request than the host saw; these belong to the connection or to caches.
_DROPPED = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "cache-control", "date"})


class Resumer:
    def __init__(self, context: Context, guard: Guard) -> None:
        self._context = context
        self._guard = guard

    def wanted(self, request: Request) -> bool:
        """Whether the request asks for a release. No I/O."""
        return RELEASE_MEMBER in request.query and RELEASE_MEMBER in parse_qs(request.query, keep_blank_values=True)

    def resume(self, request: Request) -> Response:
        """The held response with its ticket. Raises as `flows.release.release`, and AttemptMissing, ForeignOrigin."""
        found = find_attempt(self._context, self._guard.attempt_of(request), self._context.clock())
        self._check_request(request, found.attempt)
        tokens = parse_qs(request.query, keep_blank_values=True)[RELEASE_MEMBER]
        if len(tokens) != 1:
            raise ReleaseRefused
        released = release(self._context, found, tokens[0])
        headers = self._guard.with_ticket(_kept(released.held.headers), released.ticket)
        return Response(_status(released.held), (*headers, NO_STORE, self._last(found)), released.held.body)

    def _check_request(self, request: Request, attempt: Attempt) -> None:
        """A form login is released to a top-level GET, a JSON login to a same-origin POST; both where it began."""
        method = "POST" if attempt.kind is LoginKind.JSON else "GET"
        if request.method != method or request.full_path != attempt.login_path:
            raise ReleaseRefused
        self._guard.check_origin(request)

    def _last(self, found: OpenAttempt) -> tuple[str, str]:
        """The attempt cookie lives on for as long as the browser may repeat the request."""
        text = cookie_text(self._context, found.cookie)
        return own_cookie(self._guard.attempt_cookie, text, max_age=self._context.settings.attempts.repeat)


def release_address(attempt: Attempt, token: str) -> str:
    return f"{attempt.login_path}?{urlencode({RELEASE_MEMBER: token})}"


def _status(held: HeldResponse) -> int:
    return 303 if held.status in _REPEATING else held.status


def _kept(headers: Headers) -> Headers:
    return tuple((name, value) for name, value in headers if name.lower() not in _DROPPED)

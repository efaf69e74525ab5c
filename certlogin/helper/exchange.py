"""One request and its answer: the checks in their order, the call, the headers, the line in the log."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from certlogin.errors import CertloginError, Refusal
from certlogin.helper.caller import Caller
from certlogin.helper.checks import Call, Judged, bearer, check_origin, check_post, judge_head
from certlogin.helper.connection import Connection, NothingAsked
from certlogin.helper.http import RequestHead, parse_head, render
from certlogin.helper.log import LOGGER, record
from certlogin.helper.origins import Origin
from certlogin.helper.refusals import Busy, HelperRefusal, OriginRefused
from certlogin.helper.service import Service
from certlogin.pki.sm2 import SM2Unavailable
from certlogin.wire.helper import error_object
from certlogin.wire.json import JsonObject, write_object

_OK = 200
_NO_CONTENT = 204
_UNPROCESSABLE = 422
_TOO_MANY = 429
_FAILED = 500

#: On every answer. It is data for a script that was let in; as a page, frame, image or style it is nothing (4, 11).
_ALWAYS = (
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox"),
    ("Vary", "Origin"),
)


@dataclass(slots=True)
class _Course:
    """How far a request has come: what the answer's headers and the log are made from."""

    call: Call | None = None
    head: RequestHead | None = None
    origin: Origin | None = None
    caller: Caller | None = None


@dataclass(frozen=True, slots=True)
class Exchange:
    service: Service
    port: int
    dev: bool
    #: Raises WrongUser unless the client port belongs to our own user.
    check_peer: Callable[[int], None]

    def answer(self, connection: Connection, client_port: int) -> bytes:
        """The whole answer to the request on that connection, whatever it is; empty when there was none."""
        course = _Course()
        try:
            answer = self._accept(connection, client_port, course)
        except Refusal as refusal:
            _log(course, refusal.code)
            return _render(_status(refusal), course, _error(refusal))
        except SM2Unavailable as missing:
            # A fact of this machine, not a failure of the call; the reason is for the log.
            logging.getLogger(LOGGER).warning("%s", missing)
            _log(course, missing.code)
            return _render(_UNPROCESSABLE, course, error_object(missing.code, retryable=False, facts={}))
        except NothingAsked:
            return b""
        except Exception as error:
            # What went wrong is for the log; the page learns that it was not its fault.
            failed = error.code if isinstance(error, CertloginError) else "internal_error"
            logging.getLogger(LOGGER).exception("a call failed: %s", failed)
            _log(course, "internal_error")
            return _render(_FAILED, course, error_object("internal_error", retryable=False, facts={}))
        _log(course, "ok")
        return answer

    def _accept(self, connection: Connection, client_port: int, course: _Course) -> bytes:
        head = course.head = parse_head(connection.read_head())
        course.origin = _origin_or_none(head, dev=self.dev)
        judged = judge_head(head, self.port, dev=self.dev, peer=lambda: self.check_peer(client_port))
        course.call = judged.call
        service = self.service
        service.pairings.check_not_blocked(judged.origin)
        if judged.preflight:
            return _render(_NO_CONTENT, course, None)
        course.caller = Caller(judged.origin, connection.gone)
        with service.limits.connection(judged.origin, service.surroundings.monotonic()):
            return _render(_OK, course, self._call(connection, head, judged, course.caller))

    def _call(self, connection: Connection, head: RequestHead, judged: Judged, caller: Caller) -> JsonObject:
        if judged.call is Call.HELLO:
            connection.read_body(0)
            return self.service.hello()
        check_post(head)
        token = None if judged.call is Call.PAIR else bearer(head)
        return self.service.answer(judged.call, caller, token, connection.read_body(judged.length))


def _origin_or_none(head: RequestHead, *, dev: bool) -> Origin | None:
    """For the headers of the answer: a page of an acceptable origin may read why it was refused."""
    try:
        return check_origin(head, dev=dev)
    except OriginRefused:
        return None


def _status(refusal: Refusal) -> int:
    return _TOO_MANY if isinstance(refusal, Busy) and refusal.retry_after else refusal.status


def _error(refusal: Refusal) -> JsonObject:
    facts = {name: value for name, value in refusal.facts().items() if isinstance(value, str | int)}
    retryable = isinstance(refusal, HelperRefusal) and refusal.retryable
    return error_object(refusal.code, retryable=retryable, facts=facts)


def _render(status: int, course: _Course, body: JsonObject | None) -> bytes:
    headers = [*_ALWAYS, *_cors(course, preflight=status == _NO_CONTENT)]
    if body is None:
        return render(status, headers, b"")
    return render(status, [("Content-Type", "application/json"), *headers], write_object(body))


def _cors(course: _Course, *, preflight: bool) -> list[tuple[str, str]]:
    """Never with credentials: the helper has no cookies, and the bearer token is all that counts."""
    if course.origin is None:
        return []
    headers = [("Access-Control-Allow-Origin", course.origin.text)]
    if preflight and course.call is not None and course.head is not None:
        headers += [
            ("Access-Control-Allow-Methods", course.call.method),
            ("Access-Control-Allow-Headers", "Authorization, Content-Type, X-Certlogin"),
            ("Access-Control-Max-Age", "600"),
        ]
        # Asked for by Chromium before loopback access became a permission of the user.
        if course.head.one("access-control-request-private-network") == "true":
            headers.append(("Access-Control-Allow-Private-Network", "true"))
    return headers


def _log(course: _Course, result: str) -> None:
    quiet = result == "ok" and (course.caller is None or course.call is Call.HELLO)
    if not quiet:
        call = "" if course.call is None else course.call.value
        origin = "" if course.origin is None else course.origin.text
        record(call, origin, result, "" if course.caller is None else course.caller.certificate_sha256)

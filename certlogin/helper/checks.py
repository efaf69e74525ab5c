"""What a request must be before its body is read, in the order of the protocol (helper-protocol, section 2).

Pure: it judges a parsed head and asks `peer`, a callable, for the owner of the other end. It knows no token, no prompt
and no key.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from certlogin.helper.http import RequestHead, body_length
from certlogin.helper.origins import Origin, parse_origin
from certlogin.helper.refusals import NotPaired, OriginRefused, UnsupportedProtocol, WrongHost
from certlogin.wire.agreement import AGREE_BODY_LIMIT
from certlogin.wire.b64 import decode
from certlogin.wire.helper import BODY_LIMIT
from certlogin.wire.json import BadRequest


class Call(StrEnum):
    HELLO = "/v1/hello"
    PAIR = "/v1/pair"
    CERTIFICATES = "/v1/certificates"
    LOGIN = "/v1/login"
    AGREE = "/v1/agree"
    ENROLL = "/v1/enroll"
    INSTALL = "/v1/install"
    CANCEL = "/v1/cancel"

    @property
    def method(self) -> str:
        # GET never changes state, so that an image or a link can do no harm.
        return "GET" if self is Call.HELLO else "POST"

    @property
    def body_limit(self) -> int:
        """Octets. Only an agreement is long."""
        return AGREE_BODY_LIMIT if self is Call.AGREE else BODY_LIMIT


@dataclass(frozen=True, slots=True)
class Judged:
    """A head that passed every check that needs no body."""

    call: Call
    #: True for OPTIONS: the browser asks whether it may call.
    preflight: bool
    origin: Origin
    length: int


def check_call(head: RequestHead) -> Call:
    """Method and path known. Raises UnsupportedProtocol."""
    call = next((call for call in Call if call == head.target), None)
    if call is None or head.method not in (call.method, "OPTIONS"):
        raise UnsupportedProtocol
    return call


def check_host(head: RequestHead, port: int) -> None:
    """Exactly one Host, exactly ours: a name that resolves to us is somebody else's. Raises WrongHost."""
    if head.one("host") != f"127.0.0.1:{port}":
        raise WrongHost


def check_origin(head: RequestHead, *, dev: bool) -> Origin:
    """Raises OriginRefused."""
    origin = head.one("origin")
    if origin is None:
        raise OriginRefused
    return parse_origin(origin, dev=dev)


def check_size(head: RequestHead, limit: int) -> int:
    """The length of the body. Raises BadRequest."""
    length = body_length(head)
    if length > limit:
        raise BadRequest("too_long")
    if head.method != "POST" and length:
        raise BadRequest("unexpected_body")
    return length


def judge_head(head: RequestHead, port: int, *, dev: bool, peer: Callable[[], None]) -> Judged:
    """All checks, in their order. `peer` raises WrongUser."""
    call = check_call(head)
    check_host(head, port)
    origin = check_origin(head, dev=dev)
    peer()
    return Judged(call, head.method == "OPTIONS", origin, check_size(head, call.body_limit))


def check_post(head: RequestHead) -> None:
    """What no form, link or beacon can send without asking first (preflight). Raises BadRequest."""
    kind = head.one("content-type")
    if kind is None or not re.fullmatch(r"application/json(; ?charset=utf-8)?", kind, re.ASCII | re.IGNORECASE):
        raise BadRequest("content_type")
    if head.one("x-certlogin") != "1":
        raise BadRequest("x_certlogin")


def bearer(head: RequestHead) -> bytes:
    """The 32 bytes of the bearer token. Raises NotPaired."""
    scheme, _, value = (head.one("authorization") or "").partition(" ")
    try:
        token = decode(value)
    except BadRequest:
        raise NotPaired from None
    if scheme != "Bearer" or len(token) != 32:
        raise NotPaired
    return token

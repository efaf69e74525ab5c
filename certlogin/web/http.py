"""Requests and responses as values, free of WSGI and ASGI."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    #: The mount point (SCRIPT_NAME, root_path), without trailing slash.
    root: str
    #: The host's own path, decoded, as the host itself will read it.
    path: str
    #: The path as it stood in the request line, when the server tells; None when it does not.
    raw_path: str | None
    query: str
    #: The peer's network address as the server gives it.
    address: str
    #: `header("cookie")`: the value by lower-case name, repeated ones joined as the server does; None when absent.
    header: Callable[[str], str | None]
    #: The server says that other processes serve the same application.
    multiprocess: bool = False

    @property
    def full_path(self) -> str:
        """The path as the browser knows it."""
        return self.root + self.path


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    headers: Headers = ()
    body: bytes = b""

    def with_headers(self, *headers: tuple[str, str]) -> "Response":
        return Response(self.status, (*self.headers, *headers), self.body)


@dataclass(frozen=True, slots=True)
class OwnBody:
    """The body of a request to one of our own pages, read by the adapter up to the limit."""

    octets: bytes = b""
    #: The request was longer than the limit; `octets` is empty then.
    too_large: bool = False


#: Every answer of ours: neither stored nor framed nor sniffed.
NO_STORE = ("Cache-Control", "no-store")


def redirect(location: str, *headers: tuple[str, str]) -> Response:
    """303: the browser asks for the next page with GET."""
    return Response(303, (("Location", location), NO_STORE, *headers))


def json_response(status: int, value: Mapping[str, object], *headers: tuple[str, str]) -> Response:
    body = json.dumps(value, ensure_ascii=False).encode()
    fixed = (("Content-Type", "application/json; charset=utf-8"), NO_STORE, ("X-Content-Type-Options", "nosniff"))
    return Response(status, (*fixed, *headers), body)


def html_response(status: int, page: str, headers: Headers) -> Response:
    return Response(status, (("Content-Type", "text/html; charset=utf-8"), *headers), page.encode())


def wants_json(request: Request) -> bool:
    """A script rather than a person's browser window: it sends JSON, or accepts JSON and no HTML."""
    content_type = (request.header("content-type") or "").partition(";")[0].strip().lower()
    accept = (request.header("accept") or "").lower()
    return content_type == "application/json" or ("application/json" in accept and "text/html" not in accept)

"""HTTP/1.1 as far as the helper speaks it: one request per connection, strict.

Pure: bytes in, values out. What two parsers could read differently (folded lines, two lengths, chunked bodies, bare LF)
is refused instead of repaired.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus

from certlogin.wire.json import BadRequest

HEAD_LIMIT = 8 * 1024
END_OF_HEAD = b"\r\n\r\n"

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105  # RFC 9110, 5.6.2
_REQUEST_LINE = re.compile(rf"({_TOKEN}) ([!-~]+) HTTP/1\.1", re.ASCII)
_HEADER = re.compile(rf"({_TOKEN}):[ \t]*([ -~\t\x80-\xff]*)")


@dataclass(frozen=True, slots=True)
class RequestHead:
    method: str
    #: The request target, exactly as sent.
    target: str
    #: Names in lower case, in the order sent.
    headers: tuple[tuple[str, str], ...]

    def all(self, name: str) -> list[str]:
        return [value for known, value in self.headers if known == name]

    def one(self, name: str) -> str | None:
        """The value of a header that is there exactly once."""
        values = self.all(name)
        return values[0] if len(values) == 1 else None


def parse_head(data: bytes) -> RequestHead:
    """`data` is everything before the empty line. Raises BadRequest."""
    if len(data) > HEAD_LIMIT:
        raise BadRequest("head_too_long")
    first, *rest = data.decode("latin-1").split("\r\n")
    line = _REQUEST_LINE.fullmatch(first)
    if line is None:
        raise BadRequest("request_line")
    headers = tuple(_header(text) for text in rest)
    # RFC 9112, 6.1: a length we do not understand is how requests are smuggled.
    if any(name == "transfer-encoding" for name, _ in headers):
        raise BadRequest("transfer_encoding")
    return RequestHead(line[1], line[2], headers)


def body_length(head: RequestHead) -> int:
    """Raises BadRequest unless Content-Length is missing (0) or there once, in digits."""
    lengths = head.all("content-length")
    if not lengths:
        return 0
    if len(lengths) > 1 or not re.fullmatch(r"[0-9]{1,9}", lengths[0], re.ASCII):
        raise BadRequest("content_length")
    return int(lengths[0])


def render(status: int, headers: Iterable[tuple[str, str]], body: bytes) -> bytes:
    """The whole answer."""
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"]
    lines += [f"{name}: {value}" for name, value in headers]
    if status != HTTPStatus.NO_CONTENT:
        lines.append(f"Content-Length: {len(body)}")
    lines += ["Connection: close", "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def _header(line: str) -> tuple[str, str]:
    found = _HEADER.fullmatch(line)
    if found is None:
        raise BadRequest("header_line")
    return found[1].lower(), found[2].rstrip(" \t")

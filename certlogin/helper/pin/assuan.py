"""The Assuan lines between a program and its pinentry, both directions.

Pure: lines in, values out. Of the protocol (libassuan manual, "Client requests", "Server responses") as much as a
pinentry needs.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

#: libassuan refuses longer lines, line end included.
LINE_LIMIT = 1000

#: GnuPG error codes (libgpg-error, err-codes.h); the upper half of a number says only who reports it.
CANCELLED = 99
NOT_CONFIRMED = 114
TIMEOUT = 62
NOT_SUPPORTED = 60
_CODE = 0xFFFF
_PINENTRY = 5 << 24


#: Ours, beside the protocol: a long text in pieces, and the question whether one agrees to it. Other programs refuse
#: the first of them, by which we know that they cannot show one.
TEXT = "CERTLOGIN-TEXT"
READ = "CERTLOGIN-READ"
#: Characters a piece: escaped, none has more than four octets, so that no piece is ever cut.
_PIECE = 240


@dataclass(frozen=True, slots=True)
class Ok:
    pass


@dataclass(frozen=True, slots=True)
class Err:
    #: Without its source.
    code: int


@dataclass(frozen=True, slots=True)
class Data:
    value: bytearray


@dataclass(frozen=True, slots=True)
class Other:
    """A comment or a status line."""


def escape(text: str) -> str:
    """For the argument of a command: percent, CR and LF would end or change the line."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def unescape(data: bytes) -> bytearray:
    return bytearray(unquote_to_bytes(data))


def command(name: str, argument: str = "") -> bytes:
    """One line. An argument that is too long is cut: the important words stand first in every text we send."""
    head = f"{name} " if argument else name
    room = LINE_LIMIT - len(head) - 1
    escaped = escape(argument)
    while len(escaped.encode("utf-8")) > room:
        argument = argument[:-1]
        escaped = escape(argument)
    return f"{head}{escaped}\n".encode()


def text_commands(text: str) -> Iterator[bytes]:
    """The whole text, a line for each piece."""
    return (command(TEXT, text[start : start + _PIECE]) for start in range(0, len(text), _PIECE))


def read_reply(line: bytes | bytearray) -> Ok | Err | Data | Other:
    """A line of the server, without its end. What is none counts as an error: the server is not a pinentry."""
    word, _, rest = bytes(line).partition(b" ")
    if word == b"OK":
        return Ok()
    if word == b"D":
        return Data(unescape(rest))
    if word == b"S" or line.startswith(b"#"):
        return Other()
    number = rest.split(b" ")[0]
    if word == b"ERR" and number.isdigit():
        return Err(int(number) & _CODE)
    return Err(NOT_SUPPORTED)


def error_line(code: int, text: str) -> bytes:
    return f"ERR {_PINENTRY | code} {text}\n".encode()


def data_line(value: bytes) -> bytes:
    escaped = value.replace(b"%", b"%25").replace(b"\r", b"%0D").replace(b"\n", b"%0A")
    return b"D " + escaped + b"\n"

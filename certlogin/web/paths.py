"""Which list a request's path is in.

No I/O. A path that is not canonical is in no list: what two readers could understand differently is protected.
"""

import re
from dataclasses import dataclass
from enum import Enum, auto
from urllib.parse import unquote_to_bytes

from certlogin.settings.site import Paths
from certlogin.web.http import Request


class Kind(Enum):
    #: Below our own prefix.
    OWN = auto()
    LOGIN = auto()
    PUBLIC = auto()
    MACHINE = auto()
    #: Everything else: needs a ticket.
    PROTECTED = auto()


#: Empty segments, and those that end in a dot (`.` and `..` too) or in white space, which some file systems cut off;
#: parameters; backslashes; what a second decoding or splitting would change; controls.
_ODD = re.compile(r"//|[.\s](?:/|\Z)|[;\\%?#\x00-\x1f\x7f-\x9f]")
#: Beside what shows once it is decoded: raw octets, broken escapes, and dots and slashes that need none.
_ODD_RAW = re.compile(r"[^!-~]|%2[ef]|%(?![0-9a-f]{2})", re.IGNORECASE)
#: A GET that some frameworks would treat as another method.
_OVERRIDES = ("x-http-method-override", "x-http-method", "x-method-override")

_LOGIN_METHODS = frozenset({"GET", "HEAD", "POST"})
_PUBLIC_METHODS = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True)
class PathLists:
    prefix: str
    login: frozenset[str]
    public: frozenset[str]
    public_below: tuple[str, ...]
    machine: frozenset[str]
    machine_below: tuple[str, ...]

    @classmethod
    def from_settings(cls, prefix: str, paths: Paths) -> "PathLists":
        return cls(
            prefix=prefix,
            login=frozenset(paths.login),
            public=frozenset(path for path in paths.public if not path.endswith("/")),
            public_below=tuple(path for path in paths.public if path.endswith("/")),
            machine=frozenset(path for path in paths.machine if not path.endswith("/")),
            machine_below=tuple(path for path in paths.machine if path.endswith("/")),
        )

    def kind(self, request: Request) -> Kind:
        """The list of the path, for the request's method."""
        path = request.path
        if not is_canonical(path, request.raw_path):
            return Kind.PROTECTED
        if path == self.prefix or path.startswith(self.prefix + "/"):
            return Kind.OWN
        if any(request.header(name) is not None for name in _OVERRIDES):
            return Kind.PROTECTED
        return self._host_kind(path, request.method)

    def _host_kind(self, path: str, method: str) -> Kind:
        if path in self.login and method in _LOGIN_METHODS:
            return Kind.LOGIN
        if path in self.machine or path.startswith(self.machine_below):
            return Kind.MACHINE
        if method in _PUBLIC_METHODS and (path in self.public or path.startswith(self.public_below)):
            return Kind.PUBLIC
        return Kind.PROTECTED


def is_canonical(path: str, raw_path: str | None) -> bool:
    """Whether every reader understands this path alike."""
    if not path.startswith("/") or _ODD.search(path):
        return False
    if not _is_text(path):
        return False
    return raw_path is None or _agrees(path, raw_path)


def _is_text(path: str) -> bool:
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return "\ufffd" not in path


def _agrees(path: str, raw_path: str) -> bool:
    """The request line's path is in order too, and ends in what the host reads (a mount point may stand before it)."""
    raw = raw_path.partition("?")[0]
    if _ODD_RAW.search(raw):
        return False
    try:
        decoded = unquote_to_bytes(raw).decode("utf-8")
    except UnicodeDecodeError:
        return False
    return decoded.endswith(path) and not _ODD.search(decoded)

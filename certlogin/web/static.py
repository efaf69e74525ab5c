"""Our own static files, from a table in memory that is built once.

A request names a key of the table or nothing: no path of a request ever meets the file system, so there is nothing to
traverse.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from importlib.resources.abc import Traversable

from werkzeug.http import parse_etags

#: Only these are served; any other file in the folder is ignored.
MEDIA_TYPES = {
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "svg": "image/svg+xml",
}

#: Modules import each other by plain names, so a new release must not mix with an old one for long.
MAX_AGE = 60


@dataclass(frozen=True, slots=True)
class StaticFile:
    body: bytes
    media_type: str
    #: Strong, quotes included.
    etag: str

    def headers(self) -> tuple[tuple[str, str], ...]:
        return (
            ("Content-Type", self.media_type),
            ("ETag", self.etag),
            ("Cache-Control", f"public, max-age={MAX_AGE}, must-revalidate"),
            ("X-Content-Type-Options", "nosniff"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
            # An SVG opened as a document of its own may do nothing.
            ("Content-Security-Policy", "default-src 'none'; style-src 'self'; frame-ancestors 'none'"),
        )

    def is_known_to(self, if_none_match: str | None) -> bool:
        """True: answer 304, the browser has it."""
        return bool(if_none_match) and parse_etags(if_none_match).contains_weak(self.etag.strip('"'))


class StaticFiles:
    """The table: relative path as in the address, to the file."""

    def find(self, path: str) -> StaticFile | None:
        return self.table.get(path)

    @cached_property
    def table(self) -> Mapping[str, StaticFile]:
        return dict(_read("", resources.files("certlogin") / "static"))


def _read(prefix: str, folder: Traversable) -> Iterator[tuple[str, StaticFile]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _read(f"{prefix}{entry.name}/", entry)
        elif media_type := MEDIA_TYPES.get(entry.name.rpartition(".")[2]):
            body = entry.read_bytes()
            yield f"{prefix}{entry.name}", StaticFile(body, media_type, f'"{hashlib.sha256(body).hexdigest()[:32]}"')

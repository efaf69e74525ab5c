"""The directory in which what was fetched lies, for other workers and for the next start.

It decides how files are written and found again. It must not know what they mean: whoever reads them verifies them.
"""

import contextlib
import json
import logging
import os
import stat
import threading
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

_log = logging.getLogger("certlogin")
_NOTE_LIMIT: Final = 8 * 1024
#: What a file is recognised by: time and inode.
_Stamp = tuple[int, int]


class Shelf:
    """One directory; `name` is a source's key. What cannot be written is said in the log, and kept in memory only."""

    def __init__(self, directory: Path, largest: int) -> None:
        self._directory = directory
        self._largest = largest
        self._seen: dict[str, _Stamp] = {}

    def warn_of_others(self) -> None:
        """Who may write here cannot forge a list, but put back an older one that still counts (S24)."""
        try:
            mode = self._directory.stat().st_mode
        except OSError:
            # Not there yet: it is made for its owner only.
            return
        if mode & (stat.S_IWGRP | stat.S_IWOTH):
            _log.warning("revocation: %s: others may write here; chmod go-w", self._directory)

    def changed(self) -> Iterator[tuple[str, bytes]]:
        """Lists and answers that somebody has put there since the last look."""
        for path in self._files():
            content = self.news(path.name)
            if content is not None:
                yield path.name, content

    def news(self, name: str) -> bytes | None:
        """The same of one file: there may be many, and one is all that a fetch has to look at."""
        stamp = _stamp(self._directory / name)
        if stamp is None or self._seen.get(name) == stamp:
            return None
        self._seen[name] = stamp
        return self.get(name)

    def get(self, name: str) -> bytes | None:
        return _read(self._directory / name, self._largest)

    def put(self, name: str, content: bytes) -> None:
        self._write(name, content)
        stamp = _stamp(self._directory / name)
        if stamp is not None:
            # Our own; nothing new to us.
            self._seen[name] = stamp

    def drop(self, name: str) -> None:
        for path in (self._directory / name, self._directory / f"{name}.json"):
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                _log.warning("revocation: %s", error)
        self._seen.pop(name, None)

    def note(self, name: str, facts: Mapping[str, object]) -> None:
        """Facts about a source, beside its file: for people, and for who fetches it next."""
        self._write(f"{name}.json", json.dumps(facts, ensure_ascii=False, sort_keys=True).encode())

    def noted(self, name: str) -> dict[str, Any]:
        content = _read(self._directory / f"{name}.json", _NOTE_LIMIT)
        try:
            found = json.loads(content or b"{}")
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def prune(self, before: datetime) -> None:
        """Drop answers that nobody has renewed since then: their certificates are out of use."""
        for path in self._files():
            stamp = _stamp(path)
            if path.suffix == ".ocsp" and stamp is not None and stamp[0] < before.timestamp() * 1e9:
                self.drop(path.name)

    def _files(self) -> list[Path]:
        try:
            return sorted(path for path in self._directory.iterdir() if path.suffix in (".crl", ".ocsp"))
        except OSError:
            return []

    def _write(self, name: str, content: bytes) -> None:
        """Whole or not at all: into another file, then in the place of the old one."""
        fresh = self._directory / f".{name}.{os.getpid()}.{threading.get_ident()}"
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Where others may write, a link of that name could lead to any file of ours; nor is a left one in the way.
            fresh.unlink(missing_ok=True)
            with fresh.open("xb") as file:
                file.write(content)
            os.replace(fresh, self._directory / name)
        except OSError as error:
            _log.warning("revocation: %s", error)
            with contextlib.suppress(OSError):
                fresh.unlink()


def _stamp(path: Path) -> _Stamp | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino


def _read(path: Path, largest: int) -> bytes | None:
    try:
        if path.stat().st_size > largest:
            return None
        return path.read_bytes()
    except OSError:
        return None

"""The CA's directory: which file is what, and how a file in it is replaced.

Private files are for the CA's user only; the others are read by the sites that trust the CA, as any user.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from certlogin.ca import profile

_PUBLIC: Final = 0o644
_PRIVATE: Final = 0o600


@dataclass(frozen=True, slots=True)
class CAFiles:
    directory: Path

    @property
    def profile(self) -> Path:
        """Written last by `ca init`: a directory without it is no CA."""
        return self.directory / profile.FILE

    @property
    def root(self) -> Path:
        return self.directory / "root.pem"

    @property
    def root_list(self) -> Path:
        return self.directory / "root.crl"

    @property
    def root_key(self) -> Path:
        """Where `ca init` puts it when nothing else is said. It does not belong here for long (S28)."""
        return self.directory / "root.key"

    @property
    def issuing(self) -> Path:
        return self.directory / "issuing.pem"

    @property
    def issuing_list(self) -> Path:
        return self.directory / "issuing.crl"

    @property
    def issuing_key(self) -> Path:
        return self.directory / "issuing.key"

    @property
    def database(self) -> Path:
        return self.directory / "ca.db"


def create_private(path: Path, data: bytes) -> None:
    """A new file for its owner only, on the disk. Raises FileExistsError: a key is never written over."""
    _write(path, data, os.O_EXCL, _PRIVATE)
    _sync_folder(path.parent)


def replace_public(path: Path, data: bytes) -> None:
    """Readers find the old or the new content, never a part; also after a crash."""
    beside = path.with_name(f".{path.name}.new")
    _write(beside, data, os.O_TRUNC, _PUBLIC)
    beside.replace(path)
    _sync_folder(path.parent)


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """One thread of one process at a time; the lock ends with its holder."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _write(path: Path, data: bytes, flag: int, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | flag, _PRIVATE)
    with open(descriptor, "wb") as file:
        # The umask of whoever runs the command must not hide the lists from the sites.
        os.fchmod(descriptor, mode)
        file.write(data)
        file.flush()
        os.fsync(descriptor)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

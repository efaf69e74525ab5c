"""Files of evidence: read line by line, written whole or not at all, for their owner only."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from certlogin.evidence.record import LINE_MAX


def lines_of(path: Path) -> Iterator[bytes]:
    """Without their line feeds; a line that is too long comes in pieces, which nobody takes for records."""
    with path.open("rb") as file:
        while line := file.readline(LINE_MAX + 2):
            yield line.removesuffix(b"\n")


@contextmanager
def written_whole(path: Path) -> Iterator[IO[bytes]]:
    """Put into its place, on the disk, at the end of the block; what fails leaves the old file as it was."""
    beside = path.with_name(f".{path.name}.new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with open(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(descriptor)
    except BaseException:
        beside.unlink()
        raise
    beside.replace(path)
    _sync(path.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

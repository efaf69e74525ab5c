"""One helper for a test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helper.softhsm import Reader, reader
from tests.helper.world import World, running


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with running(tmp_path) as made:
        yield made


@pytest.fixture
def cards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader]:
    """A helper with a PKCS#11 module; no card is inserted yet."""
    with reader(tmp_path, monkeypatch) as made:
        yield made

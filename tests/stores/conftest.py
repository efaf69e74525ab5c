"""The implementations under the contract suite. A new one adds a line to VOLATILE or DURABLE, and nothing else.

An entry takes an empty directory and returns what opens the store in it; opening again after `close` is a restart.
"""

import secrets
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

from certlogin.stores.base import DurableStore, VolatileStore
from certlogin.stores.memory import MemoryStore
from certlogin.stores.sql import SqlStore

OpenVolatile = Callable[[], VolatileStore]
OpenDurable = Callable[[], DurableStore]

VOLATILE: Final[Mapping[str, Callable[[Path], OpenVolatile]]] = {
    "memory": lambda folder: lambda: MemoryStore(secrets.token_bytes, folder / "lock"),
}
DURABLE: Final[Mapping[str, Callable[[Path], OpenDurable]]] = {
    "sqlite": lambda folder: lambda: SqlStore.open(f"sqlite:///{folder / 'certlogin.db'}"),
}


@pytest.fixture(params=sorted(VOLATILE))
def open_volatile(request: pytest.FixtureRequest, tmp_path: Path) -> OpenVolatile:
    return VOLATILE[request.param](tmp_path)


@pytest.fixture
def volatile(open_volatile: OpenVolatile) -> Iterator[VolatileStore]:
    store = open_volatile()
    yield store
    store.close()


@pytest.fixture(params=sorted(DURABLE))
def open_durable(request: pytest.FixtureRequest, tmp_path: Path) -> OpenDurable:
    return DURABLE[request.param](tmp_path)


@pytest.fixture
def durable(open_durable: OpenDurable) -> Iterator[DurableStore]:
    store = open_durable()
    yield store
    store.close()

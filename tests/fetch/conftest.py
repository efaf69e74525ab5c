from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.factory import Issued
from tests.fetch.servers import Place, serving
from tests.fetch.world import CRL, World


@pytest.fixture
def place() -> Iterator[Place]:
    with serving() as running:
        yield running


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def leaf(world: World) -> Issued:
    return world.pki.issuing.issue(crl_url=CRL)

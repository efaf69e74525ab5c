from collections.abc import Iterator

import pytest

from tests.fetch.servers import Place, serving


@pytest.fixture
def place() -> Iterator[Place]:
    with serving() as running:
        yield running

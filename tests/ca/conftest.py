import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from certlogin.ca.base import CertificateAuthority
from certlogin.ca.client import RemoteCA
from tests.ca.house import House, found
from tests.ca.serving import serving


@pytest.fixture
def short_tmp() -> Iterator[Path]:
    """Short, because the kernel takes 107 octets of a socket's path, and open to other users."""
    with tempfile.TemporaryDirectory(prefix="ca-") as name:
        path = Path(name)
        path.chmod(0o755)
        yield path


@pytest.fixture
def house(tmp_path: Path) -> House:
    return found(tmp_path / "ca")


@pytest.fixture(params=["embedded", "remote"])
def ca(request: pytest.FixtureRequest, house: House, short_tmp: Path) -> Iterator[CertificateAuthority]:
    """Whoever asks must not notice whether the CA runs in its own process."""
    if request.param == "embedded":
        yield house.open()
    else:
        with serving(house.open(), short_tmp / "s"):
            yield RemoteCA(short_tmp / "s")

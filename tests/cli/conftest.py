from pathlib import Path

import pytest

from tests.cli.office import Office, open_office


@pytest.fixture
def office(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Office:
    """A site with a CA of its own behind a socket; FakeCA answers."""
    return open_office(tmp_path, capsys, monkeypatch, '[ca]\nsocket = "ca.sock"\n')


@pytest.fixture
def office_without_ca(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Office:
    # Its units have their certificates from elsewhere.
    return open_office(tmp_path, capsys, monkeypatch, '\n[adoption]\nunregistered = "match"\n')

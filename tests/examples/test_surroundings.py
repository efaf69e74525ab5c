"""Two hosts in one process find their own secrets in its environment, one after the other."""

import os

import pytest

from demonstration.running.surroundings import environment


def test_secrets_are_there_while_a_host_starts_and_gone_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OF_THE_USER", "kept")
    monkeypatch.delenv("OF_THE_HOST", raising=False)
    with environment({"OF_THE_USER": "first", "OF_THE_HOST": "first"}):
        assert (os.environ["OF_THE_USER"], os.environ["OF_THE_HOST"]) == ("first", "first")
    assert os.environ["OF_THE_USER"] == "kept"
    assert "OF_THE_HOST" not in os.environ


def test_they_are_gone_also_when_the_start_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OF_THE_HOST", raising=False)
    with pytest.raises(ValueError, match="no start"), environment({"OF_THE_HOST": "x"}):
        raise ValueError("no start")
    assert "OF_THE_HOST" not in os.environ

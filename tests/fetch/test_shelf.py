"""The directory: whole files, found by others, and no failure when it cannot be used."""

import os
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from certlogin.fetch.shelf import Shelf
from tests.factory import NOW


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "a" / "b", 100)


@pytest.fixture
def other(tmp_path: Path) -> Shelf:
    """The same directory, of another worker."""
    return Shelf(tmp_path / "a" / "b", 100)


def test_what_one_puts_the_other_finds_once(shelf: Shelf, other: Shelf) -> None:
    shelf.put("x.crl", b"one")
    assert list(shelf.changed()) == []
    assert list(other.changed()) == [("x.crl", b"one")]
    assert list(other.changed()) == []
    shelf.put("x.crl", b"two")
    assert list(other.changed()) == [("x.crl", b"two")]
    assert other.get("x.crl") == b"two"
    assert other.get("y.crl") is None


def test_only_whole_lists_and_answers_are_found(shelf: Shelf, other: Shelf, tmp_path: Path) -> None:
    shelf.put("x.ocsp", b"answer")
    for name in ("notes.txt", ".x.crl.1.2", "x.crl.json"):
        (tmp_path / "a" / "b" / name).write_bytes(b"{")
    assert list(other.changed()) == [("x.ocsp", b"answer")]
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700


def test_what_is_too_large_is_passed_over(shelf: Shelf, other: Shelf) -> None:
    shelf.put("x.crl", b"x" * 101)
    assert list(other.changed()) == []


def test_notes_are_read_again(shelf: Shelf, other: Shelf, tmp_path: Path) -> None:
    shelf.note("x.crl", {"etag": '"1"', "problem": ""})
    assert other.noted("x.crl") == {"etag": '"1"', "problem": ""}
    assert other.noted("y.crl") == {}
    for content in (b"[]", b"{", b"\xff", b"x" * 10_000):
        (tmp_path / "a" / "b" / "x.crl.json").write_bytes(content)
        assert other.noted("x.crl") == {}


def test_what_is_dropped_is_gone(shelf: Shelf, other: Shelf, tmp_path: Path) -> None:
    shelf.put("x.ocsp", b"answer")
    shelf.note("x.ocsp", {})
    shelf.drop("x.ocsp")
    shelf.drop("x.ocsp")
    assert list((tmp_path / "a" / "b").iterdir()) == []
    assert list(other.changed()) == []


def test_answers_that_nobody_renews_are_dropped(shelf: Shelf, tmp_path: Path) -> None:
    for name in ("old.ocsp", "new.ocsp", "old.crl"):
        shelf.put(name, b"x")
    old = (NOW - timedelta(days=31)).timestamp()
    for name in ("old.ocsp", "old.crl"):
        os.utime(tmp_path / "a" / "b" / name, (old, old))
    shelf.prune(NOW - timedelta(days=30))
    assert sorted(path.name for path in (tmp_path / "a" / "b").iterdir()) == ["new.ocsp", "old.crl"]


def test_a_link_in_the_directory_leads_nowhere(shelf: Shelf, other: Shelf, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_bytes(b"ours")
    shelf.put("y.crl", b"one")
    (tmp_path / "a" / "b" / f".x.crl.{os.getpid()}.{threading.get_ident()}").symlink_to(precious)
    shelf.put("x.crl", b"two")
    assert precious.read_bytes() == b"ours"
    assert other.get("x.crl") == b"two"


def test_a_directory_that_cannot_be_used_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_bytes(b"")
    shelf = Shelf(tmp_path / "file" / "b", 100)
    shelf.put("x.crl", b"one")
    shelf.drop("x.crl")
    assert list(shelf.changed()) == []
    assert len(caplog.records) >= 1


@pytest.mark.parametrize(("mode", "warned"), [(0o700, False), (0o755, False), (0o770, True), (0o707, True)])
def test_that_others_may_write_is_said(
    mode: int, warned: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    place = tmp_path / "shelf"
    Shelf(place, 4096).warn_of_others()
    place.mkdir()
    place.chmod(mode)
    Shelf(place, 4096).warn_of_others()
    assert [record.getMessage() for record in caplog.records] == (
        [f"revocation: {place}: others may write here; chmod go-w"] if warned else []
    )

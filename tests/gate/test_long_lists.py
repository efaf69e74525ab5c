"""A list of many entries is taken while logins go on, and what it was made from is given back."""

import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from certlogin.flows import trust as module
from certlogin.flows.trust import TrustSource
from certlogin.pki.path import Trust
from certlogin.settings import Settings
from certlogin.settings.trust import Anchor
from certlogin.settings.trust import Trust as TrustSettings
from tests.factory import DAY, NOW, make_pki
from tests.pki.raw import SEQUENCE, integer, rebuilt, tlv
from tests.settings.good import ISSUING, changed, read

ENTRIES = 200_000
CA = make_pki().root


def long_list() -> bytes:
    """Random enough: multiples of a large prime."""
    date = tlv(0x17, b"260301000000Z")
    entries = b"".join(
        tlv(SEQUENCE, integer(number * 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF61 % (1 << 150)), date)
        for number in range(1, ENTRIES + 1)
    )

    def edit(elements: list[bytes]) -> None:
        elements.insert(5, tlv(SEQUENCE, entries))

    return rebuilt(CA.crl(), CA.key, edit)


def settings(folder: Path) -> Settings:
    (folder / "root.pem").write_bytes(CA.pem)
    anchor = {"name": "root", "file": str(folder / "root.pem")}
    return read(changed("trust.anchors.0", anchor, ISSUING))


def resident() -> int:
    """Octets of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_long_list_holds_little_and_lets_others_run(tmp_path: Path) -> None:
    der = long_list()
    source = TrustSource(settings(tmp_path).trust, lambda: NOW)
    module._give_memory_back()
    before = resident()
    done = threading.Event()
    problems: list[str] = []

    def add() -> None:
        problems.extend(source.add([der], []))
        done.set()

    reader = threading.Thread(target=add)
    reader.start()
    turns = 0
    while not done.is_set():
        # Asked for meanwhile, the old trust is there at once.
        assert len(source.current().index.lists) <= 1
        turns += 1
    reader.join()
    (found,) = source.current().index.lists
    assert problems == []
    assert len(found.revoked) == ENTRIES
    assert turns > 100
    # 24 octets an entry, and some room for what else the process did.
    assert resident() - before < ENTRIES * 24 + (8 << 20)


@pytest.fixture
def changed_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[TrustSource, Path]:
    """A look is due, and the file counts as long."""
    monkeypatch.setattr(module, "_LONG", 100)
    (tmp_path / "root.pem").write_bytes(CA.pem)
    file = tmp_path / "root.crl"
    file.write_bytes(CA.crl(number=1))
    now = iter([NOW, NOW + DAY / 2, NOW + DAY])
    anchor = Anchor("root", str(tmp_path / "root.pem"), crls=(str(file),))
    return TrustSource(TrustSettings((anchor,)), lambda: next(now)), file


def replace(file: Path, content: bytes) -> None:
    fresh = file.with_suffix(".new")
    fresh.write_bytes(content)
    fresh.replace(file)


def wait_for_reader() -> None:
    for thread in threading.enumerate():
        if thread.name == "certlogin-trust":
            thread.join(60)


def test_no_login_waits_for_a_long_file(
    changed_file: tuple[TrustSource, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, file = changed_file
    go_on = threading.Event()
    load = module.load_trust

    def slow(*arguments: Any, **more: Any) -> Trust:
        assert go_on.wait(60)
        return load(*arguments, **more)

    monkeypatch.setattr(module, "load_trust", slow)
    replace(file, CA.crl(number=2))
    assert [one.number for one in source.current().index.lists] == [1]
    go_on.set()
    wait_for_reader()
    assert [one.number for one in source.current().index.lists] == [2]


def test_a_long_file_that_cannot_be_used_leaves_the_trust_as_it_was(
    changed_file: tuple[TrustSource, Path], caplog: pytest.LogCaptureFixture
) -> None:
    source, file = changed_file
    replace(file, b"-----BEGIN X509 CRL-----" + bytes(200))
    assert [one.number for one in source.current().index.lists] == [1]
    wait_for_reader()
    assert "the trust stays as it was" in caplog.text

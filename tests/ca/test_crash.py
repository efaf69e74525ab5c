"""What survives a crash, and two processes on one directory. Every process here is a real one."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from certlogin.ca.base import RequestRefused
from certlogin.ca.entitlements import Entitlement
from certlogin.ca.imports import import_units
from certlogin.records.unit import UnitId
from tests.ca.house import PASSPHRASE, UNIT, House, list_number, names
from tests.companions import companion
from tests.factory import key, request

#: Opens the CA as another process would; `sys.argv`: directory, passphrase, then what the test wants.
OPEN = """
import os, signal, sys
from datetime import UTC, datetime
from certlogin.ca import embedded, lists
from certlogin.ca.base import RequestRefused
from certlogin.records.unit import Unit, UnitId

def die(*arguments):
    os.kill(os.getpid(), signal.SIGKILL)

ca = embedded.EmbeddedCA(sys.argv[1], sys.argv[2], lambda: datetime(2026, 3, 2, 8, tzinfo=UTC))
"""
REVOKE = "ca.revoke(sys.argv[3], sys.argv[4], 'lost', allow_reissue=True)\n"
KILLED_BEFORE_THE_FILE = "lists.replace_public = die\n"
KILLED_BEFORE_THE_COMMIT = """
add = embedded.add_issuing_list
embedded.add_issuing_list = lambda *arguments: (add(*arguments), die())
"""


def run(script: str, house: House, *arguments: str) -> int:
    command = [sys.executable, "-c", OPEN + script, str(house.directory), PASSPHRASE, *arguments]
    return subprocess.run(command, check=False).returncode


def test_a_kill_between_commit_and_file_is_mended_by_the_next_start(house: House) -> None:
    issued = house.open().issue(UNIT, request(key("one")))
    assert run(KILLED_BEFORE_THE_FILE + REVOKE, house, *names(issued)) == -signal.SIGKILL
    assert (list_number(house.list_file()), len(house.list_file())) == (1, 0)
    house.open()
    assert (list_number(house.list_file()), len(house.list_file())) == (2, 1)
    # Number 2 is taken: what comes next is another list and has another number.
    house.open().renew()
    assert list_number(house.list_file()) == 3


def test_companion_without_the_kill_the_file_is_there_at_once(house: House) -> None:
    issued = house.open().issue(UNIT, request(key("one")))
    assert run(REVOKE, house, *names(issued)) == 0
    assert (list_number(house.list_file()), len(house.list_file())) == (2, 1)


def test_a_kill_before_the_commit_leaves_nothing(house: House) -> None:
    issued = house.open().issue(UNIT, request(key("one")))
    assert run(KILLED_BEFORE_THE_COMMIT + REVOKE, house, *names(issued)) == -signal.SIGKILL
    ca = house.open()
    assert (list_number(house.list_file()), len(house.list_file())) == (1, 0)
    with pytest.raises(RequestRefused, match="already_issued"):
        ca.issue(UNIT, request(key("two")))


def test_issued_and_revoked_are_remembered_after_a_restart(house: House) -> None:
    first = house.open().issue(UNIT, request(key("one")))
    assert house.open().issue(UNIT, request(key("one"))) == first
    house.open().revoke(*names(first), "lost", allow_reissue=True)
    assert house.open().issue(UNIT, request(key("two")))


UNITS = [f"unit-{number}" for number in range(12)]
NO_RULE = "embedded.check_new = lambda *arguments: None\n"


def in_two_processes(house: House, tmp_path: Path, before: str = "") -> list[tuple[str, str]]:
    """Each asks for every unit with keys of its own, and revokes what it gets; for each unit the two answers."""
    line = {unit: Entitlement(UnitId(unit), unit, UNIT.code) for unit in UNITS}
    import_units(house.database, list(line.values()), 2)
    for process in ("a", "b"):
        for unit in UNITS:
            (tmp_path / f"{process}-{unit}").write_bytes(request(key(f"{process} {unit}")))
    script = f"""
from hashlib import sha256
from cryptography import x509
for unit in {UNITS!r}:
    request = open(os.path.join(sys.argv[3], sys.argv[4] + "-" + unit), "rb").read()
    try:
        issued = ca.issue(Unit(UnitId(unit), unit, {UNIT.code!r}), request)
    except RequestRefused as refused:
        print("-", refused.reason)
        continue
    certificate = x509.load_der_x509_certificate(issued.certificate)
    ca.revoke(sha256(certificate.issuer.public_bytes()).hexdigest(), f"{{certificate.serial_number:x}}", "lost",
              allow_reissue=False)
    print("+")
"""
    command = [sys.executable, "-c", OPEN + before + script, str(house.directory), PASSPHRASE, str(tmp_path)]
    running = [subprocess.Popen([*command, name], stdout=subprocess.PIPE, text=True) for name in ("a", "b")]
    answers = [process.communicate(timeout=60)[0].split("\n") for process in running]
    assert [process.returncode for process in running] == [0, 0]
    return [(one, other) for one, other in zip(*answers, strict=True) if one]


def test_s12_two_processes_give_a_unit_one_certificate_and_share_the_numbers(house: House, tmp_path: Path) -> None:
    for one, other in in_two_processes(house, tmp_path):
        assert sorted([one[0], other[0]]) == ["+", "-"]
        assert {one[2:], other[2:]} <= {"", "already_issued", "reissue_not_allowed"}
    # One list for each revocation, none twice, and the file is the last of them.
    assert house.list_row().number == 1 + len(UNITS)
    assert house.files.issuing_list.read_bytes() == house.list_row().der
    assert len(house.list_file()) == len(UNITS)


@companion("test_s12_two_processes_give_a_unit_one_certificate_and_share_the_numbers")
def test_s12_companion_without_the_rule_each_process_gives_the_unit_one(house: House, tmp_path: Path) -> None:
    assert in_two_processes(house, tmp_path, NO_RULE) == [("+", "+")] * len(UNITS)

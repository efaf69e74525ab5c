"""`certlogin certificates list`: what an operator reads, and a program."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest

from certlogin.records.certificate import State
from certlogin.records.unit import UnitId
from certlogin.stores.sql import SqlStore
from tests.cli.office import Office
from tests.stores.values import MINE, THEIRS, event, row

#: What a terminal would do with it: clear itself, name its window, colour, turn the line around.
ESCAPES = "测试\x1b[2J\x1b]0;owned\x07\x9b31m\u202ereversed\r\x08\x7f\u2028\ud83d"
HARMLESS = ESCAPES.replace("\ud83d", "")


@pytest.fixture
def three(office: Office) -> Office:
    office.bind(row("a"))
    with office.store() as store:
        store.change_state("sha256-a", State.ACTIVE, State.REVOKED, event("bound"))
    office.bind(row("b"), row("c", THEIRS))
    return office


def test_rows_are_listed_newest_first_one_a_line(three: Office) -> None:
    ran = three.run("list")
    assert ran.code == 0
    assert ran.err == ""
    assert [line.split("  ") for line in ran.out.splitlines()] == [
        [f"sha256-{name}", state, "current", unit, "91110000600037341L", "P-256/256", "2027-01-31T08:00:00+00:00",
         "enrol", f"CN=单位 {name}"]
        for name, state, unit in (("c", "active", "U2"), ("b", "active", "U1"), ("a", "revoked", "U1"))
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["--unit", "U1"], "ba"),
        (["--unit", "nobody"], ""),
        (["--state", "revoked"], "a"),
        (["--state", "active", "--unit", "U2"], "c"),
        (["--offset", "1"], "ba"),
        (["--offset", "99"], ""),
    ],
)
def test_the_listing_is_filtered(words: list[str], names: str, three: Office) -> None:
    ran = three.run("list", *words)
    assert "".join(line.split()[0][-1] for line in ran.out.splitlines()) == names
    assert (ran.code, ran.err) == (0, "")


@pytest.mark.parametrize(("limit", "told"), [("2", True), ("3", True), ("4", False)])
def test_that_there_may_be_more_is_said_where_it_does_not_disturb(limit: str, told: bool, three: Office) -> None:
    ran = three.run("list", "--limit", limit)
    assert ran.err == (f"there may be more: --offset {limit}\n" if told else "")
    assert len(ran.out.splitlines()) == min(int(limit), 3)


def test_json_has_every_fact_of_a_row(office: Office) -> None:
    office.bind(row("a"), replace(row("b", THEIRS, unit_code=None, unique_id=None), applied_on=None))
    ran = office.run("list", "--json")
    newer, older = [json.loads(line) for line in ran.out.splitlines()]
    assert older == {
        "unit": "U1", "state": "active", "slot": "current", "sha256": "sha256-a", "spki_sha256": "spki-a",
        "issuer": "CN=签发机构", "serial": "61", "subject": "CN=单位 a", "unit_code": "91110000600037341L",
        "unique_id": "1@5009SF0110108199001011234", "key": "P-256/256",
        "not_before": "2026-01-31T08:00:00+00:00", "not_after": "2027-01-31T08:00:00+00:00",
        "bound_at": "2026-03-02T08:00:00+00:00", "bound_by": "enrol", "applied_on": "2026-03-01T08:00:00+00:00",
        "claimed_model": "3000GM",
    }  # fmt: skip
    assert (newer["unit_code"], newer["unique_id"], newer["applied_on"]) == (None, None, None)
    assert "签发机构" in ran.out


def test_an_empty_registry_is_an_empty_list(office: Office) -> None:
    assert office.run("list").out == ""
    assert office.run("list", "--json").out == ""


@pytest.mark.parametrize("words", [[], ["--json"]])
def test_no_text_of_a_certificate_reaches_the_terminal_as_an_order(words: list[str], office: Office) -> None:
    sly = row("a", UnitId(HARMLESS), subject=HARMLESS, issuer=HARMLESS, unit_code=HARMLESS, unique_id=HARMLESS)
    office.bind(replace(sly, claimed_model=HARMLESS))
    ran = office.run("list", *words)
    (line,) = ran.out.splitlines()
    assert line.isprintable()
    assert "测试" in line


def test_json_says_exactly_what_the_certificate_says(office: Office) -> None:
    office.bind(row("a", subject=HARMLESS))
    assert json.loads(office.run("list", "--json").out)["subject"] == HARMLESS


def test_the_settings_file_is_named_before_or_after_the_action(office: Office) -> None:
    office.bind(row("a"))
    assert office.run("list", "--config", str(office.config)).code == 0
    elsewhere = office.folder / "elsewhere.toml"
    office.config.rename(elsewhere)
    assert office.run("list").code == 2
    assert "sha256-a" in office.run("list", "--config", str(elsewhere)).out


def test_without_a_name_it_is_certlogin_toml_of_the_current_folder(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    from certlogin.cli.main import main

    office.bind(row("a"))
    monkeypatch.chdir(office.folder)
    assert main(["certificates", "list"]) == 0
    assert "sha256-a" in office.capsys.readouterr().out


def test_a_settings_file_that_is_missing_or_wrong_ends_with_2(office: Office) -> None:
    office.config.write_text("[site]\norigin = 1\n", encoding="utf-8")
    ran = office.run("list")
    assert ran.code == 2
    assert ran.out == ""
    assert "certlogin: configuration_error: [site] origin: must be text" in ran.err.splitlines()
    office.config.unlink()
    ran = office.run("list")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == f"certlogin: configuration_error: {office.config}: cannot be read: No such file or directory\n"


def test_a_store_that_does_not_answer_ends_with_1(office: Office) -> None:
    office.database.mkdir()
    ran = office.run("list")
    assert (ran.code, ran.out, ran.err) == (1, "", "certlogin: unavailable: what='durable store'\n")


def test_the_site_may_be_running(office: Office) -> None:
    with office.store() as site, site.reading() as connection:
        connection.exec_driver_sql("SELECT * FROM audit_event")
        office.bind(row("a"))
        assert "sha256-a" in office.run("list").out
        assert site.find("sha256-a") is not None


@pytest.mark.parametrize(
    "words",
    [
        ["--limit", "0"], ["--limit", "-1"], ["--limit", "x"], ["--limit", "1000000000"], ["--limit", "１"],
        ["--offset", "-1"], ["--offset", "1.5"], ["--state", "lost"], ["--unit", ""], ["--unit", "\udcff"],
        ["--operator", " "], ["extra"], ["--jso"], ["--off", "1"],
    ],
)  # fmt: skip
def test_unusable_words_end_with_2(words: list[str], office: Office) -> None:
    with pytest.raises(SystemExit) as exit_:
        office.run("list", *words)
    assert exit_.value.code == 2
    assert not office.database.exists()


# As a process


def _command(office: Office, *words: str) -> list[str]:
    return [sys.executable, "-m", "certlogin.cli.main", "certificates", "--config", str(office.config), *words]


def test_a_reader_that_has_seen_enough_is_no_error(office: Office) -> None:
    with SqlStore.open(f"sqlite:///{office.database}").writing() as connection:
        from certlogin.stores.sql.rows import certificate_values
        from certlogin.stores.sql.tables import BOUND_CERTIFICATE, SPKI_OWNER

        for number in range(400):
            one = row(f"{number}", UnitId(f"{number}"))
            connection.execute(SPKI_OWNER.insert().values(spki_sha256=one.facts.spki_sha256, unit_id=one.unit_id))
            connection.execute(BOUND_CERTIFICATE.insert().values(certificate_values(one)))
    command = _command(office, "list", "--json", "--limit", "1000")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith(b'{"unit": "399"')
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


def test_a_terminal_that_knows_no_chinese_gets_escapes(office: Office) -> None:
    office.bind(row("a"))
    environ = {**os.environ, "PYTHONIOENCODING": "ascii"}
    ran = subprocess.run(_command(office, "list"), capture_output=True, check=False, env=environ, timeout=60)
    assert ran.returncode == 0
    assert rb"CN=\u5355\u4f4d a" in ran.stdout
    assert MINE.encode() in ran.stdout

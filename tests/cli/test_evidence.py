"""`certlogin evidence`: from the database to a file, from the file to a verdict, and what an operator erases."""

import json
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from certlogin.ca.keys import seal_pkcs8
from certlogin.cli import evidence_desk
from certlogin.cli.main import main
from certlogin.evidence.findings import Code
from certlogin.flows.evidence import EvidenceBook
from certlogin.records.personal import PersonalKeys
from certlogin.settings.site import Language
from certlogin.web.locale import load_command_texts
from tests.cli.office import Office, Ran
from tests.companions import without
from tests.evidence.made import TEXT
from tests.evidence.test_keeping import agreement
from tests.factory import DAY, NOW, make_pki
from tests.stores.values import event

PERSONAL: Final = "a key for personal data, 32 bytes or more"
PASSPHRASE: Final = "correct horse battery staple"


@dataclass
class Archive:
    """A site with evidence, and a key for checkpoints beside it."""

    office: Office

    def run(self, *words: str) -> Ran:
        self.office.capsys.readouterr()
        try:
            code = main(["evidence", *words])
        except SystemExit as ended:
            code = int(ended.code or 0)
        return Ran(code, *self.office.capsys.readouterr())

    def on_site(self, action: str, *words: str) -> Ran:
        return self.run(action, "--config", str(self.office.config), *words)

    def told(self, action: str, *words: str) -> dict[str, Any]:
        ran = self.on_site(action, "--json", *words)
        assert (ran.code, ran.err) == (0, "")
        found: dict[str, Any] = json.loads(ran.out)
        return found

    def path(self, name: str) -> str:
        return str(self.office.folder / name)

    def keep(self, *texts: str) -> None:
        with self.office.store() as store:
            book = EvidenceBook(store, PersonalKeys.from_settings((PERSONAL,)), lambda count: b"r" * count)
            for text in texts:
                book.keep(agreement(text), event("agreed"))

    def export(self, name: str = "evidence.jsonl") -> str:
        self.told("export", self.path(name))
        return self.path(name)

    def verify(self, file: str, *words: str) -> Ran:
        return self.run("verify", file, "--anchors", self.path("root.pem"), *words)

    def verdict(self, file: str, *words: str) -> tuple[int, list[str]]:
        ran = self.verify(file, "--json", *words)
        assert ran.err == ""
        return ran.code, [finding["code"] for finding in json.loads(ran.out)["findings"]]

    def checkpoint(self, *words: str) -> Ran:
        return self.on_site("checkpoint", "--key", self.path("key.pem"), *words)

    @property
    def key(self) -> tuple[str, str]:
        return "--checkpoint-key", self.path("key.pem.pub")


@pytest.fixture
def archive(office: Office, monkeypatch: pytest.MonkeyPatch) -> Archive:
    office.config.write_text(
        office.config.read_text(encoding="utf-8") + f'[personal]\nkeys = ["{PERSONAL}"]\n', encoding="utf-8"
    )
    monkeypatch.delenv("CERTLOGIN_PERSONAL_KEYS", raising=False)
    monkeypatch.setenv("CERTLOGIN_EVIDENCE_PASSPHRASE", PASSPHRASE)
    monkeypatch.setenv("LC_ALL", "C")
    # What a guess at a passphrase costs is not paid by every test.
    monkeypatch.setattr(
        "certlogin.cli.evidence_seal.seal_pkcs8", lambda plain, secret, random: seal_pkcs8(plain, secret, random, 1000)
    )
    made = Archive(office)
    made.keep(TEXT, f"{TEXT}2\n", f"{TEXT}3\n")
    assert made.run("init-key", made.path("key.pem")).code == 0
    return made


# --- the file


def test_an_export_is_verified_with_nothing_but_the_anchor(archive: Archive, tmp_path: Path) -> None:
    file = archive.export()
    archive.office.database.unlink()
    archive.office.config.unlink()
    assert archive.verdict(file) == (0, ["unanchored"])
    ran = archive.verify(file)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines()[0] == "Sound: 3 records; a checkpoint covers those up to no. 0."
    assert ran.out.splitlines()[1].startswith("  note unanchored: There is no outside checkpoint")


def test_an_export_is_for_its_owner_only_and_audited(archive: Archive) -> None:
    told = archive.told("export", archive.path("evidence.jsonl"))
    assert told == {"records": 3, "checkpoints": 0, "file": archive.path("evidence.jsonl")}
    assert stat.S_IMODE(Path(archive.path("evidence.jsonl")).stat().st_mode) == 0o600
    (exported,) = [one for one in archive.office.audit() if one.kind == "evidence_exported"]
    assert exported.facts == {"operator": "li", "records": 3}


def test_an_export_that_fails_leaves_the_old_one_and_nothing_beside_it(archive: Archive) -> None:
    file = Path(archive.export())
    before = file.read_bytes()
    archive.office.config.write_text(
        archive.office.config.read_text(encoding="utf-8").replace(PERSONAL, PERSONAL[::-1]), encoding="utf-8"
    )
    ran = archive.on_site("export", str(file))
    assert (ran.code, ran.out) == (1, "")
    assert "personal_key_missing" in ran.err
    assert file.read_bytes() == before
    assert not [left for left in file.parent.iterdir() if left.name.endswith(".new")]


def test_a_changed_export_is_found_and_told_in_either_language(archive: Archive) -> None:
    file = Path(archive.export())
    file.write_bytes(file.read_bytes().replace("王曙光".encode(), "李曙光".encode()))
    ran = archive.verify(str(file), "--language", "zh-CN")
    assert ran.code == 1
    assert "不完好：读到 3 条记录" in ran.out
    assert "  发现问题 第 1 条 body_changed: 文本与留存时不一致。" in ran.out.splitlines()
    assert archive.verify(str(file), "--language", "en").out.count("FOUND no.") == 6


def test_an_old_card_needs_a_lenient_anchor(archive: Archive) -> None:
    assert archive.verdict(archive.export(), "--lenient") == (0, ["unanchored"])


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("verify", "missing.jsonl", "--anchors", "root.pem"), "missing.jsonl: No such file"),
        (("verify", "evidence.jsonl", "--anchors", "missing.pem"), "missing.pem: No such file"),
        (("verify", "evidence.jsonl", "--anchors", "evidence.jsonl"), "evidence.jsonl: neither DER nor whole PEM"),
        (("verify", "evidence.jsonl", "--anchors", "leaf.pem"), "not a CA certificate"),
        (("verify", "evidence.jsonl", "--anchors", "root.pem", "--checkpoint-key", "root.pem"), "no public key"),
        (("verify", "evidence.jsonl", "--anchors", "root.pem", "--checkpoints", "missing"), "missing: No such file"),
        (("verify", "evidence.jsonl"), "--anchors"),
    ],
)
def test_what_cannot_be_used_is_no_verdict(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], problem: str
) -> None:
    archive.export()
    Path(archive.path("leaf.pem")).write_bytes(make_pki().issuing.issue().pem)
    monkeypatch.chdir(archive.office.folder)
    ran = archive.run(*words)
    assert (ran.code, ran.out) == (2, "")
    assert problem in ran.err


def test_a_file_that_is_no_export_is_found(archive: Archive) -> None:
    Path(archive.path("evidence.jsonl")).write_bytes(b"x" * (5 << 20))
    code, found = archive.verdict(archive.path("evidence.jsonl"))
    assert (code, found) == (1, ["unreadable", "unreadable", "unanchored"])


# --- checkpoints


def test_a_checkpoint_anchors_what_was_there(archive: Archive) -> None:
    assert archive.checkpoint().code == 0
    archive.keep(f"{TEXT}4\n")
    file = archive.export()
    assert archive.verdict(file, *archive.key) == (0, ["tail_open"])
    ran = archive.verify(file, *archive.key)
    assert ran.out.splitlines() == [
        "Sound: 4 records; a checkpoint covers those up to no. 3.",
        "  note no. 3 tail_open: What was signed after this checkpoint may have been left out; nobody can tell. "
        "(2026-03-02T08:00:00+00:00)",
    ]


def test_checkpoints_are_kept_elsewhere_one_a_day(archive: Archive) -> None:
    outside = archive.path("checkpoints.jsonl")
    assert archive.checkpoint("--file", outside).code == 0
    archive.office.now = NOW + DAY
    archive.keep(f"{TEXT}4\n")
    told = json.loads(archive.checkpoint("--file", outside, "--json").out)
    assert (told["seq"], told["at"]) == (4, "2026-03-03T08:00:00+00:00")
    assert len(Path(outside).read_bytes().splitlines()) == 2
    assert archive.told("export", archive.path("all.jsonl"))["checkpoints"] == 2
    assert [one.facts["seq"] for one in archive.office.audit() if one.kind == "evidence_checkpoint"] == [3, 4]


@without({"certlogin.evidence.verify._problem": lambda *given: None}, sees="assert (0")
def test_s30_a_chain_cut_with_its_checkpoints_is_found_by_those_kept_elsewhere(archive: Archive) -> None:
    outside = archive.path("checkpoints.jsonl")
    archive.checkpoint("--file", outside)
    file = Path(archive.export())
    file.write_bytes(b"\n".join(file.read_bytes().split(b"\n")[:2]) + b"\n")
    assert archive.verdict(str(file), *archive.key, "--checkpoints", outside) == (1, ["truncated", "anchor_missing"])


def _rewrite(archive: Archive) -> None:
    """Whoever can write the database forgets the last two agreements, and every checkpoint."""
    with archive.office.store() as store, store.writing() as connection:
        for table in ("evidence", "evidence_checkpoint"):
            connection.exec_driver_sql(f"DROP TRIGGER {table}_no_delete")
        connection.exec_driver_sql("DELETE FROM evidence WHERE seq > 1")
        connection.exec_driver_sql("DELETE FROM evidence_checkpoint")


@without({"certlogin.evidence.verify._problem": lambda *given: None}, sees="assert 0 == 1")
def test_s30_no_checkpoint_is_signed_over_a_chain_that_was_rewritten(archive: Archive) -> None:
    outside = Path(archive.path("checkpoints.jsonl"))
    archive.checkpoint("--file", str(outside))
    before = outside.read_bytes()
    _rewrite(archive)
    ran = archive.checkpoint("--file", str(outside))
    assert ran.code == 1
    assert ran.err == "certlogin: evidence_chain_broken: findings='truncated 3'\n"
    assert outside.read_bytes() == before


def test_a_clock_that_was_wrong_stops_no_checkpoint(archive: Archive) -> None:
    archive.office.now = NOW - DAY
    assert archive.checkpoint().code == 0
    archive.office.now = NOW
    assert archive.checkpoint().code == 0
    code, found = archive.verdict(archive.export(), *archive.key)
    assert (code, set(found)) == (1, {"wrong_time", "tail_open"})


def test_a_file_of_something_else_is_not_added_to(archive: Archive) -> None:
    ran = archive.checkpoint("--file", archive.export())
    assert ran.code == 2
    assert "a line is no checkpoint" in ran.err


@pytest.mark.parametrize("key_type", ["Ed25519", "P-256"])
def test_either_kind_of_key_signs(archive: Archive, key_type: str) -> None:
    made = archive.run("init-key", archive.path("other.pem"), "--key-type", key_type)
    assert made.code == 0
    assert "where the web workers cannot read it" in made.out
    assert stat.S_IMODE(Path(archive.path("other.pem")).stat().st_mode) == 0o600
    assert b"ENCRYPTED PRIVATE KEY" in Path(archive.path("other.pem")).read_bytes()
    assert archive.on_site("checkpoint", "--key", archive.path("other.pem")).code == 0
    file = archive.export()
    assert archive.verdict(file, "--checkpoint-key", archive.path("other.pem.pub")) == (0, ["tail_open"])
    assert archive.verdict(file, *archive.key) == (1, ["checkpoint_unknown_key", "anchor_missing"])


def test_a_key_is_never_written_over_and_never_used_with_another_passphrase(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert archive.run("init-key", archive.path("key.pem")).code == 2
    monkeypatch.setenv("CERTLOGIN_EVIDENCE_PASSPHRASE", "something else entirely")
    wrong = archive.checkpoint()
    assert (wrong.code, wrong.out) == (2, "")
    assert "key.pem: no encrypted private key in PEM, or the passphrase is wrong" in wrong.err
    monkeypatch.setenv("CERTLOGIN_EVIDENCE_PASSPHRASE", "short")
    assert archive.run("init-key", archive.path("new.pem")).code == 2
    assert not Path(archive.path("new.pem")).exists()


def test_a_file_too_large_for_a_key_is_not_read(archive: Archive) -> None:
    Path(archive.path("key.pem")).write_bytes(b"x" * (1 << 17))
    ran = archive.checkpoint()
    assert ran.code == 2
    assert "larger than" in ran.err


# --- the operator


def test_a_list_shows_nothing_that_users_wrote(archive: Archive) -> None:
    archive.told("redact", "--record", "2", "--reason", "asked for")
    ran = archive.on_site("list", "--json")
    rows = [json.loads(line) for line in ran.out.splitlines()]
    assert [(row["seq"], row["unit"], row["purpose"], row["body"]) for row in rows] == [
        (1, "U1", "agree", "kept"),
        (2, "U1", "agree", "erased"),
        (3, "U1", "agree", "kept"),
    ]
    plain = archive.on_site("list", "--after", "2", "--unit", "U1").out
    assert plain.startswith("3  2026-03-02T08:00:00+00:00  U1  agree  1  ES256  crl  kept  ")
    assert "曙光" not in ran.out + plain
    assert archive.on_site("list", "--unit", "U2").out == ""
    assert len(archive.on_site("list", "--limit", "1").out.splitlines()) == 1


def test_what_was_erased_says_so_and_the_rest_is_sound(archive: Archive) -> None:
    archive.checkpoint()
    assert archive.on_site("redact", "--record", "2", "--reason", "left").out == "erased: 1\n"
    file = archive.export()
    assert "曙光" not in Path(file).read_text(encoding="utf-8").splitlines()[1]
    assert archive.verdict(file, *archive.key) == (0, ["redacted", "tail_open"])
    (told,) = [one for one in archive.office.audit() if one.kind == "evidence_redacted"]
    assert told.facts == {"operator": "li", "seq": 2, "reason": "left"}


def test_nothing_is_erased_twice_or_where_there_is_nothing(archive: Archive) -> None:
    archive.told("redact", "--record", "2", "--reason", "left")
    for number in ("2", "9"):
        ran = archive.on_site("redact", "--record", number, "--reason", "left")
        assert (ran.code, ran.err) == (1, f"certlogin: evidence_not_found: seq={number}\n")


def test_a_retention_rule_erases_what_is_older(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence_desk, "_AT_ONCE", 2)
    assert archive.told("redact", "--before", "2026-03-02", "--reason", "retention") == {"erased": 0}
    assert archive.told("redact", "--before", "2026-03-03", "--reason", "retention") == {"erased": 3}
    assert archive.told("redact", "--before", "2026-03-03", "--reason", "retention") == {"erased": 0}


@pytest.mark.parametrize("words", [(), ("--record", "1"), ("--record", "1", "--before", "2026-03-03", "--reason", "x")])
def test_erasing_asks_for_what_and_why(archive: Archive, words: tuple[str, ...]) -> None:
    assert archive.on_site("redact", *words).code == 2


def test_keys_are_rotated(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    newer = "a newer key for personal data, 32 bytes or more"
    monkeypatch.setenv("CERTLOGIN_PERSONAL_KEYS", f"{newer.replace(',', '')},{PERSONAL.replace(',', '')}")
    assert archive.on_site("reseal").code == 1
    monkeypatch.delenv("CERTLOGIN_PERSONAL_KEYS")
    config = archive.office.config.read_text(encoding="utf-8")
    archive.office.config.write_text(config.replace(f'"{PERSONAL}"', f'"{newer}", "{PERSONAL}"'), encoding="utf-8")
    assert archive.told("reseal") == {"resealed": 3}
    archive.office.config.write_text(config.replace(PERSONAL, newer), encoding="utf-8")
    assert archive.verdict(archive.export()) == (0, ["unanchored"])
    archive.office.config.write_text(config.replace(f'"{PERSONAL}"', ""), encoding="utf-8")
    assert archive.on_site("reseal").code == 2


def test_every_word_of_a_finding_is_there_in_both_languages() -> None:
    for language in Language:
        texts = load_command_texts(language)
        assert set(texts.raw("evidence.finding.")) == {f"evidence.finding.{code}" for code in Code}

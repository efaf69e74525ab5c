"""The commands of the CA, as an administrator types them."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from getpass import getuser
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from certlogin.ca.base import RequestRefused
from certlogin.ca.client import RemoteCA
from certlogin.ca.encoding import spki_of
from certlogin.ca.files import CAFiles
from certlogin.ca.keys import open_key
from certlogin.ca.profile import read_profile
from certlogin.ca.signing import KEY_TYPES
from certlogin.cli import passphrase
from certlogin.cli.main import REFUSED, UNUSABLE, main
from certlogin.errors import ConfigurationError, Unavailable
from certlogin.records.unit import Unit, UnitId
from tests.ca.house import asked
from tests.ca.signed import ALGORITHMS, algorithms, is_signed_by
from tests.companions import allows, without
from tests.factory import OTHER_CODE, UNIT_CODE, key, request

SECRET = "correct horse battery"
ROOT_SECRET = "another staple altogether"
UNIT = Unit(UnitId("u-1"), "测试单位", UNIT_CODE)
ROSTER = f"id,name,code\nu-1,测试单位,{UNIT_CODE}\nu-2,另一单位,{OTHER_CODE}\n"
SERVE = (sys.executable, "-m", "certlogin.cli.main", "ca", "serve")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(passphrase.CA, SECRET)
    monkeypatch.delenv(passphrase.ROOT, raising=False)


@pytest.fixture
def ca(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> CAFiles:
    """Made and filled by the commands themselves."""
    files = CAFiles(tmp_path / "ca")
    assert main(["ca", "init", str(files.directory), "--name", "Demo CA"]) == 0
    assert main(["ca", "entitle", str(files.directory), "--units", str(roster(tmp_path))]) == 0
    capsys.readouterr()
    return files


@pytest.fixture
def short_tmp() -> Iterator[Path]:
    with TemporaryDirectory(prefix="ca-") as name:
        yield Path(name)


def roster(folder: Path, text: str = ROSTER, name: str = "units.csv") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def test_init_says_where_everything_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ca", "init", str(tmp_path / "ca"), "--name", "Demo CA"]) == 0
    printed = capsys.readouterr()
    for name in ("root.pem", "issuing.pem", "root.crl", "issuing.crl"):
        assert (tmp_path / "ca" / name).exists()
        assert str(tmp_path / "ca" / name) in printed.out
    assert SECRET not in printed.out + printed.err


@allows
def test_s28_init_says_that_the_root_key_must_go(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "stick.key"
    arguments = ["ca", "init", str(tmp_path / "ca"), "--name", "Demo CA", "--root-key-out", str(out)]
    assert main(arguments) == 0
    assert f"ROOT KEY: {out} - take it off-line now." in capsys.readouterr().err
    assert not (tmp_path / "ca" / "root.key").exists()
    assert open_key(out, SECRET)


@without({"certlogin.cli.ca._new_root_passphrase": lambda own: own})
def test_s28_the_root_key_has_a_passphrase_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(passphrase.ROOT, ROOT_SECRET)
    files = CAFiles(tmp_path / "ca")
    assert main(["ca", "init", str(files.directory), "--name", "Demo CA"]) == 0
    with pytest.raises(ConfigurationError):
        open_key(files.root_key, SECRET)
    assert "CA's own passphrase" not in capsys.readouterr().err
    assert open_key(files.root_key, ROOT_SECRET)
    assert open_key(files.issuing_key, SECRET)
    assert main(["ca", "publish", str(files.directory), "--root-key", str(files.root_key)]) == 0
    monkeypatch.delenv(passphrase.ROOT)
    assert main(["ca", "publish", str(files.directory), "--root-key", str(files.root_key)]) == UNUSABLE


@pytest.mark.parametrize("key_type", KEY_TYPES)
def test_init_for_scripts(tmp_path: Path, capsys: pytest.CaptureFixture[str], key_type: str) -> None:
    directory = tmp_path / "ca"
    assert main(["ca", "init", str(directory), "--name", "Demo CA", "--key-type", key_type, "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made == {
        "directory": str(directory),
        "anchor": str(directory / "root.pem"),
        "issuing": str(directory / "issuing.pem"),
        "root_key": str(directory / "root.key"),
    }
    root = x509.load_pem_x509_certificate(Path(made["anchor"]).read_bytes())
    der = root.public_bytes(Encoding.DER)
    assert algorithms(der) == (ALGORITHMS[key_type], ALGORITHMS[key_type])
    assert is_signed_by(der, spki_of(root))


def test_without_a_libcrypto_for_it_sm2_is_refused_and_nothing_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = ["ca", "init", str(tmp_path / "ca"), "--name", "Demo CA", "--sm2-library", "/nonexistent/libcrypto"]
    assert main([*wanted, "--key-type", "SM2"]) == REFUSED
    printed = capsys.readouterr().err
    assert "sm2_unavailable" in printed
    assert "/nonexistent/libcrypto" in printed
    assert not list(tmp_path.iterdir())
    # The other kinds need none; the profile remembers which one was named.
    assert main(wanted) == 0
    assert read_profile(tmp_path / "ca").sm2_library == "/nonexistent/libcrypto"


def test_an_sm2_ca_is_made_published_and_served(tmp_path: Path, short_tmp: Path) -> None:
    files = CAFiles(tmp_path / "ca")
    assert main(["ca", "init", str(files.directory), "--name", "国密示范", "--key-type", "SM2"]) == 0
    assert main(["ca", "entitle", str(files.directory), "--units", str(roster(tmp_path))]) == 0
    assert main(["ca", "publish", str(files.directory), "--root-key", str(files.root_key)]) == 0
    with served(str(files.directory), "--socket", str(short_tmp / "s")):
        issued = RemoteCA(short_tmp / "s").issue(UNIT, asked("one", "SM2"))
    issuing, root = (x509.load_pem_x509_certificate(one.read_bytes()) for one in (files.issuing, files.root))
    assert issued.chain == (issuing.public_bytes(Encoding.DER),)
    assert is_signed_by(issued.certificate, spki_of(issuing))
    assert is_signed_by(files.issuing_list.read_bytes(), spki_of(issuing))
    assert is_signed_by(files.root_list.read_bytes(), spki_of(root))


@pytest.mark.parametrize("variable", ["", "short"])
def test_init_without_a_usable_passphrase_makes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(passphrase.CA, variable)
    assert main(["ca", "init", str(tmp_path / "ca"), "--name", "Demo CA"]) == UNUSABLE
    assert "passphrase" in capsys.readouterr().err
    assert not (tmp_path / "ca").exists()


def test_a_second_init_is_refused(ca: CAFiles, capsys: pytest.CaptureFixture[str]) -> None:
    before = ca.issuing_key.read_bytes()
    assert main(["ca", "init", str(ca.directory), "--name", "Demo CA"]) == UNUSABLE
    assert "there already" in capsys.readouterr().err
    assert ca.issuing_key.read_bytes() == before


def test_there_is_no_passphrase_argument(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["ca", "init", "--help"])
    assert "--pass" not in capsys.readouterr().out


def test_entitle_counts(ca: CAFiles, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = roster(tmp_path, ROSTER + f"u-3,三号单位,{UNIT_CODE}\n")
    assert main(["ca", "entitle", str(ca.directory), "--units", str(wanted)]) == 0
    assert capsys.readouterr().out == "listed: 3, added: 1, changed: 0, removed: 0\n"


def test_entitle_reads_lines_of_json(ca: CAFiles, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [
        json.dumps({"id": f"u-{number}", "name": "新名", "code": code})
        for number, code in enumerate((UNIT_CODE, OTHER_CODE), 1)
    ]
    wanted = roster(tmp_path, "\n".join(lines), "units.jsonl")
    assert main(["ca", "entitle", str(ca.directory), "--units", str(wanted), "--json"]) == 0
    expected = {"listed": 2, "added": 0, "changed": 2, "removed": 0, "removed_units": []}
    assert json.loads(capsys.readouterr().out) == expected


@without({"certlogin.ca.imports._check_removal": lambda *_: None}, sees=f"assert 0 == {REFUSED}")
def test_s12_entitle_asks_before_it_removes(ca: CAFiles, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = roster(tmp_path, ROSTER[: ROSTER.index("u-2")])
    command = ["ca", "entitle", str(ca.directory), "--units", str(wanted)]
    assert main(command) == REFUSED
    printed = capsys.readouterr()
    assert "--yes-remove 1" in printed.err
    assert printed.out == ""
    assert main([*command, "--yes-remove", "2"]) == REFUSED
    capsys.readouterr()
    assert main([*command, "--yes-remove", "1"]) == 0
    printed = capsys.readouterr()
    assert printed.out == "listed: 1, added: 0, changed: 0, removed: 1\nremoved: u-2\n"
    assert "stay valid until they are revoked" in printed.err


@pytest.mark.parametrize("value", ["-1", "x", "1.5", "١", "9" * 10])
def test_yes_remove_is_a_number(ca: CAFiles, tmp_path: Path, value: str) -> None:
    with pytest.raises(SystemExit):
        main(["ca", "entitle", str(ca.directory), "--units", str(tmp_path / "units.csv"), f"--yes-remove={value}"])


def test_entitle_names_the_bad_lines(ca: CAFiles, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = roster(tmp_path, "id,name,code\nu-1,,1\n")
    assert main(["ca", "entitle", str(ca.directory), "--units", str(wanted)]) == UNUSABLE
    assert "line 2" in capsys.readouterr().err
    wanted.write_bytes(ROSTER.encode("gb18030"))
    assert main(["ca", "entitle", str(ca.directory), "--units", str(wanted)]) == UNUSABLE
    assert "is not UTF-8" in capsys.readouterr().err
    assert main(["ca", "entitle", str(ca.directory), "--units", str(tmp_path / "missing")]) == UNUSABLE
    assert main(["ca", "entitle", str(tmp_path), "--units", str(wanted)]) == UNUSABLE
    assert "no CA directory" in capsys.readouterr().err


def test_publish_renews(ca: CAFiles, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ca", "publish", str(ca.directory)]) == 0
    root, issuing = capsys.readouterr().out.splitlines()
    assert root.startswith(f"{ca.root_list}: number 1, 0 revoked, ends ")
    assert issuing.startswith(f"{ca.issuing_list}: number 2, 0 revoked, ends ")


def test_publish_with_the_root_key_renews_both(ca: CAFiles, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    away = ca.root_key.rename(tmp_path / "stick")
    assert main(["ca", "publish", str(ca.directory), "--root-key", str(away), "--json"]) == 0
    lists = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(one["number"], one["revoked"]) for one in lists] == [(2, 0), (2, 0)]
    assert {one["file"] for one in lists} == {str(ca.root_list), str(ca.issuing_list)}


def test_publish_with_another_key_changes_nothing(ca: CAFiles, capsys: pytest.CaptureFixture[str]) -> None:
    before = ca.root_list.read_bytes(), ca.issuing_list.read_bytes()
    assert main(["ca", "publish", str(ca.directory), "--root-key", str(ca.issuing_key)]) == UNUSABLE
    assert "is not the key of" in capsys.readouterr().err
    assert (ca.root_list.read_bytes(), ca.issuing_list.read_bytes()) == before


def test_a_wrong_passphrase_is_told(
    ca: CAFiles, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(passphrase.CA, "wrong horse battery")
    assert main(["ca", "publish", str(ca.directory)]) == UNUSABLE
    printed = capsys.readouterr().err
    assert "passphrase is wrong" in printed
    assert "wrong horse" not in printed


@contextmanager
def served(*arguments: str, ready: bool = True) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen([*SERVE, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        if ready:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("serving on ")
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        process.communicate(timeout=20)


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_serve_answers_until_it_is_told_to_stop(ca: CAFiles, short_tmp: Path, stop: signal.Signals) -> None:
    path = short_tmp / "s"
    with served(str(ca.directory), "--socket", str(path), "--allow-user", getuser(), "--allow-user", "1") as process:
        issued = RemoteCA(path).issue(UNIT, request(key("one")))
        with pytest.raises(RequestRefused, match="already_issued"):
            RemoteCA(path).issue(UNIT, request(key("two")))
        issuing = x509.load_pem_x509_certificate(ca.issuing.read_bytes())
        x509.load_der_x509_certificate(issued.certificate).verify_directly_issued_by(issuing)
        process.send_signal(stop)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 0
    assert not path.exists()
    assert f"{ca.root_key} is still here" in errors
    assert "already_issued" in errors
    with pytest.raises(Unavailable):
        RemoteCA(path).issue(UNIT, request(key("one")))


@allows
def test_s28_the_server_needs_no_root_key_and_says_nothing_without_it(ca: CAFiles, short_tmp: Path) -> None:
    ca.root_key.unlink()
    with served(str(ca.directory), "--socket", str(short_tmp / "s")) as process:
        assert RemoteCA(short_tmp / "s").issue(UNIT, request(key("one")))
        process.terminate()
        _, errors = process.communicate(timeout=20)
    assert "still here" not in errors


def test_after_a_kill_the_next_server_takes_over(ca: CAFiles, short_tmp: Path) -> None:
    path = short_tmp / "s"
    with served(str(ca.directory), "--socket", str(path)) as process:
        first = RemoteCA(path).issue(UNIT, request(key("one")))
        process.kill()
        process.wait(timeout=20)
        assert path.is_socket()
    with served(str(ca.directory), "--socket", str(path)):
        assert RemoteCA(path).issue(UNIT, request(key("one"))) == first


def test_a_second_server_on_one_socket_is_refused(ca: CAFiles, short_tmp: Path) -> None:
    arguments = (str(ca.directory), "--socket", str(short_tmp / "s"))
    with served(*arguments), served(*arguments, ready=False) as second:
        output, errors = second.communicate(timeout=20)
        assert (second.returncode, output) == (UNUSABLE, "")
        assert "another server listens there" in errors
        assert RemoteCA(short_tmp / "s").issue(UNIT, request(key("one")))


def test_commands_and_a_running_server_share_the_directory(ca: CAFiles, tmp_path: Path, short_tmp: Path) -> None:
    late = Unit(UnitId("u-3"), "三号单位", UNIT_CODE)
    with served(str(ca.directory), "--socket", str(short_tmp / "s")):
        remote = RemoteCA(short_tmp / "s")
        with pytest.raises(RequestRefused, match="unit_not_entitled"):
            remote.issue(late, request(key("late")))
        wanted = roster(tmp_path, ROSTER + f"u-3,三号单位,{UNIT_CODE}\n")
        assert main(["ca", "entitle", str(ca.directory), "--units", str(wanted)]) == 0
        assert main(["ca", "publish", str(ca.directory)]) == 0
        assert remote.issue(late, request(key("late")))


@pytest.mark.parametrize(
    "arguments", [["--allow-user", "no-such-user"], ["--allow-user", "-1"], ["--group", "no-such-group"], []]
)
def test_serve_refuses_bad_arguments(ca: CAFiles, short_tmp: Path, arguments: list[str]) -> None:
    socket = ["--socket", str(short_tmp / "s")] if arguments else []
    with pytest.raises(SystemExit) as refused:
        main(["ca", "serve", str(ca.directory), *socket, *arguments])
    assert refused.value.code == UNUSABLE


def test_serve_gives_the_socket_to_a_group(ca: CAFiles, short_tmp: Path) -> None:
    with served(str(ca.directory), "--socket", str(short_tmp / "s"), "--group", str(os.getgid())):
        status = (short_tmp / "s").stat()
    assert (status.st_gid, status.st_mode & 0o777) == (os.getgid(), 0o660)


class Terminal:
    """Somebody at the keyboard who types these, one after the other."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *typed: str) -> None:
        self.typed = list(typed)
        self.prompts: list[str] = []
        monkeypatch.delenv(passphrase.CA, raising=False)
        monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
        monkeypatch.setattr("getpass.getpass", self.ask)

    def ask(self, prompt: str) -> str:
        self.prompts.append(prompt)
        return self.typed.pop(0)


def test_a_person_is_asked_twice_for_each_new_passphrase(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal(monkeypatch, SECRET, SECRET, ROOT_SECRET, ROOT_SECRET, SECRET)
    files = CAFiles(tmp_path / "ca")
    assert main(["ca", "init", str(files.directory), "--name", "Demo CA"]) == 0
    assert open_key(files.issuing_key, SECRET)
    assert open_key(files.root_key, ROOT_SECRET)
    assert [prompt.split(" of ")[-1] for prompt in terminal.prompts] == [
        "the CA: ",
        "The same again: ",
        "the root key: ",
        "The same again: ",
    ]
    assert main(["ca", "publish", str(files.directory)]) == 0
    assert not terminal.typed


def test_a_slip_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    Terminal(monkeypatch, SECRET, SECRET[:-1])
    assert main(["ca", "init", str(tmp_path / "ca"), "--name", "Demo CA"]) == UNUSABLE
    assert "differ" in capsys.readouterr().err
    assert not (tmp_path / "ca").exists()


def test_the_root_key_is_asked_for_where_it_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Terminal(monkeypatch, SECRET, SECRET, ROOT_SECRET, ROOT_SECRET, SECRET, ROOT_SECRET)
    files = CAFiles(tmp_path / "ca")
    assert main(["ca", "init", str(files.directory), "--name", "Demo CA"]) == 0
    assert main(["ca", "publish", str(files.directory), "--root-key", str(files.root_key)]) == 0


def test_without_a_terminal_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    Terminal(monkeypatch)
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    with pytest.raises(ConfigurationError, match=passphrase.CA):
        passphrase.existing(passphrase.CA, "the CA")

"""`ca init` without its command: what lies where, readable by whom, and nothing half made."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from secrets import token_bytes
from typing import Any

import pytest
from cryptography import x509

from certlogin.ca import setup
from certlogin.ca.encoding import spki_of
from certlogin.ca.files import CAFiles, create_private, replace_public
from certlogin.ca.keys import open_key
from certlogin.ca.profile import CAProfile
from certlogin.ca.setup import NewCA, make_ca
from certlogin.errors import ConfigurationError, Unavailable
from tests.ca.house import ITERATIONS, PASSPHRASE, ROOT_PASSPHRASE, UNIT, House, found, in_the_clear
from tests.companions import allows, without
from tests.factory import NOW, key, request

NEW = NewCA("Test CA", "P-256", PASSPHRASE, ROOT_PASSPHRASE, iterations=ITERATIONS)


@pytest.fixture(params=[0o022, 0o077, 0o000])
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


@without({"certlogin.ca.files._PRIVATE": 0o644}, sees="assert (420 & 63) == 0")
@pytest.mark.usefixtures("umask")
def test_s28_secrets_are_for_the_owner_and_the_rest_is_for_every_site(tmp_path: Path) -> None:
    house = found(tmp_path / "ca")
    house.open().renew()
    for name in ("issuing.key", "root.key", "ca.db"):
        assert house.permissions()[name] & 0o077 == 0
    assert house.permissions() == {
        "ca.db": 0o600,
        "ca.toml": 0o644,
        "issuing.crl": 0o644,
        "issuing.key": 0o600,
        "issuing.pem": 0o644,
        "root.crl": 0o644,
        "root.key": 0o600,
        "root.pem": 0o644,
    }
    assert house.directory.stat().st_mode & 0o777 == 0o755


@allows
def test_s28_the_root_key_goes_where_it_is_told_and_the_ca_runs_without_it(tmp_path: Path) -> None:
    out = tmp_path / "stick" / "root.key"
    out.parent.mkdir()
    assert make_ca(tmp_path / "ca", replace(NEW, root_key_out=out), NOW, token_bytes) == out
    house = House(tmp_path / "ca")
    assert not house.files.root_key.exists()
    root = x509.load_pem_x509_certificate(house.files.root.read_bytes())
    assert open_key(out, ROOT_PASSPHRASE).spki == spki_of(root)
    out.unlink()
    house.entitle(UNIT)
    assert house.open().issue(UNIT, request(key("one")))


@without({"tests.ca.house.ROOT_PASSPHRASE": PASSPHRASE})
def test_s28_the_running_cas_passphrase_does_not_open_the_root_key(tmp_path: Path) -> None:
    house = found(tmp_path / "ca")
    with pytest.raises(ConfigurationError, match="passphrase is wrong"):
        open_key(house.files.root_key, PASSPHRASE)


@without({"certlogin.ca.setup.seal_key": in_the_clear}, sees="b'BEGIN PRIVATE' not in", from_setup=True)
def test_s28_no_private_key_lies_there_in_the_clear(house: House) -> None:
    for path in house.directory.iterdir():
        assert b"BEGIN PRIVATE" not in path.read_bytes()
        assert b"BEGIN EC PRIVATE" not in path.read_bytes()
    assert house.files.issuing_key.read_bytes().startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")


@pytest.mark.parametrize("kind", ["file", "full", "ca"])
def test_nothing_that_is_there_is_touched(tmp_path: Path, kind: str) -> None:
    directory = tmp_path / "ca"
    if kind == "file":
        directory.write_text("x")
    elif kind == "full":
        directory.mkdir()
        (directory / "notes").write_text("x")
    else:
        found(directory)
    before = sorted((path, path.stat().st_mtime_ns) for path in tmp_path.rglob("*"))
    with pytest.raises(ConfigurationError, match="there already"):
        make_ca(directory, NEW, NOW, token_bytes)
    assert sorted((path, path.stat().st_mtime_ns) for path in tmp_path.rglob("*")) == before


def test_an_empty_directory_keeps_its_own_permissions(tmp_path: Path) -> None:
    (tmp_path / "ca").mkdir(mode=0o750)
    make_ca(tmp_path / "ca", NEW, NOW, token_bytes)
    assert (tmp_path / "ca").stat().st_mode & 0o777 == 0o750


def test_a_root_key_is_never_written_over(tmp_path: Path) -> None:
    out = tmp_path / "root.key"
    out.write_text("another one")
    with pytest.raises(FileExistsError):
        make_ca(tmp_path / "ca", replace(NEW, root_key_out=out), NOW, token_bytes)
    assert out.read_text() == "another one"
    out.unlink()
    assert make_ca(tmp_path / "ca", replace(NEW, root_key_out=out), NOW, token_bytes)


@pytest.mark.parametrize("there", [True, False])
def test_what_fails_half_way_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: bool) -> None:
    if there:
        (tmp_path / "ca").mkdir()

    def full(*arguments: object) -> None:
        raise Unavailable("the CA's directory: No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(setup, "publish", full)
        with pytest.raises(Unavailable):
            make_ca(tmp_path / "ca", NEW, NOW, token_bytes)
    assert list(tmp_path.rglob("*")) == ([tmp_path / "ca"] if there else [])
    make_ca(tmp_path / "ca", NEW, NOW, token_bytes)


@pytest.mark.parametrize(
    "changes",
    [
        {"name": ""},
        {"name": " "},
        {"name": "a\nb"},
        {"name": "x" * 57},
        {"name": "证" * 19},
        {"key_type": "RSA-1024"},
        {"profile": CAProfile(sm2_library="libcrypto\n")},
        {"profile": CAProfile(sm2_library="\udcff")},
        {"passphrase": "short"},
        {"root_passphrase": "short"},
    ],
)
def test_bad_wishes_are_refused_before_anything_is_made(tmp_path: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        make_ca(tmp_path / "ca", replace(NEW, **changes), NOW, token_bytes)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["x" * 56, "证" * 18])
def test_the_longest_names_fit(tmp_path: Path, name: str) -> None:
    make_ca(tmp_path / "ca", replace(NEW, name=name), NOW, token_bytes)
    issuing = x509.load_pem_x509_certificate(CAFiles(tmp_path / "ca").issuing.read_bytes())
    assert f"CN={name} Issuing" in issuing.subject.rfc4514_string()


def test_no_secret_is_shown() -> None:
    assert PASSPHRASE not in repr(NEW)
    assert ROOT_PASSPHRASE not in repr(NEW)


def test_a_public_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "list"
    replace_public(path, b"old")
    with path.open("rb") as reader:
        replace_public(path, b"newer")
        assert reader.read() == b"old", "who reads meanwhile reads the old one to its end"
    assert path.read_bytes() == b"newer"
    assert list(tmp_path.iterdir()) == [path]


def test_a_private_file_is_new(tmp_path: Path) -> None:
    create_private(tmp_path / "key", b"one")
    with pytest.raises(FileExistsError):
        create_private(tmp_path / "key", b"two")
    assert (tmp_path / "key").read_bytes() == b"one"

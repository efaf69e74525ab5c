"""The file: how it is found and read, what stands where in it, and how file names in it are meant."""

from pathlib import Path
from typing import Any, Final

import pytest

from certlogin.errors import ConfigurationError
from certlogin.settings import load_settings
from certlogin.settings.loader import settings_from_mapping
from certlogin.settings.rules import Unregistered
from certlogin.stores.sql import SqlStore
from tests.settings.good import SECRET, changed, problems, read

SMALLEST: Final = f"""
[site]
origin = "https://survey.example"
secret_keys = ["{SECRET}"]
[host]
auth_cookies = ["session"]
[host.paths]
login = ["/login"]
[[trust.anchors]]
name = "root"
file = "root.pem"
"""
FULL: Final = (
    SMALLEST
    + """
intermediates = ["ca/issuing.pem", "/etc/issuing.pem"]
crls = ["issuing.crl"]
[ca]
socket = "run/ca.sock"
[helper]
builds = "builds.toml"
[stores]
lock_file = "certlogin.lock"
durable = "sqlite:///data/certlogin.db"
"""
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "certlogin.toml"


def refused(file: Path) -> str:
    with pytest.raises(ConfigurationError) as error:
        load_settings(file, {})
    (problem,) = error.value.problems
    return problem


def test_file_names_are_relative_to_the_folder_of_the_file(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text(FULL, encoding="utf-8")
    monkeypatch.chdir("/")
    settings = load_settings(file, {})
    anchor = settings.trust.anchors[0]
    assert anchor.file == f"{tmp_path}/root.pem"
    assert anchor.intermediates == (f"{tmp_path}/ca/issuing.pem", "/etc/issuing.pem")
    assert anchor.crls == (f"{tmp_path}/issuing.crl",)
    assert settings.ca.socket == f"{tmp_path}/run/ca.sock"
    assert settings.helper.builds == f"{tmp_path}/builds.toml"
    assert settings.stores.lock_file == f"{tmp_path}/certlogin.lock"
    assert settings.stores.durable == f"sqlite:///{tmp_path}/data/certlogin.db"


def test_a_name_that_was_not_given_stays_empty(file: Path) -> None:
    file.write_text(SMALLEST, encoding="utf-8")
    settings = load_settings(file, {})
    assert settings.ca.socket == settings.ca.directory == settings.helper.builds == settings.stores.lock_file == ""


def test_a_relative_path_of_the_file_itself_means_the_current_folder(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text(SMALLEST, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert load_settings("certlogin.toml", {}).trust.anchors[0].file == f"{tmp_path}/root.pem"


def test_without_a_folder_names_stay_as_they_are() -> None:
    settings = settings_from_mapping(changed("stores.lock_file", "certlogin.lock"), {})
    assert settings.stores.lock_file == "certlogin.lock"
    assert settings.stores.durable == "sqlite:///certlogin.db"


@pytest.mark.parametrize(
    ("address", "meant"),
    [
        ("sqlite:///certlogin.db", "sqlite:////srv/site/certlogin.db"),
        ("sqlite:///data/x.db?timeout=5", "sqlite:////srv/site/data/x.db?timeout=5"),
        ("sqlite+pysqlite:///x.db", "sqlite+pysqlite:////srv/site/x.db"),
        ("sqlite:////var/lib/x.db", "sqlite:////var/lib/x.db"),
        ("postgresql:///x.db", "postgresql:///x.db"),
        ("postgresql+psycopg://db/certlogin", "postgresql+psycopg://db/certlogin"),
    ],
)
def test_a_relative_database_lies_in_the_folder_too(address: str, meant: str) -> None:
    assert settings_from_mapping(changed("stores.durable", address), {}, "/srv/site").stores.durable == meant


@pytest.mark.parametrize("name", ["普查 2026", "100%25 new", "who?", "a#b", "a+b", "a:b@c"])
def test_a_folder_of_any_name_holds_the_database(name: str, tmp_path: Path) -> None:
    folder = tmp_path / name
    folder.mkdir()
    settings = settings_from_mapping(changed("stores.durable", "sqlite:///x.db"), {}, folder)
    SqlStore.open(settings.stores.durable).close()
    assert (folder / "x.db").exists()


def test_the_process_environment_is_read(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text(SMALLEST.replace(SECRET, "short"), encoding="utf-8")
    monkeypatch.setenv("CERTLOGIN_SITE_SECRET_KEYS", SECRET + "2")
    assert load_settings(file).site.secret_keys == (SECRET + "2",)


# Files that cannot be used


def test_a_file_that_is_not_there(file: Path) -> None:
    assert refused(file) == f"{file}: cannot be read: No such file or directory"


def test_a_folder_in_its_place(tmp_path: Path) -> None:
    assert refused(tmp_path) == f"{tmp_path}: cannot be read: Is a directory"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"[site", "is no TOML: Expected ']'"),
        (b"a = 1\na = 2", "(at end of document)"),
        (b"\xff\xfe[\x00s\x00", "is no TOML: 'utf-8' codec"),
        (b"a = " + b"9" * 5000, "is no TOML: Exceeds the limit"),
        (b"a = " + b"[" * 100_000, "is no TOML"),
        (b"a\x00 = 1", "is no TOML"),
    ],
)
def test_a_file_that_is_no_toml(file: Path, content: bytes, words: str) -> None:
    file.write_bytes(content)
    problem = refused(file)
    assert problem.startswith(f"{file}: is no TOML")
    assert words in problem
    assert "\n" not in problem


def test_a_file_that_is_no_toml_is_not_repeated(file: Path) -> None:
    file.write_text(f'[site]\nsecret_keys = ["{SECRET}\n', encoding="utf-8")
    assert SECRET not in refused(file)


def test_a_byte_order_mark_is_no_obstacle(file: Path) -> None:
    file.write_text(SMALLEST.replace("\n", "\r\n"), encoding="utf-8-sig")
    assert load_settings(file, {}).site.origin == "https://survey.example"


# [adoption]


def test_a11_what_an_unregistered_unit_owes_stands_at_the_top_level() -> None:
    assert read(changed("rules", {})).rules.adoption.unregistered is Unregistered.ISSUE
    for word in (Unregistered.ISSUE, Unregistered.MATCH):
        assert read(changed("adoption.unregistered", word.value)).rules.adoption.unregistered is word


def test_a11_below_the_rules_it_is_refused_and_told_where_it_belongs() -> None:
    assert problems(changed("rules.adoption", {"unregistered": "match"})) == (
        "[rules.adoption] is written [adoption], at the top level",
    )


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ({"unregistered": "none"}, "[adoption] unregistered: must be one of: issue, match, bind"),
        (
            {"unregistered": "bind"},
            "[adoption] unregistered: 'bind' is refused for now: users cannot bind a certificate to their account yet",
        ),
        ("match", "[adoption] must be a table"),
        ([{"unregistered": "match"}], "[adoption] must be a table"),
    ],
)
def test_a11_an_unusable_word_is_refused(value: Any, line: str) -> None:
    assert problems(changed("adoption", value)) == (line,)

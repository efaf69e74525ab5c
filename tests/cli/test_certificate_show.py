"""`certlogin certificate show`: what certlogin sees in a certificate."""

import argparse
import json
from pathlib import Path

import pytest
from cryptography import x509

from certlogin.cli.certificate_show import add_show
from certlogin.errors import ConfigurationError
from certlogin.settings.site import Language
from certlogin.web.locale import load_command_texts
from tests.factory import UNIT_CODE, make_pki, utf8_string


def run(*words: object) -> int:
    parser = argparse.ArgumentParser()
    add_show(parser)
    arguments = parser.parse_args([str(word) for word in words])
    code: int = arguments.run(arguments)
    return code


@pytest.fixture
def leaf(tmp_path: Path) -> Path:
    extra = (
        (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.156.112562.2.1.1.24"), utf8_string("1@5009")), False),
    )
    made = make_pki("SM2").issuing.issue(key_type="SM2", crl_url="http://crl.example/a.crl", extra=extra)
    file = tmp_path / "leaf.der"
    file.write_bytes(made.der)
    return file


def test_a_program_reads_every_member(leaf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(leaf, "--json") == 0
    (line,) = capsys.readouterr().out.splitlines()
    facts = json.loads(line)
    assert facts["file"] == str(leaf)
    assert facts["subject"].startswith("CN=测试单位")
    assert (facts["unit_code"], facts["unique_id"], facts["identity"]) == (UNIT_CODE, "1@5009", "bjca-sm2")
    assert (facts["key"], facts["signature"]) == ("SM2/256", "sm2-with-sm3")
    assert facts["usages"] == ["digital_signature", "content_commitment"]
    assert facts["purposes"] == ["clientAuth"]
    assert facts["authority"] is False
    assert (facts["crl"], facts["ocsp"]) == (["http://crl.example/a.crl"], [])


def test_the_issuers_table_can_be_named(leaf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(leaf, "--json", "--identity", "szca") == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["unit_code"], facts["unique_id"], facts["identity"]) == (UNIT_CODE, None, "szca")


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("zh-CN", ["单位代码", "SM2/256", "证书机构          否", "无"]),
        ("en", ["Unit code", "SM2/256", "Authority         no", "none"]),
    ],
)
def test_a_person_reads_it_in_either_language(
    language: str, words: list[str], leaf: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(leaf, "--language", language) == 0
    page = capsys.readouterr().out
    assert UNIT_CODE in page
    assert [word for word in words if word not in page] == []


def test_the_terminals_language_is_the_default(
    leaf: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LC_MESSAGES", raising=False)
    for name, label in (("zh_CN.UTF-8", "颁发者"), ("C.UTF-8", "Issuer")):
        monkeypatch.setenv("LC_ALL", name)
        run(leaf)
        assert label in capsys.readouterr().out


def test_what_cannot_be_read_has_its_code_and_the_others_are_shown(
    leaf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.der"
    broken.write_bytes(leaf.read_bytes()[:-1])
    assert run(broken, leaf, "--json") == 1
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert first["code"] == "certificate_unreadable"
    assert second["unit_code"] == UNIT_CODE


def test_a_file_that_is_no_certificate_is_unusable(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")
    (tmp_path / "large").write_bytes(bytes(1 << 21))
    with pytest.raises(ConfigurationError, match="text: neither DER nor whole PEM"):
        run(tmp_path / "text")
    with pytest.raises(ConfigurationError, match="larger than"):
        run(tmp_path / "large")
    with pytest.raises(FileNotFoundError):
        run(tmp_path / "missing")


def test_what_a_terminal_might_obey_is_not_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "leaf.der"
    file.write_bytes(make_pki().issuing.issue(common_name="a\x1b[2Jb\u202ec").der)
    assert run(file) == 0
    assert run(file, "--json") == 0
    assert not set("\x1b\u202e") & set(capsys.readouterr().out)


def test_both_languages_have_the_same_texts() -> None:
    assert load_command_texts(Language.ZH_CN).keys() == load_command_texts(Language.EN).keys()

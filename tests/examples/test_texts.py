import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from host_parts.languages import china_day, choose_language, load_texts
from survey_app.reports import Report, Reports

_EXAMPLES = Path(__file__).parents[2] / "examples"
_SURVEY = _EXAMPLES / "survey_app"

each_host = pytest.mark.parametrize("host", [_SURVEY, _EXAMPLES / "zcqd_app"], ids=lambda host: host.name)


@each_host
def test_both_languages_have_the_same_texts_and_none_is_empty(host: Path) -> None:
    texts = load_texts(host / "texts.toml")
    assert texts["zh-CN"].keys() == texts["en"].keys()
    assert all(text.strip() for language in texts.values() for text in language.values())


@each_host
def test_every_text_that_a_template_names_exists(host: Path) -> None:
    names = set()
    for template in (host / "templates").rglob("*.html"):
        names.update(re.findall(r"texts\.([a-z_0-9]+)", template.read_text(encoding="utf-8")))
    assert len(names) > 20
    assert names <= load_texts(host / "texts.toml")["en"].keys()


def test_a2_the_host_says_nothing_of_applying_for_a_certificate() -> None:
    welcome = (_SURVEY / "templates/survey/welcome.html").read_text(encoding="utf-8")
    keys = set(re.findall(r"texts\.([a-z_0-9]+)", welcome))
    for texts in load_texts(_SURVEY / "texts.toml").values():
        assert not [key for key in keys if "证书" in texts[key] or "certificate" in texts[key].lower()]
        assert "申请证书" not in " ".join(texts.values())


@each_host
def test_no_template_has_inline_scripts_or_styles(host: Path) -> None:
    for template in (host / "templates").rglob("*.html"):
        text = template.read_text(encoding="utf-8")
        assert not re.search(r"<script|<style|\bstyle=|\bon[a-z]+=", text), template.name


@pytest.mark.parametrize(
    ("asked", "header", "language"),
    [
        ("", "", "zh-CN"),
        ("", "fr", "zh-CN"),
        ("", "zh-CN,zh;q=0.9,en;q=0.8", "zh-CN"),
        ("", "zh-TW", "zh-CN"),
        ("", "zh-TW,en;q=0.9", "zh-CN"),
        ("", "en-GB,en;q=0.9", "en"),
        ("", "zh;q=0,en", "en"),
        ("en", "zh-CN", "en"),
        ("zh-CN", "en", "zh-CN"),
        ("xx", "en", "en"),
    ],
)
def test_the_language_is_asked_for_by_link_or_browser(asked: str, header: str, language: str) -> None:
    assert choose_language(asked, header) == language


def test_days_are_those_of_china() -> None:
    assert china_day(datetime(2026, 3, 1, 15, 59, 59, tzinfo=UTC)) == "2026-03-01"
    assert china_day(datetime(2026, 3, 1, 16, 0, tzinfo=UTC)) == "2026-03-02"


def test_a_report_survives_a_restart_and_the_last_one_counts(tmp_path: Path) -> None:
    Reports(tmp_path / "reports.db").save("U1", Report(1, 2))
    Reports(tmp_path / "reports.db").save("U1", Report(3, 4))
    reports = Reports(tmp_path / "reports.db")
    assert reports.of("U1") == Report(3, 4)
    assert reports.of("U2") is None

"""The texts: complete, alike in both languages, used, and never in the way of a page."""

import importlib
import pkgutil
import re
from datetime import UTC, datetime
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

import certlogin
from certlogin.errors import CertloginError, leaves
from certlogin.login.policy import Reason
from certlogin.settings.site import Language
from certlogin.stores.base import TooManyAttempts
from certlogin.web.locale import ErrorText, TextMissing, load_texts, negotiate, said
from certlogin.web.pages import HELP_CODES, PAGE_CODES

ZH = load_texts(Language.ZH_CN, strict=True)
EN = load_texts(Language.EN, strict=True)
BOTH = pytest.mark.parametrize("language", list(Language))
_HOLE = re.compile(r"\{([^}]*)\}")


def _error_classes() -> list[type[CertloginError]]:
    """Every error of certlogin, from every module; the migrations are run by alembic only."""
    for module in pkgutil.walk_packages(certlogin.__path__, "certlogin."):
        if ".migrations" not in module.name and ".integrations" not in module.name:
            importlib.import_module(module.name)
    return [leaf for leaf in leaves() if leaf.__module__.startswith("certlogin.")]


def _codes() -> set[str]:
    return {leaf.code for leaf in _error_classes()} | set(PAGE_CODES) | {reason.value for reason in Reason}


# --- both languages


def test_both_languages_have_the_same_keys() -> None:
    assert ZH.keys() == EN.keys()
    assert len(ZH.keys()) > 300


@BOTH
def test_no_text_is_empty_or_has_spaces_at_its_ends(language: Language) -> None:
    for key, text in load_texts(language, strict=True).raw("").items():
        assert text.strip() == text != "", key


def test_placeholders_agree_between_the_languages() -> None:
    zh, en = ZH.raw(""), EN.raw("")
    for key, text in zh.items():
        assert set(_HOLE.findall(text)) == set(_HOLE.findall(en[key])), key
        assert all(re.fullmatch("[a-z][a-z0-9_]*", hole) for hole in _HOLE.findall(text)), key


def test_chinese_texts_are_chinese_and_english_ones_are_not() -> None:
    for key, text in EN.raw("").items():
        assert not re.search(r"[\u4e00-\u9fff]", text), key
    spoken = [text for key, text in ZH.raw("errors.").items() if key.endswith(".next_step")]
    assert all(re.search(r"[\u4e00-\u9fff]", text) for text in spoken)


# --- every code


@BOTH
def test_every_error_and_every_reason_says_its_cause_and_the_next_thing_to_do(language: Language) -> None:
    keys = load_texts(language, strict=True).keys()
    missing = [
        f"errors.{code}.{part}"
        for code in sorted(_codes())
        for part in ("title", "next_step")
        if f"errors.{code}.{part}" not in keys
    ]
    assert not missing


def test_no_text_belongs_to_a_code_that_nobody_raises() -> None:
    written = {key.split(".")[1] for key in ZH.keys() if key.startswith("errors.")}
    assert written == _codes()


def test_an_error_text_asks_only_for_facts_that_every_error_of_its_code_has() -> None:
    facts: dict[str, list[set[str]]] = {}
    for leaf in _error_classes():
        facts.setdefault(leaf.code, []).append(set(getattr(leaf, "__dataclass_fields__", {})))
    for key, text in ZH.raw("errors.").items():
        code = key.split(".")[1]
        # A page shows a reason, or what it found itself, without any facts.
        known = set.intersection(*facts[code]) if code in facts else set()
        assert set(_HOLE.findall(text)) <= known, key
        if code in PAGE_CODES or code in {reason.value for reason in Reason}:
            assert not _HOLE.findall(text), key


@BOTH
def test_help_topics_have_their_texts(language: Language) -> None:
    keys = load_texts(language, strict=True).keys()
    assert {f"help.{topic}.{part}" for topic in HELP_CODES for part in ("title", "text")} <= keys


# --- every key is used, and every key used exists


def _sources(folder: str, end: str) -> str:
    root = resources.files("certlogin") / folder
    files = [*root.iterdir(), *(root / "pages").iterdir()] if folder == "static" else [*root.iterdir()]
    return "\n".join(file.read_text(encoding="utf-8") for file in files if file.name.endswith(end))


def _used() -> tuple[set[str], set[str]]:
    """Whole keys, and the beginnings of those that are put together."""
    templates, scripts = _sources("templates", ".html"), _sources("static", ".js")
    whole = set(re.findall(r"""\bt\(["']([a-z0-9_.]+)["']\s*[,)]""", templates))
    begun = set(re.findall(r"""\bt\(["']([a-z0-9_.]+\.[a-z0-9_]*)["'] ~""", templates))
    whole |= set(re.findall(r"""["']((?:js|download)\.[a-z0-9_]+)["']""", scripts))
    begun |= set(re.findall(r"`((?:js|download|errors)\.[a-z0-9_.]*)\$\{", scripts))
    names = [file.name.removesuffix(".html") for file in (resources.files("certlogin") / "templates").iterdir()]
    # By `Pages.render`: the title of a page, and the languages by their own names.
    return whole | {f"{name}.title" for name in names} | {"layout.language_name"}, begun


def test_every_key_that_a_template_or_script_names_exists() -> None:
    whole, begun = _used()
    unwritten = {f"{name}.title" for name in ("layout", "parts", "refused", "help")}
    assert len(whole) > 100
    assert whole - unwritten <= ZH.keys()
    assert {start for start in begun if not any(key.startswith(start) for key in ZH.keys())} == set()


def test_no_key_is_unused() -> None:
    whole, begun = _used()
    unused = {key for key in ZH.keys() - whole if not any(key.startswith(start) for start in begun)}
    assert unused == set()


# --- reading a text


@BOTH
def test_a_missing_text_raises_in_strict_mode_and_stays_visible_otherwise(language: Language) -> None:
    with pytest.raises(TextMissing) as caught:
        load_texts(language, strict=True).text("helper.nothing")
    assert (caught.value.language, caught.value.key) == (language.value, "helper.nothing")
    assert load_texts(language, strict=False).text("helper.nothing") == "[helper.nothing]"


def test_a_missing_fact_raises_in_strict_mode_and_stays_visible_otherwise() -> None:
    with pytest.raises(TextMissing):
        EN.text("problem.code")
    assert load_texts(Language.EN, strict=False).text("problem.code") == "Code: [problem.code{code}]"


def test_an_unknown_code_gets_the_general_words_in_production_only() -> None:
    general = load_texts(Language.EN, strict=False).error("no_such_code", {})
    assert general == ErrorText(EN.text("errors.internal_error.title"), EN.text("errors.internal_error.next_step"))
    with pytest.raises(TextMissing):
        EN.error("no_such_code", {})


def test_the_facts_of_an_error_fill_its_text() -> None:
    error = TooManyAttempts("unit", 17)
    assert EN.error(error.public_code(), error.facts()).next_step == "Try again in 17 seconds."
    assert "17" in ZH.error(error.public_code(), error.facts()).next_step


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "—"),
        ("曙光", "曙光"),
        (7, "7"),
        ((1, 5, 1, 0), "1.5.1.0"),
        (("a", "b"), "a, b"),
        (datetime(2026, 3, 1, 16, 30, tzinfo=UTC), "2026-03-02 00:30"),
    ],
)
def test_a_fact_is_said_as_people_read_it(value: object, text: str) -> None:
    assert said(value) == text


@given(st.text())
def test_a_fact_is_never_read_as_a_text(fact: str) -> None:
    assert EN.text("problem.code", code=fact) == f"Code: {fact}"


# --- which language


@pytest.mark.parametrize(
    ("asked", "accepted", "language"),
    [
        (None, None, "zh-CN"),
        ("en", "zh-CN", "en"),
        ("zh-CN", "en", "zh-CN"),
        ("EN", None, "zh-CN"),
        ("../en", "fr", "zh-CN"),
        (None, "en-GB,en;q=0.9", "en"),
        (None, "zh,en;q=0.5", "zh-CN"),
        (None, "zh-TW,zh;q=0.8", "zh-CN"),
        (None, "zh-TW,en;q=0.9", "zh-CN"),
        (None, "en;q=0.3,zh-Hans-SG;q=0.7", "zh-CN"),
        (None, "zh;q=0,en-US;q=0.1", "en"),
        (None, "fr-FR", "zh-CN"),
        (None, "*", "zh-CN"),
        (None, "\x00;q=,,", "zh-CN"),
    ],
)
def test_the_language_is_the_one_asked_for_else_the_browsers_else_the_sites(
    asked: str | None, accepted: str | None, language: str
) -> None:
    assert negotiate(asked, accepted, Language.ZH_CN).value == language


def test_the_site_has_a_language_of_its_own() -> None:
    assert negotiate(None, "fr", Language.EN) is Language.EN

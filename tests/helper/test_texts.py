"""What the windows say: harmless facts, warnings before anything a page can stretch (11, 19)."""

import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certlogin.helper.config import Language
from certlogin.helper.pin.assuan import command, unescape
from certlogin.helper.texts import _TEXTS, _WORDS, Matter, Texts, shown
from certlogin.wire.payload import Purpose
from tests.helper.world import SITE, origin_of

_TEXTS_ZH = Texts("证书助手", Language.ZH_CN, 0x123, False)
_MATTER = Matter(origin_of(SITE), Purpose.LOGIN, "u-1", "某单位", "CN 名", "介质", "F0123", 6)


@given(st.text(max_size=200), st.integers(1, 64))
def test_threat_19_a_foreign_text_is_short_and_moves_nothing(text: str, limit: int) -> None:
    visible = shown(text, limit)
    assert len(visible) <= limit
    assert not any(unicodedata.category(one) in ("Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp") for one in visible)


@pytest.mark.parametrize("sign", ["\u202e", "\u200b", "\u2066", "\n", "\x1b", "\u2028", "\ufeff", "\ue000"])
def test_threat_19_bidirectional_and_invisible_signs_are_replaced(sign: str) -> None:
    description = _TEXTS_ZH.pin(replace(_MATTER, unit_name=f"某{sign}单位")).description
    assert "某\ufffd单位" in description


def test_threat_19_companion_shown_as_it_came_a_name_turns_the_line_around(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("certlogin.helper.texts.shown", lambda text, limit=48: text)
    description = _TEXTS_ZH.pin(replace(_MATTER, unit_name="\u202e位单\n用途：登录")).description
    assert "\u202e" in description
    assert description.split("\n").count("用途：登录（u-1）") == 1


@pytest.mark.parametrize("language", Language)
def test_threat_11_no_page_can_push_site_purpose_warning_or_phrase_out_of_the_window(language: Language) -> None:
    origin = origin_of("https://" + ".".join(["a" * 61] * 4) + ".cn:65535")
    long = "%" * 300
    matter = Matter(origin, Purpose.STEP_UP, long, long, long, long, "F" * 32, 1)
    texts = Texts("证书助手" * 20, language, 0xFFF, True)
    for question in (texts.pin(matter), texts.last_try(matter), texts.enroll(matter), texts.pair(matter)):
        seen = unescape(command("SETDESC", question.description)[:-1].partition(b" ")[2]).decode()
        assert seen != question.description
        for part in (origin.text, origin.registrable, texts.phrase(), texts._tries(1)):
            assert part in seen


def test_empty_facts_leave_no_empty_line() -> None:
    lines = _TEXTS_ZH.pin(Matter(origin_of(SITE), Purpose.LOGIN)).description.split("\n")
    assert all(lines)
    assert not any(word in "".join(lines) for word in ("单位", "证书：", "介质", "PIN 次数", "开发模式"))


def test_both_languages_say_everything() -> None:
    assert _TEXTS[Language.ZH_CN].keys() == _TEXTS[Language.EN].keys()
    assert {len(words) for words in _WORDS.values()} == {16}
    assert all(len(set(words)) == 16 for words in _WORDS.values())


@given(st.integers(0, 2**32 - 1))
def test_threat_11_the_phrase_is_three_words_chosen_by_the_installation(number: int) -> None:
    words = Texts("x", Language.EN, number, False).phrase().split(" ")
    assert len(words) == 3
    assert set(words) <= set(_WORDS[Language.EN])
    other = Texts("x", Language.EN, number ^ 1, False).phrase()
    assert other != " ".join(words)


@pytest.mark.parametrize(("left", "line"), [(None, None), (3, "剩余 PIN 次数：3"), (2, "注意：PIN 还可以输入 2 次")])
def test_tries_left_are_shown_when_known_and_warned_about_when_few(left: int | None, line: str | None) -> None:
    description = _TEXTS_ZH.pin(replace(_MATTER, tries_left=left)).description
    assert ("次数" in description or "次，" in description) is (line is not None)
    assert line is None or line in description

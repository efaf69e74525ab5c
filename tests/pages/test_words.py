"""Texts with their facts, the processor as the browser names it, and rows to choose from."""

from typing import Any

import pytest

from tests.pages.conftest import Module

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(
    ("key", "facts", "text"),
    [
        ("plain", {}, "Plain."),
        ("two", {"a": 1, "b": "x"}, "1 and x"),
        ("two", {"a": None}, "— and {b}"),
        ("two", {"a": "{b}", "b": "$&"}, "{b} and $&"),
        ("missing", {}, "[missing]"),
        ("constructor", {}, "[constructor]"),
    ],
)
def test_a_text_is_filled_and_a_missing_one_stays_visible(
    module: Module, key: str, facts: dict[str, Any], text: str
) -> None:
    script = '(m, [key, facts]) => new m.Texts({ plain: "Plain.", two: "{a} and {b}" }).text(key, facts)'
    assert module("texts.js", script, [key, facts]) == text


def test_an_unknown_code_of_the_helper_gets_the_general_words(module: Module) -> None:
    script = """(m, code) => new m.Texts({
        "errors.busy.title": "Busy", "errors.busy.next_step": "Wait",
        "errors.helper_error.title": "Error", "errors.helper_error.next_step": "Restart",
    }).error(code, {})"""
    assert module("texts.js", script, "busy") == {"title": "Busy", "nextStep": "Wait"}
    assert module("texts.js", script, "new_code") == {"title": "Error", "nextStep": "Restart"}


@pytest.mark.parametrize(
    ("navigator", "arch"),
    [
        ({"platform": "Linux aarch64"}, "aarch64"),
        ({"platform": "Linux mips64"}, "mips64el"),
        ({"platform": "Linux loongarch64"}, "loongarch64"),
        ({"platform": "Linux x86_64"}, ""),
        ({"platform": ""}, ""),
        ({}, ""),
        ({"platform": "Linux x86_64", "hints": {"architecture": "arm", "bitness": "64"}}, "aarch64"),
        ({"platform": "Win32", "hints": {"architecture": "x86", "bitness": "64"}}, "x86_64"),
        ({"platform": "Win32", "hints": {"architecture": "x86", "bitness": "32"}}, ""),
        ({"platform": "Linux", "hints": {"architecture": "", "bitness": ""}}, ""),
        ({"platform": "Linux", "hints": "refused"}, ""),
    ],
)
def test_b9_newer_browsers_tell_the_processor_when_they_are_asked(
    module: Module, navigator: dict[str, Any], arch: str
) -> None:
    script = """async (m, { platform, hints }) => m.archFrom({ platform, userAgentData: hints && {
        getHighEntropyValues: async () => { if (hints === "refused") throw new Error(); return hints; },
    } })"""
    assert module("arch.js", script, navigator) == arch


def test_a_row_to_choose_shows_text_as_text(module: Module) -> None:
    script = """(m) => {
        const given = { name: "n", value: "v", id: "i", title: "<b>T</b>", lines: ["<i>1</i>", "2"], disabled: true };
        const row = m.choice(document, given);
        const { name, value, id, disabled, checked, type } = row.querySelector("input");
        const made = row.querySelectorAll("b, i").length;
        return [row.className, row.htmlFor, row.textContent, made, name, value, id, disabled, checked, type];
    }"""
    assert module("choice.js", script) == [
        "choice choice-disabled",
        "i",
        "<b>T</b><i>1</i>2",
        0,
        "n",
        "v",
        "i",
        True,
        False,
        "radio",
    ]

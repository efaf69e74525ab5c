"""B3: after a click the button greys out and counts down; it cannot be clicked again until zero."""

from typing import Any

import pytest

from tests.pages.conftest import Module

pytestmark = pytest.mark.browser


def _story(module: Module, script: str, seconds: int = 30) -> Any:
    """`script` has `click`, `pass`, `look` and `said`; what it returns."""
    whole = """async (m, seconds) => {
        const clock = fakes.clock();
        const button = document.createElement("a");
        button.textContent = "下载";
        const said = [];
        const words = {
            waiting: (rest) => `waiting ${rest}`,
            started: (rest) => said.push(`started ${rest}`),
            ready: () => said.push("ready"),
        };
        button.addEventListener("click", m.counting(button, seconds, clock, words));
        const click = () => !button.dispatchEvent(new MouseEvent("click", { cancelable: true }));
        const look = () => [button.textContent, button.getAttribute("aria-disabled")];
        const pass = (milliseconds) => clock.pass(milliseconds);
        %s
    }"""
    return module("countdown.js", whole % script, seconds)


def test_b3_a_click_greys_the_button_out_and_counts_down_to_zero(module: Module) -> None:
    story = """
        const seen = [look()];
        const prevented = click();
        seen.push(look());
        for (const milliseconds of [900, 200, 27900, 900, 200]) { await pass(milliseconds); seen.push(look()); }
        return { prevented, seen, said, left: clock.pending() };"""
    shown = _story(module, story)
    assert shown["prevented"] is False
    assert shown["seen"] == [
        ["下载", None],
        ["waiting 30", "true"],
        ["waiting 30", "true"],
        ["waiting 29", "true"],
        ["waiting 1", "true"],
        ["waiting 1", "true"],
        ["下载", None],
    ]
    assert shown["said"] == ["started 30", "ready"]
    assert shown["left"] == 0


def test_b3_a_second_click_before_zero_does_nothing_and_one_after_zero_counts_again(module: Module) -> None:
    story = """
        const prevented = [click(), click()];
        await pass(29000);
        prevented.push(click());
        await pass(1500);
        prevented.push(click());
        return { prevented, look: look(), said };"""
    shown = _story(module, story)
    assert shown["prevented"] == [False, True, True, False]
    assert shown["look"] == ["waiting 30", "true"]
    assert shown["said"] == ["started 30", "ready", "started 30"]


def test_without_seconds_nothing_is_counted(module: Module) -> None:
    shown = _story(module, "return { prevented: [click(), click()], look: look(), said };", 0)
    assert shown == {"prevented": [False, False], "look": ["下载", None], "said": []}


def test_a_sleeping_computer_does_not_wait_longer(module: Module) -> None:
    """Counted by the clock, not by ticks: timers of a hidden page come late."""
    story = "click(); clock.step(); await pass(0); const before = look(); await pass(40000); return [before, look()];"
    assert _story(module, story)[1] == ["下载", None]

"""B7: the page notices by itself when the helper appears."""

import json
from typing import Any

import pytest

from tests.pages.conftest import Module

pytestmark = pytest.mark.browser

HELLO = {"product": "certlogin-helper", "protocols": [1], "version": "1.5.1.0", "os": "linux", "arch": "x86_64"}


def _watch(module: Module, story: str, **given: Any) -> dict[str, Any]:
    """`story` has `around`, `pass`, `stop`, `network`; the events are what the page would have been told."""
    script = """async (m, [given, watch]) => {
        const around = fakes.surroundings(given);
        const network = given.ports;
        const events = [];
        const stop = m.watchForHelper([17561, 17562], around, {
            onFound: ({ version }) => events.push([around.now(), "found " + version]),
            onStopped: ({ code }) => events.push([around.now(), "stopped " + code]),
            ...watch,
        });
        const pass = (milliseconds) => around.clock.pass(milliseconds);
        STORY
        return { events, looks: around.asked.filter(({ address }) => address.includes("17561")).map(({ at }) => at),
            modes: [...new Set(around.asked.map(({ mode }) => mode))], left: around.clock.pending() };
    }"""
    watch = {name: given.pop(name) for name in ("limit", "except") if name in given}
    answer: dict[str, Any] = module("watch.js", script.replace("STORY", story), [{"ports": {}, **given}, watch])
    return answer


def test_b7_it_looks_every_two_seconds_and_says_once_that_the_helper_is_there(module: Module) -> None:
    story = f"await pass(3000); {_starts(17562)} await pass(9000);"
    shown = _watch(module, story)
    assert [what for _, what in shown["events"]] == ["found 1.5.1.0"]
    assert shown["events"][0][0] < 4100
    assert len(shown["looks"]) == 3
    assert shown["left"] == 0


def test_it_asks_nothing_more_than_whether_the_helper_is_there(module: Module) -> None:
    assert _watch(module, "await pass(7000); stop();")["modes"] == ["cors"]


@pytest.mark.parametrize("state", ["denied", "prompt"])
def test_it_does_not_disturb_a_user_who_refused(module: Module, state: str) -> None:
    ports = {17561: {"refused": True, "after": 4000}}
    shown = _watch(module, "await pass(20000);", state=state, ports=ports)
    code = {"denied": "browser_blocked", "prompt": "prompt_dismissed"}[state]
    assert [what for _, what in shown["events"]] == [f"stopped {code}"]
    assert len(shown["looks"]) == 1


def test_it_stops_when_it_is_told_to(module: Module) -> None:
    shown = _watch(module, f"await pass(3000); stop(); {_starts(17561)} await pass(9000);")
    assert (shown["events"], len(shown["looks"])) == ([], 2)


def test_it_gives_up_at_its_limit_and_says_why(module: Module) -> None:
    shown = _watch(module, "await pass(30000);", limit=10_000)
    ((at, what),) = shown["events"]
    assert what == "stopped helper_not_running"
    assert 10_000 <= at < 12_100


def test_b13_it_looks_past_the_version_that_is_too_old(module: Module) -> None:
    story = f"await pass(5000); {_starts(17561, '2.0.0.0')} await pass(3000);"
    shown = _watch(module, story, ports={17561: {"json": HELLO}}, **{"except": "1.5.1.0"})
    assert [what for _, what in shown["events"]] == ["found 2.0.0.0"]


def test_it_waits_for_a_helper_that_is_another_users_or_too_old(module: Module) -> None:
    for answer in ({"error": {"code": "wrong_user"}}, {**HELLO, "protocols": [7]}):
        story = f"await pass(3000); {_starts(17561)} await pass(3000);"
        shown = _watch(module, story, ports={17561: {"json": answer}})
        assert [what for _, what in shown["events"]] == ["found 1.5.1.0"]


def _starts(port: int, version: str = "1.5.1.0") -> str:
    """The line of a story in which a helper appears."""
    return f"network[{port}] = {{ json: {json.dumps({**HELLO, 'version': version})} }};"

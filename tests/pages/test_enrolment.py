"""C2, C5: from a key to a certificate on the token; a repeated run goes on where the last one broke off."""

from typing import Any

import pytest

from tests.pages.conftest import Module

pytestmark = pytest.mark.browser

WHOLE = [
    ["challenge", {"purpose": "enrol"}],
    ["enroll", "F1", "P-256"],
    ["enrol", {"request": "REQUEST"}],
    ["install", "KEY", "CERTIFICATE", ["CA"]],
    ["enrol/installed", {"certificate_sha256": "ab"}],
]


def _runs(module: Module, *failing: str) -> Any:
    """Runs it once more than there are failing steps: each run fails at its step, the last one at none."""
    script = """async (m, failing) => {
        const did = [];
        const said = [];
        let fails = "";
        const step = async (name, answer, ...seen) => {
            did.push([name, ...seen]);
            if (name === fails) throw Object.assign(new Error(name), { code: name });
            return answer;
        };
        const answers = {
            "api/challenge": { challenge: "N" },
            "api/enrol": { certificate: "CERTIFICATE", chain: ["CA"], certificate_sha256: "ab" },
            "api/enrol/installed": { next: "/done" },
        };
        const server = { post: (path, body) => step(path.slice(4), answers[path], body) };
        const helper = {
            enroll: (challenge, serial, kind) => step("enroll", { request: "REQUEST", key_id: "KEY" }, serial, kind),
            install: (...seen) => step("install", { certificate_sha256: "ab" }, ...seen),
        };
        const enrolment = new m.Enrolment(server, (key) => said.push(key));
        const ends = [];
        for (fails of [...failing, ""]) {
            ends.push(await enrolment.run(helper, "F1", "P-256").catch(({ code }) => `failed ${code}`));
        }
        return { did, said, ends };
    }"""
    return module("enrolment.js", script, list(failing))


def test_c2_key_request_certificate_token_and_the_report_in_that_order(module: Module) -> None:
    shown = _runs(module)
    assert shown["did"] == WHOLE
    assert shown["ends"] == ["/done"]


def test_c5_each_part_is_said(module: Module) -> None:
    assert _runs(module)["said"] == ["js.enter_pin", "js.issuing", "js.installing", "js.reporting", "js.installed"]


@pytest.mark.parametrize(("step", "done"), [("challenge", 1), ("enroll", 2), ("enrol", 3), ("install", 4)])
def test_what_fails_before_the_certificate_is_on_the_token_is_done_again(module: Module, step: str, done: int) -> None:
    shown = _runs(module, step)
    assert shown["ends"] == [f"failed {step}", "/done"]
    assert shown["did"] == WHOLE[:done] + WHOLE


def test_a_certificate_on_the_token_is_only_reported_again(module: Module) -> None:
    """No second PIN and no second certificate because the network broke at the end."""
    shown = _runs(module, "enrol/installed", "enrol/installed")
    assert shown["ends"] == ["failed enrol/installed", "failed enrol/installed", "/done"]
    assert shown["did"] == [*WHOLE, WHOLE[-1], WHOLE[-1]]


def test_after_the_report_another_run_begins_anew(module: Module) -> None:
    shown = _runs(module, "nothing")
    assert shown["ends"] == ["/done", "/done"]
    assert shown["did"] == WHOLE + WHOLE


def test_c5_the_browser_asks_before_it_leaves_and_only_then(module: Module) -> None:
    script = """(m) => {
        const leave = () => !window.dispatchEvent(new Event("beforeunload", { cancelable: true }));
        const before = leave();
        const end = m.guardLeaving(window);
        const during = leave();
        end();
        return [before, during, leave()];
    }"""
    assert module("enrolment.js", script) == [False, True, False]

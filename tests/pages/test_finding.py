"""Finding the helper, and telling apart why it cannot be reached (helper protocol, section 1)."""

from typing import Any

import pytest

from tests.pages.conftest import Module

pytestmark = pytest.mark.browser

PORTS = [17561, 17562, 17563]
HELLO = {"product": "certlogin-helper", "protocols": [1], "version": "1.5.1.0", "os": "linux", "arch": "x86_64"}
FOUND = {"version": "1.5.1.0", "os": "linux", "arch": "x86_64"}


def _find(module: Module, **surroundings: Any) -> dict[str, Any]:
    """What `findHelper` makes of these surroundings; with `asked` and `asking` (when it said so)."""
    script = """async (m, [ports, given]) => {
        const around = fakes.surroundings(given);
        const asking = [];
        const finding = m.findHelper(ports, around, { onAsking: () => asking.push(around.now()) });
        const end = await fakes.drive(around.clock, finding);
        return { ...end, asking, asked: around.asked, left: around.clock.pending() };
    }"""
    answer: dict[str, Any] = module("helper.js", script, [PORTS, surroundings])
    assert answer["left"] == 0, "a timer was left behind"
    return answer


# --- the table


@pytest.mark.parametrize(
    ("state", "milliseconds", "listens", "code"),
    [
        ("denied", 3, False, "browser_blocked"),
        ("denied", 5000, True, "browser_blocked"),
        ("prompt", 3, False, "helper_not_running"),
        ("prompt", 499, True, "helper_not_running"),
        ("prompt", 500, False, "prompt_dismissed"),
        ("prompt", 90_000, False, "prompt_dismissed"),
        ("granted", 3, False, "helper_not_running"),
        ("granted", 5000, False, "helper_not_running"),
        ("granted", 3, True, "origin_refused"),
        ("unsupported", 3, False, "unreachable"),
        ("unsupported", 5000, True, "unreachable"),
    ],
)
def test_the_table_of_failures(module: Module, state: str, milliseconds: int, listens: bool, code: str) -> None:
    assert module("helper.js", "(m, row) => m.failureCode(...row)", [state, milliseconds, listens]) == code


@pytest.mark.parametrize(
    ("state", "after", "code", "ports_asked"),
    [
        ("denied", 3, "browser_blocked", 3),
        ("prompt", 3, "helper_not_running", 3),
        ("prompt", 4000, "prompt_dismissed", 1),
        ("granted", 3, "helper_not_running", 3),
        ("unsupported", 3, "unreachable", 3),
    ],
)
def test_a_request_that_fails_is_judged_by_time_and_permission(
    module: Module, state: str, after: int, code: str, ports_asked: int
) -> None:
    answer = _find(module, state=state, ports={port: {"refused": True, "after": after} for port in PORTS})
    assert answer["code"] == code
    # After a dismissed question the next port would only make the browser ask again.
    assert len([row for row in answer["asked"] if row["mode"] == "cors"]) == ports_asked
    assert answer["facts"]["state"] == state


def test_a_program_that_does_not_open_its_answer_to_this_site_refuses_its_origin(module: Module) -> None:
    answer = _find(module, state="granted", ports={17562: {"opaque": True}})
    assert answer["code"] == "origin_refused"
    assert [row["mode"] for row in answer["asked"]] == ["cors"] * 3 + ["no-cors"] * 2


def test_whether_somebody_listens_is_not_asked_where_a_prompt_could_open(module: Module) -> None:
    for state in ("prompt", "denied", "unsupported"):
        answer = _find(module, state=state, ports={17562: {"opaque": True}})
        assert {row["mode"] for row in answer["asked"]} == {"cors"}


# --- finding it


@pytest.mark.parametrize("port", PORTS)
@pytest.mark.parametrize("state", ["granted", "prompt", "denied", "unsupported"])
def test_b1_the_helper_is_found_on_each_port_whatever_the_browser_says_of_permission(
    module: Module, port: int, state: str
) -> None:
    answer = _find(module, state=state, ports={port: {"json": HELLO}})
    assert answer["value"] == {"port": port, **FOUND}
    assert [row["address"] for row in answer["asked"]] == [
        f"http://127.0.0.1:{one}/v1/hello" for one in PORTS[: PORTS.index(port) + 1]
    ]


def test_a_request_carries_no_cookie_no_referrer_and_follows_no_redirect(module: Module) -> None:
    (row,) = _find(module, ports={17561: {"json": HELLO}})["asked"]
    expected = {
        "method": "GET",
        "mode": "cors",
        "credentials": "omit",
        "cache": "no-store",
        "redirect": "error",
        "referrerPolicy": "no-referrer",
    }
    assert {name: row["options"][name] for name in expected} == expected


def test_the_user_may_take_long_to_allow_it(module: Module) -> None:
    allowed = [[0, "prompt"], [20_000, "granted"]]
    answer = _find(module, state=allowed, ports={17561: {"json": HELLO, "after": 20_000}})
    assert answer["value"]["port"] == 17561
    assert answer["asking"] == [800]


def test_once_allowed_the_other_ports_are_tried(module: Module) -> None:
    ports = {17561: {"refused": True, "after": 20_000}, 17563: {"json": HELLO}}
    answer = _find(module, state=[[0, "prompt"], [20_000, "granted"]], ports=ports)
    assert answer["value"]["port"] == 17563


def test_the_page_says_that_the_browser_is_asking_after_800_milliseconds_and_not_before(module: Module) -> None:
    assert _find(module, state="prompt", ports={17561: {"json": HELLO, "after": 799}})["asking"] == []
    assert _find(module, state="prompt", ports={17561: {"json": HELLO, "after": 801}})["asking"] == [800]


def test_a_prompt_that_nobody_answers_is_given_up_after_120_seconds(module: Module) -> None:
    answer = _find(module, state="prompt", ports={17561: {"silent": True}})
    assert (answer["code"], answer["at"]) == ("prompt_dismissed", 120_000)


def test_a_program_that_accepts_and_never_answers_is_passed_over(module: Module) -> None:
    answer = _find(module, state="granted", ports={17561: {"silent": True}, 17562: {"json": HELLO}})
    assert (answer["value"]["port"], answer["at"]) == (17562, 5002)


@pytest.mark.parametrize(
    "other",
    [
        {"json": {"product": "something else"}},
        {"json": None},
        {"json": []},
        {"json": "certlogin-helper"},
        {"text": "<html>"},
        {"text": ""},
    ],
)
def test_another_program_on_a_port_is_passed_over(module: Module, other: dict[str, Any]) -> None:
    answer = _find(module, ports={17561: other, 17562: {"json": HELLO}})
    assert answer["value"]["port"] == 17562


def test_the_helper_of_another_user_is_passed_over_for_ones_own(module: Module) -> None:
    foreign = {"json": {"error": {"code": "wrong_user", "retryable": False}}}
    assert _find(module, ports={17561: foreign, 17562: {"json": HELLO}})["value"]["port"] == 17562
    assert _find(module, ports={17561: foreign})["code"] == "wrong_user"


@pytest.mark.parametrize("protocols", [[2], [], None, "1", {"1": True}])
def test_a_helper_of_another_protocol_is_named_as_such(module: Module, protocols: object) -> None:
    answer = _find(module, ports={17561: {"json": {**HELLO, "protocols": protocols, "version": "9.0.0.0"}}})
    assert (answer["code"], answer["facts"]) == ("unsupported_protocol", {"version": "9.0.0.0"})


# --- pages that the browser does not gate


def test_on_an_intranet_page_the_permission_prompt_is_no_prompt(module: Module) -> None:
    answer = _find(module, state="prompt", hostname="10.1.2.3", ports={17561: {"refused": True, "after": 4000}})
    assert answer["code"] == "helper_not_running"
    assert len([row for row in answer["asked"] if row["mode"] == "cors"]) == 3


def test_a_denial_holds_on_an_intranet_page_too(module: Module) -> None:
    assert _find(module, state="denied", hostname="10.1.2.3")["code"] == "browser_blocked"


@pytest.mark.parametrize(
    ("hostname", "inside"),
    [
        ("10.0.0.1", True), ("127.0.0.1", True), ("172.16.0.1", True), ("172.31.255.255", True),
        ("192.168.1.1", True), ("169.254.0.1", True), ("portal", True), ("survey.intranet", True),
        ("a.internal", True), ("nas.lan", True), ("x.home.arpa", True), ("[::1]", True), ("[fd00::1]", True),
        ("[fe80::1]", True), ("11.0.0.1", False), ("172.15.0.1", False), ("172.32.0.1", False),
        ("192.169.1.1", False), ("survey.example.cn", False), ("10.0.0.1.example.cn", False),
        ("intranet.example.cn", False), ("[2001:db8::1]", False), ("lan.cn", False), ("xlan", True),
    ],
)  # fmt: skip
def test_what_counts_as_an_intranet(module: Module, hostname: str, inside: bool) -> None:
    assert module("helper.js", "(m, hostname) => m.isIntranet(hostname)", hostname) is inside


@pytest.mark.parametrize(
    ("state", "hostname", "may"),
    [
        ("granted", "survey.example.cn", True),
        ("prompt", "survey.example.cn", False),
        ("denied", "survey.example.cn", False),
        ("unsupported", "survey.example.cn", False),
        ("prompt", "10.1.2.3", True),
    ],
)
def test_the_first_look_is_the_users_click_unless_the_browser_will_not_ask(
    module: Module, state: str, hostname: str, may: bool
) -> None:
    assert module("helper.js", "(m, given) => m.mayProbeByItself(...given)", [state, hostname]) is may


def test_a_browser_that_knows_no_such_permission_says_unsupported(module: Module) -> None:
    navigators = """async (m) => Promise.all([
        {},
        { permissions: { query: () => { throw new TypeError("unknown name"); } } },
        { permissions: { query: async () => { throw new TypeError("unknown name"); } } },
        { permissions: { query: async ({ name }) => ({ state: name === "loopback-network" ? "denied" : "granted" }) } },
    ].map(m.permissionState))"""
    assert module("helper.js", navigators) == ["unsupported", "unsupported", "unsupported", "denied"]

"""Nothing that an answer names leads to another site or runs as script; and the calls to our own server."""

from typing import Any

import pytest

from tests.pages.conftest import Module

pytestmark = pytest.mark.browser

BASE = "https://survey.example.cn/certlogin/login?lang=en"


@pytest.mark.parametrize(
    ("address", "leads_to"),
    [
        ("/certlogin/enrol", "https://survey.example.cn/certlogin/enrol"),
        ("enrol?x=1", "https://survey.example.cn/certlogin/enrol?x=1"),
        ("https://survey.example.cn/survey/", "https://survey.example.cn/survey/"),
        ("https://survey.example.cn:443/a", "https://survey.example.cn/a"),
        ("//survey.example.cn/a", "https://survey.example.cn/a"),
        ("?lang=en", "https://survey.example.cn/certlogin/login?lang=en"),
        ("https://evil.example/", None),
        ("//evil.example/a", None),
        ("\\\\evil.example\\a", None),
        ("/\\evil.example", None),
        ("https://survey.example.cn.evil.example/", None),
        ("https://survey.example.cn@evil.example/", None),
        ("https://survey.example.cn:8443/", None),
        ("http://survey.example.cn/", None),
        ("javascript:alert(1)", None),
        ("java\nscript:alert(1)", None),
        (" javascript:alert(1)", None),
        ("data:text/html,x", None),
        ("blob:https://survey.example.cn/5a", None),
        ("certlogin:start", None),
        ("https://", None),
        ("", None),
        (None, None),
        (7, None),
        ({"href": "/a"}, None),
    ],
)
def test_an_address_is_one_of_this_site_or_nothing(module: Module, address: object, leads_to: str | None) -> None:
    script = "(m, [address, base]) => { const url = m.onThisSite(address, base); return url && url.href; }"
    assert module("api.js", script, [address, BASE]) == leads_to


def _post(module: Module, answer: dict[str, Any]) -> Any:
    """What becomes of a call that is answered so."""
    script = """async (m, answer) => {
        const asked = [];
        const fetch = async (address, options) => {
            asked.push({ address, ...options });
            if (answer.broken) throw new TypeError("Failed to fetch");
            return new Response(answer.body, { status: answer.status });
        };
        const server = new m.Server({ prefix: "/certlogin", attempt: "AAAA", language: "en", fetch });
        try {
            return { value: await server.post("api/challenge", { purpose: "login" }), asked };
        } catch ({ name, code, title, nextStep, supportId, next, constructor }) {
            return { kind: constructor.name, code, title, nextStep, supportId, next, asked };
        }
    }"""
    return module("api.js", script, {"status": 200, "body": "{}", **answer})


def test_a_call_names_the_attempt_and_asks_for_json_in_the_users_language(module: Module) -> None:
    answer = _post(module, {"body": '{"next": "/x"}'})
    assert answer["value"] == {"next": "/x"}
    (asked,) = answer["asked"]
    assert asked["address"] == "/certlogin/api/challenge"
    assert asked["body"] == '{"attempt":"AAAA","purpose":"login"}'
    assert (asked["method"], asked["credentials"], asked["cache"]) == ("POST", "same-origin", "no-store")
    assert asked["headers"] == {
        "Content-Type": "application/json",
        "Accept": "application/json",
        "Accept-Language": "en",
    }


def test_a_refusal_carries_its_words(module: Module) -> None:
    body = '{"code": "challenge_used", "title": "T", "next_step": "N", "support_id": "S-1", "next": "/n"}'
    answer = _post(module, {"status": 403, "body": body})
    assert answer["kind"] == "ServerRefusal"
    assert [answer[name] for name in ("code", "title", "nextStep", "supportId", "next")] == [
        "challenge_used",
        "T",
        "N",
        "S-1",
        "/n",
    ]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"broken": True}, "network_error"),
        ({"status": 502, "body": "<html>Bad gateway"}, "server_error"),
        ({"status": 500, "body": "{}"}, "server_error"),
        ({"status": 403, "body": '{"code": 7}'}, "server_error"),
        ({"status": 200, "body": "null"}, "server_error"),
        ({"status": 200, "body": '"/x"'}, "server_error"),
    ],
)
def test_without_a_readable_answer_the_server_is_silent(module: Module, given: dict[str, Any], code: str) -> None:
    answer = _post(module, given)
    assert (answer["kind"], answer["code"]) == ("ServerSilent", code)


def test_words_of_another_kind_than_text_are_left_out(module: Module) -> None:
    answer = _post(module, {"status": 403, "body": '{"code": "x", "title": {"a": 1}, "next": 7}'})
    assert (answer["title"], answer["next"]) == ("", "")


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"body": '{"location": "/home"}'}, "/home"),
        ({"body": "<p>Welcome"}, None),
        ({"body": '{"location": 7}'}, None),
        ({"redirected": True, "url": "https://survey.example.cn/home"}, "https://survey.example.cn/home"),
        ({"ok": False, "body": '{"code": "release_refused"}'}, "release_refused"),
        ({"ok": False, "body": "<p>Error"}, "server_error"),
    ],
)
def test_the_released_answer_of_a_login_by_script_says_where_to_go(
    module: Module, given: dict[str, Any], found: str | None
) -> None:
    script = """async (m, given) => {
        const json = async () => JSON.parse(given.body || "{}");
        const fetch = async () => ({ ok: true, redirected: false, ...given, json });
        try { return await new m.Server({ prefix: "", attempt: "", language: "en", fetch }).release("/login?x"); }
        catch ({ code }) { return code; }
    }"""
    assert module("api.js", script, given) == found


@pytest.mark.parametrize(("date", "read"), [("Mon, 02 Mar 2026 08:00:00 GMT", True), ("soon", False), (None, False)])
def test_the_servers_clock_is_preferred_to_a_wrong_one(module: Module, date: str | None, read: bool) -> None:
    script = """async (m, date) => {
        const fetch = async () => {
            if (date === null) throw new TypeError();
            return { headers: new Headers({ Date: date }) };
        };
        const server = new m.Server({ prefix: "", attempt: "", language: "en", fetch });
        const before = Date.now();
        const clock = (await server.clock()).getTime();
        return [clock === Date.UTC(2026, 2, 2, 8), clock >= before];
    }"""
    assert module("api.js", script, date) == ([True, False] if read else [False, True])

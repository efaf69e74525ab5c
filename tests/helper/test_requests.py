"""Attacks on the socket: what a page, a form, a link or another program can send (threats 3 to 6, 9, 10, 20)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from certlogin.helper import checks, exchange
from certlogin.helper.http import RequestHead
from certlogin.helper.origins import Origin
from certlogin.helper.pairing import Mode, Pairing, Pairings
from certlogin.helper.pin.base import Choice
from certlogin.helper.refusals import WrongUser
from certlogin.wire import helper as messages
from certlogin.wire.helper import BODY_LIMIT
from tests.helper.world import (
    OTHER_SITE,
    PIN,
    SITE,
    World,
    agree_message,
    login_message,
    origin_of,
    read_reply,
    running,
)

_PAIR = b'{"purpose":"login"}'


def test_hello_tells_what_it_is_and_opens_its_answer_to_that_page_only(world: World) -> None:
    reply = world.request("GET", "/v1/hello", {})
    assert reply.status == 200
    assert set(reply.json) == {"product", "protocols", "version", "os", "arch"}
    assert reply.json["product"] == "certlogin-helper"
    assert reply.headers["access-control-allow-origin"] == SITE
    assert reply.headers["vary"] == "Origin"


@pytest.mark.parametrize("call", checks.Call)
def test_the_browser_may_ask_first_and_hears_exactly_what_is_allowed(world: World, call: checks.Call) -> None:
    reply = world.request("OPTIONS", call.value, {"Access-Control-Request-Method": "POST"})
    assert (reply.status, reply.body) == (204, b"")
    assert reply.headers["access-control-allow-origin"] == SITE
    assert reply.headers["vary"] == "Origin"
    assert reply.headers["access-control-allow-methods"] == call.method
    assert reply.headers["access-control-allow-headers"] == "Authorization, Content-Type, X-Certlogin"
    assert "access-control-allow-private-network" not in reply.headers
    asked = world.request("OPTIONS", call.value, {"Access-Control-Request-Private-Network": "true"})
    assert asked.headers["access-control-allow-private-network"] == "true"


# --- 3: any site calls the helper

_NO_ORIGINS = [
    None,
    "",
    "null",
    "http://survey.stats.gov.cn",
    "http://127.0.0.1:8000",
    "https://Survey.stats.gov.cn",
    "https://survey.stats.gov.cn/",
    "https://survey.stats.gov.cn:443",
    "https://survey.stats.gov.cn:0443",
    "https://survey.stats.gov.cn:0",
    "https://survey.stats.gov.cn:65536",
    "https://user@survey.stats.gov.cn",
    "https://survey.stats.gov.cn https://evil.example.com",
    "https://survey.stats.gov.cn, https://evil.example.com",
    "https://survey..gov.cn",
    "https://-survey.gov.cn",
    "https://survey.stats.gov.cn.",
    "https://sürvey.gov.cn",
    "https://127.1",
    "https://0x7f.0.0.1",
    "https://1.2.3.256",
    "https://[0::1]",
    "https://[::1",
    "https://" + "a" * 64 + ".cn",
    "https://" + "a.b." * 64 + "cn",
    "file://",
    "chrome-extension://abcdefghijklmnop",
    "https://",
]


@pytest.mark.parametrize("origin", _NO_ORIGINS)
def test_threat_3_only_a_canonical_https_origin_is_answered(world: World, origin: str | None) -> None:
    for method, path, body in (("GET", "/v1/hello", b""), ("POST", "/v1/pair", _PAIR), ("OPTIONS", "/v1/login", b"")):
        reply = world.request(method, path, {"Origin": origin}, body)
        assert (reply.status, reply.code) == (403, "origin_refused")
        assert "access-control-allow-origin" not in reply.headers
    assert world.person.asked == []


def test_threat_3_two_origins_are_none(world: World) -> None:
    head = world.bytes_of("GET", "/v1/hello", {}).replace(b"\r\n\r\n", f"\r\nOrigin: {SITE}\r\n\r\n".encode())
    assert read_reply(world.raw(head)).code == "origin_refused"


@pytest.mark.parametrize("origin", [None, "null", "http://evil.example.com"])
def test_threat_3_companion_without_the_check_any_origin_is_answered(
    world: World, origin: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def anything_goes(head: RequestHead, *, dev: bool) -> Origin:
        return origin_of(SITE)

    monkeypatch.setattr(checks, "check_origin", anything_goes)
    assert world.request("GET", "/v1/hello", {"Origin": origin}).status == 200
    assert world.request("POST", "/v1/pair", {"Origin": origin}, _PAIR).code == "user_cancelled"
    assert world.person.asked


@pytest.mark.parametrize("call", ["certificates", "login", "agree", "enroll", "install", "cancel"])
@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", "Bearer AAAA", "Basic YTpi", "Bearer " + "A" * 43, "bearer " + "A" * 43, "A" * 43],
)
def test_threat_3_without_the_users_consent_nothing_is_done(world: World, call: str, authorization: str | None) -> None:
    reply = world.request("POST", f"/v1/{call}", {"Authorization": authorization}, b"{}")
    assert (reply.status, reply.code) == (403, "not_paired")
    assert reply.headers["access-control-allow-origin"] == SITE
    assert world.person.asked == []


def test_threat_3_a_token_is_worth_nothing_on_another_site(world: World) -> None:
    page = world.page()
    page.pair(Choice.NOT_OK)
    assert page.certificates().status == 200
    thief = world.page(OTHER_SITE)
    thief.token = page.token
    assert thief.certificates().code == "not_paired"


def test_threat_3_companion_without_pairing_a_foreign_site_reads_the_certificates(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = world.make_certificate(world.make_token())

    def paired_with_everybody(self: Pairings, origin: Origin, token: bytes) -> Pairing:
        return Pairing(origin.text, Mode.ALWAYS)

    thief = world.page(OTHER_SITE)
    thief.token = "A" * 43
    assert thief.certificates().code == "not_paired"
    monkeypatch.setattr(Pairings, "check", paired_with_everybody)
    assert thief.shown() == [certificate]


# --- 4: side effects by GET, answers readable through images

_POST_CALLS = ["pair", "certificates", "login", "agree", "enroll", "install", "cancel"]


@pytest.mark.parametrize("call", _POST_CALLS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "get", "post", "TRACE"])
def test_threat_4_nothing_is_done_but_by_post(world: World, call: str, method: str) -> None:
    headers = {"Content-Type": "application/json", "X-Certlogin": "1", "Content-Length": str(len(_PAIR))}
    reply = world.request(method, f"/v1/{call}", headers, _PAIR)
    assert (reply.status, reply.code) == (404, "unsupported_protocol")
    assert world.person.asked == []


@pytest.mark.parametrize(
    "target",
    ["/", "/v1", "/v1/", "/v1/hello/", "/v1/hello?x", "/v1//hello", "/V1/hello", "/v2/login", "/v1/sign", "*",
     "http://127.0.0.1/v1/hello", "/v1/%68ello"],
)  # fmt: skip
def test_threat_14_another_path_or_protocol_is_none_of_ours(world: World, target: str) -> None:
    for method in ("GET", "POST", "OPTIONS"):
        assert world.request(method, target, {}).code == "unsupported_protocol"


def test_threat_4_a_get_with_a_body_is_refused(world: World) -> None:
    reply = world.request("GET", "/v1/hello", {"Content-Length": str(len(_PAIR))}, _PAIR)
    assert (reply.code, reply.facts["reason"]) == ("bad_request", "unexpected_body")


def test_threat_4_companion_without_the_checks_a_get_opens_a_window(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def path_only(head: RequestHead) -> checks.Call:
        return checks.Call(head.target)

    def any_size(head: RequestHead, limit: int) -> int:
        return len(_PAIR)

    monkeypatch.setattr(checks, "check_call", path_only)
    monkeypatch.setattr(checks, "check_size", any_size)
    monkeypatch.setattr(exchange, "check_post", lambda head: None)
    assert world.request("GET", "/v1/pair", {}, _PAIR).code == "user_cancelled"
    assert world.person.asked


@pytest.mark.parametrize("path", ["/v1/hello", "/v1/pair", "/nothing"])
def test_threats_4_and_11_an_answer_is_data_and_neither_page_nor_frame_nor_image(world: World, path: str) -> None:
    for origin in (SITE, None):
        reply = world.request("GET", path, {"Origin": origin})
        assert reply.headers["content-type"] == "application/json"
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["cache-control"] == "no-store"
        assert "frame-ancestors 'none'" in reply.headers["content-security-policy"]
        assert "sandbox" in reply.headers["content-security-policy"]
        assert reply.headers["connection"] == "close"


# --- 5: simple-request CSRF

_SIMPLE: list[dict[str, str | None]] = [
    {"Content-Type": "text/plain"},
    {"Content-Type": "application/x-www-form-urlencoded"},
    {"Content-Type": "multipart/form-data; boundary=x"},
    {"Content-Type": "text/plain;application/json"},
    {"Content-Type": "application/json, text/plain"},
    {"Content-Type": "application/jsonp"},
    {"Content-Type": None},
    {"X-Certlogin": None},
    {"X-Certlogin": "0"},
    {"X-Certlogin": "1, 1"},
]


@pytest.mark.parametrize("headers", _SIMPLE)
def test_threat_5_what_a_form_or_beacon_can_send_is_refused(world: World, headers: dict[str, str | None]) -> None:
    reply = world.request("POST", "/v1/pair", headers, _PAIR)
    assert (reply.status, reply.code) == (400, "bad_request")
    assert reply.facts["reason"] in ("content_type", "x_certlogin")
    assert world.person.asked == []


@pytest.mark.parametrize("headers", _SIMPLE)
def test_threat_5_companion_without_the_check_a_form_opens_a_window(
    world: World, headers: dict[str, str | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "check_post", lambda head: None)
    assert world.request("POST", "/v1/pair", headers, _PAIR).code == "user_cancelled"
    assert world.person.asked


@pytest.mark.parametrize(
    "kind", ["application/json", "application/json; charset=utf-8", "Application/JSON;charset=UTF-8"]
)
def test_the_ways_a_browser_names_json_are_accepted(world: World, kind: str) -> None:
    assert world.request("POST", "/v1/pair", {"Content-Type": kind}, _PAIR).code == "user_cancelled"


# --- 6: DNS rebinding

_HOSTS = [
    "localhost:{port}",
    "LOCALHOST:{port}",
    "127.0.0.1",
    "127.0.0.1:",
    "127.0.0.1:1{port}",
    "127.0.0.1:0{port}",
    "127.0.0.1:{port}0",
    "127.0.0.1:{port}.evil.example.com",
    "127.0.0.1.evil.example.com:{port}",
    "evil.example.com:{port}",
    "evil.example.com",
    "evil@127.0.0.1:{port}",
    "127.0.0.1:{port}@evil.example.com",
    "127.0.0.1.:{port}",
    "127.1:{port}",
    "127.000.000.001:{port}",
    "0x7f.0.0.1:{port}",
    "2130706433:{port}",
    "0.0.0.0:{port}",
    "127.0.0.2:{port}",
    "[::1]:{port}",
    "[::ffff:127.0.0.1]:{port}",
    "127.0.0.1 :{port}",
    "127.0.0.1:{port}/",
    "127.0.0.1:{port}, evil.example.com",
    "http://127.0.0.1:{port}",
    "",
    None,
]


@pytest.mark.parametrize("host", _HOSTS)
def test_threat_6_a_name_that_leads_to_us_is_somebody_elses(world: World, host: str | None) -> None:
    text = host if host is None else host.format(port=world.port)
    for method, path, body in (("GET", "/v1/hello", b""), ("POST", "/v1/pair", _PAIR)):
        reply = world.request(method, path, {"Host": text, "Origin": "https://evil.example.com"}, body)
        assert (reply.status, reply.code) == (421, "wrong_host")
    assert world.person.asked == []


@pytest.mark.parametrize("second", ["127.0.0.1:{port}", "evil.example.com"])
def test_threat_6_two_hosts_are_none(world: World, second: str) -> None:
    line = f"\r\nHost: {second.format(port=world.port)}\r\n\r\n".encode()
    assert read_reply(world.raw(world.bytes_of("GET", "/v1/hello", {}).replace(b"\r\n\r\n", line))).code == "wrong_host"


@pytest.mark.parametrize("host", _HOSTS)
def test_threat_6_companion_without_the_check_a_rebound_name_is_answered(
    world: World, host: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "check_host", lambda head, port: None)
    text = host if host is None else host.format(port=world.port)
    assert world.request("GET", "/v1/hello", {"Host": text}).status == 200


# --- the order of the checks


def _nobody_of_ours(client_port: int, our_port: int) -> None:
    raise WrongUser


@pytest.fixture
def foreign(tmp_path: Path) -> Iterator[World]:
    with running(tmp_path, check_peer=_nobody_of_ours) as made:
        yield made


def test_the_checks_come_in_the_stated_order(foreign: World) -> None:
    wrong: dict[str, Any] = {"Host": "evil", "Origin": None, "Content-Length": str(BODY_LIMIT + 1), "Content-Type": "x"}
    order = ["unsupported_protocol", "wrong_host", "origin_refused", "wrong_user"]
    mends: list[dict[str, Any]] = [{}, {}, {"Host": f"127.0.0.1:{foreign.port}"}, {"Origin": SITE}]
    path = "/v1/nothing"
    for code, mend in zip(order, mends, strict=True):
        wrong |= mend
        assert foreign.request("POST", path, wrong).code == code
        path = "/v1/pair"


def test_the_order_goes_on_with_size_kind_pairing_and_json(world: World) -> None:
    wrong: dict[str, Any] = {"Content-Length": str(BODY_LIMIT + 1), "Content-Type": "x", "X-Certlogin": None}
    seen = []
    for mend in (
        {},
        {"Content-Length": None},
        {"Content-Type": "application/json"},
        {"X-Certlogin": "1"},
    ):
        wrong |= mend
        reply = world.request("POST", "/v1/login", wrong)
        seen.append((reply.code, reply.facts.get("reason")))
    page = world.page()
    page.pair(Choice.NOT_OK)
    reply = page.post("login", b"[]")
    seen.append((reply.code, reply.facts.get("reason")))
    assert seen == [
        ("bad_request", "too_long"),
        ("bad_request", "content_type"),
        ("bad_request", "x_certlogin"),
        ("not_paired", None),
        ("bad_request", "not_an_object"),
    ]


# --- 9: other users of the machine (the real check is in test_peer.py)


def test_threat_9_another_user_is_refused_and_the_page_may_read_why(foreign: World) -> None:
    for method, path, body in (("GET", "/v1/hello", b""), ("POST", "/v1/pair", _PAIR), ("OPTIONS", "/v1/pair", b"")):
        reply = foreign.request(method, path, {}, body)
        assert (reply.status, reply.code) == (403, "wrong_user")
        # Another user's helper holds this port: the page goes on to the next one.
        assert reply.headers["access-control-allow-origin"] == SITE
    assert foreign.person.asked == []


def test_threat_9_companion_without_the_check_another_user_is_answered(tmp_path: Path) -> None:
    with running(tmp_path, check_peer=None) as world:
        assert world.request("GET", "/v1/hello", {}).status == 200


# --- 10: PIN typed in a page, 20: paths chosen by a page


@pytest.mark.parametrize("member", ["pin", "PIN", "password", "module", "library", "path", "hash", "payload", "origin"])
def test_threats_1_10_and_20_a_page_names_neither_pin_nor_path_nor_bytes(world: World, member: str) -> None:
    world.make_certificate(world.make_token())
    page = world.page()
    page.pair(Choice.NOT_OK)
    asked = len(world.person.asked)
    for call, message in (
        ("login", login_message("ab" * 32)),
        ("agree", agree_message("ab" * 32)),
        ("certificates", {"challenge": "A" * 43}),
        ("enroll", {"unit": "u", "unit_name": "", "nonce": "n", "token_serial": "F0", "key_type": "P-256"}),
        ("install", {"key_id": "00", "certificate": "AAAA", "chain": []}),
        ("cancel", {}),
        ("pair", {"purpose": "login"}),
    ):
        reply = page.post(call, {**message, member: "123456"})
        assert (reply.code, reply.facts) == ("bad_request", {"reason": "unknown_member", "member": member})
        assert b"123456" not in reply.body
    assert len(world.person.asked) == asked


def test_threat_10_companion_without_exact_members_a_pin_is_let_in(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messages, "exact_members", lambda value, required, optional=(): None)
    page = world.page()
    page.pair(Choice.NOT_OK)
    assert page.post("cancel", {"pin": PIN}).status == 200

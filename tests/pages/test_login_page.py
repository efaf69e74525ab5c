"""选择证书登录 and 证书下载成功: A4, A5, C2."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from certlogin.web.static import StaticFile, StaticFiles
from tests.companions import allows, without
from tests.factory import DAY, NOW, make_pki
from tests.pages.conftest import all_ports_refused
from tests.pages.helper import FakeHelper, HelperError, encode, sha256, token
from tests.pages.site import Site
from tests.web.shown import ATTEMPT, render

pytestmark = pytest.mark.browser

RELEASE = "/survey/login?certlogin_release=token"
ISSUING = make_pki().issuing
OWN = ISSUING.issue(common_name="曙光机械制造有限公司", serial=0x1234ABCD).der
EXPIRED = ISSUING.issue(common_name="过期", not_before=NOW - 400 * DAY, not_after=NOW - DAY).der
EARLY = ISSUING.issue(common_name="未到", not_before=NOW + DAY, not_after=NOW + 400 * DAY).der
ENCRYPTION = ISSUING.issue(common_name="加密", usages=("key_encipherment", "data_encipherment")).der
Open = Callable[[], object]


@pytest.fixture
def login(page: Page, site: Site, helper: FakeHelper) -> Open:
    """Opens the chooser on the day of the certificates, whatever this computer's clock says."""
    site.date = NOW.strftime("%a, %d %b %Y %H:%M:%S GMT")
    helper.running = True
    helper.tokens = [token(OWN)]
    helper.answers["login"] = lambda body: {
        "payload": "UEFZTE9BRA",
        "signature": "U0lH",
        "certificate": encode(OWN),
        "chain": [],
        "tries_left": 6,
    }
    site.pages["/survey/login"] = site.pages["/survey/home"] = site.pages["/"]
    site.pages["/certlogin/login"] = render("login")
    site.answer("api/challenge", {"challenge": "N", "unit": "U1", "unit_name": "曙光", "sid": "S", "algorithms": []})
    site.answer("api/proof", {"next": RELEASE, "method": "GET"})
    return lambda: page.goto("/certlogin/login")


def test_a4_choose_confirm_and_the_page_goes_where_the_login_is_released(
    page: Page, site: Site, helper: FakeHelper, login: Open
) -> None:
    login()
    row = page.locator("#certificate-list .choice")
    expect(row).to_contain_text("曙光机械制造有限公司")
    expect(row).to_contain_text("证书序列号尾号 1234abcd")
    expect(row).to_contain_text("有效期 2026-01-31 至 2027-01-31")
    expect(row).to_contain_text("存放在：曙光的证书介质")
    expect(page.locator("#status")).to_have_text("读取到 1 张证书。")
    page.get_by_role("button", name="确定").click()
    page.wait_for_url(f"**{RELEASE}")
    assert helper.names() == ["pair", "certificates", "login"]
    assert [body["certificate_sha256"] for body in helper.bodies("login")] == [sha256(OWN)]
    assert site.asked("api/challenge") == [{"attempt": ATTEMPT, "purpose": "login"}]
    assert site.asked("api/proof") == [
        {
            "attempt": ATTEMPT,
            "format": "native",
            "payload": "UEFZTE9BRA",
            "signature": "U0lH",
            "certificate": encode(OWN),
            "chain": [],
        }
    ]


def test_a4_several_certificates_none_is_chosen_for_the_user_and_those_not_for_login_are_not_shown(
    page: Page, helper: FakeHelper, login: Open
) -> None:
    second = ISSUING.issue(common_name="曙光第二张").der
    helper.tokens = [token(OWN, ENCRYPTION, ISSUING.der), token(second, EXPIRED, EARLY, b"no certificate", serial="F2")]
    login()
    expect(page.locator("#certificate-list .choice")).to_have_count(4)
    expect(page.get_by_role("radio", name="过期")).to_be_disabled()
    expect(page.locator(".choice", has_text="过期").first).to_contain_text("已过期，不能用于登录")
    expect(page.get_by_role("radio", name="未到")).to_be_disabled()
    assert page.locator("input[name=certificate]:checked").count() == 0
    page.get_by_role("button", name="确定").click()
    expect(page.locator("#status")).to_have_text("请选择一张证书。")
    assert helper.bodies("login") == []
    page.get_by_role("radio", name="曙光第二张").check()
    page.get_by_role("button", name="确定").click()
    page.wait_for_url(f"**{RELEASE}")
    assert [body["certificate_sha256"] for body in helper.bodies("login")] == [sha256(second)]


def test_a_certificate_on_a_locked_token_cannot_be_chosen(page: Page, helper: FakeHelper, login: Open) -> None:
    helper.tokens = [token(OWN, locked=True, tries_left=0), token(serial="F2")]
    login()
    expect(page.get_by_role("radio")).to_be_disabled()
    expect(page.locator("#certificate-list")).to_contain_text("已锁定，不能使用")


@pytest.mark.parametrize(
    ("tokens", "code", "link"),
    [
        ([], "no_token", None),
        ([token()], "no_certificate", None),
        ([token(ENCRYPTION)], "no_certificate", None),
        ([token(EXPIRED)], "certificate_expired", "/certlogin/help/expired?lang=zh-CN"),
        ([token(OWN, locked=True)], "pin_locked", "/certlogin/help/locked?lang=zh-CN"),
    ],
)
def test_without_a_certificate_to_choose_the_page_says_why_and_where_to_go(
    page: Page, helper: FakeHelper, login: Open, tokens: list[dict[str, Any]], code: str, link: str | None
) -> None:
    helper.tokens = tokens
    login()
    expect(page.locator("#problem-code")).to_contain_text(code)
    links = page.locator("#problem-actions a")
    assert [one.get_attribute("href") for one in links.all()] == ([link] if link else [])
    expect(page.get_by_role("button", name="确定")).to_be_hidden()
    expect(page.get_by_role("button", name="重新读取证书")).to_be_visible()
    expect(page.get_by_role("link", name="证书丢失？")).to_have_attribute("href", "/certlogin/help/lost?lang=zh-CN")


def test_a_wrong_pin_keeps_the_choice_and_the_next_try_logs_in(page: Page, helper: FakeHelper, login: Open) -> None:
    answered = helper.answers["login"]

    def wrong(body: dict[str, Any]) -> dict[str, Any]:
        helper.answers["login"] = answered
        raise HelperError("pin_wrong", tries_left=5)

    helper.answers["login"] = wrong
    login()
    page.get_by_role("button", name="确定").click()
    expect(page.locator("#problem")).to_contain_text("证书密码还可以再试 5 次。")
    expect(page.get_by_role("radio")).to_be_checked()
    page.get_by_role("button", name="确定").click()
    page.wait_for_url(f"**{RELEASE}")


def test_leaving_while_the_pin_is_asked_for_withdraws_the_question(page: Page, login: Open) -> None:
    held: list[Route] = []
    page.route("**/v1/login", lambda route: held.append(route))
    login()
    with page.expect_request("**/v1/login"):
        page.get_by_role("button", name="确定").click()
    with page.expect_request("**/v1/cancel"):
        page.evaluate("() => window.dispatchEvent(new Event('pagehide'))")
    held[0].abort()


def test_a_busy_helper_says_how_long_to_wait(page: Page, helper: FakeHelper, login: Open) -> None:
    def busy(body: dict[str, Any]) -> dict[str, Any]:
        raise HelperError("busy", retry_after=240)

    helper.answers["login"] = busy
    login()
    page.get_by_role("button", name="确定").click()
    expect(page.locator("#problem")).to_contain_text("请在 240 秒后再试。")


def test_the_certificate_of_another_unit_is_refused_with_its_reason_and_the_page_stays(
    page: Page, site: Site, login: Open, complaints: list[str]
) -> None:
    refusal = {
        "code": "certificate_of_another_unit",
        "title": "该证书属于其他单位",
        "next_step": "请选择",
        "support_id": "S-1",
        "retryable": False,
    }
    site.answer("api/proof", refusal, 403)
    login()
    page.get_by_role("button", name="确定").click()
    expect(page.locator("#problem")).to_contain_text("该证书属于其他单位")
    expect(page.locator("#problem").get_by_role("link", name="返回登录页")).to_be_visible()
    expect(page.get_by_role("button", name="确定")).to_be_enabled()
    complaints[:] = [line for line in complaints if "403" not in line]


def test_an_expired_certificate_that_the_server_refuses_leads_to_its_help_page(
    page: Page, site: Site, login: Open, complaints: list[str]
) -> None:
    site.answer("api/proof", {"code": "certificate_expired", "title": "T", "next_step": "N"}, 403)
    login()
    page.get_by_role("button", name="确定").click()
    help_link = page.locator("#problem").get_by_role("link", name="证书过期怎么办")
    expect(help_link).to_have_attribute("href", "/certlogin/help/expired?lang=zh-CN")
    complaints[:] = [line for line in complaints if "403" not in line]


@allows
def test_s7_a_login_by_script_is_released_by_a_post_and_followed_on_this_site(
    page: Page, site: Site, login: Open
) -> None:
    site.answer("api/proof", {"next": RELEASE, "method": "POST"})
    site.answer("/survey/login", {"location": "/survey/home"})
    login()
    page.get_by_role("button", name="确定").click()
    page.wait_for_url("**/survey/home")
    assert ("/survey/login", {}) in site.posted


OURS_ONLY = b"return url.origin === new URL(base).origin && /^https?:$/.test(url.protocol) ? url : null;"
_find = StaticFiles.find


def goes_anywhere(files: StaticFiles, path: str) -> StaticFile | None:
    found = _find(files, path)
    if found is None or path != "api.js":
        return found
    assert OURS_ONLY in found.body
    return replace(found, body=found.body.replace(OURS_ONLY, b"return url;"))


# Behind our own check stands the policy of the page, which runs no script from an address.
@without(
    {"certlogin.web.static.StaticFiles.find": goes_anywhere, "tests.pages.site.page_headers": lambda ports: ()},
    sees="assert 1 == 0",
)
@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "javascript:void(document.body.textContent = 'owned')"])
def test_s7_a_released_answer_that_names_another_site_is_not_followed(
    page: Page, site: Site, login: Open, elsewhere: str
) -> None:
    page.route("https://evil.example/**", lambda route: route.fulfill(body="owned"))
    site.answer("api/proof", {"next": RELEASE, "method": "POST"})
    site.answer("/survey/login", {"location": elsewhere})
    login()
    page.get_by_role("button", name="确定").click()
    owned = page.get_by_text("owned")
    expect(page.locator("#problem-code").or_(owned)).to_be_visible()
    assert owned.count() == 0
    expect(page.locator("#problem-code")).to_contain_text("server_error")
    assert page.url.endswith("/certlogin/login")


def test_a_certificate_that_never_reached_the_token_is_installed_from_here(
    page: Page, site: Site, helper: FakeHelper, login: Open
) -> None:
    site.pages["/certlogin/enrol/done"] = site.pages["/"]
    helper.tokens = [token(pending=True, key_types=["RSA-2048"])]
    helper.answers["enroll"] = lambda body: {"request": "UkVRVUVTVA", "key_id": "key-1"}
    helper.answers["install"] = lambda body: {"certificate_sha256": sha256(OWN)}
    site.answer("api/enrol", {"certificate": encode(OWN), "chain": [], "certificate_sha256": "ab"})
    site.answer("api/enrol/installed", {"next": "/certlogin/enrol/done"})
    login()
    expect(page.locator("#problem")).to_be_hidden()
    page.get_by_role("button", name="继续安装证书").click()
    page.wait_for_url("**/certlogin/enrol/done*")
    assert [body["key_type"] for body in helper.bodies("enroll")] == ["RSA-2048"]


def test_without_a_helper_the_way_back_to_the_check_is_offered(page: Page, helper: FakeHelper, login: Open) -> None:
    helper.running = False
    with all_ports_refused(page):
        login()
    expect(page.locator("#problem").get_by_role("link", name="返回环境检查")).to_be_visible()
    expect(page.get_by_role("button", name="读取证书", exact=True)).to_be_enabled()


def test_a5_returning_to_the_host_sends_the_form_once(page: Page, site: Site) -> None:
    site.pages["/certlogin/enrol/done"] = render("done")
    site.answer("leave", {})
    page.goto("/certlogin/enrol/done")
    # A second submit before the answer has come.
    page.evaluate("() => { const form = document.querySelector('form'); form.requestSubmit(); form.requestSubmit(); }")
    page.wait_for_url("**/certlogin/leave")
    assert site.posted == [("/certlogin/leave", {"form": f"attempt={ATTEMPT}"})]

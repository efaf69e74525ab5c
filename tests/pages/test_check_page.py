"""The environment check as users meet it: B1, B2, B7, and without a login under way."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from certlogin.settings.site import Language
from tests.pages.conftest import all_ports_refused, pass_until
from tests.pages.helper import FakeHelper
from tests.pages.site import Site
from tests.web.shown import ATTEMPT, render

pytestmark = pytest.mark.browser

NEXT = "/certlogin/enrol"
Open = Callable[..., None]


@pytest.fixture
def check(page: Page, site: Site, helper: FakeHelper) -> Open:
    """Opens the check, its time standing still; the server sends a ready helper on to the next page."""
    site.pages[NEXT] = site.pages["/"]
    site.answer("api/report", {"next": f"{NEXT}?lang=zh-CN"})

    def open_(variant: str = "helper", reports: bool = True) -> None:
        site.pages["/certlogin/helper"] = render(variant)
        page.clock.install(time=0)
        page.clock.pause_at(1000)
        if reports:
            with page.expect_response("**/api/report"):
                page.goto("/certlogin/helper")
        else:
            page.goto("/certlogin/helper")

    return open_


def test_b1_a_running_helper_is_found_by_itself_and_the_page_goes_on(
    page: Page, site: Site, helper: FakeHelper, check: Open
) -> None:
    helper.running = True
    check()
    page.wait_for_url(f"**{NEXT}?lang=zh-CN")
    assert site.asked("api/report") == [
        {"attempt": ATTEMPT, "state": "ready", "version": "1.5.1.0", "os": "linux", "arch": "x86_64"}
    ]


def test_b2_without_a_helper_the_dialog_offers_its_download(
    page: Page, site: Site, helper: FakeHelper, check: Open
) -> None:
    check()
    dialog = page.get_by_role("dialog", name="没有检测到证书助手")
    expect(dialog).to_be_visible()
    expect(dialog.get_by_role("link", name="证书助手客户端下载")).to_have_attribute(
        "href", "/certlogin/helper/download?lang=zh-CN"
    )
    expect(dialog).to_contain_text("helper_not_running")
    expect(page.locator("#problem")).to_contain_text("没有检测到证书助手")
    assert site.asked("api/report") == [
        {"attempt": ATTEMPT, "state": "helper_not_running", "version": None, "os": "", "arch": ""}
    ]


def test_b7_closing_the_dialog_checks_again_and_then_lets_the_page_be_read(
    page: Page, site: Site, helper: FakeHelper, check: Open
) -> None:
    check()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    with all_ports_refused(page):
        dialog.get_by_role("button", name="关闭并重新检查").click()
    expect(page.locator("#problem")).to_be_visible()
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("button", name="重新检查", exact=True)).to_be_enabled()
    # The same finding is told to the server once.
    assert len(site.asked("api/report")) == 1


def test_b7_closing_the_dialog_finds_the_helper_that_was_started_meanwhile(
    page: Page, helper: FakeHelper, check: Open
) -> None:
    with all_ports_refused(page, 2):
        check()
    expect(page.get_by_role("dialog")).to_be_visible()
    helper.running = True
    page.get_by_role("button", name="关闭并重新检查").click()
    page.wait_for_url(f"**{NEXT}*")


def test_b7_the_page_goes_on_by_itself_once_the_helper_runs(page: Page, helper: FakeHelper, check: Open) -> None:
    check()
    expect(page.get_by_role("dialog")).to_be_visible()
    helper.running = True
    pass_until(page, lambda: NEXT in page.url)


def test_the_button_checks_again_under_its_second_name(page: Page, helper: FakeHelper, check: Open) -> None:
    """The page looks once for the check and once more to begin its watch; then its time stands still."""
    with all_ports_refused(page, 2):
        check()
    expect(page.get_by_role("dialog")).to_be_visible()
    with all_ports_refused(page, 2):
        page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    again = page.get_by_role("button", name="重新检查", exact=True)
    expect(again).to_be_enabled()
    helper.running = True
    again.click()
    page.wait_for_url(f"**{NEXT}*")


def test_a_helper_that_refuses_this_page_is_named_and_no_download_is_offered(
    page: Page, site: Site, helper: FakeHelper, check: Open, complaints: list[str]
) -> None:
    """Its answers are opened to nobody: the browser hides them, and shows only that somebody is there."""
    page.route(
        "http://127.0.0.1:17561/v1/hello",
        lambda route: route.fulfill(status=403, body="{}", headers={"Content-Type": "application/json"}),
    )
    check()
    expect(page.locator("#problem")).to_contain_text("证书助手不允许本网站使用")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.locator("#download")).to_be_hidden()
    assert [body["state"] for body in site.asked("api/report")] == ["origin_refused"]
    complaints[:] = [line for line in complaints if "CORS" not in line]


def test_a_finding_that_is_none_of_the_servers_business_is_not_reported(
    page: Page, site: Site, helper: FakeHelper, check: Open
) -> None:
    helper.running = True
    helper.hello = {"error": {"code": "wrong_user", "retryable": False}}
    check(reports=False)
    expect(page.locator("#problem")).to_contain_text("正在运行的证书助手属于另一个系统用户")
    assert site.asked("api/report") == []


def test_a_refusal_of_the_server_shows_its_words_and_the_way_back(
    page: Page, site: Site, helper: FakeHelper, check: Open, complaints: list[str]
) -> None:
    refusal = {"code": "attempt_expired", "title": "登录超时", "next_step": "请重新登录。", "support_id": "K7Q2-M4XD"}
    site.answer("api/report", refusal, 410)
    helper.running = True
    check()
    problem = page.locator("#problem")
    for words in ("登录超时", "请重新登录。", "attempt_expired", "K7Q2-M4XD"):
        expect(problem).to_contain_text(words)
    expect(problem.get_by_role("link", name="返回登录页")).to_have_attribute("href", "/survey/login")
    complaints[:] = [line for line in complaints if "410" not in line]


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "javascript:alert(1)", "//evil.example", None, 7])
def test_the_page_goes_nowhere_but_on_this_site(
    page: Page, site: Site, helper: FakeHelper, check: Open, elsewhere: object
) -> None:
    site.answer("api/report", {"next": elsewhere})
    helper.running = True
    check()
    expect(page.locator("#problem-code")).to_contain_text("server_error")
    assert page.url.endswith("/certlogin/helper")


def test_without_a_login_the_check_says_what_it_found_and_asks_nothing_of_the_server(
    page: Page, site: Site, helper: FakeHelper, check: Open
) -> None:
    helper.running = True
    check("helper alone", reports=False)
    expect(page.locator("#status")).to_contain_text("1.5.1.0")
    expect(page.get_by_role("link", name="返回登录页")).to_be_visible()
    assert site.posted == []


def test_without_a_login_a_missing_helper_is_not_reported(
    page: Page, site: Site, helper: FakeHelper, check: Open
) -> None:
    check("helper alone", reports=False)
    expect(page.get_by_role("dialog")).to_be_visible()
    assert site.posted == []


def test_what_is_only_advised_can_be_put_off(page: Page, site: Site, helper: FakeHelper, check: Open) -> None:
    site.answer("api/skip", {"next": NEXT, "method": "GET"})
    check("helper advised")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="暂不办理，继续登录").click()
    page.wait_for_url(f"**{NEXT}*")
    assert site.asked("api/skip") == [{"attempt": ATTEMPT}]


def test_the_english_page_speaks_english_and_stays_so(page: Page, helper: FakeHelper, site: Site) -> None:
    site.pages[NEXT] = site.pages["/"]
    site.answer("api/report", {"next": NEXT})
    site.pages["/certlogin/helper"] = render("helper", Language.EN)
    page.clock.install(time=0)
    page.clock.pause_at(1000)
    with all_ports_refused(page, 2):
        page.goto("/certlogin/helper?lang=en")
    expect(page.get_by_role("dialog", name="The certificate helper was not found")).to_be_visible()
    helper.running = True
    page.get_by_role("button", name="Close and check again").click()
    page.wait_for_url(f"**{NEXT}?lang=en")

"""The helper's download page: B3, B7, B9, B10, B13-B16, and without a login under way."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from certlogin.portal.builds import guess_arch
from tests.pages.conftest import all_ports_refused, pass_until
from tests.pages.helper import FakeHelper
from tests.pages.site import Site
from tests.web.shown import ATTEMPT, render

pytestmark = pytest.mark.browser

PATH = "/certlogin/helper/download"
NEXT = "/certlogin/enrol"
Open = Callable[..., None]
CHROME = "Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0.0.0"


@pytest.fixture
def download(page: Page, site: Site, helper: FakeHelper) -> Open:
    """Opens the page with its time standing still."""
    site.pages[NEXT] = site.pages["/"]
    site.answer("api/report", {"next": f"{NEXT}?lang=zh-CN"})

    def open_(variant: str = "download", **values: Any) -> None:
        site.pages[PATH] = render(variant, **values)
        page.clock.install(time=0)
        page.clock.pause_at(1000)
        page.goto(PATH)

    return open_


def _button(page: Page) -> Any:
    return page.locator(".build:visible a.download").first


def test_b3_a_click_greys_the_button_out_counts_down_and_says_so(page: Page, download: Open) -> None:
    download()
    button = _button(page)
    expect(button).to_have_text("下载（银河麒麟）")
    with page.expect_download():
        button.click()
    expect(button).to_have_attribute("aria-disabled", "true")
    expect(button).to_have_text("已点击，30 秒后可再次点击")
    expect(page.locator("#countdown")).to_have_text("已开始下载。30 秒后可再次点击。")
    page.clock.run_for(29_000)
    expect(button).to_have_text("已点击，1 秒后可再次点击")
    page.clock.run_for(1_500)
    expect(button).to_have_text("下载（银河麒麟）")
    assert button.get_attribute("aria-disabled") is None
    expect(page.locator("#countdown")).to_have_text("可以再次点击下载。")


def test_b3_a_click_before_zero_downloads_nothing(page: Page, download: Open) -> None:
    download()
    downloads: list[str] = []
    page.on("download", lambda started: downloads.append(started.suggested_filename))
    with page.expect_download():
        _button(page).click()
    _button(page).click(force=True)
    page.clock.run_for(31_000)
    with page.expect_download():
        _button(page).click()
    assert downloads == ["CertHelper_1.5.1.0_arm64.deb"] * 2


def test_b3_each_button_counts_for_itself(page: Page, download: Open) -> None:
    download()
    with page.expect_download():
        _button(page).click()
    expect(page.locator(".build:visible a.download").nth(1)).to_have_text("下载（统信 UOS）")


def test_b3_the_keyboard_keeps_its_place_on_the_button_that_counts(page: Page, download: Open) -> None:
    download()
    _button(page).focus()
    with page.expect_download():
        page.keyboard.press("Enter")
    expect(_button(page)).to_be_focused()


def test_b7_the_page_notices_by_itself_when_the_helper_appears(
    page: Page, site: Site, helper: FakeHelper, download: Open
) -> None:
    download()
    expect(page.locator("#status")).to_contain_text("正在等待证书助手启动")
    helper.running = True
    pass_until(page, lambda: NEXT in page.url)
    assert [body["state"] for body in site.asked("api/report")] == ["ready"]
    assert site.asked("api/report")[0]["attempt"] == ATTEMPT


def test_b13_a_helper_that_is_too_old_is_said_once_and_the_page_waits_for_the_new_one(
    page: Page, site: Site, helper: FakeHelper, download: Open
) -> None:
    def report(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return 200, {"next": f"{PATH}?lang=zh-CN" if body["version"] == "1.5.1.0" else NEXT}

    site.calls["api/report"] = report
    helper.running = True
    download()
    outdated = page.get_by_role("alert").filter(has_text="因系统升级，请您下载最新版本的证书助手")
    expect(outdated).to_contain_text("1.5.1.0")
    seen = helper.hellos
    pass_until(page, lambda: helper.hellos >= seen + 3)
    assert len(site.asked("api/report")) == 1
    helper.version = "1.6.0.0"
    pass_until(page, lambda: NEXT in page.url)
    assert [body["version"] for body in site.asked("api/report")] == ["1.5.1.0", "1.6.0.0"]


def test_b13_the_page_says_what_the_server_says_of_the_helper(
    page: Page, site: Site, helper: FakeHelper, download: Open
) -> None:
    told = {"version": "1.5.1.0", "is_refused": True, "needed": "", "reason": "<b>坏</b>", "until": ""}
    site.answer("api/report", {"next": f"{PATH}?lang=zh-CN", "helper": told})
    helper.running = True
    download()
    outdated = page.locator("#outdated")
    expect(outdated).to_contain_text("原因：<b>坏</b>")
    expect(page.locator("#outdated-needed")).to_be_hidden()
    expect(outdated.locator("b")).to_have_count(0)


@pytest.mark.parametrize("variant", ["download outdated", "download withdrawn", "download newer"])
def test_b13_b16_a_page_that_knows_the_helper_waits_for_another_one(
    page: Page, site: Site, helper: FakeHelper, download: Open, variant: str
) -> None:
    helper.running = True
    download(variant)
    pass_until(page, lambda: helper.hellos >= 3)
    assert site.posted == []
    expect(page.locator("#status")).to_contain_text("正在等待新版本的证书助手启动")
    helper.version = "1.6.0.0"
    pass_until(page, lambda: NEXT in page.url)
    assert [body["version"] for body in site.asked("api/report")] == ["1.6.0.0"]


def test_b13_the_way_on_is_emphasised_by_more_than_its_colour(page: Page, download: Open) -> None:
    download("download outdated")
    link = page.get_by_role("alert").get_by_role("link", name="下载最新版本的证书助手")
    style = link.evaluate(
        "e => { const s = getComputedStyle(e), p = getComputedStyle(e.closest('div'));"
        " return [s.textDecorationLine, Number(s.fontWeight) >= 700, parseFloat(s.fontSize) > parseFloat(p.fontSize),"
        " getComputedStyle(e, '::before').content.includes('↓')] }"
    )
    assert style == ["underline", True, True, True]
    link.click()
    expect(page.locator("#builds")).to_be_in_viewport()


def test_b14_b15_b16_what_to_do_on_trouble_stands_with_hotline_and_hours(page: Page, download: Open) -> None:
    download("download outdated")
    trouble = page.get_by_role("region", name="安装遇到问题怎么办")
    for words in ("杀毒软件", "0x5", "以管理员身份运行", "拔下 USBKey", "400-000-0000", "08:30-17:30"):
        expect(trouble).to_contain_text(words)


def test_without_a_login_the_helper_is_named_and_the_server_is_asked_nothing(
    page: Page, site: Site, helper: FakeHelper, download: Open
) -> None:
    helper.running = True
    download("download alone")
    expect(page.locator("#status")).to_contain_text("证书助手运行正常（版本 1.5.1.0）。请返回登录页登录。")
    assert site.posted == []
    assert page.url.endswith(PATH)


def test_b9_a_weak_guess_is_replaced_by_what_the_browser_tells_when_asked(page: Page, download: Open) -> None:
    """Chromium on Linux says x86_64 on every processor; `navigator.platform` knows better on older ones."""
    page.add_init_script("Object.defineProperty(navigator, 'platform', { get: () => 'Linux mips64' })")
    download(guess_arch=guess_arch(CHROME, {}))
    expect(page.locator("#guess")).to_have_text("已识别您电脑的 CPU 类型：mips64el（龙芯 3A3000 / 3A4000）")
    expect(page.locator(".build:visible")).to_have_count(3)
    assert {build.get_attribute("data-arch") for build in page.locator(".build:visible").all()} == {"mips64el"}


def test_b9_a_strong_guess_of_the_server_stands(page: Page, download: Open) -> None:
    page.add_init_script("Object.defineProperty(navigator, 'platform', { get: () => 'Linux mips64' })")
    download()
    expect(page.locator("#guess")).to_contain_text("aarch64")
    assert {build.get_attribute("data-arch") for build in page.locator(".build:visible").all()} == {"aarch64"}


def test_b10_where_nothing_fits_all_builds_are_shown(page: Page, download: Open) -> None:
    """A processor without a build for its system: ARM under Windows."""
    agent = "Mozilla/5.0 (Windows NT 10.0; ARM64) Chrome/140.0.0.0"
    download(guess_arch=guess_arch(agent, {}))
    expect(page.locator("#no-matching")).to_be_visible()
    expect(page.locator(".build:visible")).to_have_count(0)
    expect(page.locator("#all-builds tbody tr:visible")).to_have_count(13)


def test_the_check_can_be_started_by_hand(page: Page, helper: FakeHelper, download: Open) -> None:
    with all_ports_refused(page):
        download()
    helper.running = True
    page.get_by_role("button", name="我已安装，立即检查").click()
    page.wait_for_url(f"**{NEXT}*")

"""正在确认证书状态: the page that waits for the issuer's answer and goes on by itself."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.pages.conftest import pass_until
from tests.pages.site import Site
from tests.web.shown import ATTEMPT, render

pytestmark = pytest.mark.browser

PATH = "/certlogin/revocation"
RELEASE = "/survey/login?certlogin_release=token"
WAITING = {"rest": 45}
REVOKED = {
    "code": "certificate_revoked",
    "title": "证书已被作废",
    "next_step": "请致电客服热线。",
    "support_id": "K7Q2",
}
Open = Callable[..., None]


@pytest.fixture
def waiting(page: Page, site: Site) -> Open:
    """Opens the page with its time standing still."""
    site.pages["/survey/login"] = site.pages["/survey/home"] = site.pages["/certlogin/login"] = site.pages["/"]
    site.answer("api/revocation", WAITING)

    def open_(**values: Any) -> None:
        site.pages[PATH] = render("await_revocation", **values)
        page.clock.install(time=0)
        page.clock.pause_at(1000)
        page.goto(PATH)

    return open_


def looks(site: Site) -> int:
    return len(site.asked("api/revocation"))


def test_it_goes_on_by_itself_when_the_answer_has_come(page: Page, site: Site, waiting: Open) -> None:
    waiting()
    expect(page.locator("#status")).to_have_text("正在等待签发机构答复，请不要关闭本页……")
    pass_until(page, lambda: looks(site) == 3)
    assert site.asked("api/revocation") == [{"attempt": ATTEMPT}] * 3
    assert page.url.endswith(PATH)
    site.answer("api/revocation", {"next": RELEASE, "method": "GET"})
    pass_until(page, lambda: page.url.endswith(RELEASE))


def test_a_login_by_script_is_fetched(page: Page, site: Site, waiting: Open) -> None:
    site.answer("/survey/login", {"location": "/survey/home"})
    waiting()
    site.answer("api/revocation", {"next": RELEASE, "method": "POST"})
    pass_until(page, lambda: page.url.endswith("/survey/home"))
    assert ("/survey/login", {}) in site.posted


def test_where_something_else_is_owed_the_page_goes_there(page: Page, site: Site, waiting: Open) -> None:
    waiting()
    site.answer("api/revocation", {"next": "/certlogin/login"})
    pass_until(page, lambda: page.url.endswith("/certlogin/login"))


def test_the_rest_is_counted_down_and_announced_now_and_then(page: Page, site: Site, waiting: Open) -> None:
    waiting(rest=32, wait=60)
    # The server's word from then on; it is asked no more here.
    site.answer("api/revocation", {"rest": 32})
    rest, bar, status = page.locator("#rest-text"), page.locator("#rest"), page.locator("#status")
    expect(rest).to_have_text("通常只需几秒，最多还需 32 秒。")
    assert bar.evaluate("(one) => [one.value, one.max]") == [28, 60]
    assert rest.get_attribute("aria-live") is None
    assert status.get_attribute("aria-live") == "polite"
    heard: list[str] = []
    for seconds in range(31, 9, -1):
        site.answer("api/revocation", {"rest": seconds})
        page.clock.run_for(1000)
        expect(rest).to_contain_text("秒")
        text = status.inner_text()
        if text not in heard:
            heard.append(text)
    assert heard[0] == "正在等待签发机构答复，请不要关闭本页……"
    assert 1 < len(heard) <= 3
    assert all(text.startswith("仍在等待签发机构答复") for text in heard[1:])


def test_the_time_that_is_left_never_becomes_negative(page: Page, site: Site, waiting: Open) -> None:
    site.calls["api/revocation"] = lambda _: (200, {"rest": 0})
    waiting(rest=1, wait=60)
    page.clock.run_for(5000)
    expect(page.locator("#rest-text")).to_have_text("通常只需几秒，最多还需 0 秒。")


def test_a_refusal_ends_the_waiting_and_says_what_to_do(
    page: Page, site: Site, waiting: Open, complaints: list[str]
) -> None:
    waiting()
    site.answer("api/revocation", REVOKED, 403)
    problem = page.locator("#problem")
    pass_until(page, problem.is_visible)
    expect(problem).to_contain_text("证书已被作废")
    expect(problem).to_contain_text("certificate_revoked")
    expect(page.locator("#waiting")).to_be_hidden()
    expect(page.get_by_text("系统正在向证书的签发机构确认")).to_be_hidden()
    expect(page.get_by_role("button", name="立即查看")).to_be_hidden()
    expect(page.locator("#status")).to_have_text("")
    before = looks(site)
    page.clock.run_for(10_000)
    assert looks(site) == before
    problem.get_by_role("link", name="重新使用证书登录").click()
    page.wait_for_url("**/certlogin/login*")
    assert [text for text in complaints if "403" not in text] == []
    complaints.clear()


def test_a_server_that_is_away_for_a_moment_is_asked_again(
    page: Page, site: Site, waiting: Open, complaints: list[str]
) -> None:
    waiting()
    pass_until(page, lambda: looks(site) == 1)
    page.route("**/api/revocation", lambda route: route.abort())
    problem = page.locator("#problem")
    pass_until(page, problem.is_visible)
    expect(problem).to_contain_text("network_error")
    expect(problem.get_by_role("link")).to_have_count(0)
    page.unroute_all(behavior="wait")
    site.answer("api/revocation", {"next": RELEASE, "method": "GET"})
    pass_until(page, lambda: page.url.endswith(RELEASE))
    complaints.clear()


def test_the_button_looks_at_once_and_only_once_at_a_time(page: Page, site: Site, waiting: Open) -> None:
    waiting()
    pass_until(page, lambda: looks(site) == 1)
    held: list[Route] = []
    page.route("**/api/revocation", lambda route: held.append(route))
    button = page.get_by_role("button", name="立即查看")
    button.click()
    button.click()
    pass_until(page, lambda: len(held) == 1)
    page.clock.run_for(5000)
    assert len(held) == 1
    held[0].fulfill(json={"next": RELEASE, "method": "GET"})
    page.wait_for_url(f"**{RELEASE}")
    assert "/certlogin/revocation/look" not in [path for path, _ in site.posted]


def test_without_a_script_the_button_sends_the_form(site: Site, page: Page) -> None:
    context = page.context.browser
    assert context is not None
    plain = context.new_context(base_url=site.origin, java_script_enabled=False)
    try:
        site.pages[PATH] = render("await_revocation")
        site.answer("revocation/look", {})
        still = plain.new_page()
        still.goto(PATH)
        still.get_by_role("button", name="立即查看").click()
        still.wait_for_url("**/certlogin/revocation/look*")
        assert site.posted == [("/certlogin/revocation/look", {"form": f"attempt={ATTEMPT}"})]
    finally:
        plain.close()


def test_a_look_by_the_button_takes_the_place_of_the_next_one(page: Page, site: Site, waiting: Open) -> None:
    """Else each click would add looks of its own, every two seconds."""
    waiting()
    pass_until(page, lambda: looks(site) == 1)
    for number in range(2, 6):
        with page.expect_response("**/api/revocation"):
            page.get_by_role("button", name="立即查看").click()
        assert looks(site) == number
    page.wait_for_function("() => document.getElementById('rest-text').textContent !== ''")
    for number in range(6, 9):
        with page.expect_response("**/api/revocation"):
            page.clock.run_for(2000)
        assert looks(site) == number

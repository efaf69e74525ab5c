"""下载证书 as users meet it: C1, C2, C5, and what may go wrong on the way."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.factory import make_pki
from tests.pages.conftest import all_ports_refused
from tests.pages.helper import FakeHelper, HelperError, encode, sha256, token
from tests.pages.site import Site
from tests.web.shown import ATTEMPT, render

pytestmark = pytest.mark.browser

DONE = "/certlogin/enrol/done"
CERTIFICATE = make_pki().issuing.issue().der
Open = Callable[[], object]


@pytest.fixture
def enrol(page: Page, site: Site, helper: FakeHelper) -> Open:
    """Opens the page; helper and server do their part unless a test says otherwise."""
    helper.running = True
    helper.tokens = [token()]
    helper.answers["enroll"] = lambda body: {"request": "UkVRVUVTVA", "key_id": "key-1"}
    helper.answers["install"] = lambda body: {"certificate_sha256": sha256(CERTIFICATE)}
    site.pages[DONE] = site.pages["/"]
    site.pages["/certlogin/enrol"] = render("enrol")
    site.answer("api/challenge", _challenge())
    site.answer("api/enrol", {"certificate": encode(CERTIFICATE), "chain": [], "certificate_sha256": "ab"})
    site.answer("api/enrol/installed", {"next": f"{DONE}?lang=zh-CN"})
    return lambda: page.goto("/certlogin/enrol")


def _challenge() -> dict[str, Any]:
    return {
        "challenge": "NONCE",
        "unit": "U1",
        "unit_name": "曙光机械制造有限公司",
        "sid": "SID",
        "algorithms": ["ES256", "RS256"],
        "formats": ["native"],
        "origin": "O",
        "expires_in": 120,
    }


def test_c1_c2_the_certificate_reaches_the_token_and_the_page_goes_on(
    page: Page, site: Site, helper: FakeHelper, enrol: Open
) -> None:
    enrol()
    expect(page.get_by_role("radio", name="曙光的证书介质")).to_be_checked()
    page.get_by_text("RSA 2048").click()
    page.get_by_role("button", name="下载证书").click()
    page.wait_for_url(f"**{DONE}?lang=zh-CN")
    # Nothing is withdrawn on leaving: no prompt is open any more.
    assert helper.names() == ["pair", "certificates", "enroll", "install"]
    assert helper.bodies("enroll") == [
        {
            "unit": "U1",
            "unit_name": "曙光机械制造有限公司",
            "nonce": "NONCE",
            "token_serial": "F0000000000A",
            "key_type": "RSA-2048",
        }
    ]
    assert site.asked("api/challenge") == [{"attempt": ATTEMPT, "purpose": "enrol"}]
    assert site.asked("api/enrol") == [{"attempt": ATTEMPT, "request": "UkVRVUVTVA"}]
    assert helper.bodies("install") == [{"key_id": "key-1", "certificate": encode(CERTIFICATE), "chain": []}]
    assert site.asked("api/enrol/installed") == [{"attempt": ATTEMPT, "certificate_sha256": sha256(CERTIFICATE)}]


def test_c5_while_issuing_the_page_says_loudly_not_to_unplug(page: Page, helper: FakeHelper, enrol: Open) -> None:
    def enroll(body: dict[str, Any]) -> dict[str, Any]:
        raise HelperError("user_cancelled", by="user")

    helper.answers["enroll"] = enroll
    enrol()
    notice = page.locator("#unplug")
    expect(notice).to_be_hidden()
    page.evaluate(
        """() => {
            const notice = document.getElementById("unplug");
            window.noticed = [];
            const look = () => window.noticed.push([notice.hidden, document.getElementById("submit").disabled]);
            new MutationObserver(look).observe(notice, { attributes: true });
        }"""
    )
    page.get_by_role("button", name="下载证书").click()
    expect(page.locator("#problem")).to_contain_text("您取消了操作")
    expect(notice).to_be_hidden()
    assert page.evaluate("window.noticed") == [[False, True], [True, False]]
    expect(page.get_by_role("button", name="下载证书")).to_be_enabled()


def test_a_wrong_pin_says_how_many_tries_are_left_and_warns_when_they_are_few(
    page: Page, helper: FakeHelper, enrol: Open
) -> None:
    left = iter([5, 2])

    def enroll(body: dict[str, Any]) -> dict[str, Any]:
        raise HelperError("pin_wrong", tries_left=next(left))

    helper.answers["enroll"] = enroll
    enrol()
    problem = page.locator("#problem")
    page.get_by_role("button", name="下载证书").click()
    expect(problem).to_contain_text("证书密码还可以再试 5 次。")
    expect(problem).not_to_contain_text("注意：次数用完后证书介质将锁定")
    page.get_by_role("button", name="下载证书").click()
    expect(problem).to_contain_text("证书密码还可以再试 2 次。")
    expect(problem).to_contain_text("注意：次数用完后证书介质将锁定")


def test_a_locked_token_leads_to_the_help_page(page: Page, helper: FakeHelper, enrol: Open) -> None:
    def enroll(body: dict[str, Any]) -> dict[str, Any]:
        raise HelperError("pin_locked")

    helper.answers["enroll"] = enroll
    enrol()
    page.get_by_role("button", name="下载证书").click()
    link = page.locator("#problem").get_by_role("link", name="证书密码锁定怎么办")
    expect(link).to_have_attribute("href", "/certlogin/help/locked?lang=zh-CN")


def test_what_broke_off_at_the_last_step_is_only_reported_again(
    page: Page, site: Site, helper: FakeHelper, enrol: Open, complaints: list[str]
) -> None:
    site.answer("api/enrol/installed", {"code": "unavailable", "title": "T", "next_step": "N"}, 503)
    enrol()
    page.get_by_role("button", name="下载证书").click()
    expect(page.locator("#problem-code")).to_contain_text("unavailable")
    site.answer("api/enrol/installed", {"next": DONE})
    page.get_by_role("button", name="下载证书").click()
    page.wait_for_url(f"**{DONE}*")
    assert (len(helper.bodies("enroll")), len(helper.bodies("install")), len(site.asked("api/enrol"))) == (1, 1, 1)
    complaints[:] = [line for line in complaints if "503" not in line]


def test_a_refusal_of_the_server_shows_its_words(
    page: Page, site: Site, helper: FakeHelper, enrol: Open, complaints: list[str]
) -> None:
    refusal = {"code": "request_refused", "title": "证书系统拒绝了下载申请", "next_step": "请致电", "support_id": "S-1"}
    site.answer("api/enrol", refusal, 400)
    enrol()
    page.get_by_role("button", name="下载证书").click()
    problem = page.locator("#problem")
    for words in refusal.values():
        expect(problem).to_contain_text(words)
    assert helper.bodies("install") == []
    complaints[:] = [line for line in complaints if "400" not in line]


def test_several_tokens_are_chosen_from_and_a_locked_one_is_not(page: Page, helper: FakeHelper, enrol: Open) -> None:
    helper.tokens = [
        token(serial="F1", label="一号"),
        token(serial="F2", label="二号", locked=True, tries_left=0),
        token(serial="F3", label="三号", key_types=["RSA-2048"], pending=True),
    ]
    enrol()
    expect(page.get_by_role("radio", name="二号")).to_be_disabled()
    expect(page.locator("#token-list")).to_contain_text("已锁定，不能使用")
    expect(page.locator("#token-list")).to_contain_text("有一张证书等待安装")
    page.get_by_role("button", name="下载证书").click()
    expect(page.locator("#status")).to_have_text("请选择证书存放位置。")
    assert helper.bodies("enroll") == []
    page.get_by_role("radio", name="三号").check()
    expect(page.get_by_role("radio", name="ECC P-256")).to_be_disabled()
    expect(page.get_by_role("radio", name="RSA 2048")).to_be_checked()


def test_a_key_that_waits_for_its_certificate_is_gone_on_with(page: Page, helper: FakeHelper, enrol: Open) -> None:
    helper.tokens = [token(pending=True, key_types=["RSA-2048", "P-256"])]
    enrol()
    expect(page.get_by_role("radio", name="RSA 2048")).to_be_checked()


def test_a_token_that_can_make_none_of_the_kinds_is_said_so(page: Page, helper: FakeHelper, enrol: Open) -> None:
    helper.tokens = [token(key_types=["P-384"])]
    enrol()
    page.get_by_role("button", name="下载证书").click()
    expect(page.locator("#status")).to_contain_text("不支持所选的证书类型")
    assert helper.bodies("enroll") == []


def test_without_a_token_the_page_says_what_to_do_and_reads_again(page: Page, helper: FakeHelper, enrol: Open) -> None:
    helper.tokens = []
    enrol()
    expect(page.locator("#problem")).to_contain_text("没有检测到证书介质")
    expect(page.get_by_role("button", name="下载证书")).to_be_disabled()
    helper.tokens = [token()]
    page.get_by_role("button", name="读取证书介质").click()
    expect(page.get_by_role("button", name="下载证书")).to_be_enabled()
    expect(page.locator("#problem")).to_be_hidden()


def test_without_a_helper_the_way_back_to_the_check_is_offered(page: Page, helper: FakeHelper, enrol: Open) -> None:
    helper.running = False
    with all_ports_refused(page):
        enrol()
    link = page.locator("#problem").get_by_role("link", name="返回环境检查")
    expect(link).to_have_attribute("href", "/certlogin/helper?lang=zh-CN")


def test_threat_7_another_helper_is_not_trusted_until_the_user_says_so(
    page: Page, helper: FakeHelper, enrol: Open
) -> None:
    enrol()
    expect(page.get_by_role("button", name="下载证书")).to_be_enabled()
    helper.key_name = "squatter"
    page.reload()
    problem = page.locator("#problem")
    expect(problem).to_contain_text("本机的证书助手与以前不同")
    expect(problem).to_contain_text("仅当您确实更换了电脑")
    expect(page.get_by_role("button", name="下载证书")).to_be_disabled()
    problem.get_by_role("button", name="确认信任新的证书助手").click()
    expect(page.get_by_role("button", name="下载证书")).to_be_enabled()
    assert helper.names() == ["pair", "certificates", "certificates", "pair", "certificates"]

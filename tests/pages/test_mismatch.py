"""The chooser after a proof with a certificate that is not the account's: D6, D7."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.factory import NOW, OTHER_CODE, make_pki
from tests.pages.helper import FakeHelper, encode, sha256, token
from tests.pages.site import Site
from tests.web.shown import render

pytestmark = pytest.mark.browser

ISSUING = make_pki().issuing
OWN = ISSUING.issue(common_name="曙光机械制造有限公司", serial=0x1234ABCD).der
THEIRS = ISSUING.issue(common_name="鸿雁纺织有限公司", unit_code=OTHER_CODE, key_name="theirs").der
SIDES = {
    "account_name": "曙光机械制造有限公司",
    "account_code": "9111**********7341L",
    "certificate_name": "鸿雁纺织有限公司",
    "certificate_code": "9111**********7340X",
}
Refuse = Callable[..., None]


@pytest.fixture
def refuse(page: Page, site: Site, helper: FakeHelper, complaints: list[str]) -> Refuse:
    """Chooses the certificate of another unit; the server refuses its proof with the advice."""
    site.date = NOW.strftime("%a, %d %b %Y %H:%M:%S GMT")
    helper.running = True
    helper.tokens = [token(THEIRS), token(OWN, serial="F0000000000B")]
    helper.answers["login"] = lambda body: {
        "payload": "UEFZTE9BRA",
        "signature": "U0lH",
        "certificate": encode(THEIRS),
        "chain": [],
        "tries_left": 6,
    }
    site.pages["/certlogin/login"] = render("login")
    site.answer("api/challenge", {"challenge": "N", "unit": "U1", "unit_name": "曙光", "sid": "S", "algorithms": []})

    def open_(advice: str = "compare", fits: list[str] | None = None, status: int = 200, **changes: Any) -> None:
        refusal = {"code": "certificate_of_another_unit", "title": "T", "next_step": "N", "advice": advice}
        site.answer("api/proof", refusal | SIDES | changes, 403)
        site.answer("api/fits", {"fits": fits or []}, status)
        page.goto("/certlogin/login")
        page.locator("#certificate-list").get_by_text("鸿雁纺织有限公司").click()
        page.get_by_role("button", name="确定").click()
        expect(page.locator("#problem-code")).to_contain_text("certificate_of_another_unit")
        expect(page.get_by_role("button", name="确定")).to_be_enabled()
        page.wait_for_load_state("networkidle")
        complaints[:] = [line for line in complaints if "403" not in line and "503" not in line]

    return open_


def test_d6_both_units_stand_side_by_side_after_the_proof(page: Page, refuse: Refuse) -> None:
    refuse()
    panel = page.get_by_role("region", name="账号单位与证书单位对照")
    for side, whose in (("account", "登录账号的单位"), ("certificate", "所选证书的单位")):
        expect(panel.get_by_role("heading", name=whose)).to_be_visible()
        expect(page.locator(f"#mismatch-{side}-name")).to_have_text(SIDES[f"{side}_name"])
        expect(page.locator(f"#mismatch-{side}-code")).to_have_text(SIDES[f"{side}_code"])


def test_before_the_proof_nothing_of_it_is_shown(page: Page, site: Site, helper: FakeHelper) -> None:
    site.pages["/certlogin/login"] = render("login")
    page.goto("/certlogin/login")
    expect(page.locator("#mismatch")).to_be_hidden()
    expect(page.locator("#mismatch-account-name")).to_have_text("")


@pytest.mark.parametrize(
    ("advice", "words"),
    [
        ("compare", "证书所有者"),
        ("authorise", "请联系主管部门为贵单位授权"),
        ("change", "请向签发机构申请“证书信息变更”"),
    ],
)
def test_d7_what_to_do_next_is_that_of_the_advice(page: Page, refuse: Refuse, advice: str, words: str) -> None:
    refuse(advice)
    steps = page.locator(".mismatch-steps:visible")
    expect(steps).to_have_count(1)
    expect(steps).to_contain_text(words)


def test_d7_a_side_without_a_code_says_so(page: Page, refuse: Refuse) -> None:
    refuse("change", certificate_code="")
    expect(page.locator("#mismatch-certificate-code")).to_have_text("证书或账号中没有")


def test_d6_the_certificate_that_fits_is_chosen_by_one_click(
    page: Page, site: Site, helper: FakeHelper, refuse: Refuse
) -> None:
    refuse(fits=[sha256(OWN)])
    assert site.asked("api/fits")[0]["certificates"] == [encode(THEIRS), encode(OWN)]
    button = page.get_by_role("button", name="改选：曙光机械制造有限公司")
    expect(page.locator("#mismatch-fits")).to_contain_text("本机还有可用于本账号的证书")
    button.click()
    expect(page.locator("#mismatch")).to_be_hidden()
    expect(page.locator("#problem")).to_be_hidden()
    expect(page.get_by_role("button", name="确定")).to_be_focused()
    site.pages["/home"] = site.pages["/"]
    site.answer("api/proof", {"next": "/home", "method": "GET"})
    page.keyboard.press("Enter")
    page.wait_for_url("**/home")
    assert [body["certificate_sha256"] for body in helper.bodies("login")] == [sha256(THEIRS), sha256(OWN)]


def test_d6_where_nothing_fits_nothing_is_offered(page: Page, refuse: Refuse) -> None:
    refuse(fits=["ab" * 32])
    expect(page.locator("#mismatch")).to_be_visible()
    expect(page.locator("#mismatch-fits")).to_be_hidden()


def test_d6_the_advice_stands_without_an_answer_about_the_others(page: Page, site: Site, refuse: Refuse) -> None:
    refuse(status=503)
    assert len(site.asked("api/fits")) == 1
    expect(page.locator("#mismatch")).to_be_visible()
    expect(page.locator("#mismatch-fits")).to_be_hidden()


def test_another_refusal_shows_no_sides(page: Page, refuse: Refuse, site: Site) -> None:
    refuse(advice=None)
    expect(page.locator("#mismatch")).to_be_hidden()
    assert site.asked("api/fits") == []


def test_what_the_answer_says_is_text(page: Page, refuse: Refuse) -> None:
    refuse(certificate_name="<b>x</b>")
    expect(page.locator("#mismatch-certificate-name")).to_have_text("<b>x</b>")
    expect(page.locator("#mismatch b")).to_have_count(0)

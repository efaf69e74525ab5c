"""A unit with a key from elsewhere, at the list system in a real browser with the shipped JavaScript: A10, A11."""

import pytest
from playwright.sync_api import expect

from demonstration.running.zcqd import key_label
from demonstration.walking.world import World, ZcqdWorld
from tests.acceptance.visitor import visiting

pytestmark = pytest.mark.browser


def test_a10_a11_a_key_from_elsewhere_logs_in_at_once_and_its_unit_edits_a_product(
    demonstration: World, list_system: ZcqdWorld
) -> None:
    user = list_system.current
    demonstration.helper.start()
    with visiting(list_system) as visitor:
        page = visitor.page
        visitor.log_in(user)
        visitor.is_at("/certlogin/login")
        expect(page.locator("body")).to_contain_text("400-000-0001")
        label = key_label(list_system.demo.unit(user))
        page.locator("#certificate-list label", has_text=label).locator("input").check()
        visitor.will_type(f"pin {list_system.pin(user)}")
        page.click("#submit")
        visitor.is_at("/zcqd/")
        expect(page.locator("#unit")).to_have_text(list_system.demo.unit(user).name)
        expect(page.locator("#method")).to_have_text("数字证书")
        page.get_by_role("link", name="修改 干式配电变压器").click()
        page.get_by_label("规格型号").fill("DH-SCB18-630")
        page.get_by_label("2 级").press("ArrowLeft")
        page.get_by_role("button", name="保存").press("Enter")
        visitor.is_at("/zcqd/")
        row = page.get_by_role("row", name="干式配电变压器")
        expect(row).to_contain_text("DH-SCB18-630")
        expect(row).to_contain_text("1 级")
        assert visitor.complaints == []

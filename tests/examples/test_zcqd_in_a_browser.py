"""The pages of the list system on a telephone and on a desk: nothing hangs over, nothing is blocked by their policy."""

import pytest
from playwright.sync_api import expect

from demonstration.walking.world import ZcqdWorld
from tests.acceptance.visitor import visiting

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("width", [360, 1280])
def test_every_page_of_the_list_system_fits_and_loads_what_its_policy_allows(world: ZcqdWorld, width: int) -> None:
    with visiting(world) as visitor:
        visitor.page.set_viewport_size({"width": width, "height": 740})
        for path in ("/zcqd/welcome", "/zcqd/login", "/zcqd/login?lang=en"):
            visitor.goto(path)
            expect(visitor.page.locator("#hotline")).to_be_visible()
            assert visitor.page.evaluate("document.documentElement.scrollWidth") <= width
        visitor.log_in(world.operator)
        visitor.is_at("/zcqd/")
        expect(visitor.page.locator("tbody tr")).to_have_count(8)
        assert visitor.page.evaluate("document.documentElement.scrollWidth") <= width
        assert visitor.complaints == []

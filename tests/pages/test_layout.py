"""From 360 to 1920 pixels, on paper, with the system's own colours, without motion, by keyboard."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from certlogin.settings.site import Language
from tests.pages.site import Site
from tests.web.shown import VARIANTS, render

pytestmark = pytest.mark.browser

#: Shown at once, whatever a script would show later: the widest that can happen.
_SHOW_ALL = """() => {
    for (const element of document.querySelectorAll("[hidden]")) element.hidden = false;
    for (const element of document.querySelectorAll("details")) element.open = true;
    for (const id of ["status", "problem-title", "problem-next", "problem-code"]) {
        const element = document.getElementById(id);
        if (element) element.textContent = "certificate_critical_extension 证书助手正在运行".repeat(3);
    }
}"""


@pytest.fixture(scope="module")
def still(browser: Browser, running_site: Site) -> Iterator[Page]:
    """A page whose own scripts do not run."""
    context = browser.new_context(base_url=running_site.origin, java_script_enabled=False)
    yield context.new_page()
    context.close()


def _show(page: Page, site: Site, variant: str, language: Language = Language.ZH_CN) -> None:
    site.pages["/certlogin/shown"] = render(variant, language)
    page.goto("/certlogin/shown")


@pytest.mark.parametrize("variant", VARIANTS)
def test_no_page_is_wider_than_its_window(still: Page, site: Site, variant: str) -> None:
    for language in Language:
        for width in (360, 640, 768, 1280, 1920):
            still.set_viewport_size({"width": width, "height": 800})
            _show(still, site, variant, language)
            still.evaluate(_SHOW_ALL)
            wide: Any = still.evaluate("() => document.documentElement.scrollWidth")
            assert wide <= width, (language, width)


@pytest.mark.parametrize("variant", VARIANTS)
def test_what_is_pressed_is_large_enough_for_a_finger(still: Page, site: Site, variant: str) -> None:
    still.set_viewport_size({"width": 360, "height": 800})
    _show(still, site, variant)
    still.evaluate(_SHOW_ALL)
    heights: list[float] = still.evaluate(
        """() => [...document.querySelectorAll(".button, .choice")]
            .filter((one) => one.offsetParent !== null)
            .map((one) => one.getBoundingClientRect().height)"""
    )
    assert heights
    assert all(height >= 44 for height in heights)


def test_the_keyboard_reaches_the_content_first_and_shows_where_it_is(still: Page, site: Site) -> None:
    still.set_viewport_size({"width": 1280, "height": 800})
    _show(still, site, "done")
    still.keyboard.press("Tab")
    skip = still.get_by_role("link", name="跳到正文")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    expect(skip).to_have_css("outline-style", "solid")
    still.keyboard.press("Enter")
    still.keyboard.press("Tab")
    expect(still.get_by_role("link", name="继续登录")).to_be_focused()


def test_a_button_that_cannot_be_pressed_looks_different_by_more_than_colour(still: Page, site: Site) -> None:
    _show(still, site, "enrol")
    submit = still.get_by_role("button", name="下载证书")
    expect(submit).to_be_disabled()
    expect(submit).to_have_css("border-style", "dashed")
    expect(submit).to_have_css("cursor", "not-allowed")


def test_c5_the_notice_moves_only_where_motion_is_wanted(still: Page, site: Site) -> None:
    look = "() => getComputedStyle(document.getElementById('unplug'), '::after').animationName"
    for wish, animation in (("no-preference", "under-way"), ("reduce", "none")):
        still.emulate_media(reduced_motion="reduce" if wish == "reduce" else "no-preference")
        _show(still, site, "enrol")
        still.evaluate(_SHOW_ALL)
        assert still.evaluate(look) == animation
    still.emulate_media(reduced_motion="null")


def test_with_the_systems_own_colours_every_box_keeps_an_edge(still: Page, site: Site) -> None:
    still.emulate_media(forced_colors="active")
    _show(still, site, "enrol")
    still.evaluate(_SHOW_ALL)
    script = (
        "() => [...document.querySelectorAll('.notice, .choice')].map((one) => getComputedStyle(one).borderTopStyle)"
    )
    assert set(still.evaluate(script)) <= {"solid", "dashed"}
    still.emulate_media(forced_colors="null")


def test_a_refusal_on_paper_keeps_its_words_and_loses_its_buttons(still: Page, site: Site) -> None:
    still.emulate_media(media="print")
    _show(still, site, "refused")
    expect(still.get_by_text("K7Q2-M4XD")).to_be_visible()
    expect(still.get_by_text("400-000-0000").first).to_be_visible()
    expect(still.get_by_role("link", name="返回登录页")).to_be_hidden()
    still.emulate_media(media="null")

"""Chromium, the site, and a page that must not complain."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request

from tests.chromium import chromium
from tests.pages.helper import FakeHelper
from tests.pages.site import Site, serve

#: Runs JavaScript in an empty page of the site: `module("base64url.js", "m => m.encode(…)", argument)`.
Module = Callable[..., Any]
#: Where helpers listen.
HELPER = "http://127.0.0.1:1756"


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="package")
def running_site() -> Iterator[Site]:
    with serve() as site:
        yield site


@pytest.fixture
def site(running_site: Site) -> Site:
    running_site.reset()
    return running_site


@pytest.fixture
def complaints() -> list[str]:
    """What the browser complained of; a test takes out what it expects, the rest fails it."""
    return []


@pytest.fixture
def page(browser: Browser, site: Site, complaints: list[str]) -> Iterator[Page]:
    """A fresh profile. Console errors, uncaught errors and violations of the policy fail the test."""
    context = browser.new_context(base_url=site.origin, locale="zh-CN", accept_downloads=False)
    page = context.new_page()
    page.set_default_timeout(10_000)
    _note(page, complaints)
    try:
        yield page
    finally:
        # An answer of the fake helper that is under way would be waited for, and never come.
        page.unroute_all(behavior="ignoreErrors")
        context.close()
    assert complaints == []


@pytest.fixture
def helper(page: Page) -> FakeHelper:
    """Nobody listens on the helper's ports until the test starts it."""
    fake = FakeHelper()
    page.route(f"{HELPER}*/**", fake.handle)
    return fake


@contextmanager
def all_ports_refused(page: Page, times: int = 1) -> Iterator[None]:
    """What is done inside makes the page look so many times for a helper that is not there; afterwards it knows."""
    looks = count(1)

    def last(request: Request) -> bool:
        return request.url.startswith(f"{HELPER}3/") and next(looks) == times

    with page.expect_event("requestfailed", last):
        yield


def pass_until(page: Page, done: Callable[[], bool]) -> None:
    """Moves the page's standing clock until it is so: a page sets its next timer only after its answers have come."""
    for _ in range(400):
        if done():
            return
        page.clock.run_for(250)
    pytest.fail("has not happened in 100 seconds of the page's time")


@pytest.fixture(scope="package")
def laboratory(browser: Browser, running_site: Site) -> Iterator[tuple[Page, list[str]]]:
    """One page for all tests of modules: they keep nothing."""
    noted: list[str] = []
    page = browser.new_page(base_url=running_site.origin)
    page.add_init_script(path=Path(__file__).with_name("fakes.js"))
    _note(page, noted)
    page.goto("/")
    yield page, noted
    page.close()


@pytest.fixture
def module(laboratory: tuple[Page, list[str]]) -> Iterator[Module]:
    page, noted = laboratory

    def run(name: str, script: str, argument: Any = None) -> Any:
        call = f"async (argument) => ({script})(await import('/certlogin/static/{name}'), argument)"
        return page.evaluate(call, argument)

    yield run
    complained, noted[:] = noted[:], []
    assert complained == []


def _note(page: Page, complaints: list[str]) -> None:
    def note(message: ConsoleMessage) -> None:
        # What the helper did not answer the browser writes down itself, with the helper's address.
        if message.type in ("error", "warning") and not message.location["url"].startswith(HELPER):
            complaints.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: complaints.append(str(error)))

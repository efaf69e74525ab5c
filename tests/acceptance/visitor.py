"""Somebody with a real browser at one of the demonstration's hosts."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from playwright.sync_api import ConsoleMessage, Page, expect

from demonstration.walking.world import World, ZcqdWorld
from tests.chromium import chromium

W = TypeVar("W", World, ZcqdWorld)


@dataclass
class Visitor(Generic[W]):
    """`complaints` is what the browser's console said."""

    page: Page
    world: W
    complaints: list[str] = field(default_factory=list)

    def listen(self, message: ConsoleMessage) -> None:
        # While no helper runs, looking for one is a refused connection, and browsers say so.
        if message.type in ("error", "warning") and "ERR_CONNECTION_REFUSED" not in message.text:
            self.complaints.append(message.text)

    def goto(self, path: str) -> None:
        self.page.goto(self.world.host.origin + path)

    def log_in(self, user: str) -> None:
        """With the keyboard alone."""
        host = self.world.host
        self.goto(f"{host.prefix}/login")
        captcha = host.captchas().answer(self.page.locator("input[name=captcha_id]").input_value()) or ""
        expect(self.page.locator("#user")).to_be_focused()
        for typed, next_key in ((user, "Tab"), (host.passwords[user], "Tab"), (captcha, "Enter")):
            self.page.keyboard.type(typed)
            self.page.keyboard.press(next_key)

    def will_type(self, *lines: str) -> None:
        self.world.desk.answers.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

    def is_at(self, path: str) -> None:
        expect(self.page).to_have_url(
            re.compile(re.escape(self.world.host.origin + path) + r"(\?.*)?$"), timeout=15_000
        )


@contextmanager
def visiting(world: W) -> Iterator[Visitor[W]]:
    with chromium() as browser:
        context = browser.new_context(locale="zh-CN")
        visitor = Visitor(context.new_page(), world)
        visitor.page.on("console", visitor.listen)
        visitor.page.on("pageerror", lambda error: visitor.complaints.append(str(error)))
        yield visitor
        context.close()

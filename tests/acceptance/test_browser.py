"""The main journey in a real browser with the shipped JavaScript: A1 to A5, B2, B3, B7, C1, C2, C5."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from demonstration.running.prepare import token_label
from demonstration.walking.world import World
from tests.acceptance.visitor import Visitor, visiting

pytestmark = pytest.mark.browser


Person = Visitor[World]


@pytest.fixture
def person(demonstration: World) -> Iterator[Person]:
    with visiting(demonstration) as visitor:
        yield visitor


def choose(person: Person, user: str) -> None:
    """A4: the certificate chooser, 确定, the PIN in the helper's window."""
    person.is_at("/certlogin/login")
    choices = person.page.locator("#certificate-list input:enabled")
    expect(choices).to_have_count(1)
    choices.check()
    person.will_type(f"pin {person.world.pin(user)}")
    person.page.click("#submit")
    person.is_at("/survey/")
    expect(person.page.locator("#unit")).to_have_text(person.world.unit(user).name)
    expect(person.page.locator("#method")).to_have_text("数字证书")


def find_the_helper(person: Person) -> None:
    """B2, B3, B7: nothing runs, the dialog offers the download, the button counts, the helper appears."""
    person.is_at("/certlogin/helper")
    dialog = person.page.locator("#missing")
    expect(dialog).to_be_visible(timeout=15_000)
    expect(dialog).to_contain_text("没有检测到证书助手")
    dialog.get_by_role("link", name="证书助手客户端下载").click()
    person.is_at("/certlogin/helper/download")
    button = person.page.locator("#builds .build:visible a.download").first
    before = button.inner_text()
    with person.page.expect_download() as download:
        button.click()
    assert re.fullmatch(r"CertHelper.*0\.1\.0\.0.*\.deb", download.value.suggested_filename)
    expect(button).to_have_attribute("aria-disabled", "true")
    expect(button).to_contain_text(re.compile(r"(29|30) 秒"))
    assert before not in button.inner_text()
    person.world.helper.start()
    person.is_at("/certlogin/enrol")


def download(person: Person, user: str, key_type: str) -> None:
    """C1, C5, C2."""
    page, unit = person.page, person.world.unit(user)
    person.is_at("/certlogin/enrol")
    expect(page.locator("#unit-name")).to_have_text(unit.name)
    shown = page.locator("#unit-code").inner_text()
    assert shown != unit.code
    assert shown.endswith(unit.code[-4:])
    page.locator("#token-list label", has_text=token_label(unit)).locator("input").check()
    page.locator(f"input[name=key_type][value={key_type}]").check()
    expect(page.locator("#unplug")).to_be_hidden()
    person.will_type(f"pin {person.world.pin(user)}")
    page.click("#submit")
    person.is_at("/certlogin/enrol/done")
    expect(page.locator("h1")).to_have_text("证书下载成功")


@pytest.mark.parametrize("key_type", ["SM2", "RSA-2048"])
def test_a1_to_a5_b2_c1_c2_a_unit_of_the_roster_from_nothing_to_logged_in_twice(person: Person, key_type: str) -> None:
    user = person.world.first
    person.log_in(user)
    find_the_helper(person)
    download(person, user, key_type)
    # A5: back to the host, and in again with the chooser.
    person.page.get_by_role("button", name="返回报送系统").click()
    person.is_at("/survey/login")
    person.log_in(user)
    choose(person, user)
    assert person.complaints == []


def test_a3_a_unit_outside_the_roster_notices_nothing(person: Person) -> None:
    person.goto("/survey/welcome")
    expect(person.page.locator("body")).not_to_contain_text("证书")
    person.log_in(person.world.outsider)
    person.is_at("/survey/")
    assert person.complaints == []


def test_c2_after_the_download_the_login_under_way_goes_on(person: Person) -> None:
    user = person.world.second
    person.world.helper.start()
    person.log_in(user)
    download(person, user, "P-256")
    person.page.get_by_role("link", name="继续登录").click()
    choose(person, user)
    assert person.complaints == []


def test_a4_a_wrong_pin_is_said_with_the_tries_left_and_the_right_one_logs_in(person: Person) -> None:
    user = person.world.second
    person.world.helper.start()
    person.log_in(user)
    download(person, user, "P-256")
    person.page.get_by_role("link", name="继续登录").click()
    person.is_at("/certlogin/login")
    person.page.locator("#certificate-list input:enabled").check()
    person.will_type("pin wrong-pin")
    person.page.click("#submit")
    problem = person.page.locator("#problem")
    expect(problem).to_be_visible(timeout=15_000)
    expect(problem).to_contain_text("5 次")
    expect(problem).to_contain_text("pin_wrong")
    choose(person, user)
    # The helper answers a wrong PIN with 422, and browsers say so.
    assert [text for text in person.complaints if "422" not in text] == []

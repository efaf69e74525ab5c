"""Helpers that are too old, withdrawn or only not the newest: B13-B16, S14, on every host."""

from typing import Any

import pytest

from certlogin import UnitId
from tests import factory
from tests.companions import allows, without
from tests.gate.browser import Browser
from tests.gate.conftest import MakeWorld
from tests.gate.world import World

OLD, MINIMUM, NEWEST, BAD = "1.4.9.9", "1.5.0.0", "1.10.0.0", "1.8.0.0"
NOTICE = "因系统升级，请您下载最新版本的证书助手"
REASON = "该版本在部分电脑上无法读取证书"
RULES = {"minimum": MINIMUM, "recommended": NEWEST, "blocked": [{"version": BAD, "reason": REASON}]}


def world_with(make_world: MakeWorld, **changes: Any) -> World:
    world = make_world(rules={"helper": RULES | changes})
    world.bind("U1")
    return world


@pytest.fixture
def at_login(make_world: MakeWorld) -> Browser:
    """U1 has a certificate and logs in; nothing has been reported yet."""
    mine = Browser(world_with(make_world))
    mine.log_in("U1")
    return mine


def download_page(mine: Browser, query: str = "") -> str:
    answer = mine.get(f"/certlogin/helper/download?lang=zh-CN{query}")
    assert answer.status == 200
    return answer.text


def shown(page: str, identity: str) -> bool:
    """Whether the element stands in the page and is not hidden."""
    _, found, after = page.partition(f'id="{identity}"')
    return bool(found) and "hidden" not in after.partition(">")[0]


@pytest.mark.parametrize(
    ("version", "page"),
    [(OLD, "helper/download"), (BAD, "helper/download"), (MINIMUM, "login"), ("1.9.0.0", "login"), (NEWEST, "login")],
)
def test_b13_the_reported_version_chooses_the_page(at_login: Browser, version: str, page: str) -> None:
    assert at_login.report(version)["next"].startswith(f"/certlogin/{page}?")


def test_b13_b14_b15_b16_an_old_helper_is_told_what_to_do(at_login: Browser) -> None:
    answer = at_login.report(OLD)
    assert answer["helper"] == {"version": OLD, "is_refused": True, "needed": NEWEST, "reason": "", "until": ""}
    page = download_page(at_login)
    assert shown(page, "outdated")
    for words in (NOTICE, OLD, f"需要的版本：{NEWEST} 或更高", "杀毒软件", "0x5", "拔下 USBKey", "400-000-0000"):
        assert words in page
    assert '<a class="link-loud" href="#builds">' in page
    assert not shown(page, "outdated-reason")


def test_b13_a_withdrawn_build_is_told_the_reason(at_login: Browser) -> None:
    at_login.report(BAD)
    page = download_page(at_login)
    assert shown(page, "outdated")
    assert shown(page, "outdated-reason")
    assert f"原因：{REASON}" in page
    assert not shown(page, "outdated-needed")


def test_k1_the_page_shows_the_service_hours_too(make_world: MakeWorld) -> None:
    world = make_world(rules={"helper": RULES}, site={"service_hours": "08:30-17:30"})
    assert download_page(Browser(world)).count("08:30-17:30") == 2


def believes_the_page(*_: object) -> None:
    """Nobody looks at the version that was signed."""
    return


#: Without it nobody looks at the version that was signed.
SIGNED = "certlogin.login.policy._signed_with_old_helper"
ADMITTED = "certlogin_release"


@without({SIGNED: believes_the_page}, sees=ADMITTED)
@pytest.mark.parametrize("version", [OLD, BAD])
def test_s14_b13_a_page_that_lies_about_the_version_gets_as_far_as_the_proof(at_login: Browser, version: str) -> None:
    issued = at_login.world.certificate_of("U1")
    assert at_login.report(NEWEST)["next"].startswith("/certlogin/login?")
    leads_to = at_login.prove(issued, helper=version)["next"]
    assert leads_to.startswith("/certlogin/helper/download?"), leads_to
    assert not at_login.is_admitted()
    # The page speaks of the helper that signed, and the log of what came.
    assert f'<span id="outdated-version">{version}</span>' in download_page(at_login)
    (event,) = at_login.world.events("old_helper_signed")
    assert event.facts["version"] == version
    assert at_login.world.events("proof_accepted") == []


@without({SIGNED: believes_the_page}, sees=ADMITTED)
def test_s14_a_page_that_reports_nothing_gets_no_further(at_login: Browser) -> None:
    leads_to = at_login.prove(at_login.world.certificate_of("U1"), helper=OLD)["next"]
    assert leads_to.startswith("/certlogin/helper/download?"), leads_to
    assert not at_login.is_admitted()


@allows
@pytest.mark.parametrize("version", [MINIMUM, NEWEST, "1.8.0.1"])
def test_s14_a_good_helper_logs_in(at_login: Browser, version: str) -> None:
    at_login.report(version)
    at_login.get(at_login.prove(at_login.world.certificate_of("U1"), helper=version)["next"])
    assert at_login.where() == "/home"
    assert at_login.is_admitted()


@allows
def test_s14_after_the_update_the_same_login_goes_on(at_login: Browser) -> None:
    issued = at_login.world.certificate_of("U1")
    at_login.report(NEWEST)
    at_login.prove(issued, helper=OLD)
    assert at_login.report(NEWEST)["next"].startswith("/certlogin/login?")
    at_login.get(at_login.prove(issued, helper=NEWEST)["next"])
    assert at_login.is_admitted()


@without({SIGNED: believes_the_page}, sees=ADMITTED)
def test_s14_a11_an_old_helper_registers_nothing(make_world: MakeWorld) -> None:
    world = make_world(rules={"helper": RULES}, adoption={"unregistered": "match"})
    mine = Browser(world)
    mine.log_in("U1")
    mine.report(NEWEST)
    leads_to = mine.prove(world.certificate_of("U1"), helper=OLD)["next"]
    assert leads_to.startswith("/certlogin/helper/download?"), leads_to
    assert world.store.of_unit(UnitId("U1")) == ()


@pytest.mark.parametrize(("seconds", "page"), [(-1, "login"), (0, "helper/download"), (1, "helper/download")])
def test_b13_a_rule_begins_on_its_second(make_world: MakeWorld, seconds: int, page: str) -> None:
    begins = factory.NOW + 60 * (factory.DAY / 86400)
    world = world_with(make_world, **{"from": begins, "blocked": [{"version": BAD, "reason": REASON, "from": begins}]})
    mine = Browser(world)
    mine.log_in("U1")
    world.clock.advance(60 + seconds)
    issued = world.certificate_of("U1")
    for version in (OLD, BAD):
        assert mine.report(version)["next"].startswith(f"/certlogin/{page}?")
    at_proof = mine.prove(issued, helper=OLD)["next"]
    assert at_proof.startswith("/certlogin/helper/download?" if page != "login" else "/login?certlogin_release")


def test_a_recommended_version_is_a_hint_that_holds_nobody_up(at_login: Browser) -> None:
    assert at_login.report("1.9.0.0")["next"].startswith("/certlogin/login?")
    page = at_login.get("/certlogin/login?lang=zh-CN").text
    assert "证书助手有新版本 1.10.0.0（本机版本 1.9.0.0）" in page
    assert "/certlogin/helper/download?lang=zh-CN&amp;newer=1" in page
    followed = download_page(at_login, "&newer=1")
    assert shown(followed, "newer")
    assert not shown(followed, "outdated")
    assert 'data-running="1.9.0.0"' in followed
    # Whoever comes without that wish only waits for a helper.
    assert 'data-running=""' in download_page(at_login)
    assert not shown(download_page(at_login), "newer")


def test_the_hint_names_the_day_from_which_on_it_is_none(make_world: MakeWorld) -> None:
    world = world_with(make_world, **{"from": factory.NOW + 10 * factory.DAY})
    mine = Browser(world)
    mine.log_in("U1")
    mine.report(OLD)
    page = mine.get("/certlogin/login?lang=zh-CN").text
    day = (factory.NOW + 10 * factory.DAY).date().isoformat()
    assert f"自 {day} 起必须使用新版本。" in page


def test_the_newest_helper_hears_nothing(at_login: Browser) -> None:
    assert "helper" not in at_login.report(NEWEST)
    assert "证书助手有新版本" not in at_login.get("/certlogin/login?lang=zh-CN").text
    assert not shown(download_page(at_login, "&newer=1"), "newer")


@pytest.mark.parametrize(("os", "page"), [("windows", "helper/download"), ("linux", "login")])
def test_b13_a_system_may_need_a_newer_one(make_world: MakeWorld, os: str, page: str) -> None:
    world = world_with(make_world, systems=[{"os": "windows", "minimum": "1.9.0.0"}])
    mine = Browser(world)
    mine.log_in("U1")
    assert mine.report("1.6.0.0", os=os)["next"].startswith(f"/certlogin/{page}?")


@without({SIGNED: believes_the_page}, sees=ADMITTED)
def test_s14_who_lies_about_the_system_is_held_to_the_lowest_minimum(make_world: MakeWorld) -> None:
    world = world_with(make_world, systems=[{"os": "windows", "minimum": "1.9.0.0"}])
    mine = Browser(world)
    mine.log_in("U1")
    for os in ("linux", "darwin", "windows", ""):
        mine.report(NEWEST, os=os)
        leads_to = mine.prove(world.certificate_of("U1"), helper=OLD)["next"]
        assert leads_to.startswith("/certlogin/helper/download?"), leads_to

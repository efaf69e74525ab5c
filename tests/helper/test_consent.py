"""Pairing: who decides, how often somebody is asked, and what the window says (threats 3, 11, 16, 17, 19)."""

from hashlib import sha256
from pathlib import Path

import pytest

from certlogin.helper.config import Language
from certlogin.helper.limits import Limits
from certlogin.helper.origins import Grant, Origin
from certlogin.helper.pin.base import Choice, ConfirmQuestion
from tests.helper.world import OTHER_SITE, PIN, SITE, World, grants, running

_DAY = 86400.0


def _last_window(world: World) -> ConfirmQuestion:
    question = world.person.asked[-1]
    assert isinstance(question, ConfirmQuestion)
    return question


def test_the_user_allows_a_site_for_this_once(world: World) -> None:
    page = world.page()
    assert page.pair(Choice.OK).json["mode"] == "once"
    assert page.certificates().status == 200
    question = _last_window(world)
    assert (question.ok, question.not_ok, question.cancel) == ("仅此一次", "始终允许", "阻止")


def test_a_pairing_for_this_once_ends_by_itself_and_with_the_helper(tmp_path: Path) -> None:
    with running(tmp_path) as world:
        page = world.page()
        page.pair(Choice.OK)
        world.clock.advance(899.0)
        assert page.certificates().status == 200
        world.clock.advance(1.0)
        assert page.certificates().code == "not_paired"
        page.pair(Choice.OK)
    with running(tmp_path) as again:
        later = again.page()
        later.token = page.token
        assert later.certificates().code == "not_paired"


def test_a_pairing_for_ever_survives_the_helper_and_its_key_stays(tmp_path: Path) -> None:
    with running(tmp_path) as world:
        page = world.page()
        first = page.pair(Choice.NOT_OK).json
        assert first["mode"] == "always"
    with running(tmp_path) as again:
        later = again.page()
        later.token = page.token
        assert later.certificates().status == 200
        assert later.pair(Choice.NOT_OK).json["helper_key"] == first["helper_key"]


def test_a_blocked_site_is_not_asked_about_again_and_hears_so(world: World) -> None:
    page = world.page()
    assert page.pair(Choice.CANCEL, Choice.OK).code == "origin_refused"
    assert _last_window(world).ok == "一直阻止"
    asked = len(world.person.asked)
    for reply in (page.post("pair", {"purpose": "login"}), world.request("GET", "/v1/hello", {})):
        assert (reply.status, reply.code) == (403, "origin_refused")
        assert reply.headers["access-control-allow-origin"] == SITE
    assert world.request("OPTIONS", "/v1/pair", {}).code == "origin_refused"
    assert len(world.person.asked) == asked


def test_blocking_ends_the_pairings_of_the_site(world: World) -> None:
    paired, again = world.page(), world.page()
    paired.pair(Choice.NOT_OK)
    again.pair(Choice.CANCEL, Choice.OK)
    assert paired.certificates().code == "origin_refused"
    assert world.service.pairings.forget(SITE)
    assert paired.certificates().code == "not_paired"


def test_closing_the_window_is_a_no_for_a_day_and_not_for_ever(world: World) -> None:
    page = world.page()
    refused = page.pair(Choice.CANCEL, Choice.CANCEL)
    assert (refused.code, refused.facts) == ("user_cancelled", {"by": "user"})
    asked = len(world.person.asked)
    world.clock.advance(_DAY - 1)
    later = page.pair()
    assert (later.status, later.code, later.facts) == (429, "busy", {"retry_after": 1})
    # Its other hosts share the registrable domain.
    assert world.page("https://other.stats.gov.cn").pair().code == "busy"
    assert len(world.person.asked) == asked
    world.clock.advance(1.0)
    assert page.pair(Choice.OK).status == 200


def test_threat_16_three_pairing_windows_an_hour_whoever_asks(world: World) -> None:
    sites = [world.page(f"https://site{number}.example.com.cn") for number in range(3)]
    # Different registrable domains, so that only the hourly limit holds them back.
    for number, page in enumerate(sites):
        page.origin = f"https://www.site{number}.cn"
        assert page.pair(Choice.NOT_OK).status == 200
    assert world.page(SITE).pair(Choice.NOT_OK).code == "busy"
    world.person.choices.clear()
    # They never hold back an origin that is paired.
    assert sites[0].certificates().status == 200
    world.clock.advance(3600.0)
    assert world.page(SITE).pair(Choice.NOT_OK).status == 200


def test_threat_16_companion_without_the_limit_a_site_opens_window_after_window(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Limits, "count_pair_prompt", lambda self, origin, now: None)
    codes = [world.page(f"https://www.site{number}.cn").pair().code for number in range(6)]
    assert codes == ["user_cancelled"] * 6
    # Each no was followed by the question whether to block.
    assert len(world.person.asked) == 12


def test_an_administrator_allows_a_site_without_a_window(tmp_path: Path) -> None:
    with running(tmp_path, origins=grants("login", "certificates")) as world:
        certificate = world.make_certificate(world.make_token())
        page = world.page()
        assert page.pair().json["mode"] == "always"
        assert page.shown() == [certificate]
        assert world.person.asked == []
        # Another site is asked about as ever.
        assert world.page(OTHER_SITE).pair().code == "user_cancelled"


def test_what_an_administrator_takes_back_is_gone_with_the_next_start(tmp_path: Path) -> None:
    with running(tmp_path, origins=grants("login", "certificates")) as world:
        page = world.page()
        page.pair()
        assert page.certificates().status == 200
    with running(tmp_path) as world:
        later = world.page()
        later.token = page.token
        assert later.certificates().code == "not_paired"
        later.pair()
        assert world.person.asked


def test_being_listed_is_not_enough_to_log_in_and_login_not_to_see_everything(tmp_path: Path) -> None:
    with running(tmp_path, origins=grants()) as world:
        assert world.page().pair().code == "user_cancelled"
    with running(tmp_path / "other", origins=grants("login")) as world:
        world.make_certificate(world.make_token(), origin=OTHER_SITE)
        page = world.page()
        page.pair()
        assert page.certificates().code == "user_cancelled"
        assert "要出示这一张吗" in _last_window(world).description


def test_a_wildcard_covers_hosts_below_it_and_nothing_beside_it(tmp_path: Path) -> None:
    everywhere = (Grant("https://*.stats.gov.cn", frozenset({"login"})),)
    with running(tmp_path, origins=everywhere) as world:
        for origin, paired in (
            ("https://survey.stats.gov.cn", True),
            ("https://a.b.stats.gov.cn", True),
            ("https://stats.gov.cn", False),
            ("https://evilstats.gov.cn", False),
            ("https://survey.stats.gov.cn.evil.com", False),
            ("https://survey.stats.gov.cn:8443", False),
        ):
            assert (world.page(origin).pair().status == 200) is paired, origin
            world.clock.advance(3600.0)


def test_a_site_keeps_eight_pairings_and_the_oldest_goes(tmp_path: Path) -> None:
    with running(tmp_path, origins=grants("login", "certificates")) as world:
        pages = [world.page() for _ in range(9)]
        for page in pages:
            assert page.pair().status == 200
        world.clock.advance(60.0)
        assert [page.certificates().status for page in pages] == [403] + [200] * 8


@pytest.mark.parametrize(
    ("origin", "emphasised"),
    [
        ("https://survey.stats.gov.cn", "stats.gov.cn"),
        ("https://survey.stats.gov.cn.evil.com", "evil.com"),
        ("https://xn--stts-5qa.gov.cn:8443", "xn--stts-5qa.gov.cn"),
        ("https://" + "a" * 60 + "." + "b" * 60 + ".stats.gov.cn.evil.org", "evil.org"),
        ("https://192.168.1.10:8443", "192.168.1.10"),
        ("https://[2001:db8::1]", "[2001:db8::1]"),
    ],
)
def test_threat_19_the_window_names_the_registrable_part_first_and_the_whole_origin(
    world: World, origin: str, emphasised: str
) -> None:
    world.page(origin).pair()
    question = world.person.asked[0]
    assert question.title == f"证书助手 — {emphasised}"
    lines = question.description.split("\n")
    assert lines[:2] == [f"网站：{emphasised}", f"完整地址：{origin}"]


def test_threat_11_every_window_carries_the_phrase_of_this_installation(tmp_path: Path) -> None:
    phrases = set()
    for folder in ("one", "two"):
        with running(tmp_path / folder) as world:
            phrase = world.service.texts.phrase()
            certificate = world.make_certificate(world.make_token())
            assert certificate
            page = world.page()
            page.pair(Choice.OK)
            world.person.choices.extend([Choice.OK, Choice.OK])
            world.person.pins.append(PIN)
            page.certificates()
            page.enroll(world.tokens[0])
            assert len(world.person.asked) == 4
            assert all(f"安全短语：{phrase}" in question.description for question in world.person.asked)
            phrases.add(phrase)
    assert len(phrases) == 2


def test_in_development_mode_local_pages_are_accepted_and_every_window_says_so(tmp_path: Path) -> None:
    with running(tmp_path, dev=True, language=Language.EN, name="Helper") as world:
        page = world.page("http://127.0.0.1:8000")
        assert page.pair(Choice.OK).status == 200
        question = _last_window(world)
        assert question.description.startswith("[DEVELOPMENT MODE: not for real use]\n")
        assert (question.title, question.ok, question.not_ok, question.cancel) == (
            "Helper — 127.0.0.1", "Once", "Always", "Block",
        )  # fmt: skip
        for origin in ("http://127.0.0.1", "http://localhost:8000", "http://192.168.0.1:80", "http://evil.com:80"):
            assert world.page(origin).pair().code == "origin_refused"


def test_without_any_dialog_the_page_hears_no_pin_dialog(world: World) -> None:
    world.person.blind = True
    reply = world.page().pair()
    assert (reply.status, reply.code, reply.json["error"]["retryable"]) == (422, "no_pin_dialog", False)


def test_threat_17_before_pairing_two_installations_say_the_same(tmp_path: Path) -> None:
    heard = []
    for folder in ("one", "two"):
        with running(tmp_path / folder) as world:
            if folder == "one":
                world.make_certificate(world.make_token("某某公司"))
            replies = [world.request("GET", "/v1/hello", {})]
            replies += [
                world.page().post(call) for call in ("certificates", "login", "agree", "enroll", "install", "cancel")
            ]
            heard.append([(reply.status, reply.body, reply.headers) for reply in replies])
    assert heard[0] == heard[1]


def test_the_user_who_refuses_three_times_is_left_alone_for_five_minutes(world: World) -> None:
    page = world.page()
    page.pair(Choice.NOT_OK)
    certificate = world.make_certificate(world.make_token())
    digest = sha256(certificate).hexdigest()
    for _ in range(3):
        assert page.login(digest).code == "user_cancelled"
    asked = len(world.person.asked)
    waiting = page.login(digest)
    assert (waiting.status, waiting.code, waiting.facts) == (429, "busy", {"retry_after": 300})
    assert page.certificates().code == "busy"
    assert page.post("cancel").status == 200
    assert len(world.person.asked) == asked
    world.clock.advance(300.0)
    world.person.pins.append(PIN)
    assert page.login(digest).status == 200


def test_a_success_in_between_clears_the_refusals(world: World) -> None:
    page = world.page()
    page.pair(Choice.NOT_OK)
    digest = sha256(world.make_certificate(world.make_token())).hexdigest()
    for pin in (None, None, PIN, None, None, PIN):
        if pin is not None:
            world.person.pins.append(pin)
        assert page.login(digest).status == (422 if pin is None else 200)


def test_ten_calls_a_minute_and_hello_and_cancel_are_free(world: World) -> None:
    page = world.page()
    page.pair(Choice.NOT_OK)
    assert [page.certificates().status for _ in range(10)] == [200] * 9 + [429]
    reply = page.certificates()
    assert (reply.code, reply.facts) == ("busy", {"retry_after": 60})
    assert page.post("cancel").status == 200
    assert world.request("GET", "/v1/hello", {}).status == 200
    # Another site is not held back by it.
    other = world.page(OTHER_SITE)
    assert other.pair(Choice.NOT_OK).status == 200
    world.clock.advance(60.0)
    assert page.certificates().status == 200


def test_threat_16_companion_without_the_rate_limit_calls_go_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def free(self: Limits, origin: Origin, now: float) -> None:
        return None

    monkeypatch.setattr(Limits, "count_call", free)
    page = world.page()
    page.pair(Choice.NOT_OK)
    assert {page.certificates().status for _ in range(20)} == {200}

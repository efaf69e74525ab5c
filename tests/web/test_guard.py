"""S1, S2, S5, S8 at the guard: which requests pass, with which cookies, and how the host's cookies leave."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.sansio.http import parse_cookie

from certlogin.login.keys import Keyring, Use
from certlogin.login.seal import seal
from certlogin.login.ticket import Ticket, mint
from certlogin.records.identity import Method
from certlogin.records.unit import UnitId
from certlogin.settings.login import Tickets
from certlogin.settings.model import Settings
from certlogin.settings.site import Host, Paths, Site
from certlogin.settings.trust import Trust
from certlogin.web.guard import ForeignOrigin, Guard, Pass, TicketMissing
from certlogin.web.paths import Kind
from tests.factory import NOW
from tests.login.tampering import bent
from tests.web.asking import request

ORIGIN = "https://survey.example"
TICKET, ATTEMPT = "__Host-certlogin-login", "__Host-certlogin-login-attempt"
SECOND = timedelta(seconds=1)
IDLE = Tickets().idle
RING = Keyring((b"k" * 32,))
SETTINGS = Settings(
    site=Site(origin=ORIGIN, secret_keys=("k" * 32,)),
    host=Host(("session", "remember_me"), Paths(login=("/login",), public=("/static/",), machine=("/feed",))),
    trust=Trust(()),
)


class Clock:
    now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def guard(clock: Clock) -> Guard:
    return Guard(SETTINGS, RING, clock)


def ticket(name: str = "A") -> Ticket:
    end = NOW + timedelta(hours=8)
    return Ticket(f"id-{name}", UnitId(f"unit-{name}"), Method.PASSWORD, None, NOW, NOW, end, "rules")


def text_of(found: Ticket) -> str:
    return mint(found, RING.keys(Use.TICKET))


def sealed(value: str, name: str = "session", owner: str = "A") -> str:
    return seal(value, name, ticket(owner).id, RING.keys(Use.SEAL))


MINE = f"{TICKET}={text_of(ticket())}"


def passed(guard: Guard, cookie: str, path: str = "/home", method: str = "GET", origin: str | None = None) -> Pass:
    headers = {"cookie": cookie} | ({} if origin is None else {"origin": origin})
    asked = request(method, path, headers)
    return guard.check(asked, guard.kind(asked))


# --- the ticket


def test_a_ticket_admits(guard: Guard) -> None:
    found = passed(guard, MINE)
    assert found == Pass(Kind.PROTECTED, None, drop_authorization=False, ticket=ticket())
    assert guard.ticket_of(request(headers={"cookie": MINE})) == ticket()


@pytest.mark.parametrize(
    "cookie",
    [
        "",
        "session=x",
        TICKET,
        f"{TICKET}=",
        f"{MINE}; {MINE}",
        f"{MINE}; {TICKET}=",
        f"{TICKET}=tossed; {MINE}",
        f'{TICKET}="{text_of(ticket())}"',
        f"x={MINE}",
        f"x=y, {MINE}",
        MINE.lower(),
        MINE.replace(TICKET, ATTEMPT),
        MINE.replace(TICKET, "__Host-certlogin-other"),
        MINE.replace(TICKET, "certlogin-login"),
        f"{TICKET}={mint(ticket(), Keyring((b'o' * 32,)).keys(Use.TICKET))}",
        f"{TICKET}={mint(ticket(), RING.keys(Use.SEAL))}",
    ],
)
def test_s2_no_other_cookie_is_a_ticket(guard: Guard, cookie: str) -> None:
    with pytest.raises(TicketMissing) as refusal:
        passed(guard, cookie)
    assert (refusal.value.code, refusal.value.status) == ("ticket_missing", 401)


def test_s2_a_bent_ticket_admits_nobody(guard: Guard) -> None:
    admitted = []
    for what, text in bent(text_of(ticket())):
        found = guard.ticket_of(request(headers={"cookie": f"{TICKET}={text}"}))
        # Blanks around a value are no part of it (RFC 6265 5.2).
        if found is not None and text.strip(" \t") != text_of(ticket()):
            admitted.append(what)
    assert admitted == []


def test_s2_an_idle_ticket_is_none(guard: Guard, clock: Clock) -> None:
    clock.now = NOW + (IDLE - 1) * SECOND
    assert passed(guard, MINE).ticket == ticket()
    clock.now = NOW + IDLE * SECOND
    with pytest.raises(TicketMissing):
        passed(guard, MINE)


@pytest.mark.parametrize("path", ["/home", "/", "/static/../home", "//static/a", "/login/", "/feed/x"])
def test_s4_without_a_ticket_only_listed_paths_pass(guard: Guard, path: str) -> None:
    with pytest.raises(TicketMissing):
        passed(guard, "theme=dark", path)
    assert passed(guard, MINE, path).kind is Kind.PROTECTED


def test_a_ticket_that_was_ended_is_as_good_as_none(guard: Guard) -> None:
    asked = request(path="/login", headers={"cookie": f"{MINE}; session={sealed('s')}"})
    assert guard.check(asked, Kind.LOGIN, believe_ticket=False) == Pass(Kind.LOGIN, None, False, None)
    with pytest.raises(TicketMissing):
        guard.check(asked, Kind.PROTECTED, believe_ticket=False)


def test_a_request_without_any_cookie_is_judged_too(guard: Guard) -> None:
    asked = request(path="/login")
    found = guard.check(asked, Kind.LOGIN)
    assert found == Pass(Kind.LOGIN, None, drop_authorization=False, ticket=None)
    assert guard.without_session(asked, found) == found
    assert guard.ticket_of(asked) is None


# --- S1: the host's session on an admitted request


def test_s1_a_session_sealed_to_the_ticket_reaches_the_host_as_it_was(guard: Guard) -> None:
    cookie = f"theme=dark; session={sealed('a.b~c=')}; {MINE}; remember_me={sealed('r', 'remember_me')}"
    assert passed(guard, cookie).cookie == "theme=dark; session=a.b~c=; remember_me=r"


@pytest.mark.parametrize(
    "session",
    [
        "session=B",
        f"session={sealed('B', owner='B')}",
        f"session={sealed('B', name='remember_me')}",
        f"session={sealed('B')[:-1]}",
        f"session=C{sealed('B')}",
        f'session="{sealed("B")}"',
        f"SESSION={sealed('B')}",
        f"Session=B; remember_me={sealed('B')}",
        "remember_me=B",
        "theme=x session=B",
        "theme=x,session=B",
        'theme="session=B"',
        "=session=B",
        "session",
        "\x0bsession=B",
    ],
)
def test_s1_no_other_session_reaches_the_host(guard: Guard, session: str) -> None:
    for cookie in (f"{MINE}; {session}", f"{session}; {MINE}", f"a=1; {MINE}; {session}; b=2"):
        found = passed(guard, cookie).cookie or ""
        assert "session" not in found.lower()
        assert "remember" not in found
        assert "B" not in found


def test_s1_the_victim_s_session_beside_one_s_own_is_removed(guard: Guard) -> None:
    own, theirs = f"session={sealed('mine')}", f"session={sealed('B', owner='B')}"
    for cookie in (f"{MINE}; {own}; {theirs}; session=B", f"session=B; {theirs}; {own}; {MINE}"):
        assert passed(guard, cookie).cookie == "session=mine"


def test_s1_one_session_stands_there_once(guard: Guard) -> None:
    """Two of one's own, such as an older one on a longer path: the first, as every reader here would take it."""
    cookie = f"{MINE}; session={sealed('one')}; session={sealed('two')}"
    assert passed(guard, cookie).cookie == "session=one"


def test_s1_the_seal_is_the_only_obstacle(guard: Guard) -> None:
    """With B's own ticket B's session is B's."""
    cookie = f"{TICKET}={text_of(ticket('B'))}; session={sealed('B', owner='B')}"
    assert passed(guard, cookie) == Pass(Kind.PROTECTED, "session=B", False, ticket("B"))


def test_s1_keys_may_be_rotated(guard: Guard) -> None:
    both = Guard(SETTINGS, Keyring((b"n" * 32, b"k" * 32)), lambda: NOW)
    cookie = f"{MINE}; session={sealed('s')}"
    assert passed(both, cookie).cookie == "session=s"
    with pytest.raises(TicketMissing):
        passed(Guard(SETTINGS, Keyring((b"n" * 32,)), lambda: NOW), cookie)


pieces = st.sampled_from(
    [
        MINE, f"session={sealed('mine')}", f"session={sealed('B', owner='B')}", "session=B", "SESSION=B", "theme=dark",
        "a", "", " ", "theme=x session=B", f"{ATTEMPT}=x", "remember_me=B", "=session=B", "\tsession\t=B",
    ]
)  # fmt: skip


@given(st.lists(pieces, max_size=6), st.sampled_from(["/home", "/login", "/static/a", "/feed"]))
def test_s1_s5_whatever_is_sent_the_host_sees_no_session_but_its_own(sent: list[str], path: str) -> None:
    guard = Guard(SETTINGS, RING, lambda: NOW)
    try:
        found = passed(guard, ";".join(sent), path)
    except TicketMissing:
        assert path == "/home"
        return
    seen = parse_cookie(found.cookie or "")
    values = [value for name, value in seen.items(multi=True) if name.strip().lower() in ("session", "remember_me")]
    if found.ticket is not None:
        assert values in ([], ["mine"])
    elif path == "/login":
        assert set(values) <= {"B"}
    else:
        assert values == []
    assert TICKET not in (found.cookie or "")


# --- S5: public and machine paths


def test_s5_a_public_path_sees_no_session_and_no_authorization(guard: Guard) -> None:
    cookie = f"theme=dark; session=B; remember_me=B; session={sealed('B', owner='B')}; {ATTEMPT}=x"
    assert passed(guard, cookie, "/static/a") == Pass(Kind.PUBLIC, "theme=dark", drop_authorization=True, ticket=None)
    assert passed(guard, "", "/static/a").cookie is None


def test_s5_a_public_path_under_a_ticket_is_an_admitted_request(guard: Guard) -> None:
    found = passed(guard, f"{MINE}; session={sealed('s')}; remember_me=B", "/static/a")
    assert found == Pass(Kind.PUBLIC, "session=s", drop_authorization=False, ticket=ticket())


@pytest.mark.parametrize("cookie", ["session=B", f"{MINE}; session={sealed('s')}", "theme=dark", ""])
def test_s5_a_machine_path_sees_no_cookie(guard: Guard, cookie: str) -> None:
    found = passed(guard, cookie, "/feed", "POST", "https://evil.example")
    assert found == Pass(Kind.MACHINE, None, drop_authorization=False, ticket=None)


# --- before a login


def test_a_login_path_sees_the_host_s_own_cookies_from_before(guard: Guard) -> None:
    cookie = f"theme=dark; session=csrf; {ATTEMPT}=x; remember_me=r"
    found = passed(guard, cookie, "/login")
    assert found == Pass(Kind.LOGIN, "theme=dark; session=csrf; remember_me=r", drop_authorization=False, ticket=None)


def test_s1_a_login_path_sees_no_session_that_belongs_to_a_ticket(guard: Guard) -> None:
    """Of a ticket that is lost, ended or another browser's."""
    for owner in ("A", "B"):
        assert passed(guard, f"session={sealed('B', owner=owner)}", "/login").cookie is None
    assert passed(guard, "session=one; session=two", "/login").cookie == "session=one"


def test_without_session_takes_even_those_away(guard: Guard) -> None:
    asked = request(path="/login", headers={"cookie": "theme=dark; session=B"})
    found = guard.check(asked, Kind.LOGIN)
    assert guard.without_session(asked, found) == replace(found, cookie="theme=dark")


def test_a_login_page_under_a_ticket_is_an_admitted_request(guard: Guard) -> None:
    found = passed(guard, f"{MINE}; session={sealed('s')}", "/login", "POST", ORIGIN)
    assert found == Pass(Kind.LOGIN, "session=s", drop_authorization=False, ticket=ticket())


# --- S8


FOREIGN = [
    None, "", "null", "https://evil.example", "http://survey.example", "https://survey.example:8443", f"{ORIGIN}/",
    ORIGIN.upper(), f"{ORIGIN}.evil.example", f"{ORIGIN}, {ORIGIN}", f" {ORIGIN}",
]  # fmt: skip


@pytest.mark.parametrize("origin", FOREIGN)
@pytest.mark.parametrize(("cookie", "path"), [("", "/login"), (MINE, "/login"), (MINE, "/home")])
def test_s8_what_changes_something_comes_from_this_site(
    guard: Guard, cookie: str, path: str, origin: str | None
) -> None:
    with pytest.raises(ForeignOrigin) as refusal:
        passed(guard, cookie, path, "POST", origin)
    assert (refusal.value.code, refusal.value.status) == ("foreign_origin", 403)
    assert passed(guard, cookie, path, "POST", ORIGIN)
    assert passed(guard, cookie, path, "GET", origin)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "get", "TRACE", "PROPFIND", ""])
def test_s8_any_method_but_the_safe_ones_wants_the_origin(guard: Guard, method: str) -> None:
    with pytest.raises(ForeignOrigin):
        passed(guard, MINE, "/home", method)
    assert passed(guard, MINE, "/home", method, ORIGIN).ticket == ticket()


def test_s8_without_a_ticket_a_foreign_request_is_told_nothing_more(guard: Guard) -> None:
    with pytest.raises(TicketMissing):
        passed(guard, "", "/home", "POST", "https://evil.example")


# --- the attempt's cookie


def test_s2_the_attempt_cookie_stands_there_once(guard: Guard) -> None:
    for cookie, found in ((f"{ATTEMPT}=a", "a"), (f"{ATTEMPT}=a; {ATTEMPT}=a", None), ("", None), (MINE, None)):
        assert guard.attempt_of(request(headers={"cookie": cookie})) == found
    assert guard.attempt_of(request()) is None


# --- on the way out

HOST_HEADERS = (
    ("Content-Type", "text/html"),
    ("Set-Cookie", "session=s; Path=/; HttpOnly"),
    ("set-cookie", "theme=dark"),
    ("SET-COOKIE", "remember_me=r;Max-Age=9"),
    ("X-Set-Cookie", "session=x"),
)


def test_s1_the_host_s_sessions_leave_sealed_and_nothing_else_changes(guard: Guard) -> None:
    assert guard.seal_cookies(HOST_HEADERS, ticket()) == (
        ("Content-Type", "text/html"),
        ("Set-Cookie", f"session={sealed('s')}; Path=/; HttpOnly"),
        ("set-cookie", "theme=dark"),
        ("SET-COOKIE", f"remember_me={sealed('r', 'remember_me')};Max-Age=9"),
        ("X-Set-Cookie", "session=x"),
    )


@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0xFF, exclude_characters=';\x7f\xa0"'), min_size=1))
def test_s1_what_left_sealed_comes_back_as_the_host_set_it(value: str) -> None:
    guard = Guard(SETTINGS, RING, lambda: NOW)
    ((_, header),) = guard.seal_cookies((("Set-Cookie", f"session={value}; Path=/"),), ticket())
    assert passed(guard, f"{MINE}; {header.partition(';')[0]}").cookie == f"session={value}"


def test_a_cookie_that_only_ends_is_left_alone(guard: Guard) -> None:
    ends = (("Set-Cookie", "session=; Max-Age=0; Path=/"),)
    assert guard.seal_cookies(ends, ticket()) == ends


def test_s5_where_nobody_is_recognised_no_session_leaves(guard: Guard) -> None:
    kept = (HOST_HEADERS[0], HOST_HEADERS[2], HOST_HEADERS[4])
    assert guard.drop_cookies(HOST_HEADERS) == kept


def test_a_login_answer_leaves_sealed_and_with_its_ticket(guard: Guard) -> None:
    *headers, (name, last) = guard.with_ticket(HOST_HEADERS, ticket())
    assert tuple(headers) == guard.seal_cookies(HOST_HEADERS, ticket())
    assert (name, last.partition(";")[0]) == ("Set-Cookie", MINE)
    assert (name, last) == guard.ticket_header(ticket())


def test_the_ticket_is_dropped_by_name(guard: Guard) -> None:
    assert guard.drop_ticket_header()[1].startswith(f"{TICKET}=; ")


@pytest.mark.parametrize(("seconds", "wanted"), [(0, False), (IDLE // 6 - 1, False), (IDLE // 6, True), (IDLE, True)])
def test_a_ticket_is_minted_again_after_a_sixth_of_its_idle_time(guard: Guard, seconds: int, wanted: bool) -> None:
    assert guard.wants_remint(ticket(), NOW + seconds * SECOND) is wanted

"""S1, S2, S5, S8 at the guard: which requests pass, and with which cookies."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.sansio.http import parse_cookie

from certlogin.login.keys import Keyring, Use
from certlogin.login.ticket import mint
from certlogin.web.cookies import Piece
from certlogin.web.guard import ForeignOrigin, Guard, Pass, TicketMissing
from certlogin.web.http import Request
from certlogin.web.paths import Kind
from tests.companions import allows, companion, without
from tests.factory import NOW
from tests.login.tampering import bent
from tests.web.asking import request
from tests.web.guarding import (
    ATTEMPT,
    IDLE,
    MINE,
    ORIGIN,
    RING,
    SECOND,
    SETTINGS,
    TICKET,
    Clock,
    passed,
    sealed,
    text_of,
    ticket,
)

#: A ticket of our own making is as good as one of the server's.
UNSIGNED = {"certlogin.login.ticket.holds": lambda *_: True}
#: Anybody has a ticket.
BELIEVED = {"certlogin.web.guard.Guard._ticket": lambda *_: ticket()}
UNLISTED = {"certlogin.web.paths.PathLists.kind": lambda *_: Kind.PUBLIC}
FORGED = {"certlogin.login.seal.holds": lambda *_: True}
UNSEALED = {"certlogin.web.guard.unseal": lambda sealed, *_: sealed}
UNMENTIONED = {"certlogin.web.guard.mentions": lambda *_: False}
UNASKED = {"certlogin.web.guard.Guard.check_origin": lambda *_: None}
_CHECK = Guard.check


def _longest(pieces: list[Piece], name: str) -> str | None:
    return max((piece.value for piece in pieces if piece.name == name), key=len, default=None)


def _somewhere(pieces: list[Piece], name: str) -> str | None:
    """The end of the first cookie, whatever its name, without quotes."""
    return next((piece.value.strip('"').rpartition("=")[2] for piece in pieces), None)


UNCOUNTED = {"certlogin.web.guard.only": _longest}
BLURRED = {"certlogin.web.guard.only": _somewhere}


def _with_cookies(self: Guard, asked: Request, kind: Kind) -> Pass:
    return replace(_CHECK(self, asked, kind), cookie=asked.header("cookie"))


# --- the ticket


def test_a_ticket_admits(guard: Guard) -> None:
    found = passed(guard, MINE)
    assert found == Pass(Kind.PROTECTED, None, drop_authorization=False, ticket=ticket())
    assert guard.ticket_of(request(headers={"cookie": MINE})) == ticket()


@without(BLURRED)
@pytest.mark.parametrize(
    "cookie",
    [
        *(pytest.param(each, marks=without(BELIEVED)) for each in ("", "session=x", TICKET, f"{TICKET}=")),
        pytest.param(f"{MINE}; {MINE}", marks=without(UNCOUNTED)),
        pytest.param(f"{MINE}; {TICKET}=", marks=without(UNCOUNTED)),
        pytest.param(f"{TICKET}=tossed; {MINE}", marks=without(UNCOUNTED)),
        pytest.param(MINE.lower(), marks=without(BELIEVED)),
        pytest.param(f"{TICKET}={mint(ticket(), Keyring((b'o' * 32,)).keys(Use.TICKET))}", marks=without(UNSIGNED)),
        pytest.param(f"{TICKET}={mint(ticket(), RING.keys(Use.SEAL))}", marks=without(UNSIGNED)),
        f'{TICKET}="{text_of(ticket())}"',
        f"x={MINE}",
        f"x=y, {MINE}",
        MINE.replace(TICKET, ATTEMPT),
        MINE.replace(TICKET, "__Host-certlogin-other"),
        MINE.replace(TICKET, "certlogin-login"),
    ],
)
def test_s2_no_other_cookie_is_a_ticket(guard: Guard, cookie: str) -> None:
    with pytest.raises(TicketMissing) as refusal:
        passed(guard, cookie)
    assert (refusal.value.code, refusal.value.status) == ("ticket_missing", 401)


@without(UNSIGNED, sees="assert ['")
def test_s2_a_bent_ticket_admits_nobody(guard: Guard) -> None:
    admitted = []
    for what, text in bent(text_of(ticket())):
        found = guard.ticket_of(request(headers={"cookie": f"{TICKET}={text}"}))
        # Blanks around a value are no part of it (RFC 6265 5.2).
        if found is not None and text.strip(" \t") != text_of(ticket()):
            admitted.append(what)
    assert admitted == []


@without({"certlogin.login.ticket.judge_age": lambda *_: None})
def test_s2_an_idle_ticket_is_none(guard: Guard, clock: Clock) -> None:
    clock.now = NOW + (IDLE - 1) * SECOND
    assert passed(guard, MINE).ticket == ticket()
    clock.now = NOW + IDLE * SECOND
    with pytest.raises(TicketMissing):
        passed(guard, MINE)


@without(UNLISTED)
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


@allows
def test_s1_a_session_sealed_to_the_ticket_reaches_the_host_as_it_was(guard: Guard) -> None:
    cookie = f"theme=dark; session={sealed('a.b~c=')}; {MINE}; remember_me={sealed('r', 'remember_me')}"
    assert passed(guard, cookie).cookie == "theme=dark; session=a.b~c=; remember_me=r"


@without({**UNSEALED, **UNMENTIONED}, sees="assert 'B' not in ")
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
        "\x0bsession=B",
    ],
)
def test_s1_no_other_session_reaches_the_host(guard: Guard, session: str) -> None:
    for cookie in (f"{MINE}; {session}", f"{session}; {MINE}", f"a=1; {MINE}; {session}; b=2"):
        found = passed(guard, cookie).cookie or ""
        assert "B" not in found
        assert "session" not in found.lower()
        assert "remember" not in found


@without(FORGED, sees="assert 'session=B' == 'session=mine'")
def test_s1_the_victim_s_session_beside_one_s_own_is_removed(guard: Guard) -> None:
    own, theirs = f"session={sealed('mine')}", f"session={sealed('B', owner='B')}"
    for cookie in (f"{MINE}; {own}; {theirs}; session=B", f"session=B; {theirs}; {own}; {MINE}"):
        assert passed(guard, cookie).cookie == "session=mine"


@allows
def test_s1_one_session_stands_there_once(guard: Guard) -> None:
    """Two of one's own, such as an older one on a longer path: the first, as every reader here would take it."""
    cookie = f"{MINE}; session={sealed('one')}; session={sealed('two')}"
    assert passed(guard, cookie).cookie == "session=one"


@companion("test_s1_no_other_session_reaches_the_host")
def test_s1_the_seal_is_the_only_obstacle(guard: Guard) -> None:
    """With B's own ticket B's session is B's."""
    cookie = f"{TICKET}={text_of(ticket('B'))}; session={sealed('B', owner='B')}"
    assert passed(guard, cookie) == Pass(Kind.PROTECTED, "session=B", False, ticket("B"))


@without(UNSIGNED)
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


@without(UNMENTIONED, sees="assert ['")
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


@without(UNMENTIONED, sees="assert 'B' not in ")
def test_s5_a_public_path_sees_no_session_and_no_authorization(guard: Guard) -> None:
    cookie = f"theme=dark; session=B; remember_me=B; session={sealed('B', owner='B')}; {ATTEMPT}=x"
    found = passed(guard, cookie, "/static/a")
    assert "B" not in (found.cookie or "")
    assert found == Pass(Kind.PUBLIC, "theme=dark", drop_authorization=True, ticket=None)
    assert passed(guard, "", "/static/a").cookie is None


@allows
def test_s5_a_public_path_under_a_ticket_is_an_admitted_request(guard: Guard) -> None:
    found = passed(guard, f"{MINE}; session={sealed('s')}; remember_me=B", "/static/a")
    assert found == Pass(Kind.PUBLIC, "session=s", drop_authorization=False, ticket=ticket())


@without({"certlogin.web.guard.Guard.check": _with_cookies}, sees="' is None")
@pytest.mark.parametrize("cookie", ["session=B", f"{MINE}; session={sealed('s')}", "theme=dark", ""])
def test_s5_a_machine_path_sees_no_cookie(guard: Guard, cookie: str) -> None:
    found = passed(guard, cookie, "/feed", "POST", "https://evil.example")
    assert found.cookie is None
    assert found == Pass(Kind.MACHINE, None, drop_authorization=False, ticket=None)


# --- before a login


def test_a_login_path_sees_the_host_s_own_cookies_from_before(guard: Guard) -> None:
    cookie = f"theme=dark; session=csrf; {ATTEMPT}=x; remember_me=r"
    found = passed(guard, cookie, "/login")
    assert found == Pass(Kind.LOGIN, "theme=dark; session=csrf; remember_me=r", drop_authorization=False, ticket=None)


@without({"certlogin.web.guard.looks_sealed": lambda _: False}, sees="assert 'session=B~")
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


@without(UNASKED)
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


@without(UNASKED)
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "get", "TRACE", "PROPFIND", ""])
def test_s8_any_method_but_the_safe_ones_wants_the_origin(guard: Guard, method: str) -> None:
    with pytest.raises(ForeignOrigin):
        passed(guard, MINE, "/home", method)
    assert passed(guard, MINE, "/home", method, ORIGIN).ticket == ticket()


@without({**BELIEVED, **UNASKED})
def test_s8_without_a_ticket_a_foreign_request_is_told_nothing_more(guard: Guard) -> None:
    with pytest.raises(TicketMissing):
        passed(guard, "", "/home", "POST", "https://evil.example")


# --- the attempt's cookie


@without(UNCOUNTED, sees="assert 'a' == None")
def test_s2_the_attempt_cookie_stands_there_once(guard: Guard) -> None:
    for cookie, found in ((f"{ATTEMPT}=a", "a"), (f"{ATTEMPT}=a; {ATTEMPT}=a", None), ("", None), (MINE, None)):
        assert guard.attempt_of(request(headers={"cookie": cookie})) == found
    assert guard.attempt_of(request()) is None

"""S1, S5 at the guard: how the host's cookies leave."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certlogin.web.guard import Guard
from tests.companions import allows, without
from tests.factory import NOW
from tests.web.guarding import IDLE, MINE, RING, SECOND, SETTINGS, TICKET, passed, sealed, ticket

BARE = {"certlogin.web.guard.seal": lambda value, *_: value}

HOST_HEADERS = (
    ("Content-Type", "text/html"),
    ("Set-Cookie", "session=s; Path=/; HttpOnly"),
    ("set-cookie", "theme=dark"),
    ("SET-COOKIE", "remember_me=r;Max-Age=9"),
    ("X-Set-Cookie", "session=x"),
)


@without(BARE, sees="'session=s; Path=/; HttpOnly') != ")
def test_s1_the_host_s_sessions_leave_sealed_and_nothing_else_changes(guard: Guard) -> None:
    assert guard.seal_cookies(HOST_HEADERS, ticket()) == (
        ("Content-Type", "text/html"),
        ("Set-Cookie", f"session={sealed('s')}; Path=/; HttpOnly"),
        ("set-cookie", "theme=dark"),
        ("SET-COOKIE", f"remember_me={sealed('r', 'remember_me')};Max-Age=9"),
        ("X-Set-Cookie", "session=x"),
    )


@allows
@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0xFF, exclude_characters=';\x7f\xa0"'), min_size=1))
def test_s1_what_left_sealed_comes_back_as_the_host_set_it(value: str) -> None:
    guard = Guard(SETTINGS, RING, lambda: NOW)
    ((_, header),) = guard.seal_cookies((("Set-Cookie", f"session={value}; Path=/"),), ticket())
    assert passed(guard, f"{MINE}; {header.partition(';')[0]}").cookie == f"session={value}"


def test_a_cookie_that_only_ends_is_left_alone(guard: Guard) -> None:
    ends = (("Set-Cookie", "session=; Max-Age=0; Path=/"),)
    assert guard.seal_cookies(ends, ticket()) == ends


@without({"certlogin.web.guard.Guard._sets_auth": lambda *_: False}, sees="'session=s; Path=/; HttpOnly') != ")
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

"""S2: the scanner of `Cookie` headers against werkzeug's, and what the host may see of a header."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.sansio.http import parse_cookie

from certlogin.web.cookies import Piece, dropped_cookie, mentions, only, own_cookie, scan, set_cookie_name
from tests.companions import without

NAME = "__Host-certlogin-login"
TOKEN = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."

names = st.sampled_from([NAME, NAME, NAME.lower(), f"{NAME}-attempt", f" {NAME}", f"{NAME} ", f"x{NAME}", "a", ""])
values = st.text(TOKEN, max_size=8) | st.text(TOKEN + " =,\\", max_size=8)
spaces = st.text(" \t", max_size=2)
#: What a header may hold: visible Latin-1 and blanks (RFC 9110 5.5). Quotes have a test of their own.
header_text = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters='\x7f"') | st.just("\t"))
written = st.builds("{0}{1}{0}={2}{3}{2}".format, spaces, names, spaces, values)
headers = st.lists(written | names.map(lambda name: f"x{name}=") | header_text, max_size=5).map(";".join)


def _first(pieces: list[Piece], name: str) -> str | None:
    return next((piece.value for piece in pieces if piece.name == name), None)


def _unquoted(header: str) -> list[Piece]:
    return [Piece(piece.name, piece.value.strip('"')) for piece in scan(header)]


#: Each takes the place of the reader under test.
UNCOUNTED = {"tests.web.test_cookies.only": _first}
BLURRED = {
    "tests.web.test_cookies.only": lambda pieces, name: next(
        (piece.value for piece in pieces if name.lower() in piece.text().lower()), None
    )
}
UNQUOTED = {"tests.web.test_cookies.read": _unquoted}
#: A `;` between quotes ends nothing.
QUOTED = {"tests.web.test_cookies.read": lambda header: scan(re.sub('"[^"]*"', "", header))}
#: What the tests of quotes read with.
read = scan


def werkzeug_reads(header: str, name: str = NAME) -> list[str]:
    return parse_cookie(header).getlist(name)


# --- our own cookie


@without(UNCOUNTED, sees=" is None")
@given(st.lists(written, max_size=5).map(";".join))
def test_s2_our_own_cookie_is_read_as_werkzeug_reads_it(header: str) -> None:
    found, theirs = only(scan(header), NAME), werkzeug_reads(header)
    if len(theirs) > 1:
        assert found is None
    # A value with a blank inside is none for werkzeug, and none of ours.
    if found is not None and " " not in found:
        assert theirs == [found]


@without(UNCOUNTED, sees="assert ['")
@given(headers)
def test_s2_no_header_gives_two_readers_two_tickets(header: str) -> None:
    """A value that could be a ticket of ours: werkzeug finds it too, and no other beside it."""
    found = only(scan(header), NAME)
    if found is not None and re.fullmatch(f"[{TOKEN}]+", found):
        assert [value for value in werkzeug_reads(header) if value] == [found]


@without(UNQUOTED, sees="assert 'b' == ")
@pytest.mark.parametrize(
    ("header", "found"),
    [
        pytest.param(f'x="a; {NAME}=b"', 'b"', marks=without(QUOTED, sees="assert None == ")),
        pytest.param(f'x="a; {NAME}=b; "', "b", marks=without(QUOTED, sees="assert None == ")),
        (f'{NAME}="b"', '"b"'),
        (f'{NAME}="b', '"b'),
        (f'{NAME}=b"', 'b"'),
    ],
)
def test_s2_quotes_hide_nothing_and_make_no_ticket(header: str, found: str) -> None:
    """Browsers end a value at `;` whatever the quotes (RFC 6265 5.2); a reader that does not reads less, never more."""
    assert only(read(header), NAME) == found


@given(st.text(TOKEN, min_size=1), st.lists(header_text, max_size=3))
def test_what_we_set_is_what_we_read(value: str, others: list[str]) -> None:
    set_cookie = own_cookie(NAME, value)[1]
    pair = set_cookie.partition(";")[0]
    around = [other for other in others if NAME not in other]
    assert only(scan(";".join([*around, pair, *around])), NAME) == value


@pytest.mark.parametrize(
    ("header", "found"),
    [
        (f"{NAME}=a", "a"),
        (f"session=x; {NAME}=a; theme=dark", "a"),
        (f"  {NAME}\t=  a  ;", "a"),
        (f"{NAME}=a=b", "a=b"),
        (f"{NAME}=", ""),
        (f'{NAME}="a"', '"a"'),
        ("", None),
        ("session=x", None),
        (NAME, None),
    ],
)
def test_our_own_cookie_is_found_by_its_name(header: str, found: str | None) -> None:
    assert only(scan(header), NAME) == found


@without(BLURRED, sees=" is None")
@pytest.mark.parametrize(
    "header",
    [
        f"{NAME}=a; {NAME}=a",
        f"{NAME}=a; {NAME}=b",
        f"{NAME}=a;{NAME}=",
        f"{NAME.lower()}=a",
        f"{NAME}-attempt=a",
        f"x{NAME}=a",
        f"session={NAME}=a",
        f"session=x, {NAME}=a",
        f"={NAME}=a",
    ],
)
def test_s2_our_own_cookie_stands_there_once(header: str) -> None:
    assert only(scan(header), NAME) is None


# --- the host's cookies


@given(st.lists(st.tuples(st.text(TOKEN, min_size=1), st.text(TOKEN + '"=, \\é')), max_size=5))
def test_a_host_s_cookie_keeps_its_octets(pairs: list[tuple[str, str]]) -> None:
    stripped = [(name, value.strip(" ")) for name, value in pairs]
    pieces = scan("; ".join(f"{name}={value}" for name, value in pairs))
    assert [(piece.name, piece.value) for piece in pieces] == stripped
    assert scan("; ".join(piece.text() for piece in pieces)) == pieces


@given(headers)
def test_what_is_passed_on_is_read_as_it_was_judged(header: str) -> None:
    """Written again, no piece falls into two and none changes its name."""
    pieces = scan(header)
    assert scan("; ".join(piece.text() for piece in pieces)) == pieces


@pytest.mark.parametrize("header", ["", ";", ";;;", "session", "a; b", " ; "])
def test_what_is_no_pair_is_dropped(header: str) -> None:
    assert scan(header) == []


AUTH = frozenset({"session", "remember_me"})


@without({"tests.web.test_cookies.mentions": lambda *_: False}, sees="assert False")
@pytest.mark.parametrize(
    "piece",
    [
        Piece("session", "x"),
        Piece("SESSION", "x"),
        Piece("Session", "x"),
        Piece("theme", "dark session=x"),
        Piece("theme", "dark,session=x"),
        Piece("theme", '"session=x"'),
        Piece("theme", '"\\073session=x"'),
        Piece("", "session=x"),
        Piece("theme", "REMEMBER_ME=x"),
        Piece("\x0csession", "x"),
        Piece("\xa0session", "x"),
        Piece("ſession", "x"),
    ],
)
def test_s1_a_piece_in_which_some_reader_could_find_a_session_is_known(piece: Piece) -> None:
    assert mentions(piece, AUTH)


@pytest.mark.parametrize("piece", [Piece("theme", "dark"), Piece("sess", "ion"), Piece("remember", "me")])
def test_an_ordinary_piece_mentions_none(piece: Piece) -> None:
    assert not mentions(piece, AUTH)


# --- setting cookies


def test_our_own_cookie_is_set_as_its_prefix_demands() -> None:
    """RFC 6265bis 4.1.3.2: Secure, Path=/, no Domain; and no script reads it, no other site sends it."""
    header, text = own_cookie(NAME, "value")
    pair, *attributes = text.split("; ")
    assert (header, pair) == ("Set-Cookie", f"{NAME}=value")
    assert set(attributes) == {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"}


def test_our_own_cookie_ends_with_the_browser_or_after_its_time() -> None:
    assert "Max-Age" not in own_cookie(NAME, "value")[1]
    assert "Max-Age=60" in own_cookie(NAME, "value", max_age=60)[1]
    assert dropped_cookie(NAME)[1].startswith(f"{NAME}=; ")
    assert "Max-Age=0" in dropped_cookie(NAME)[1]


@pytest.mark.parametrize(
    ("header", "parts"),
    [
        ("session=x; Path=/; HttpOnly", ("session", "x", "; Path=/; HttpOnly")),
        ("session=x", ("session", "x", "")),
        ("session=", ("session", "", "")),
        ("session=; Max-Age=0", ("session", "", "; Max-Age=0")),
        (" session = x y ;Path=/", ("session", "x y", ";Path=/")),
        ("session=a=b", ("session", "a=b", "")),
        ('session="a b"; Path=/', ("session", '"a b"', "; Path=/")),
        ("session; Path=/", ("session", "", "; Path=/")),
        ("=session=x", ("", "session=x", "")),
        ("", ("", "", "")),
    ],
)
def test_a_set_cookie_falls_into_name_value_and_the_rest(header: str, parts: tuple[str, str, str]) -> None:
    assert set_cookie_name(header) == parts

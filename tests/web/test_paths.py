"""S4: a path that two readers could understand differently is in no list."""

import re
from collections.abc import Callable
from posixpath import normpath
from unicodedata import category
from urllib.parse import quote, unquote, urljoin

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from certlogin.settings.site import Paths
from certlogin.web.paths import Kind, PathLists, is_canonical
from tests.companions import without
from tests.web.asking import request

LISTS = PathLists.from_settings(
    "/certlogin",
    Paths(
        login=("/login", "/accounts/login/"),
        public=("/about", "/static/", "/静态/"),
        machine=("/feed", "/api/m2m/"),
    ),
)


def kind(path: str, method: str = "GET", raw_path: str | None = None, root: str = "", **headers: str) -> Kind:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return LISTS.kind(request(method, path, named, raw_path, root))


def all_kinds(path: str) -> list[Kind]:
    """With what servers tell of the request line: nothing, the path, a query too, a mount point."""
    line = quote(path)
    mounted = kind(path, raw_path="/mounted" + line, root="/mounted")
    return [kind(path), kind(path, raw_path=line), kind(path, raw_path=line + "?next=/../;x=%2f"), mounted]


def _blurred(self: PathLists, path: str, method: str) -> Kind:
    """Lists that forgive case, and ends of paths."""
    listed = (self.prefix, *self.login, *self.public, *self.public_below, *self.machine, *self.machine_below)
    found = path.lower().startswith(tuple(each.rstrip("/") for each in listed))
    return Kind.PUBLIC if found else Kind.PROTECTED


METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "get", "Post", "", "X")
OPENED = " is <Kind.PROTECTED: "
BLURRED = {"certlogin.web.paths.PathLists._host_kind": _blurred}
UNREADABLE = {
    "certlogin.web.paths.is_canonical": lambda *_: True,
    "certlogin.web.paths.PathLists._host_kind": lambda *_: Kind.PUBLIC,
}
UNREAD = {"certlogin.web.paths._agrees": lambda *_: True}
UNCHOSEN = {
    "certlogin.web.paths._LOGIN_METHODS": frozenset(METHODS),
    "certlogin.web.paths._PUBLIC_METHODS": frozenset(METHODS),
}


# --- the lists


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/login", Kind.LOGIN),
        ("/accounts/login/", Kind.LOGIN),
        ("/about", Kind.PUBLIC),
        ("/static/", Kind.PUBLIC),
        ("/static/a/b.min.js", Kind.PUBLIC),
        ("/static/..a", Kind.PUBLIC),
        ("/静态/图", Kind.PUBLIC),
        ("/feed", Kind.MACHINE),
        ("/api/m2m/v1", Kind.MACHINE),
        ("/certlogin", Kind.OWN),
        ("/certlogin/", Kind.OWN),
        ("/certlogin/api/proof", Kind.OWN),
        ("/", Kind.PROTECTED),
        ("/home", Kind.PROTECTED),
    ],
)
def test_a_path_is_in_the_list_that_names_it(path: str, expected: Kind) -> None:
    assert all_kinds(path) == [expected] * 4


@without(BLURRED, sees="<Kind.PUBLIC: 3> != <Kind.PROTECTED: 5>")
@pytest.mark.parametrize(
    "path",
    [
        "/login/", "/login/secret", "/accounts/login", "/about/", "/static", "/staticadmin", "/feedback", "/api/m2m",
        "/certloginx", "/Login", "/STATIC/a", "/CertLogin/api",
    ],
)  # fmt: skip
def test_s4_a_path_like_a_listed_one_is_in_no_list(path: str) -> None:
    assert all_kinds(path) == [Kind.PROTECTED] * 4


#: How a path that is not listed could be made to look as if it were, or the other way round.
SPELLINGS = [
    "//static/a", "/static//a", "/static/./a", "/static/../home", "/static/..", "/static/.", "/static/a/..",
    "/about/.", "/about/..", "/about.", "/about..", "/login.", "/static/a./b", "/static/.../home", "/static/a.",
    "/about;x", "/static/;/home", "/static/a;v=1", "/static/..;/home", "/static/..\\home", "/static\\a", "/about\\",
    "/static/a\x00.js", "/static/\x01", "/static/a\nb", "/static/a\r", "/static/\x7f", "/static/\x85",
    "/static/\x9f", "/static/a ", "/static/.. /home", "/static/..\u00a0/home", "/static/..\u3000/home",
    "/static/a\t/b", "/static/%2e%2e/home", "/static/%2E", "/static/%2fhome", "/static/%5chome", "/static/%00",
    "/static/%252e", "/static/%3b", "/static/100%", "/static/a?b", "/static/a#b", "/static/\ufffd",
    "/static/\ud800", "/static/\udcff", "/certlogin/../home", "/certlogin//api", "/certlogin/;x", "/feed;x",
    "/api/m2m/../home", "static/a", "", "*", "http://host/static/a", ".//static/a",
]  # fmt: skip


@without(UNREADABLE, sees=OPENED)
@pytest.mark.parametrize("path", SPELLINGS, ids=ascii)
def test_s4_a_path_that_is_not_canonical_is_in_no_list(path: str) -> None:
    assert kind(path) is Kind.PROTECTED


@without(UNREAD, sees=OPENED)
@pytest.mark.parametrize(
    ("path", "raw_path"),
    [
        # escapes that change where segments end, or that nobody needs
        ("/static/a/b", "/static/a%2fb"),
        ("/static/a/b", "/static/a%2Fb"),
        ("/static/a.js", "/static/a%2ejs"),
        ("/static/..a", "/static/%2e%2ea"),
        ("/login", "/%6cogin%"),
        ("/login", "/login%"),
        ("/login", "/login%2"),
        ("/login", "/login%zz"),
        ("/login", "/login%u0041"),
        # what the server tidied up before it told the host
        ("/login", "/x/../login"),
        ("/login", "//login"),
        ("/login", "/./login"),
        ("/static/a", "/static/b/../a"),
        ("/static/a", "/static//a"),
        ("/static/a", "/static/a;v=1"),
        ("/static/a", "/static/a%3bv"),
        ("/static/a", "/static/a%00"),
        ("/static/a", "/static%5ca"),
        ("/static/a", "/static\\a"),
        ("/static/a", "/static/%2561"),
        ("/static/a", "/static/a%23"),
        ("/static/a", "/static/a%3fb"),
        # what the two do not tell alike
        ("/login", "/home"),
        ("/login", ""),
        ("/login", "*"),
        ("/login", "/LOGIN"),
        ("/login", "http://host/login"),
        ("/login", "/login "),
        ("/login", "/login\t"),
        ("/静态/", "/静态/"),
        ("/静态/", "/%E9%9D"),
        ("/静态/", "/%c0%af/"),
        ("/static/\xe9", "/static/%E9"),
    ],
)
def test_s4_the_request_line_must_say_the_same(path: str, raw_path: str) -> None:
    assert kind(path) is not Kind.PROTECTED
    assert kind(path, raw_path=raw_path) is Kind.PROTECTED


@pytest.mark.parametrize(
    ("path", "raw_path"),
    [("/login", "/%6cogin"), ("/静态/", "/%E9%9D%99%E6%80%81/"), ("/static/a b", "/static/a%20b"),
     ("/static/a+b", "/static/a+b"), ("/login", "/login?a?b")],
)  # fmt: skip
def test_an_escape_that_every_reader_understands_alike_is_in_order(path: str, raw_path: str) -> None:
    assert kind(path, raw_path=raw_path) is not Kind.PROTECTED


# --- methods


@without(UNCHOSEN, sees="'DELETE'")
@pytest.mark.parametrize(
    ("path", "methods"),
    [("/login", {"GET", "HEAD", "POST"}), ("/about", {"GET", "HEAD"}), ("/static/a", {"GET", "HEAD"})],
)
def test_s4_a_list_is_for_its_methods_only(path: str, methods: set[str]) -> None:
    assert {method for method in METHODS if kind(path, method) is not Kind.PROTECTED} == methods


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS"])
def test_machine_and_own_paths_take_every_method(method: str) -> None:
    assert kind("/feed", method) is Kind.MACHINE
    assert kind("/certlogin/x", method) is Kind.OWN


@without({"certlogin.web.paths._OVERRIDES": ()}, sees=OPENED)
@pytest.mark.parametrize("name", ["x_http_method_override", "x_http_method", "x_method_override"])
@pytest.mark.parametrize("value", ["DELETE", "GET", ""])
def test_s4_a_method_override_makes_every_host_path_protected(name: str, value: str) -> None:
    for path in ("/login", "/about", "/feed"):
        assert kind(path, **{name: value}) is Kind.PROTECTED
    assert kind("/certlogin/x", **{name: value}) is Kind.OWN


def test_a_login_path_below_a_listed_one_stays_a_login_path() -> None:
    lists = PathLists.from_settings("/certlogin", Paths(login=("/a/login",), public=("/a/",), machine=("/a/b/",)))
    assert lists.kind(request("POST", "/a/login")) is Kind.LOGIN
    assert lists.kind(request("POST", "/a/x")) is Kind.PROTECTED
    assert lists.kind(request("GET", "/a/b/x")) is Kind.MACHINE


def test_no_lists_protect_everything() -> None:
    lists = PathLists.from_settings("/certlogin", Paths(login=("/login",)))
    for path in ("/", "/static/a", "/feed", "/x/"):
        assert lists.kind(request("GET", path)) is Kind.PROTECTED


# --- against a model

PIECES = [
    "/", "/", "/", ".", "..", "a", "login", "static", "about", "feed", "certlogin", "静态", ";", "\\", "%2e", "%2F",
    "%5c", "%00", "%25", "%41", "?", "#", " ", "\t", "\n", "\x00", "\x7f", "\x85", "\ufffd", "\ud800", "\u3000", "A",
]  # fmt: skip
paths = st.lists(st.sampled_from(PIECES), max_size=9).map("".join) | st.text().map("/{}".format)


def plain(path: str) -> bool:
    """Segments that everybody takes for the same."""
    first, *segments = path.split("/")
    return (
        first == ""
        and len(segments) > 0
        and "" not in segments[:-1]
        and not any(segment != segment.rstrip() or segment.endswith(".") for segment in segments)
        and not any(character in ";\\%?#\ufffd" or category(character) in ("Cc", "Cs") for character in path)
    )


def listed(path: str) -> Kind:
    """The lists of this file for GET, written out."""
    for kind_of, exact, below in (
        (Kind.OWN, {"/certlogin"}, "/certlogin/"),
        (Kind.LOGIN, {"/login", "/accounts/login/"}, None),
        (Kind.MACHINE, {"/feed"}, "/api/m2m/"),
        (Kind.PUBLIC, {"/about"}, "/static/"),
        (Kind.PUBLIC, set(), "/静态/"),
    ):
        if path in exact or (below is not None and path.startswith(below)):
            return kind_of
    return Kind.PROTECTED


@without({"certlogin.web.paths._ODD": re.compile("(?!)")}, sees="assert True == False")
@given(paths)
@example("/static/a")
@example("/login")
@example("/static/..\u3000/x")
def test_s4_no_path_that_is_not_canonical_is_in_any_list(path: str) -> None:
    assert is_canonical(path, None) == plain(path)
    assert kind(path) is (listed(path) if plain(path) else Kind.PROTECTED)


#: How hosts, servers and file systems have been seen to read a request line.
READERS: dict[str, Callable[[str], str]] = {
    "splits before it decodes": lambda raw: "/".join(unquote(segment).replace("/", "?") for segment in raw.split("/")),
    "decodes twice": lambda raw: unquote(unquote(raw)),
    "removes dot segments": lambda raw: normpath(unquote(raw)) + ("/" if raw.endswith("/") and raw != "/" else ""),
    "removes them before it decodes": lambda raw: unquote(urljoin("http://host/", raw).removeprefix("http://host")),
    "cuts parameters": lambda raw: re.sub(";[^/]*", "", unquote(raw)),
    "takes a backslash for a slash": lambda raw: unquote(raw).replace("\\", "/"),
    "stops at a NUL": lambda raw: unquote(raw).partition("\0")[0],
    "drops controls": lambda raw: re.sub("[\x00-\x1f\x7f-\x9f]", "", unquote(raw)),
    "merges slashes": lambda raw: re.sub("//+", "/", unquote(raw)),
    "trims what ends a segment": lambda raw: "/".join(segment.rstrip(" .") for segment in unquote(raw).split("/")),
    "splits at a decoded question mark": lambda raw: re.split("[?#]", unquote(raw))[0],
}


forms = st.sampled_from(["", "", "%{:02x}", "%{:02X}"])


@without(UNREAD, sees="endswith")
@given(st.sampled_from(["/login", "/static/a.js", "/静态/图", "/feed"]) | paths, st.data())
def test_s4_where_a_list_is_found_every_reader_finds_the_same_path(path: str, data: st.DataObject) -> None:
    """The request line: the path with any of its octets escaped, and now and then something added."""
    octets = path.encode("utf-8", "surrogatepass")
    escaped = data.draw(st.lists(forms, min_size=len(octets), max_size=len(octets)))
    written = [form.format(octet) if form else chr(octet) for form, octet in zip(escaped, octets, strict=True)]
    written.insert(data.draw(st.integers(0, len(written))), data.draw(st.just("") | st.sampled_from(PIECES)))
    raw = "".join(written)
    if kind(path, raw_path=raw) is not Kind.PROTECTED:
        for what, reader in READERS.items():
            assert reader(raw).endswith(path), what


LINES = ("/a/../login", "/x/%2e%2e/login", "/login;x", "/static\\a", "/login%00x", "/lo%01gin", "//login", "/login./",
         "/%256cogin", "/lo%2fgin", "/login%3fx", "/static/%2e")  # fmt: skip


@pytest.mark.parametrize("what", READERS)
def test_every_reader_reads_some_line_differently(what: str) -> None:
    """The companion: each of them would be led astray by one of the lines that are refused."""
    astray = [line for line in LINES if READERS[what](line) != unquote(line)]
    assert astray
    assert not any(is_canonical(unquote(line), line) for line in astray)

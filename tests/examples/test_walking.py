"""The walk's own browser must be as strict as a real one, else what it shows means nothing."""

import pytest

from demonstration.walking.cookies import Jar
from demonstration.walking.page import read_page
from demonstration.walking.steps import IDS, StepFailed, Steps, expect


def _jar(*headers: str, path: str = "/survey/login") -> Jar:
    jar = Jar()
    for header in headers:
        jar.receive(header, path)
    return jar


def test_secure_and_host_cookies_go_to_127_0_0_1() -> None:
    jar = _jar("__Host-certlogin-survey=1; Secure; HttpOnly; Path=/; SameSite=Lax", "s=2; Secure; Path=/survey")
    assert jar.header("/survey/") == "s=2; __Host-certlogin-survey=1"
    assert jar.header("/certlogin/login") == "__Host-certlogin-survey=1"


@pytest.mark.parametrize("attributes", ["Path=/", "Secure; Path=/survey", "Secure", "Secure; Path=/; Domain=127.0.0.1"])
def test_a_host_cookie_that_a_browser_refuses_is_refused(attributes: str) -> None:
    assert _jar(f"__Host-x=1; {attributes}").all() == []


@pytest.mark.parametrize(
    ("cookie_path", "request_path", "sent"),
    [
        ("/survey", "/survey", True),
        ("/survey", "/survey/", True),
        ("/survey", "/surveyor", False),
        ("/survey/", "/survey", False),
        ("/", "/anything", True),
        ("", "/survey/home", True),
        ("", "/other", False),
    ],
)
def test_paths_cover_what_is_below_them(cookie_path: str, request_path: str, *, sent: bool) -> None:
    jar = _jar(f"a=1; Path={cookie_path}" if cookie_path else "a=1")
    assert bool(jar.header(request_path)) is sent


@pytest.mark.parametrize("over", ["Max-Age=0", "Max-Age=-1", "Expires=Thu, 01 Jan 1970 00:00:00 GMT"])
def test_a_cookie_that_is_over_goes(over: str) -> None:
    assert _jar("a=1; Path=/", f"a=; Path=/; {over}").all() == []


def test_a_cookie_of_another_path_stays() -> None:
    assert _jar("a=1; Path=/survey", "a=; Path=/; Max-Age=0").header("/survey/") == "a=1"


_HTML = b"""<!doctype html><title>T</title><body data-prefix="/p" data-attempt="x"><h1>Hello <b>you</b></h1>
<script>var hidden = "no text";</script><script type="module" src="/p/static/a.js"></script>
<form method="post" action="login?lang=en"><input type="hidden" name="id" value="1">
<input type="radio" name="k" value="r"><input type="radio" name="k" value="e">
<p id="word">Some <i>word</i></p><button name="go" value="2">Go</button></form>
<section id="builds" data-countdown="30"></section><a href="../up">up</a></body>"""


def test_a_page_is_read_as_a_person_and_its_scripts_see_it() -> None:
    page = read_page("http://127.0.0.1:1/a/b", 200, {"content-type": "text/html; charset=utf-8"}, _HTML, ())
    assert page.text == "T Hello you Some word Go up"
    assert page.body_data == {"prefix": "/p", "attempt": "x"}
    assert page.inline_scripts == 1
    assert page.scripts == ["http://127.0.0.1:1/p/static/a.js"]
    form = page.form("/login")
    assert (form.action, form.method) == ("http://127.0.0.1:1/a/login?lang=en", "post")
    assert form.fields == {"id": "1", "go": "2"}
    assert page.choices == {"k": ["r", "e"]}
    assert page.by_id["word"] == "Some word"
    assert page.data_of["builds"] == {"countdown": "30"}
    assert page.link("/up") == "http://127.0.0.1:1/up"
    with pytest.raises(LookupError):
        page.form("/other")


def test_a_step_that_does_not_hold_is_said_and_ends_its_journey() -> None:
    lines: list[str] = []
    steps = Steps(lines.append)
    with steps.step("A1", "holds"):
        expect(True, "nothing")
    with pytest.raises(StepFailed), steps.step("A2", "breaks"):
        expect(False, "a button")
    assert lines[0].startswith("ok      A1   holds")
    assert lines[1].startswith("FAILED  A2   breaks")
    assert "expected: a button" in lines[1]
    assert (steps.held, steps.failed) == (["A1"], ["A2"])
    assert steps.missing() == list(IDS[1:])

"""Our static files: served from a table, and scripts that keep to what a page may do."""

import re
from importlib import resources
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certlogin.web.static import MAX_AGE, StaticFile, StaticFiles
from tests.companions import without

FILES = StaticFiles()
SCRIPTS = {name: file.body.decode() for name, file in FILES.table.items() if name.endswith(".js")}
EACH_SCRIPT = pytest.mark.parametrize("name", sorted(SCRIPTS))


def _code(script: str) -> str:
    """Without comments: those may speak of what the code must not do."""
    return re.sub(r"/\*.*?\*/|(?<!:)//[^\n]*", "", script, flags=re.DOTALL)


def _from_disk(self: StaticFiles, path: str) -> StaticFile | None:
    """As a server that asks the file system, on a system that forgives case and separators."""
    folder = Path(str(resources.files("certlogin"))) / "static"
    tidy = unquote(path).replace("\\", "/").rstrip("\0").lower()
    found = any((folder / each).exists() for each in (tidy, tidy.lstrip("/")))
    return StaticFile(b"", "text/plain", '""') if found else None


# --- the table


def test_every_file_has_its_media_type_and_a_mark_of_its_content() -> None:
    kinds = {"js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8", "svg": "image/svg+xml"}
    assert {"style.css", "icon.svg", "page.js", "pages/login.js"} <= FILES.table.keys()
    for name, file in FILES.table.items():
        headers = dict(file.headers())
        assert headers["Content-Type"] == kinds[name.rpartition(".")[2]]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == f"public, max-age={MAX_AGE}, must-revalidate"
        assert re.fullmatch(r'"[0-9a-f]{32}"', headers["ETag"])
    assert len({file.etag for file in FILES.table.values()}) == len(FILES.table)


def test_a_picture_opened_by_itself_may_do_nothing() -> None:
    icon = FILES.find("icon.svg")
    assert icon is not None
    assert dict(icon.headers())["Content-Security-Policy"].startswith("default-src 'none'")


@without({"certlogin.web.static.StaticFiles.find": _from_disk}, sees="assert StaticFile(")
@pytest.mark.parametrize(
    "path",
    ["", "/style.css", "./style.css", "pages", "pages/", "pages/../style.css", "../builds.json", "..%2fbuilds.json",
     "style.css/", "STYLE.CSS", "style.css\x00", "/etc/passwd", "pages\\login.js"],
)  # fmt: skip
def test_s4_a_path_is_a_key_of_the_table_or_nothing(path: str) -> None:
    assert FILES.find(path) is None


@given(st.text())
def test_no_path_whatever_meets_the_file_system(path: str) -> None:
    assert (FILES.find(path) is None) is (path not in FILES.table)


@pytest.mark.parametrize(
    ("asked", "known"),
    [
        (None, False),
        ("", False),
        ('"abc"', True),
        ('W/"abc"', True),
        ('"x", "abc"', True),
        ("*", True),
        ('"ab"', False),
        ("abc; drop", False),
    ],
)
def test_a_file_that_the_browser_has_is_not_sent_again(asked: str | None, known: bool) -> None:
    assert StaticFile(b"", "text/css", '"abc"').is_known_to(asked) is known


# --- the scripts


@EACH_SCRIPT
def test_every_module_imports_files_that_are_there(name: str) -> None:
    folder = name.split("/")[:-1]
    for imported in re.findall(r"""from "([^"]+)";""", SCRIPTS[name]):
        assert imported.startswith(("./", "../")), imported
        parts = folder[:]
        for part in imported.split("/"):
            if part == "..":
                parts.pop()
            elif part != ".":
                parts.append(part)
        assert "/".join(parts) in FILES.table, imported


@EACH_SCRIPT
def test_every_name_imported_is_exported_there(name: str) -> None:
    for names, imported in re.findall(r"""import \{ ([^}]+) \} from "[./]*([a-z0-9-]+\.js)";""", SCRIPTS[name]):
        for one in names.split(", "):
            assert re.search(rf"export (async )?(function|class|const) {one}\b", SCRIPTS[imported]), one


@EACH_SCRIPT
def test_every_exported_name_is_documented_with_types(name: str) -> None:
    for comment, function in re.findall(
        r"((?:/\*\*(?:(?!\*/).)*\*/\n)?)export (?:async )?function (\w+)", SCRIPTS[name], re.DOTALL
    ):
        assert re.search(r"@(param|returns)", comment), function


@EACH_SCRIPT
def test_threat_8_the_helper_is_reached_by_the_literal_address_only(name: str) -> None:
    assert "localhost" not in SCRIPTS[name]
    assert "[::1]:" not in SCRIPTS[name]
    assert not re.search(r"https?://(?!127\.0\.0\.1:)", _code(SCRIPTS[name]))


@EACH_SCRIPT
def test_no_script_makes_code_or_html_from_text(name: str) -> None:
    forbidden = (
        r"\beval\b|new Function|innerHTML|outerHTML|insertAdjacentHTML|document\.write|\.srcdoc|setTimeout\(\s*[\"'`]"
    )
    assert not re.search(forbidden, _code(SCRIPTS[name]))


@EACH_SCRIPT
def test_threat_10_no_script_knows_of_a_pin_field(name: str) -> None:
    assert not re.search(r'"password"|\bpin:', _code(SCRIPTS[name]))


def test_only_the_files_of_browsers_without_modules_use_no_modules() -> None:
    plain = {name for name, script in SCRIPTS.items() if not re.search(r"^(import|export) ", script, re.MULTILINE)}
    assert plain == {"old-browser.js", "pages/done.js"}
    assert not re.search(r"\b(let|const)\b|=>|`", _code(SCRIPTS["old-browser.js"]))


@EACH_SCRIPT
def test_no_script_uses_what_browsers_of_domestic_systems_lack(name: str) -> None:
    """Chromium 83 and Firefox 78 are still delivered: no top-level await, no `?.`, `??`, `#private`, `at()`."""
    code = _code(SCRIPTS[name])
    assert not re.search(r"\?\.[a-zA-Z(\[]|\?\?|\bthis\.#|\.at\(|\.replaceAll\(|structuredClone|\|\|=|&&=", code)
    assert not re.search(r"^(await|[^ \n].*\bawait\b)", code, re.MULTILINE)

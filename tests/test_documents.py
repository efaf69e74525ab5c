"""What the documents say is true: their code runs, their links lead somewhere, their measured output is the walk's."""

import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask, redirect, request, session
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.responses import RedirectResponse
from starlette.routing import Route

from tests import factory
from tests.gate.browser import Browser
from tests.gate.hosts import Seen
from tests.gate.servers import AsgiServer, Server, WsgiServer
from tests.gate.world import Authority, Clock, Directory, World, settings_of

ROOT = Path(__file__).parents[1]
READMES = ("README.md", "README.zh-CN.md")


def snippet(document: str, number: int) -> str:
    """The Python blocks of a README, in order: Flask, then ASGI."""
    text = (ROOT / document).read_text(encoding="utf-8")
    return str(re.findall(r"```python\n(.*?)```", text, re.DOTALL)[number])


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Directory:
    """A folder with `certlogin.toml`, as a host would have it, to be run in."""
    tables = settings_of(tmp_path, Authority(tmp_path / "ca", factory.make_pki()))
    (tmp_path / "certlogin.toml").write_text(toml(tables), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return Directory()


def toml(tables: dict[str, Any]) -> str:
    """Enough of TOML for the settings of the tests: strings, lists and tables of strings."""
    lines: list[str] = []
    for name, table in tables.items():
        inner = {key: value for key, value in table.items() if isinstance(value, dict)}
        rows = {key: value for key, value in table.items() if _is_rows(value)}
        plain = {key: value for key, value in table.items() if key not in inner and key not in rows}
        lines += [f"[{name}]", *(f"{key} = {_value(value)}" for key, value in plain.items())]
        for key, value in inner.items():
            lines += [f"[{name}.{key}]", *(f"{member} = {_value(entry)}" for member, entry in value.items())]
        for key, entries in rows.items():
            for entry in entries:
                lines += [f"[[{name}.{key}]]", *(f"{member} = {_value(one)}" for member, one in entry.items())]
    return "\n".join(lines)


def _is_rows(value: object) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _value(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_value(entry) for entry in value)}]"
    return f"'{value}'" if isinstance(value, str) else str(value)


def check(form: Any) -> str:
    return str(form["user"])


def prove_both(server: Server, directory: Directory, kind: str) -> None:
    """A unit outside the roster is in at once; one of the roster is held."""
    stores: Any = SimpleNamespace()
    world = World(Clock(factory.NOW), directory, stores, stores, stores, server, server, Seen(), kind)
    free, held = Browser(world), Browser(world)
    free.log_in("FREE")
    assert free.where() == "/home"
    held.log_in("U1")
    assert held.where() == "/certlogin/helper"


@pytest.mark.parametrize("document", READMES)
def test_the_ten_lines_for_flask_protect_a_flask_application(document: str, directory: Directory) -> None:
    app = Flask("host")
    app.secret_key = "k" * 32
    names: dict[str, Any] = {
        "app": app, "units": directory, "request": request, "session": session, "redirect": redirect,
        "check_password_and_captcha": check,
    }  # fmt: skip
    exec(snippet(document, 0), names)  # noqa: S102 the README's own code
    try:
        prove_both(WsgiServer(app), directory, "wsgi")
    finally:
        names["certlogin"].close()


@pytest.mark.parametrize("document", READMES)
def test_the_ten_lines_for_asgi_protect_a_starlette_application(document: str, directory: Directory) -> None:
    names: dict[str, Any] = {
        "Starlette": Starlette, "Route": Route, "RedirectResponse": RedirectResponse, "units": directory,
        "check_password_and_captcha": check, "middleware": [Middleware(SessionMiddleware, secret_key="k" * 32)],
    }  # fmt: skip
    exec(snippet(document, 1).replace("middleware=[...]", "middleware=middleware"), names)  # noqa: S102 the README's own
    server = AsgiServer(names["app"])
    try:
        prove_both(server, directory, "asgi")
    finally:
        server.close()


def test_every_link_of_the_documents_leads_somewhere(tmp_path: Path) -> None:
    documents = ["README.md", "README.zh-CN.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "docs"]
    done = _check_links(*(str(ROOT / document) for document in documents))
    assert done.returncode == 0, done.stderr
    broken = tmp_path / "broken.md"
    broken.write_text("# A\n[x](missing.md) [y](#b) [z](#a) [out](https://example.com)\n")
    refused = _check_links(str(broken))
    assert refused.returncode == 1
    assert len(refused.stderr.splitlines()) == 2


def _check_links(*names: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(ROOT / "scripts/check_links.py"), *names]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.parametrize("document", READMES)
def test_the_readme_shows_what_the_walk_printed(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    shown = re.search(r"<!-- measured -->(.*)<!-- /measured -->", text, re.DOTALL)
    assert shown is not None
    assert "steps held; shown: A1 A2 A3 A4 A5 A10 A11 B1 B2 B3 B7 B9 B10 C1 C2 C5" in shown[1]
    assert shown[1].count("\nok ") >= 14

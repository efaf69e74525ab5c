"""Builds the list system. What certlogin needs from a host at its start are two lines in `create_app`."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from argon2 import PasswordHasher
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.types import ASGIApp

from certlogin import CertLogin
from certlogin.integrations.starlette import current_unit
from host_parts.accounts import load_accounts
from host_parts.captchas import Captchas
from zcqd_app.headers import SafeHeaders
from zcqd_app.pages import PREFIX, Pages
from zcqd_app.products import Products
from zcqd_app.state import ROSTER, SESSION_COOKIE, SESSION_UNIT, Zcqd
from zcqd_app.views import refused, routes


@dataclass(frozen=True, slots=True)
class ZcqdFiles:
    #: The settings of certlogin.
    settings: Path
    #: Password hashes by user name (JSON).
    hashes: Path
    #: The list of products (SQLite).
    products: Path
    #: The key that signs the session cookie.
    session_key: Path
    #: The folder of the helper's installers.
    downloads: Path


def create_app(files: ZcqdFiles, hasher: PasswordHasher | None = None) -> tuple[ASGIApp, Zcqd]:
    """The list system with certificate login in front of it, and what its views work with."""
    accounts = load_accounts(ROSTER, files.hashes, hasher or PasswordHasher())
    key = files.session_key.read_text().strip()
    unit_of = current_unit(SESSION_UNIT, secret_key=key, session_cookie=SESSION_COOKIE, max_age=None)
    certlogin = CertLogin.from_toml(files.settings, accounts, current_unit=unit_of)

    parts = Zcqd(
        accounts, Captchas(time.monotonic), Products(files.products), Pages(), certlogin, files.downloads
    )  # fmt: skip
    sessions = Middleware(
        SessionMiddleware, secret_key=key, session_cookie=SESSION_COOKIE, path=PREFIX, max_age=None
    )  # fmt: skip
    app = Starlette(
        routes=routes(),
        middleware=[Middleware(SafeHeaders), sessions],
        exception_handlers={HTTPException: refused},
        lifespan=_lifespan,
    )
    app.state.zcqd = parts
    return certlogin.asgi(app), parts


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    """The server says when it stops; certlogin then gives its stores back."""
    yield
    app.state.zcqd.certlogin.close()

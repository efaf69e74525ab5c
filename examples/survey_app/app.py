"""Builds the reporting system. What certlogin needs from a host at its start are two lines in `create_app`."""

import time
from dataclasses import dataclass
from pathlib import Path

from argon2 import PasswordHasher
from flask import Flask, Response

from certlogin import CertLogin
from certlogin.integrations.flask import current_unit
from host_parts.accounts import load_accounts
from host_parts.captchas import Captchas
from host_parts.languages import china_day, load_texts
from survey_app.reports import Reports
from survey_app.state import PREFIX, ROSTER, SESSION_COOKIE, SESSION_UNIT, TEXTS, Survey
from survey_app.views import pages

_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


@dataclass(frozen=True, slots=True)
class SurveyFiles:
    #: The settings of certlogin.
    settings: Path
    #: Password hashes by user name (JSON).
    hashes: Path
    #: The reports handed in (SQLite).
    reports: Path
    #: The key that signs Flask's session cookie.
    session_key: Path
    #: The folder of the helper's installers.
    downloads: Path


def create_app(files: SurveyFiles, hasher: PasswordHasher | None = None) -> Flask:
    """The reporting system with certificate login in front of it."""
    app = Flask(__name__, static_url_path=f"{PREFIX}/static")
    app.config.update(
        SECRET_KEY=files.session_key.read_text().strip(),
        SESSION_COOKIE_NAME=SESSION_COOKIE,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_PATH=PREFIX,
        MAX_CONTENT_LENGTH=64 * 1024,
    )
    accounts = load_accounts(ROSTER, files.hashes, hasher or PasswordHasher())

    certlogin = CertLogin.from_toml(files.settings, accounts, current_unit=current_unit(app, SESSION_UNIT))
    app.wsgi_app = certlogin.wsgi(app.wsgi_app)  # type: ignore[method-assign]

    captchas = Captchas(time.monotonic)
    app.extensions["survey"] = Survey(
        accounts, captchas, Reports(files.reports), load_texts(TEXTS), certlogin, files.downloads
    )
    app.add_template_filter(china_day)
    app.register_blueprint(pages, url_prefix=PREFIX)
    app.after_request(_harden)
    return app


def _harden(response: Response) -> Response:
    response.headers.setdefault("Content-Security-Policy", _POLICY)
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "same-origin")
    return response

"""What the views work with: one `Survey` for each application, and the names that all modules share."""

from dataclasses import dataclass
from pathlib import Path

from flask import Flask, current_app

from certlogin import CertLogin
from host_parts.accounts import Accounts
from host_parts.captchas import Captchas
from host_parts.languages import Texts
from survey_app.reports import Reports

#: The units and their user names.
ROSTER = Path(__file__).with_name("roster.toml")
TEXTS = Path(__file__).with_name("texts.toml")
#: Where the reporting system lives on its web server.
PREFIX = "/survey"
#: The cookie by which the reporting system recognises a user; certlogin's `auth_cookies` names it.
SESSION_COOKIE = "survey_session"
#: The key in that session under which the logged-in unit's id stands.
SESSION_UNIT = "unit"


@dataclass(frozen=True, slots=True)
class Survey:
    accounts: Accounts
    captchas: Captchas
    reports: Reports
    texts: Texts
    certlogin: CertLogin
    #: The folder of the helper's installers.
    downloads: Path


def survey() -> Survey:
    """What the application of the current request works with."""
    return survey_of(current_app)


def survey_of(app: Flask) -> Survey:
    found = app.extensions["survey"]
    if not isinstance(found, Survey):
        raise TypeError("not a survey application")
    return found

"""What the views work with: one `Zcqd` for each application, and the names that all modules share."""

from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request

from certlogin import CertLogin
from host_parts.accounts import Accounts
from host_parts.captchas import Captchas
from zcqd_app.pages import Pages
from zcqd_app.products import Products

#: The units and their user names.
ROSTER = Path(__file__).with_name("roster.toml")
#: The cookie by which the list system recognises a user; certlogin's `auth_cookies` names it.
SESSION_COOKIE = "zcqd_session"
#: The key in that session under which the logged-in unit's id stands.
SESSION_UNIT = "unit"


@dataclass(frozen=True, slots=True)
class Zcqd:
    accounts: Accounts
    captchas: Captchas
    products: Products
    pages: Pages
    certlogin: CertLogin
    #: The folder of the helper's installers.
    downloads: Path


def zcqd(request: Request) -> Zcqd:
    """What the application of this request works with."""
    found = request.app.state.zcqd
    if not isinstance(found, Zcqd):
        raise TypeError("not a zcqd application")
    return found

"""A guard's settings, tickets and sealed sessions of its own, and how to ask it."""

from datetime import datetime, timedelta

from certlogin.login.keys import Keyring, Use
from certlogin.login.seal import seal
from certlogin.login.ticket import Ticket, mint
from certlogin.records.identity import Method
from certlogin.records.unit import UnitId
from certlogin.settings.login import Tickets
from certlogin.settings.model import Settings
from certlogin.settings.site import Host, Paths, Site
from certlogin.settings.trust import Trust
from certlogin.web.guard import Guard, Pass
from tests.factory import NOW
from tests.web.asking import request

ORIGIN = "https://survey.example"
TICKET, ATTEMPT = "__Host-certlogin-login", "__Host-certlogin-login-attempt"
SECOND = timedelta(seconds=1)
IDLE = Tickets().idle
RING = Keyring((b"k" * 32,))
SETTINGS = Settings(
    site=Site(origin=ORIGIN, secret_keys=("k" * 32,)),
    host=Host(("session", "remember_me"), Paths(login=("/login",), public=("/static/",), machine=("/feed",))),
    trust=Trust(()),
)


class Clock:
    now = NOW

    def __call__(self) -> datetime:
        return self.now


def ticket(name: str = "A") -> Ticket:
    end = NOW + timedelta(hours=8)
    return Ticket(f"id-{name}", UnitId(f"unit-{name}"), Method.PASSWORD, None, NOW, NOW, end, "rules")


def text_of(found: Ticket) -> str:
    return mint(found, RING.keys(Use.TICKET))


def sealed(value: str, name: str = "session", owner: str = "A") -> str:
    return seal(value, name, ticket(owner).id, RING.keys(Use.SEAL))


MINE = f"{TICKET}={text_of(ticket())}"


def passed(guard: Guard, cookie: str, path: str = "/home", method: str = "GET", origin: str | None = None) -> Pass:
    headers = {"cookie": cookie} | ({} if origin is None else {"origin": origin})
    asked = request(method, path, headers)
    return guard.check(asked, guard.kind(asked))

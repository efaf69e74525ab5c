"""What certlogin costs, measured here, in ratios within one interleaved run. `make bench`

Each row measures its paths in turns, so that a busy machine slows all of them, and prints medians. A row whose negative
control was accepted (a request without a ticket, a changed signature) is not printed: it would measure nothing.
"""

import hashlib
import hmac
import io
import logging
import secrets
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from flask import Flask, redirect, request

from benchmarks.measure import ROUNDS, Row, measured, refuse_if, say
from certlogin import password_verified
from certlogin.app import CertLogin, Host, Surroundings
from certlogin.settings.loader import settings_from_mapping
from certlogin.wire.b64 import encode
from tests import factory
from tests.gate.browser import Browser
from tests.gate.hosts import Seen
from tests.gate.servers import WsgiServer
from tests.gate.world import Authority, Clock, Directory, World, settings_of


def main() -> int:
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder))
        rows = [_pass_through(place), _login(place)]
        place.close()
    for row in rows:
        say(row)
    return 0


class Place:
    """A Flask application, bare and with certlogin in front."""

    def __init__(self, folder: Path) -> None:
        self.app = Flask("bench")
        self.app.add_url_rule("/home", view_func=lambda: "home")
        self.app.add_url_rule("/login", view_func=_log_in, methods=["POST"])
        clock, directory = Clock(factory.NOW), Directory()
        authority = Authority(folder / "ca", factory.make_pki())
        settings = settings_from_mapping(settings_of(folder, authority), {})
        self.certlogin = CertLogin(settings, Host(directory), Surroundings(clock=clock))
        self.gated = self.certlogin.wsgi(self.app)
        store = self.certlogin._context.durable
        server, bare = WsgiServer(self.gated), WsgiServer(self.app)
        self.world = World(clock, directory, authority, self.certlogin, store, server, bare, Seen(), "wsgi")

    def close(self) -> None:
        self.certlogin.close()


def _log_in() -> Any:
    password_verified(request.environ, request.form["user"])
    return redirect("/home", 303)


def _pass_through(place: Place) -> Row:
    """An admitted request: one HMAC, the bare application, and the application behind the ticket check."""
    mine = Browser(place.world)
    mine.log_in("FREE")
    cookies = mine.jar.header("/home")
    refuse_if(_status(place.gated, "") == "200 OK", "a request without a ticket reached the host")
    refuse_if(_status(place.gated, cookies) != "200 OK", "an admitted request did not reach the host")
    key, message = secrets.token_bytes(32), secrets.token_bytes(200)
    return measured(
        "pass-through of an admitted request",
        {
            "one HMAC-SHA256": lambda: hmac.digest(key, message, "sha256"),
            "bare Flask": lambda: _status(place.app, cookies),
            "Flask behind certlogin": lambda: _status(place.gated, cookies),
        },
        calls=2000,
    )


def _login(place: Place) -> Row:
    """A proof, from its bytes to the decision, and the raw signature check inside it."""
    issued = place.world.bind("U1")
    mine = Browser(place.world)
    mine.log_in("U1")
    mine.report()
    attempt = mine.attempt_id()
    forged = mine.sign(issued, mine.challenge())
    answer = mine.call("proof", attempt=attempt, **(forged | {"signature": encode(bytes(range(64)))}))
    refuse_if(answer.status == 200, "a changed signature was accepted")
    key: Any = issued.key
    message = hashlib.sha256(b"message").digest()
    signature, public = key.sign(message, ec.ECDSA(hashes.SHA256())), key.public_key()
    proofs = iter([mine.sign(issued, mine.challenge()) for _ in range(ROUNDS * 20 + 1)])
    return measured(
        "a proof, through the WSGI application (P-256, memory store, audit line on disk)",
        {
            "raw P-256 verification": lambda: public.verify(signature, message, ec.ECDSA(hashes.SHA256())),
            "proof": lambda: _accepted(mine.call("proof", attempt=attempt, **next(proofs))),
        },
        calls=20,
    )


def _accepted(answer: Any) -> None:
    refuse_if(answer.status != 200, f"a good proof was refused: {answer.text}")


def _status(app: Callable[..., Iterable[bytes]], cookies: str) -> str:
    found: list[str] = []
    environ = {**_ENVIRON, "wsgi.input": io.BytesIO()}
    if cookies:
        environ["HTTP_COOKIE"] = cookies
    b"".join(app(environ, lambda status, headers, exc_info=None: found.append(status)))
    return found[0]


_ENVIRON = {
    "REQUEST_METHOD": "GET",
    "SCRIPT_NAME": "",
    "PATH_INFO": "/home",
    "RAW_URI": "/home",
    "QUERY_STRING": "",
    "SERVER_NAME": "survey.example.cn",
    "SERVER_PORT": "443",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "REMOTE_ADDR": "192.0.2.1",
    "wsgi.version": (1, 0),
    "wsgi.url_scheme": "https",
    "wsgi.errors": sys.stderr,
    "wsgi.multithread": True,
    "wsgi.multiprocess": False,
    "wsgi.run_once": False,
}


if __name__ == "__main__":
    sys.exit(main())

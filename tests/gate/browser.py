"""A person's browser at the protected host, with a helper that signs what a helper would sign."""

import hashlib
import json
import re
from base64 import urlsafe_b64decode
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

from certlogin.login.ticket import Ticket
from certlogin.web.http import Request
from certlogin.wire.b64 import encode
from certlogin.wire.payload import Purpose, SignedPayload, signed_bytes
from demonstration.walking.cookies import Jar
from tests.factory import Issued, sign
from tests.factory_keys import algorithm_of
from tests.gate.servers import Answer, Sent
from tests.gate.world import ORIGIN, World

TICKET = "__Host-certlogin-survey"
ATTEMPT = "__Host-certlogin-survey-attempt"
_FORM = "application/x-www-form-urlencoded"


def decoded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Browser:
    def __init__(self, world: World, address: str = "192.0.2.1", root: str = "") -> None:
        self.world = world
        self.jar = Jar()
        self.address = address
        self.root = root
        self.path = root + "/"
        self.last = Answer(0, (), b"")

    # --- requests

    def get(self, target: str, **headers: str) -> Answer:
        return self.request("GET", target, headers)

    def post(self, target: str, form: dict[str, str] | None = None, **headers: str) -> Answer:
        body = urlencode(form or {}).encode()
        return self.request("POST", target, {"origin": ORIGIN, "content-type": _FORM, **headers}, body)

    def post_json(self, target: str, message: object, **headers: str) -> Answer:
        body = json.dumps(message).encode()
        usual = {"origin": ORIGIN, "content-type": "application/json", "accept": "application/json"}
        return self.request("POST", target, {**usual, **headers}, body)

    def request(self, method: str, target: str, headers: dict[str, str], body: bytes = b"") -> Answer:
        cookies = self.jar.header(target.partition("?")[0])
        # A header that a scenario gives as empty is left out.
        sent = {"cookie": cookies} | {name.replace("_", "-"): value for name, value in headers.items()}
        pairs = tuple((name, value) for name, value in sent.items() if value)
        self.last = self.world.send(Sent(method, target, pairs, body, self.root, self.address))
        for value in self.last.all("set-cookie"):
            self.jar.receive(value, target.partition("?")[0])
        self.path = target
        return self.last

    def follow(self) -> Answer:
        """Go where the last answer sends a browser."""
        return self.get(self.where())

    def where(self) -> str:
        """Where the last answer sends a browser, as a target on this site."""
        parts = urlsplit(urljoin(f"{ORIGIN}{self.path}", self.last.one("location")))
        assert f"{parts.scheme}://{parts.netloc}" == ORIGIN
        return parts.path + (f"?{parts.query}" if parts.query else "")

    def home(self) -> dict[str, Any]:
        """The host's page that says whom it recognises."""
        answer = self.get(f"{self.root}/home")
        assert answer.status == 200, (answer.status, answer.headers)
        return dict(json.loads(answer.body))

    def is_admitted(self) -> bool:
        return self.get(f"{self.root}/home").status == 200

    # --- a login

    def log_in(self, unit: str, answer: str = "", **headers: str) -> Answer:
        """User, password and captcha are right: the host's login is asked for."""
        form = {"user": unit, "password": unit, "answer": answer}
        return self.post(f"{self.root}/login", form, **headers)

    def log_in_by_script(self, unit: str, answer: str = "json") -> Answer:
        return self.post_json(f"{self.root}/login", {"user": unit, "password": unit, "answer": answer})

    def attempt_id(self) -> str:
        """The attempt's public id, as the page in front of the user carries it."""
        found = re.search(r'data-attempt="([^"]+)"', self.get(f"{self.root}/certlogin/helper").text)
        assert found is not None, self.last.text
        return found[1]

    def call(self, name: str, **message: Any) -> Answer:
        """What a script of our page asks for, for the attempt of this browser unless another is given."""
        attempt = message.pop("attempt", None) or self.attempt_id()
        return self.post_json(f"{self.root}/certlogin/api/{name}", {"attempt": attempt, **message})

    def asked(self, name: str, **message: Any) -> dict[str, Any]:
        answer = self.call(name, **message)
        assert answer.status == 200, answer.text
        return dict(json.loads(answer.body))

    def refused(self, name: str, **message: Any) -> str:
        """The code of a refusal."""
        answer = self.call(name, **message)
        assert answer.status >= 400, answer.text
        return str(json.loads(answer.body)["code"])

    def report(self, version: str = "1.0.0.0", **changes: Any) -> dict[str, Any]:
        return self.asked(
            "report", **({"state": "ready", "version": version, "os": "linux", "arch": "x86_64"} | changes)
        )

    def challenge(self, purpose: str = "login") -> dict[str, Any]:
        return self.asked("challenge", purpose=purpose)

    def sign(self, issued: Issued, challenge: dict[str, Any], **changes: Any) -> dict[str, Any]:
        """The proof that a page would post; `changes` replace facts of the payload."""
        facts: dict[str, Any] = {
            "purpose": Purpose.LOGIN,
            "origin": ORIGIN,
            "unit": challenge["unit"],
            "nonce": challenge["challenge"],
            "iat": int(self.world.clock.now.timestamp()),
            "cert_sha256": hashlib.sha256(issued.der).hexdigest(),
            "alg": algorithm_of(issued.key),
            "sid": challenge["sid"],
            "helper": "1.0.0.0",
        }
        facts |= changes
        payload = SignedPayload(**facts).to_bytes()
        return {
            "format": "native",
            "payload": encode(payload),
            "signature": encode(sign(issued.key, signed_bytes(payload, Purpose.LOGIN), facts["alg"])),
            "certificate": encode(issued.der),
            "chain": [encode(self.world.pki.issuing.der)],
        }

    def prove(self, issued: Issued, **changes: Any) -> dict[str, Any]:
        """Challenge, signature, proof; where to go next."""
        return self.asked("proof", **self.sign(issued, self.challenge(), **changes))

    def log_in_with(self, unit: str, issued: Issued, answer: str = "", **changes: Any) -> Answer:
        """The whole way of a unit that has a certificate; the host's own answer to its login."""
        held = self.log_in(unit, answer)
        assert held.status == 303, held.text
        self.report()
        return self.get(self.prove(issued, **changes)["next"])


def ticket_of(browser: Browser) -> Ticket:
    """What this site reads from the browser's ticket cookie."""
    header = {"cookie": browser.jar.header("/")}
    request = Request("GET", "", "/", None, "", "", header.get)
    found = browser.world.certlogin._gate._parts.guard.ticket_of(request)
    assert found is not None
    return found

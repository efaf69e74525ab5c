"""A helper that really listens, a person before its windows, and pages that call it over raw sockets."""

import json
import socket
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from asn1crypto.keys import PublicKeyInfo

from certlogin.helper import peer
from certlogin.helper.config import HelperConfig
from certlogin.helper.origins import Grant, Origin, parse_origin
from certlogin.helper.pin.base import Choice, ConfirmQuestion, PinQuestion, TextQuestion, Watch
from certlogin.helper.refusals import NoPinDialog, NoTextDialog, UserCancelled
from certlogin.helper.server import HelperServer, open_listener
from certlogin.helper.service import Service, build_service
from certlogin.helper.surroundings import Surroundings
from certlogin.helper.tokens.base import KeyKind, Token
from certlogin.helper.tokens.filetoken import FileToken, TokenPlan, create_token
from certlogin.helper.tokens.media import Media
from certlogin.wire.b64 import decode, encode
from tests.factory import NOW, Authority, Plan, make_pki, resign

SITE = "https://survey.stats.gov.cn"
OTHER_SITE = "https://evil.example.com"
PIN = "123456"
COST = 2**10
#: No test waits for longer: what is not there by then never comes.
PATIENCE = 20.0

#: A window that nobody answers.
WAIT = "wait"


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self._seconds = 1000.0
        self._reads = 0
        self._changed = threading.Condition()

    def __call__(self) -> float:
        with self._changed:
            self._reads += 1
            self._changed.notify_all()
            return self._seconds

    def advance(self, seconds: float, *, after_reads: int = 0) -> None:
        """`after_reads`: not before somebody has looked at it so often."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._reads >= after_reads, PATIENCE)
            self._seconds += seconds


class Wall:
    """What the computer's clock shows; it may be wrong by any amount."""

    def __init__(self) -> None:
        self.moment = NOW

    def __call__(self) -> datetime:
        return self.moment


class Person:
    """Answers the windows in order, remembers what they showed, and closes those for which nothing is left to say."""

    name = "person"

    def __init__(self) -> None:
        self.pins: deque[str] = deque()
        self.choices: deque[Choice | str] = deque()
        #: For long texts; OK: read to the end and agreed.
        self.readings: deque[Choice | str] = deque()
        self.asked: list[PinQuestion | ConfirmQuestion | TextQuestion] = []
        #: The very bytes that were handed over, to be looked at afterwards.
        self.typed: list[bytearray] = []
        self.opened = threading.Event()
        self.closed = threading.Event()
        self.blind = False
        #: Only long texts cannot be shown.
        self.illiterate = False

    def pin(self, question: PinQuestion, watch: Watch) -> bytearray:
        self._look(question)
        answer = self.pins.popleft() if self.pins else None
        if answer == WAIT:
            self._wait(watch)
        if answer is None:
            raise UserCancelled
        self.typed.append(bytearray(answer.encode()))
        return self.typed[-1]

    def confirm(self, question: ConfirmQuestion, watch: Watch) -> Choice:
        self._look(question)
        answer = self.choices.popleft() if self.choices else Choice.CANCEL
        if answer == WAIT:
            self._wait(watch)
        return Choice(answer)

    def read(self, question: TextQuestion, watch: Watch) -> Choice:
        if self.illiterate:
            raise NoTextDialog
        self._look(question)
        answer = self.readings.popleft() if self.readings else Choice.CANCEL
        if answer == WAIT:
            self._wait(watch)
        return Choice(answer)

    def _look(self, question: PinQuestion | ConfirmQuestion | TextQuestion) -> None:
        if self.blind:
            raise NoPinDialog
        self.asked.append(question)

    def _wait(self, watch: Watch) -> None:
        self.closed.clear()
        self.opened.set()
        never = threading.Event()
        try:
            while not never.wait(0.01):
                watch.check()
        finally:
            self.closed.set()


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(self.body)
        return value

    @property
    def code(self) -> str:
        return str(self.json["error"]["code"])

    @property
    def facts(self) -> dict[str, Any]:
        error: dict[str, Any] = self.json["error"]
        return {name: value for name, value in error.items() if name not in ("code", "retryable")}


def read_reply(data: bytes) -> Reply:
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = [line.split(": ", 1) for line in lines]
    headers = {name.lower(): value for name, value in pairs}
    assert len(headers) == len(pairs), "a header twice"
    assert first.startswith("HTTP/1.1 "), first
    assert "set-cookie" not in headers
    assert "access-control-allow-credentials" not in headers
    return Reply(int(first.split(" ")[1]), headers, body)


@dataclass
class World:
    config: HelperConfig
    service: Service
    server: HelperServer
    person: Person
    clock: Clock
    wall: Wall
    surroundings: Surroundings
    media: Media
    tokens: list[FileToken] = field(default_factory=list)

    @property
    def port(self) -> int:
        return self.server.port

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)

    def raw(self, data: bytes) -> bytes:
        """Everything that comes back."""
        with self.connect() as page:
            page.sendall(data)
            return receive_all(page)

    def request(self, method: str, path: str, headers: Mapping[str, str | None], body: bytes = b"") -> Reply:
        return read_reply(self.raw(self.bytes_of(method, path, headers, body)))

    def bytes_of(self, method: str, path: str, headers: Mapping[str, str | None], body: bytes = b"") -> bytes:
        """`headers` replace what a browser sends; None leaves one out."""
        usual: dict[str, str | None] = {"Host": f"127.0.0.1:{self.port}", "Origin": SITE}
        if method == "POST":
            usual |= {"Content-Type": "application/json", "X-Certlogin": "1", "Content-Length": str(len(body))}
        sent = {**usual, **headers}
        lines = [
            f"{method} {path} HTTP/1.1",
            *(f"{name}: {value}" for name, value in sent.items() if value is not None),
        ]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + body

    def page(self, origin: str = SITE) -> "Page":
        return Page(self, origin)

    def make_token(self, label: str = "介质", tries: int = 6, pin: str = PIN) -> FileToken:
        plan = TokenPlan(label, tries=tries, cost=COST)
        token = create_token(self.config.tokens, plan, bytearray(pin.encode()), self.surroundings, self.media.sm2)
        self.tokens.append(token)
        return token

    def make_certificate(
        self, token: Token, kind: KeyKind = KeyKind.P256, common_name: str = "测试单位", origin: str = SITE
    ) -> bytes:
        """A certificate on the token, put there without any page."""
        asked_by = parse_origin(origin, dev=True)
        opened = token.unlock(bytearray(PIN.encode()))
        key_id = opened.generate(kind, asked_by, "u-1")
        opened.close()
        info = next(key for key in token.keys() if key.key_id == key_id)
        pki = make_pki()
        der = issue_for(pki.issuing, info.public_key, common_name)
        token.install(key_id, der, (pki.issuing.der,))
        return der

    def plugged_in(self) -> tuple[Token, ...]:
        return self.media()


@dataclass
class Page:
    """A page of one origin, with what its script remembers."""

    world: World
    origin: str
    token: str | None = None

    def headers(self) -> dict[str, str | None]:
        return {"Origin": self.origin, "Authorization": f"Bearer {self.token}" if self.token else None}

    def post(self, call: str, message: Mapping[str, Any] | bytes = b"{}") -> Reply:
        body = message if isinstance(message, bytes) else json.dumps(message).encode()
        return self.world.request("POST", f"/v1/{call}", self.headers(), body)

    def pair(self, *choices: Choice | str) -> Reply:
        self.world.person.choices.extend(choices)
        reply = self.post("pair", {"purpose": "login"})
        if reply.status == 200:
            self.token = reply.json["token"]
        return reply

    def certificates(self) -> Reply:
        return self.post("certificates", {"challenge": encode(bytes(32))})

    def shown(self) -> list[bytes]:
        """The certificates the page gets to see."""
        return [
            decode(one["certificate"]) for token in self.certificates().json["tokens"] for one in token["certificates"]
        ]

    def login(self, certificate_sha256: str, **changes: Any) -> Reply:
        return self.post("login", login_message(certificate_sha256, **changes))

    def agree(self, certificate_sha256: str, **changes: Any) -> Reply:
        # As a browser writes it: without escapes.
        message = json.dumps(agree_message(certificate_sha256, **changes), ensure_ascii=False)
        return self.post("agree", message.encode())

    def enroll(self, token: Token, **changes: Any) -> Reply:
        return self.post("enroll", enroll_message(token.serial, **changes))

    def install(self, key_id: str, certificate: bytes, *chain: bytes) -> Reply:
        message = {"key_id": key_id, "certificate": encode(certificate), "chain": [encode(der) for der in chain]}
        return self.post("install", message)


def login_message(certificate_sha256: str, **changes: Any) -> dict[str, Any]:
    usual = {
        "purpose": "login",
        "unit": "u-1",
        "unit_name": "北京测试单位",
        "nonce": "server.challenge.text",
        "algorithms": ["ES256", "ES384", "PS256", "RS256", "SM2-SM3"],
        "sid": "5" * 64,
        "certificate_sha256": certificate_sha256,
    }
    return {**usual, **changes}


#: More than a screen of it.
AGREEMENT = "升级协议\n\n" + "".join(f"第 {number} 条 旧证书在新证书启用前继续有效。\n" for number in range(1, 41))


def agree_message(certificate_sha256: str, **changes: Any) -> dict[str, Any]:
    usual = login_message(certificate_sha256, text=AGREEMENT, text_version="2026-1")
    del usual["purpose"]
    return {**usual, **changes}


def enroll_message(serial: str, **changes: Any) -> dict[str, Any]:
    usual = {
        "unit": "u-1",
        "unit_name": "北京测试单位",
        "nonce": "server.challenge.text",
        "token_serial": serial,
        "key_type": "P-256",
    }
    return {**usual, **changes}


def receive_all(page: socket.socket) -> bytes:
    parts = []
    while data := page.recv(65536):
        parts.append(data)
    return b"".join(parts)


def origin_of(text: str) -> Origin:
    return parse_origin(text, dev=True)


def issue_for(issuer: Authority, spki: bytes, common_name: str = "测试单位") -> bytes:
    """A login certificate for a key that only a token has."""

    def for_that_key(tbs: Any) -> None:
        tbs["subject_public_key_info"] = PublicKeyInfo.load(spki)

    return resign(issuer.issue(Plan(common_name=common_name, ski=False)).der, issuer.key, for_that_key)


@contextmanager
def running(folder: Path, **changes: Any) -> Iterator[World]:
    """A helper on a free port. `changes` replace fields of the configuration; `check_peer` replaces that check."""
    check_peer = changes.pop("check_peer", peer.check_peer if peer.SUPPORTED else None)
    config = replace(HelperConfig(folder / "state", folder / "tokens", ports=(0,)), **changes)
    clock, wall, person = Clock(), Wall(), Person()
    surroundings = Surroundings(wall=wall, monotonic=clock)
    with closing(Media(config, surroundings)) as media, closing(open_listener(config.ports)) as listener:
        service = build_service(config, surroundings, lambda: person, media)
        server = HelperServer(service, listener, dev=config.dev, check_peer=check_peer)
        thread = threading.Thread(target=server.serve)
        thread.start()
        try:
            yield World(config, service, server, person, clock, wall, surroundings, media)
        finally:
            server.stop()
            thread.join(PATIENCE)
    assert not thread.is_alive()


def grants(*may: str, origin: str = SITE) -> tuple[Grant, ...]:
    return (Grant(origin, frozenset(may)),)

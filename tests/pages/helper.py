"""A helper on the loopback ports, as far as a page can tell: it answers inside the browser, so no port is opened."""

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import Route

from tests import factory

Answer = Callable[[dict[str, Any]], dict[str, Any]]


def encode(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class HelperError(Exception):
    """What the fake answers instead of its usual answer."""

    def __init__(self, code: str, **facts: object) -> None:
        super().__init__(code)
        self.answer = {"error": {"code": code, "retryable": False, **facts}}


@dataclass
class FakeHelper:
    """Missing until `running` is set; the answers can be replaced one by one."""

    running: bool = False
    port: int = 17561
    version: str = "1.5.1.0"
    key_name: str = "helper"
    mode: str = "always"
    tokens: list[dict[str, Any]] = field(default_factory=list)
    answers: dict[str, Answer] = field(default_factory=dict)
    #: Every POST: its name, its body, its headers.
    called: list[tuple[str, dict[str, Any], dict[str, str]]] = field(default_factory=list)
    hellos: int = 0
    #: Instead of the usual greeting.
    hello: dict[str, Any] | None = None

    def names(self) -> list[str]:
        return [name for name, _, _ in self.called]

    def bodies(self, name: str) -> list[dict[str, Any]]:
        return [body for called, body, _ in self.called if called == name]

    @property
    def public_key(self) -> str:
        public = factory.key(self.key_name).public_key()
        return encode(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))

    def handle(self, route: Route) -> None:
        request = route.request
        origin = request.headers.get("origin", "")
        if not self.running or f":{self.port}/" not in request.url:
            route.abort("connectionrefused")
            return
        name = request.url.rpartition("/v1/")[2]
        if name == "hello":
            self.hellos += 1
            self._fulfil(route, origin, self.hello or self._hello())
            return
        body = json.loads(request.post_data or "{}")
        self.called.append((name, body, request.headers))
        try:
            answer = self.answers.get(name, getattr(self, f"_{name}", None))
            self._fulfil(route, origin, answer(body) if answer else {})
        except HelperError as refusal:
            self._fulfil(route, origin, refusal.answer, 422)

    def _fulfil(self, route: Route, origin: str, answer: dict[str, Any], status: int = 200) -> None:
        headers = {"Access-Control-Allow-Origin": origin, "Vary": "Origin", "Content-Type": "application/json"}
        route.fulfill(status=status, headers=headers, body=json.dumps(answer))

    def _hello(self) -> dict[str, Any]:
        return {
            "product": "certlogin-helper",
            "protocols": [1],
            "version": self.version,
            "os": "linux",
            "arch": "x86_64",
        }

    def _pair(self, body: dict[str, Any]) -> dict[str, Any]:
        return {"token": encode(b"t" * 32), "helper_key": self.public_key, "mode": self.mode}

    def _certificates(self, body: dict[str, Any]) -> dict[str, Any]:
        return {"tokens": self.tokens, "helper_proof": self.proof(self.called[-1][2]["origin"], body["challenge"])}

    def proof(self, origin: str, challenge: str) -> str:
        private = factory.key(self.key_name)
        assert isinstance(private, ec.EllipticCurvePrivateKey)
        signed = b"CERTLOGIN-HELPER-V1\0" + origin.encode() + b"\0" + decode(challenge)
        return encode(factory.sign(private, signed))


def token(*certificates: bytes, serial: str = "F0000000000A", **changes: Any) -> dict[str, Any]:
    return {
        "serial": serial,
        "model": "file",
        "label": "曙光的证书介质",
        "key_types": ["P-256", "RSA-2048"],
        "tries_left": 6,
        "locked": False,
        "pending": False,
        "certificates": [{"certificate": encode(der), "chain": []} for der in certificates],
        **changes,
    }


def sha256(der: bytes) -> str:
    return hashlib.sha256(der).hexdigest()

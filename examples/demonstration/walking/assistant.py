"""What a page's script does with the helper: finds it on its ports, pairs, asks. No cookies, the page's Origin."""

import base64
import hashlib
import http.client
import json
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import load_der_public_key


class HelperRefused(Exception):
    """The helper's error answer: its code and the other facts."""

    def __init__(self, status: int, error: Mapping[str, Any]) -> None:
        super().__init__(f"{status} {error.get('code')}")
        self.status = status
        self.code = str(error.get("code"))
        self.facts = dict(error)


class HelperMissing(Exception):
    """Nothing that is a helper answers on any of its ports."""


class Assistant:
    """The page's side of the helper protocol."""

    def __init__(self, origin: str, ports: Sequence[int]) -> None:
        self._origin = origin
        self._ports = ports
        self._port = 0
        self._token = ""
        self._key = b""

    def hello(self) -> dict[str, Any]:
        """Who answers on the first port with a helper. Raises HelperMissing."""
        for port in self._ports:
            try:
                answer = self._send("GET", port, "/v1/hello", None)
            except OSError:
                continue
            if answer.get("product") == "certlogin-helper":
                self._port = port
                return answer
        raise HelperMissing

    def pair(self, purpose: str) -> None:
        answer = self._call("pair", purpose=purpose)
        self._token = str(answer["token"])
        self._key = decode(str(answer["helper_key"]))

    def tokens(self) -> list[dict[str, Any]]:
        """The tokens, after checking that it is the helper we are paired with."""
        challenge = secrets.token_bytes(32)
        answer = self._call("certificates", challenge=encode(challenge))
        signed = b"CERTLOGIN-HELPER-V1\0" + self._origin.encode() + b"\0" + challenge
        self._check_proof(decode(str(answer["helper_proof"])), signed)
        return list(answer["tokens"])

    def login(self, challenge: Mapping[str, Any], certificate: bytes) -> dict[str, Any]:
        return self._call(
            "login",
            purpose="login",
            unit=challenge["unit"],
            unit_name=challenge["unit_name"],
            nonce=challenge["challenge"],
            algorithms=challenge["algorithms"],
            sid=challenge["sid"],
            certificate_sha256=hashlib.sha256(certificate).hexdigest(),
        )

    def enroll(self, challenge: Mapping[str, Any], serial: str, key_type: str) -> dict[str, Any]:
        return self._call(
            "enroll",
            unit=challenge["unit"],
            unit_name=challenge["unit_name"],
            nonce=challenge["challenge"],
            token_serial=serial,
            key_type=key_type,
        )

    def install(self, key_id: str, issued: Mapping[str, Any]) -> dict[str, Any]:
        return self._call("install", key_id=key_id, certificate=issued["certificate"], chain=issued["chain"])

    def _call(self, name: str, **message: object) -> dict[str, Any]:
        return self._send("POST", self._port, f"/v1/{name}", json.dumps(message).encode())

    def _send(self, method: str, port: int, path: str, body: bytes | None) -> dict[str, Any]:
        headers = {"Origin": self._origin}
        if body is not None:
            headers |= {"Content-Type": "application/json", "X-Certlogin": "1"}
            if self._token:
                headers["Authorization"] = f"Bearer {self._token}"
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=130)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            answer: dict[str, Any] = json.loads(response.read())
        finally:
            connection.close()
        if response.status != 200:
            raise HelperRefused(response.status, answer["error"])
        return answer

    def _check_proof(self, proof: bytes, signed: bytes) -> None:
        key = load_der_public_key(self._key)
        if not isinstance(key, ec.EllipticCurvePublicKey):
            raise TypeError("the helper's key is no P-256 key")
        half = len(proof) // 2
        signature = encode_dss_signature(int.from_bytes(proof[:half]), int.from_bytes(proof[half:]))
        key.verify(signature, signed, ec.ECDSA(hashes.SHA256()))


def encode(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))

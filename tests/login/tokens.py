"""Tokens of Web eID as a card's application makes them, good ones and bent ones.

value = token(issued, algorithm, nonce)             # the JSON object; `octets(value)` is its text
value = token(..., signing=[signing_of(issued)])    # the same as 1.1
"""

import base64
import json
from collections.abc import Sequence
from functools import cache
from typing import Any

from certlogin.login.web_eid import signed_octets
from certlogin.pki.jwa import JWA
from tests.factory import Issued, make_pki
from tests.pki.test_jwa import sign_jwa

ORIGIN = "https://survey.example"
NONCE = "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI="
KEY_OF = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}
SUPPORTED = [{"cryptoAlgorithm": "ECC", "hashFunction": "SHA-384", "paddingScheme": "NONE"}]


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


@cache
def card(algorithm: str = "ES256") -> Issued:
    """The login certificate of a card that signs so."""
    return make_pki().issuing.issue(key_type=KEY_OF.get(algorithm, "RSA-2048"), key_name="card")


@cache
def signing_card(**changes: Any) -> Issued:
    """Its certificate for signing documents: the same person, the same CA, another key, another usage."""
    usual: dict[str, Any] = {"key_name": "card, signing", "usages": ("content_commitment",), "extended": None}
    return make_pki().issuing.issue(**(usual | changes))


def signing(issued: Issued, supported: Sequence[object] = SUPPORTED) -> dict[str, Any]:
    return {"certificate": b64(issued.der), "supportedSignatureAlgorithms": list(supported)}


def token(
    by: Issued | None = None,
    algorithm: str = "ES256",
    nonce: str = NONCE,
    origin: str = ORIGIN,
    signers: Sequence[Issued] | None = None,
    **changes: Any,
) -> dict[str, Any]:
    """A good token of 1.0, or of 1.1 with `signers`; `changes` are made after it was signed."""
    issued = by or card(algorithm)
    value: dict[str, Any] = {
        "unverifiedCertificate": b64(issued.der),
        "algorithm": algorithm,
        "signature": b64(sign_jwa(issued.key, signed_octets(JWA(algorithm), origin, nonce), algorithm)),
        "format": "web-eid:1.0" if signers is None else "web-eid:1.1",
        "appVersion": "https://web-eid.eu/web-eid-app/releases/2.5.0+0",
    }
    if signers is not None:
        value["unverifiedSigningCertificates"] = [signing(one) for one in signers]
    return value | changes


def octets(value: object) -> bytes:
    return json.dumps(value).encode()

"""Proofs of the other forms for the attempt of `signing.py`: our text, signed; in a CMS message; a token of Web eID.

`messages` are they as a page posts them. All are by the same unit's certificate.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from certlogin.login.challenge import Binding
from certlogin.login.other_proofs import OtherProof, UnverifiedMessage, UnverifiedText, UnverifiedWebEid
from certlogin.login.proof import Expected
from certlogin.login.text import login_text
from certlogin.login.web_eid import nonce_of, read_token
from certlogin.records.proof import ProofFormat
from certlogin.wire.b64 import encode
from tests.factory import Issued, sign
from tests.factory_keys import algorithm_of
from tests.login import signing, tokens
from tests.pki.cms_writer import Message

FORMATS = tuple(sorted(ProofFormat))
BINDING = replace(signing.BINDING, formats=FORMATS, algorithms=("ES256", "ES384", "PS256", "RS256", "SM2-SM3"))
#: The anchor of the test PKI allows all of them.
EXPECTED = replace(signing.EXPECTED, binding=BINDING, formats={"test": FORMATS})
CHALLENGE = signing.challenge(BINDING)


def allowing(*formats: str) -> Expected:
    """The challenge was offered for all, and this anchor's certificates may use these."""
    return replace(EXPECTED, formats={"test": formats})


def text_proof(by: Issued | None = None, binding: Binding = BINDING, **changes: Any) -> UnverifiedText:
    signer = by or signing.leaf()
    content = login_text(binding, CHALLENGE)
    proof = UnverifiedText(CHALLENGE, algorithm_of(signer.key), sign(signer.key, content), signer.der)
    return replace(proof, **changes)


def message_of(by: Issued | None = None, binding: Binding = BINDING, **changes: Any) -> Message:
    return replace(Message(by or signing.leaf(), login_text(binding, CHALLENGE)), **changes)


def cms_proof(message: Message | None = None, **changes: Any) -> UnverifiedMessage:
    return replace(UnverifiedMessage(CHALLENGE, (message or message_of()).der), **changes)


def token_text(
    by: Issued | None = None,
    algorithm: str = "ES256",
    challenge: str = CHALLENGE,
    origin: str = BINDING.origin,
    signers: Sequence[Issued] | None = None,
) -> bytes:
    return tokens.octets(tokens.token(by or signing.leaf(), algorithm, nonce_of(challenge), origin, signers))


def web_eid_proof(token: bytes | None = None, **changes: Any) -> UnverifiedWebEid:
    return replace(UnverifiedWebEid(CHALLENGE, read_token(token or token_text())), **changes)


@cache
def good() -> tuple[UnverifiedText, UnverifiedMessage, bytes]:
    """A signature is another one each time it is made."""
    return text_proof(), cms_proof(), token_text()


def messages() -> tuple[bytes, ...]:
    text, cms, token = good()
    usual = {"attempt": signing.PUBLIC_ID, "challenge": CHALLENGE}
    signed = {"signature": encode(text.signature), "certificate": encode(text.certificate), "chain": []}
    found: tuple[dict[str, Any], ...] = (
        {"format": "text", "algorithm": text.algorithm, **signed},
        {"format": "cms", "signature": encode(cms.message), "certificate": None, "chain": []},
        {"format": "web-eid", "token": token.decode()},
    )
    return tuple(json.dumps({**usual, **members}).encode() for members in found)


def says_the_same(proof: OtherProof) -> bool:
    """As the good ones do. A message of CMS has many encodings, and its signer is judged by who accepts it."""
    text, _, token = good()
    if isinstance(proof, UnverifiedWebEid):
        return proof == web_eid_proof(token)
    return isinstance(proof, UnverifiedMessage) or replace(proof, chain=()) == text

"""A site, an attempt and a helper that signs: proofs as they come in, good ones and bent ones.

proof = sign_proof()                                # what the helper answers to a fresh challenge
proof = sign_proof(payload_of(unit="unit-2"))       # the same with one fact changed, still signed by the key
"""

import hashlib
from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import Any

from certlogin.login.challenge import Binding, Purpose, issue_challenge
from certlogin.login.keys import Keyring, Use
from certlogin.login.proof import NATIVE, Expected, UnverifiedProof, sid_of
from certlogin.wire.payload import Purpose as Signed
from certlogin.wire.payload import SignedPayload, signed_bytes
from tests.factory import NOW, Issued, make_pki, sign

KEYS = Keyring((b"k" * 32,)).keys(Use.CHALLENGE)
OTHER_KEYS = Keyring((b"o" * 32,)).keys(Use.CHALLENGE)
MAX_AGE = timedelta(seconds=120)
SECOND = timedelta(seconds=1)
BINDING = Binding(
    attempt="0a" * 32,
    unit="unit-1",
    purpose=Purpose.LOGIN,
    formats=(NATIVE,),
    algorithms=("ES256", "RS256"),
    origin="https://survey.example",
    epoch="epoch-1",
)
#: Each member of a binding with a value that belongs to somebody or something else.
FOREIGN: dict[str, object] = {
    "attempt": "0b" * 32,
    "unit": "unit-2",
    "purpose": Purpose.ENROL,
    "formats": (NATIVE, "text"),
    "algorithms": ("ES256",),
    "origin": "https://evil.example",
    "epoch": "epoch-2",
}
PUBLIC_ID = "A" * 16
EXPECTED = Expected(BINDING, sid_of(PUBLIC_ID), MAX_AGE)


def foreign_binding(member: str) -> Binding:
    return replace(BINDING, **{member: FOREIGN[member]})  # type: ignore[arg-type]


def challenge(binding: Binding = BINDING) -> str:
    return issue_challenge(binding, bytes(range(32)), NOW, KEYS)


@cache
def leaf(key_type: str = "P-256", key_name: str = "leaf") -> Issued:
    return make_pki().issuing.issue(key_type=key_type, key_name=key_name)


def payload_of(signer: Issued | None = None, **changes: Any) -> SignedPayload:
    """The payload of a good login, with `changes`."""
    usual: dict[str, Any] = {
        "purpose": Signed.LOGIN,
        "origin": BINDING.origin,
        "unit": BINDING.unit,
        "nonce": challenge(),
        "iat": int(NOW.timestamp()),
        "cert_sha256": hashlib.sha256((signer or leaf()).der).hexdigest(),
        "alg": "ES256",
        "sid": EXPECTED.sid,
        "helper": "1.5.1.0",
    }
    return SignedPayload(**(usual | changes))


def sign_proof(payload: SignedPayload | None = None, signer: Issued | None = None, **changes: Any) -> UnverifiedProof:
    """Signed by `signer` over exactly this payload; `changes` are made to the message after it was signed."""
    by = signer or leaf()
    facts = payload or payload_of(by)
    octets = facts.to_bytes()
    signature = sign(by.key, signed_bytes(octets, facts.purpose), facts.alg)
    return replace(UnverifiedProof(NATIVE, octets, signature, by.der), **changes)

"""Whether a proof of our own helper shows that this attempt's unit holds the key of a certificate we trust.

PURE. It judges in the order of the design, cheap checks first: format and algorithm, challenge, (the caller redeems the
nonce,) certificate, key, signature, profile, path, revocation, identity. It does not know what the unit owes.
What other programs sign is judged by `other_proofs.py`, with the words of this module.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar, Final, TypeVar

from certlogin.errors import Refusal
from certlogin.login.challenge import Binding, check_challenge
from certlogin.pki.certificate import read_certificate, read_chain
from certlogin.pki.judge import TrustedCertificate, judge_certificate
from certlogin.pki.path import Trust
from certlogin.pki.signature import Algorithm, verify_signature
from certlogin.records.proof import ProofFormat
from certlogin.wire.payload import SignedPayload, signed_bytes

NATIVE: Final = ProofFormat.NATIVE
Payload = TypeVar("Payload", bound=SignedPayload)


@dataclass(eq=False)
class FormatNotAllowed(Refusal):
    """The server did not offer this proof format, or does not take it for this issuer or this act (S18, S22)."""

    code: ClassVar[str] = "format_not_allowed"
    format: str


@dataclass(eq=False)
class AlgorithmNotAllowed(Refusal):
    """The server did not offer this algorithm."""

    code: ClassVar[str] = "algorithm_not_allowed"
    algorithm: str


@dataclass(eq=False)
class OriginMismatch(Refusal):
    """The helper saw another site than this one: somebody relays (S21)."""

    code: ClassVar[str] = "origin_mismatch"
    origin: str


@dataclass(eq=False)
class ProofForeign(Refusal):
    """The signed facts are not those of this attempt: `member` names the first that differs."""

    code: ClassVar[str] = "proof_foreign"
    member: str


@dataclass(frozen=True, slots=True)
class UnverifiedProof:
    format: str
    #: The exact octets the helper built, without prefix.
    payload: bytes
    signature: bytes
    #: DER.
    certificate: bytes
    chain: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Expected:
    """What this attempt's proof must say."""

    binding: Binding
    sid: str
    max_age: timedelta
    #: By the name of an anchor, which formats its certificates may use; one that is not named: native only.
    formats: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class UnredeemedProof:
    """Its challenge is ours and fresh; whether it was used before is still to be asked."""

    proof: UnverifiedProof
    payload: SignedPayload
    algorithm: Algorithm
    nonce: str
    expected: Expected


@dataclass(frozen=True, slots=True)
class AcceptedProof:
    certificate: TrustedCertificate
    #: A claim of the helper that signed; None: the format has none.
    helper_version: tuple[int, int, int, int] | None
    #: The helper's clock minus ours, in seconds: information for the log. None: the format says no time.
    clock_difference: int | None
    format: str = NATIVE


def sid_of(public_id: str) -> str:
    """The hash of an attempt's public id that stands in the signed bytes, lower-case hex."""
    return hashlib.sha256(public_id.encode()).hexdigest()


def check_proof(proof: UnverifiedProof, expected: Expected, now: datetime, keys: tuple[bytes, ...]) -> UnredeemedProof:
    """Everything that can be judged before the nonce is spent.

    Raises FormatNotAllowed, BadRequest, AlgorithmNotAllowed, ChallengeForeign, ChallengeExpired, OriginMismatch,
    ProofForeign.
    """
    payload, nonce = check_payload(SignedPayload, proof, expected, now, keys)
    return UnredeemedProof(proof, payload, Algorithm(payload.alg), nonce, expected)


def check_payload(
    kind: type[Payload], proof: UnverifiedProof, expected: Expected, now: datetime, keys: tuple[bytes, ...]
) -> tuple[Payload, str]:
    """A payload of that class, and its nonce; raises as `check_proof`."""
    binding = expected.binding
    check_offered(proof.format, binding)
    payload = kind.from_bytes(proof.payload)
    _check_algorithm(payload.alg, binding)
    nonce = check_challenge(payload.nonce, binding, expected.max_age, now, keys)
    _compare(payload, proof, expected)
    return payload, nonce


def accept_proof(unredeemed: UnredeemedProof, trust: Trust, now: datetime) -> AcceptedProof:
    """To be called once the nonce was redeemed. Raises the refusals of `pki`, SM2Unavailable, FormatNotAllowed."""
    proof, payload = unredeemed.proof, unredeemed.payload
    leaf = read_certificate(proof.certificate)
    signed = signed_bytes(proof.payload, payload.purpose)
    verify_signature(leaf, unredeemed.algorithm, signed, proof.signature, trust.sm2)
    trusted = judge_certificate(leaf, read_chain(proof.chain), trust, now)
    check_issuer(proof.format, trusted, unredeemed.expected)
    first, second, third, fourth = (int(part) for part in payload.helper.split("."))
    return AcceptedProof(trusted, (first, second, third, fourth), payload.iat - int(now.timestamp()))


def check_offered(name: str, binding: Binding, algorithm: str | None = None) -> None:
    """That the server allows this format and algorithm. Raises FormatNotAllowed, AlgorithmNotAllowed."""
    _check_format(name, binding)
    if algorithm is not None:
        _check_algorithm(algorithm, binding)


def check_issuer(name: str, certificate: TrustedCertificate, expected: Expected) -> None:
    """What is offered is what any issuer allows; this one must allow it, too. Raises FormatNotAllowed (S18)."""
    if name not in expected.formats.get(certificate.anchor, (NATIVE,)):
        raise FormatNotAllowed(name)


def _check_format(name: str, binding: Binding) -> None:
    if name not in binding.formats:
        raise FormatNotAllowed(name)


def _check_algorithm(name: str, binding: Binding) -> None:
    if name not in binding.algorithms:
        raise AlgorithmNotAllowed(name)


def _compare(payload: SignedPayload, proof: UnverifiedProof, expected: Expected) -> None:
    binding = expected.binding
    if payload.origin != binding.origin:
        raise OriginMismatch(payload.origin)
    facts = {
        "purpose": (payload.purpose, binding.purpose),
        "unit": (payload.unit, binding.unit),
        "sid": (payload.sid, expected.sid),
        "cert_sha256": (payload.cert_sha256, hashlib.sha256(proof.certificate).hexdigest()),
    }
    for member, (given, wanted) in facts.items():
        if not hmac.compare_digest(given.encode(), wanted.encode()):
            raise ProofForeign(member)

"""Whether a unit's key has signed this agreement: the very text, in this version, for this attempt.

PURE. The order is that of `proof.py`, whose words it uses; what it adds is the text. A signature for a login is none
for an agreement and the reverse (S22): class of payload, purpose of the challenge and prefix differ, each by itself
enough, and what was judged has types of its own. Whose the certificate is, is asked of the registry.
"""

import hmac
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import ClassVar

from certlogin.errors import Refusal
from certlogin.login.proof import (
    NATIVE,
    AcceptedProof,
    Expected,
    FormatNotAllowed,
    UnredeemedProof,
    UnverifiedProof,
    accept_proof,
    check_payload,
)
from certlogin.pki.path import Trust
from certlogin.pki.signature import Algorithm
from certlogin.wire.agreement import AgreementPayload
from certlogin.wire.plain_text import check_plain_text


@dataclass(eq=False)
class AgreementChanged(Refusal):
    """Another text was signed than the one that is agreed to now: `member` says by what it is known (S29)."""

    code: ClassVar[str] = "agreement_changed"
    status: ClassVar[int] = 409
    member: str


@dataclass(frozen=True, slots=True)
class Agreement:
    """Everything that is agreed to: the text with the filled form, as the helper shows it."""

    text: str = field(repr=False)
    version: str

    def __post_init__(self) -> None:
        """Raises BadRequest for a text that no helper would show."""
        check_plain_text(self.text)

    @property
    def sha256(self) -> str:
        return sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class UnredeemedAgreement:
    """It names this text under a fresh challenge of ours; whether that was used before is still to be asked."""

    agreement: Agreement
    proof: UnredeemedProof

    @property
    def nonce(self) -> str:
        """To be redeemed once."""
        return self.proof.nonce


@dataclass(frozen=True, slots=True)
class AcceptedAgreement:
    """What is kept as evidence."""

    agreement: Agreement
    payload: bytes
    signature: bytes
    algorithm: Algorithm
    #: By which key, with what its helper claims.
    proof: AcceptedProof


def check_agreement(
    proof: UnverifiedProof, agreement: Agreement, expected: Expected, now: datetime, keys: tuple[bytes, ...]
) -> UnredeemedAgreement:
    """Everything that can be judged before the nonce is spent.

    Raises as `check_proof`; FormatNotAllowed for every form but the native one; AgreementChanged.
    """
    if proof.format != NATIVE:
        raise FormatNotAllowed(proof.format)
    payload, nonce = check_payload(AgreementPayload, proof, expected, now, keys)
    facts = {
        "text_version": (payload.text_version, agreement.version),
        "text_sha256": (payload.text_sha256, agreement.sha256),
    }
    for member, (given, wanted) in facts.items():
        if not hmac.compare_digest(given.encode(), wanted.encode()):
            raise AgreementChanged(member)
    return UnredeemedAgreement(agreement, UnredeemedProof(proof, payload, Algorithm(payload.alg), nonce, expected))


def accept_agreement(unredeemed: UnredeemedAgreement, trust: Trust, now: datetime) -> AcceptedAgreement:
    """To be called once the nonce was redeemed. Raises as `accept_proof`."""
    signed = unredeemed.proof
    accepted = accept_proof(signed, trust, now)
    return AcceptedAgreement(
        unredeemed.agreement, signed.proof.payload, signed.proof.signature, signed.algorithm, accepted
    )

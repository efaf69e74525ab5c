"""Whether a proof of another form than the native one logs this attempt's unit in: a text, a CMS message, Web eID.

PURE. The order is that of `proof.py`: format and algorithm, challenge, (the caller redeems the nonce,) certificate,
key, signature, profile, path, revocation, identity, and last whether the issuer's settings allow the form. The
challenge travels beside what was signed, for none of these forms says it in a way that is read before it is believed.

They are good for a login only: no challenge for anything else is offered for them (S22), and none of them carries the
version of a helper.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from certlogin.login.challenge import check_challenge
from certlogin.login.forms import OpenedProof, open_message, open_text, open_token, read_message
from certlogin.login.proof import AcceptedProof, Expected, check_issuer, check_offered
from certlogin.login.text import login_text
from certlogin.login.web_eid import UnverifiedToken, nonce_of
from certlogin.pki.judge import judge_certificate
from certlogin.pki.path import Trust
from certlogin.pki.signature import Algorithm
from certlogin.records.proof import ProofFormat


@dataclass(frozen=True, slots=True)
class UnverifiedText:
    """Our text, signed by a vendor's helper."""

    format: ClassVar[ProofFormat] = ProofFormat.TEXT
    challenge: str
    algorithm: str
    signature: bytes = field(repr=False)
    #: DER, as all below.
    certificate: bytes = field(repr=False)
    chain: tuple[bytes, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class UnverifiedMessage:
    """The same text in a CMS SignedData, or signed by one that lacks it."""

    format: ClassVar[ProofFormat] = ProofFormat.CMS
    challenge: str
    message: bytes = field(repr=False)
    #: None: the signer's certificate is in the message.
    certificate: bytes | None = field(default=None, repr=False)
    chain: tuple[bytes, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class UnverifiedWebEid:
    """A token over our origin and the nonce that is made of the challenge."""

    format: ClassVar[ProofFormat] = ProofFormat.WEB_EID
    challenge: str
    token: UnverifiedToken


OtherProof = UnverifiedText | UnverifiedMessage | UnverifiedWebEid


@dataclass(frozen=True, slots=True)
class UnredeemedOther:
    """Its challenge is ours and fresh; whether it was used before is still to be asked."""

    proof: OtherProof
    nonce: str
    expected: Expected


def check_other_proof(proof: OtherProof, expected: Expected, now: datetime, keys: tuple[bytes, ...]) -> UnredeemedOther:
    """Everything that can be judged before the nonce is spent.

    Raises FormatNotAllowed, AlgorithmNotAllowed, ChallengeForeign, ChallengeExpired.
    """
    check_offered(proof.format, expected.binding, proof.algorithm if isinstance(proof, UnverifiedText) else None)
    nonce = check_challenge(proof.challenge, expected.binding, expected.max_age, now, keys)
    return UnredeemedOther(proof, nonce, expected)


def open_other_proof(unredeemed: UnredeemedOther) -> OpenedProof:
    """To be called once the nonce was redeemed; no public key is used yet.

    Raises the refusals of `read_certificate` and `read_signed_data`, ProofForeign, UnfitForText.
    """
    proof, binding = unredeemed.proof, unredeemed.expected.binding
    if isinstance(proof, UnverifiedWebEid):
        return open_token(proof.token, binding.origin, nonce_of(proof.challenge))
    text = login_text(binding, proof.challenge)
    if isinstance(proof, UnverifiedMessage):
        return open_message(read_message(proof.message, proof.certificate), proof.chain, text)
    return open_text(proof.certificate, proof.chain, Algorithm(proof.algorithm), text, proof.signature)


def accept_other_proof(opened: OpenedProof, unredeemed: UnredeemedOther, trust: Trust, now: datetime) -> AcceptedProof:
    """Raises the refusals of `pki`, SM2Unavailable, WebEidSigningCertificate, FormatNotAllowed."""
    opened.verify(trust, now)
    trusted = judge_certificate(opened.leaf, opened.chain, trust, now)
    check_issuer(unredeemed.proof.format, trusted, unredeemed.expected)
    return AcceptedProof(trusted, helper_version=None, clock_difference=None, format=unredeemed.proof.format)

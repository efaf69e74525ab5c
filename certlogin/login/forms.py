"""Proofs that other programs than our helper make, opened: which certificate is meant, and what verifies its signature.

PURE. It decides what is certificate, chain and signature in a vendor's text, a CMS message or a token of Web eID. What
must have been signed is the caller's to say; whether the certificate is good is judged by `pki/judge.py` afterwards.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from certlogin.login.proof import ProofForeign
from certlogin.login.web_eid import UnverifiedToken, check_signing_certificates, verify_token
from certlogin.pki.certificate import UnverifiedCertificate, read_certificate, read_chain
from certlogin.pki.cms import Attributes, UnverifiedSignedData, read_signed_data, verify_signed_data
from certlogin.pki.jwa import JWA
from certlogin.pki.path import Trust
from certlogin.pki.profile import guard_leaf
from certlogin.pki.signature import Algorithm
from certlogin.pki.vendor import verify_vendor_signature


@dataclass(frozen=True, slots=True)
class OpenedProof:
    """Its certificates are read and not judged, and its signature is not verified before `verify` has returned."""

    leaf: UnverifiedCertificate
    chain: tuple[UnverifiedCertificate, ...]
    #: Raises the refusals of `pki`, SM2Unavailable, WebEidSigningCertificate.
    verify: Callable[[Trust, datetime], None] = field(repr=False)


def open_text(
    certificate: bytes, chain: Sequence[bytes], algorithm: Algorithm | JWA, signed: bytes, signature: bytes
) -> OpenedProof:
    """A signature over exactly `signed`. Raises as `read_certificate`."""
    leaf = read_certificate(certificate)

    def verify(trust: Trust, _: datetime) -> None:
        verify_vendor_signature(leaf, algorithm, signed, signature, trust.sm2)

    return OpenedProof(leaf, read_chain(chain), verify)


def read_message(message: bytes, certificate: bytes | None) -> UnverifiedSignedData:
    """A CMS SignedData, and its signer's certificate where that travels beside it.

    Raises as `read_signed_data`; ProofForeign: the certificate beside it is not its signer's.
    """
    named = None if certificate is None else read_certificate(certificate)
    found = read_signed_data(message, named)
    if named is not None and found.signer.der != named.der:
        raise ProofForeign("certificate")
    return found


def open_message(message: UnverifiedSignedData, chain: Sequence[bytes], content: bytes) -> OpenedProof:
    """A message over exactly `content`, attached or not. Raises as `read_certificate`."""

    def verify(trust: Trust, _: datetime) -> None:
        # Our content is a text of ours, and never looks like attributes.
        verify_signed_data(message, content, trust.sm2, attributes=Attributes.EITHER)

    known = {message.signer.der, *(one.der for one in message.chain)}
    beside = [one for one in read_chain(chain) if one.der not in known]
    return OpenedProof(message.signer, (*message.chain, *beside), verify)


def open_token(token: UnverifiedToken, origin: str, nonce: str) -> OpenedProof:
    """A token of Web eID for this origin and nonce. Raises as `read_certificate`."""
    leaf = read_certificate(token.certificate)

    def verify(trust: Trust, now: datetime) -> None:
        verify_token(token, leaf, origin, nonce)
        # The certificates of a card are for logins or for documents, and say which.
        guard_leaf(leaf, now, client_auth_required=True)
        check_signing_certificates(token, leaf, trust, now)

    return OpenedProof(leaf, read_chain(token.chain), verify)

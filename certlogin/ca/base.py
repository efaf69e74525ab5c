"""What the login needs of a certificate authority, wherever it runs."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Protocol

from certlogin.errors import Refusal
from certlogin.records.unit import Unit


@dataclass(eq=False)
class RequestRefused(Refusal):
    """The CA judged the request itself and refuses it; `reason` is one of its own stable codes."""

    code: ClassVar[str] = "request_refused"
    status: ClassVar[int] = 400
    reason: str


@dataclass(frozen=True, slots=True)
class IssuedCertificate:
    #: DER of the leaf.
    certificate: bytes
    #: DER of the issuing CA's certificates up to but not including the root, nearest first.
    chain: tuple[bytes, ...]
    applied_on: datetime


class CertificateAuthority(Protocol):
    """Every method raises `Unavailable` when the authority does not answer."""

    def issue(self, unit: Unit, request: bytes) -> IssuedCertificate:
        """Issue for the PKCS#10 request (DER). The same unit and public key get the same certificate again.

        Raises RequestRefused: unit not entitled, window closed, proof of possession, weak key, already issued.
        """
        ...

    def revoke(self, issuer_sha256: str, serial: str, reason: str, *, allow_reissue: bool) -> None:
        """Revoke and publish a new CRL. Revoking twice is no error. Raises RequestRefused: unknown certificate."""
        ...

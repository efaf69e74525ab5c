"""The judgement over a certificate, in its fixed order: profile, path, revocation, identity.

It turns an `UnverifiedCertificate` into a `TrustedCertificate`; holding that type is the proof. It must not know who
wants to log in: whether the certificate is the right one for a unit is decided above.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from certlogin.pki.certificate import UnverifiedCertificate, check_count
from certlogin.pki.identity import read_identity
from certlogin.pki.path import Trust, TrustAnchor, find_path
from certlogin.pki.profile import guard_authority, guard_leaf
from certlogin.pki.revocation import Mode, Settled, settle_revocation
from certlogin.records.certificate import CertificateFacts


@dataclass(frozen=True, slots=True)
class TrustedCertificate:
    """Made by `judge_certificate` only."""

    facts: CertificateFacts
    #: The name of the anchor in the settings.
    anchor: str
    #: DER, leaf first, anchor last.
    path: tuple[bytes, ...]
    revocation: Settled


def judge_certificate(
    leaf: UnverifiedCertificate, client_chain: Sequence[UnverifiedCertificate], trust: Trust, now: datetime
) -> TrustedCertificate:
    """Return only for a certificate that is good at `now`.

    Raises CertificateTooLarge; CertificateExpired and the other leaves of `profile.py`; CertificateUntrusted;
    CertificateRevoked, RevocationUnknown; IdentityUnreadable.
    """
    check_count(client_chain)
    guard_leaf(leaf, now, client_auth_required=trust.client_auth_required)
    path = find_path(leaf, client_chain, trust, now)
    for authority in path.certificates[1:-1]:
        guard_authority(authority)
    settled = Settled.NOT_ASKED
    if path.anchor.revocation is not Mode.OFF:
        settle_revocation(path.certificates, trust.index, now)
        settled = Settled.CRL
    ders = tuple(certificate.der for certificate in path.certificates)
    return TrustedCertificate(facts_of(leaf, path.anchor), path.anchor.name, ders, settled)


def facts_of(certificate: UnverifiedCertificate, anchor: TrustAnchor) -> CertificateFacts:
    """What is written down of a certificate, read through its anchor's identity table. Raises IdentityUnreadable."""
    identity = read_identity(certificate, anchor.unit_code_oids, anchor.unique_id_oids, anchor.unit_codes)
    return CertificateFacts(
        der=certificate.der,
        sha256=certificate.sha256,
        spki_sha256=certificate.spki_sha256,
        issuer=certificate.x509.issuer.rfc4514_string(),
        subject=certificate.x509.subject.rfc4514_string(),
        issuer_sha256=certificate.issuer_sha256,
        serial=f"{certificate.serial:x}",
        key_type=certificate.key.key_type,
        key_bits=certificate.key.bits,
        not_before=certificate.x509.not_valid_before_utc,
        not_after=certificate.x509.not_valid_after_utc,
        unit_code=identity.unit_code,
        unique_id=identity.unique_id,
    )

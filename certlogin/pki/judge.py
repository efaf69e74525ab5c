"""The judgement over a certificate, in its fixed order: profile, path, revocation, identity.

It turns an `UnverifiedCertificate` into a `TrustedCertificate`; holding that type is the proof. It must not know who
wants to log in: whether the certificate is the right one for a unit is decided above.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from certlogin.pki.certificate import UnverifiedCertificate, check_count
from certlogin.pki.constraints import guard_constraints
from certlogin.pki.identity import read_identity
from certlogin.pki.keys import Legacy
from certlogin.pki.path import Path, Trust, TrustAnchor, find_path
from certlogin.pki.profile import guard_any, guard_any_authority, guard_authority, guard_leaf, guard_length
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


@dataclass(frozen=True, slots=True)
class JudgedPath:
    """What `judge_path` found. No login: its profile and identity were not asked."""

    path: Path
    revocation: Settled


def judge_certificate(
    leaf: UnverifiedCertificate,
    client_chain: Sequence[UnverifiedCertificate],
    trust: Trust,
    now: datetime,
    *,
    legacy: Legacy = Legacy.REFUSED,
) -> TrustedCertificate:
    """Return only for a certificate that is good at `now`.

    Raises CertificateTooLarge; CertificateExpired and the other leaves of `profile.py`; CertificateUntrusted;
    CertificateRevoked, RevocationUnknown; IdentityUnreadable. Where `legacy` is admitted, the leaf was read so too.
    """
    check_count(client_chain)
    guard_leaf(
        leaf,
        now,
        client_auth_required=trust.client_auth_required,
        forbidden_policies=trust.forbidden_policies,
        legacy=legacy,
    )
    path = find_path(leaf, client_chain, trust, now)
    guard_length(path.certificates, trust.max_intermediates)
    guard_constraints(path.certificates, strict=path.anchor.strict)
    for authority in path.certificates[1:-1]:
        guard_authority(authority)
    settled = _settle(path, trust, now)
    ders = tuple(certificate.der for certificate in path.certificates)
    return TrustedCertificate(facts_of(leaf, path.anchor), path.anchor.name, ders, settled)


def judge_path(
    leaf: UnverifiedCertificate, client_chain: Sequence[UnverifiedCertificate], trust: Trust, now: datetime
) -> JudgedPath:
    """The same judgement of a certificate that is not to log in: limits, algorithms, path and revocation.

    Raises as `judge_certificate`, but neither for usages and policies nor for what the identity says.
    """
    check_count(client_chain)
    guard_any(leaf, now)
    path = find_path(leaf, client_chain, trust, now)
    guard_length(path.certificates, trust.max_intermediates)
    guard_constraints(path.certificates, strict=path.anchor.strict)
    for authority in path.certificates[1:-1]:
        guard_any_authority(authority)
    return JudgedPath(path, _settle(path, trust, now))


def _settle(path: Path, trust: Trust, now: datetime) -> Settled:
    if path.anchor.revocation is Mode.OFF:
        return Settled.NOT_ASKED
    return settle_revocation(path.certificates, trust.index, now, path.anchor.grace)


def facts_of(certificate: UnverifiedCertificate, anchor: TrustAnchor) -> CertificateFacts:
    """What is written down of a certificate, read through its anchor's identity table. Raises IdentityUnreadable."""
    identity = read_identity(certificate, anchor.unit_code_oids, anchor.unique_id_oids, anchor.unit_codes)
    return replace(nameless_facts(certificate), unit_code=identity.unit_code, unique_id=identity.unique_id)


def nameless_facts(certificate: UnverifiedCertificate) -> CertificateFacts:
    """The facts that say nothing of whom it names: before revocation is settled nobody reads that (S27)."""
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
        unit_code=None,
        unique_id=None,
    )

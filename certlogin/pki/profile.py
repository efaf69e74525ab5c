"""The guard around the path: what a login certificate and the CAs above it must look like.

OpenSSL's store checks neither extended key usage, nor SHA-1, nor small keys; this does. It decides by the certificate
and a moment alone, and must not know anchors or revocation.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final, TypeVar

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from certlogin.errors import Refusal
from certlogin.pki.certificate import UnverifiedCertificate
from certlogin.pki.keys import RSA_BITS_MIN, Legacy, WeakKey
from certlogin.records.certificate import KeyType

#: SHA-2 with RSA (PKCS#1 v1.5) or ECDSA, and SM3 with SM2. An allow-list: SHA-1, MD5 and what is unknown are out.
SIGNATURE_ALGORITHMS: Final = frozenset(
    {
        "1.2.840.113549.1.1.11",
        "1.2.840.113549.1.1.12",
        "1.2.840.113549.1.1.13",
        "1.2.840.10045.4.3.2",
        "1.2.840.10045.4.3.3",
        "1.2.840.10045.4.3.4",
        "1.2.156.10197.1.501",
    }
)
#: SHA-1 with RSA: what `Legacy.ADMITTED` adds for a leaf.
_LEGACY_ALGORITHMS: Final = frozenset({"1.2.840.113549.1.1.5"})
#: The critical extensions that this module or OpenSSL's path validation takes into account.
_KNOWN_CRITICAL: Final = frozenset(
    {
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
        ExtensionOID.CERTIFICATE_POLICIES,
        ExtensionOID.POLICY_MAPPINGS,
        ExtensionOID.POLICY_CONSTRAINTS,
        ExtensionOID.INHIBIT_ANY_POLICY,
        ExtensionOID.NAME_CONSTRAINTS,
    }
)
#: What the extended key usage of a CA must hold at least one of, where there is one.
_CLIENT_PURPOSES: Final = frozenset({ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE})

_ExtensionType = TypeVar("_ExtensionType", bound=x509.ExtensionType)


@dataclass(eq=False)
class CertificateExpired(Refusal):
    code: ClassVar[str] = "certificate_expired"
    subject: str
    serial: str
    not_after: datetime
    moment: datetime


@dataclass(eq=False)
class CertificateNotYetValid(Refusal):
    code: ClassVar[str] = "certificate_not_yet_valid"
    subject: str
    serial: str
    not_before: datetime
    moment: datetime


@dataclass(eq=False)
class CertificateUsage(Refusal):
    """Not meant for logins: `ca`, `digital_signature` or `client_auth` names what is wrong.

    `name_constraints`: they bind those below a CA (RFC 5280 4.2.1.10), so in another certificate they are a trick.
    """

    code: ClassVar[str] = "certificate_usage"
    subject: str
    problem: str


@dataclass(eq=False)
class WeakSignature(Refusal):
    """Signed by its issuer with an algorithm that is not accepted."""

    code: ClassVar[str] = "certificate_weak_signature"
    subject: str
    algorithm: str


@dataclass(eq=False)
class UnknownCriticalExtension(Refusal):
    """RFC 5280 4.2: who does not understand a critical extension must refuse."""

    code: ClassVar[str] = "certificate_critical_extension"
    subject: str
    oid: str


@dataclass(eq=False)
class PolicyForbidden(Refusal):
    """The certificate was issued under a policy that must not log in here."""

    code: ClassVar[str] = "certificate_policy"
    subject: str
    oid: str


@dataclass(eq=False)
class PathTooLong(Refusal):
    """More CAs stand between the certificate and its anchor than are followed."""

    code: ClassVar[str] = "certificate_path_too_long"
    subject: str
    length: int
    limit: int


def guard_leaf(
    leaf: UnverifiedCertificate,
    now: datetime,
    *,
    client_auth_required: bool,
    forbidden_policies: Collection[str] = (),
    legacy: Legacy = Legacy.REFUSED,
) -> None:
    """Return only for a certificate that may log in. Raises the leaves of this module, WeakKey."""
    check_validity(leaf, now)
    _check_leaf_usage(leaf, client_auth_required=client_auth_required)
    check_strength(leaf, legacy)
    _check_form(leaf)
    _check_policies(leaf, forbidden_policies)


def guard_any(leaf: UnverifiedCertificate, now: datetime) -> None:
    """What is asked of a certificate that is not to log in. Raises as `guard_leaf`."""
    check_validity(leaf, now)
    check_strength(leaf)
    _check_form(leaf)


def guard_authority(authority: UnverifiedCertificate) -> None:
    """For each CA below the anchor; OpenSSL has judged the rest of it. Raises CertificateUsage, WeakSignature, …"""
    extended = _extension(authority, x509.ExtendedKeyUsage)
    # A sub-CA that was made for servers only must not make login certificates; OpenSSL asks only if told a purpose.
    if extended is not None and not _CLIENT_PURPOSES & set(extended):
        raise CertificateUsage(_subject(authority), "client_auth")
    guard_any_authority(authority)


def guard_any_authority(authority: UnverifiedCertificate) -> None:
    """For each CA below the anchor, whatever the certificate is for. Raises WeakKey, WeakSignature, …"""
    check_strength(authority)
    _check_critical(authority)


def guard_length(path: Sequence[UnverifiedCertificate], limit: int) -> None:
    """`path`: leaf first, anchor last; `limit`: of those between. Raises PathTooLong."""
    between = len(path) - 2
    if between > limit:
        raise PathTooLong(_subject(path[0]), between, limit)


def check_validity(certificate: UnverifiedCertificate, now: datetime) -> None:
    """RFC 5280 4.1.2.5: from notBefore through notAfter, both included. Times have no fractions of a second."""
    moment = now.replace(microsecond=0)
    not_before, not_after = certificate.x509.not_valid_before_utc, certificate.x509.not_valid_after_utc
    if moment < not_before:
        raise CertificateNotYetValid(_subject(certificate), f"{certificate.serial:x}", not_before, now)
    if moment > not_after:
        raise CertificateExpired(_subject(certificate), f"{certificate.serial:x}", not_after, now)


def _check_leaf_usage(leaf: UnverifiedCertificate, *, client_auth_required: bool) -> None:
    constraints = _extension(leaf, x509.BasicConstraints)
    if constraints is not None and constraints.ca:
        raise CertificateUsage(_subject(leaf), "ca")
    usage = _extension(leaf, x509.KeyUsage)
    # Required, not only unopposed: the encryption certificate of a pair must not log in (GM/T 0015).
    if usage is None or not usage.digital_signature or usage.key_cert_sign:
        raise CertificateUsage(_subject(leaf), "digital_signature")
    extended = _extension(leaf, x509.ExtendedKeyUsage)
    allowed = not client_auth_required if extended is None else ExtendedKeyUsageOID.CLIENT_AUTH in extended
    if not allowed:
        raise CertificateUsage(_subject(leaf), "client_auth")


def check_strength(certificate: UnverifiedCertificate, legacy: Legacy = Legacy.REFUSED) -> None:
    """Raises WeakSignature; WeakKey for what was read with `Legacy.ADMITTED` and is judged without."""
    admitted = legacy is Legacy.ADMITTED
    if certificate.signature_algorithm not in SIGNATURE_ALGORITHMS | (_LEGACY_ALGORITHMS if admitted else frozenset()):
        raise WeakSignature(_subject(certificate), certificate.signature_algorithm)
    if not admitted and certificate.key.key_type is KeyType.RSA and certificate.key.bits < RSA_BITS_MIN:
        raise WeakKey("rsa_size")


def _check_form(leaf: UnverifiedCertificate) -> None:
    constraints = _extension(leaf, x509.BasicConstraints)
    is_ca = constraints is not None and constraints.ca
    if not is_ca and _extension(leaf, x509.NameConstraints) is not None:
        raise CertificateUsage(_subject(leaf), "name_constraints")
    _check_critical(leaf)


def _check_policies(leaf: UnverifiedCertificate, forbidden: Collection[str]) -> None:
    for policy in _extension(leaf, x509.CertificatePolicies) or ():
        oid = policy.policy_identifier.dotted_string
        if oid in forbidden:
            raise PolicyForbidden(_subject(leaf), oid)


def _check_critical(certificate: UnverifiedCertificate) -> None:
    for extension in certificate.x509.extensions:
        if extension.critical and extension.oid not in _KNOWN_CRITICAL:
            raise UnknownCriticalExtension(_subject(certificate), extension.oid.dotted_string)


def _extension(certificate: UnverifiedCertificate, kind: type[_ExtensionType]) -> _ExtensionType | None:
    try:
        return certificate.x509.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _subject(certificate: UnverifiedCertificate) -> str:
    return certificate.x509.subject.rfc4514_string()

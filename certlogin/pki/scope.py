"""What part of an issuer's certificates a revocation list speaks of (RFC 5280 5.2.5, 6.3.3 b).

It decides by the list's issuing distribution point and the certificate's own distribution points alone.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.x509 import ReasonFlags

from certlogin.pki.certificate import UnverifiedCertificate

#: Without these two, which no certificate is revoked for (RFC 5280 4.2.1.13).
ALL_REASONS: Final = frozenset(ReasonFlags) - {ReasonFlags.unspecified, ReasonFlags.remove_from_crl}
_NONE: Final[frozenset[ReasonFlags]] = frozenset()


class UnusableScope(ValueError):
    """The list speaks of nothing that is asked here, and why."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Two lists of one issuer are of the same scope if these are equal (RFC 5280 5.2.4 b)."""

    #: GeneralNames, encoded; the certificate must name one of them. Empty: it need not.
    names: frozenset[bytes] = frozenset()
    users_only: bool = False
    cas_only: bool = False
    reasons: frozenset[ReasonFlags] = ALL_REASONS

    def reasons_for(self, certificate: UnverifiedCertificate) -> frozenset[ReasonFlags]:
        """Which reasons the list would revoke this certificate for; none: it says nothing of it."""
        if (self.users_only and _is_ca(certificate)) or (self.cas_only and not _is_ca(certificate)):
            return _NONE
        if not self.names:
            return self.reasons
        named = (point for point in _points(certificate) if self.names & _names(point, certificate.x509.issuer))
        return self.reasons & _NONE.union(*(_reasons(point) for point in named))


#: All certificates of the issuer, whether they name a distribution point or not.
EVERYTHING: Final = Scope()


def read_scope(point: x509.IssuingDistributionPoint, issuer: x509.Name) -> Scope:
    """Raises UnusableScope."""
    if point.indirect_crl:
        raise UnusableScope("indirect: it speaks for other issuers, too")
    if point.only_contains_attribute_certs:
        raise UnusableScope("it speaks of attribute certificates only")
    names = frozenset(_encoded(point.full_name or (), point.relative_name, issuer))
    _check_names(point, names)
    return Scope(
        names=names,
        users_only=point.only_contains_user_certs,
        cas_only=point.only_contains_ca_certs,
        reasons=ALL_REASONS if point.only_some_reasons is None else ALL_REASONS & point.only_some_reasons,
    )


def _check_names(point: x509.IssuingDistributionPoint, names: frozenset[bytes]) -> None:
    """Without any of its names the list would speak of every certificate."""
    if not names and (point.full_name is not None or point.relative_name is not None):
        raise UnusableScope("a distribution point with names of other kinds than URI and directory name")


def _points(certificate: UnverifiedCertificate) -> Iterable[x509.DistributionPoint]:
    """Those of the certificate's own issuer: RFC 5280 6.3.3 (b) (1), a cRLIssuer is for indirect lists."""
    try:
        points = certificate.x509.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    except x509.ExtensionNotFound:
        return ()
    return (point for point in points if point.crl_issuer is None)


def _names(point: x509.DistributionPoint, issuer: x509.Name) -> frozenset[bytes]:
    return frozenset(_encoded(point.full_name or (), point.relative_name, issuer))


def _reasons(point: x509.DistributionPoint) -> frozenset[ReasonFlags]:
    return ALL_REASONS if point.reasons is None else point.reasons


def _encoded(
    full: Iterable[x509.GeneralName], relative: x509.RelativeDistinguishedName | None, issuer: x509.Name
) -> Iterator[bytes]:
    """Octets that are equal for equal names. Kinds that nobody uses for lists match nothing."""
    for name in full:
        if isinstance(name, x509.UniformResourceIdentifier):
            yield b"uri:" + name.value.encode()
        elif isinstance(name, x509.DirectoryName):
            yield b"name:" + name.value.public_bytes()
    if relative is not None:
        yield b"name:" + x509.Name([*issuer.rdns, relative]).public_bytes()


def _is_ca(certificate: UnverifiedCertificate) -> bool:
    try:
        return certificate.x509.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False

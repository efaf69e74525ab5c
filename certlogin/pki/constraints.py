"""What is asked of name constraints and of the names below them, beside what OpenSSL compares.

OpenSSL takes constraints that are written against RFC 5280, and compares names that are none: a name that might stand
for one that is excluded must not pass. It must not know anchors, time or what a certificate is for.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from cryptography import x509
from cryptography.x509.oid import ExtensionOID

from certlogin.pki.certificate import UnverifiedCertificate
from certlogin.pki.profile import CertificateUsage

#: RFC 5280 4.2.1.10, 4.2.1.11, 4.2.1.14: always critical in a CA.
_CRITICAL: Final = frozenset(
    {ExtensionOID.NAME_CONSTRAINTS, ExtensionOID.POLICY_CONSTRAINTS, ExtensionOID.INHIBIT_ANY_POLICY}
)


def guard_constraints(path: Sequence[UnverifiedCertificate], *, strict: bool) -> None:
    """`path`: leaf first, anchor last; `strict` as for its anchor. Raises CertificateUsage: `name_constraints`."""
    below: list[UnverifiedCertificate] = []
    for certificate in path:
        constraints = _constraints(certificate)
        if strict and not _are_critical(certificate):
            raise _refusal(certificate)
        if constraints is not None:
            _check_subtrees(certificate, constraints)
            for one in below:
                _check_names(one, constraints)
        below.append(certificate)


def _check_subtrees(certificate: UnverifiedCertificate, constraints: x509.NameConstraints) -> None:
    """RFC 5280 4.2.1.10: a period in front is for addresses of mail and the web, not for names of hosts."""
    if any(base.startswith(".") for base in (*_hosts(constraints.permitted_subtrees), *_excluded(constraints))):
        raise _refusal(certificate)


def _check_names(certificate: UnverifiedCertificate, constraints: x509.NameConstraints) -> None:
    for name in _names(certificate):
        if isinstance(name, x509.DNSName) and not _is_below(name.value, constraints):
            raise _refusal(certificate)
        if isinstance(name, x509.RFC822Name) and not _is_mailbox(name.value):
            raise _refusal(certificate)


def _is_below(name: str, constraints: x509.NameConstraints) -> bool:
    """Whether it is a host's name, or a wildcard that stands for none that is excluded (CVE-2025-61727)."""
    if not name.startswith("*."):
        return _is_host(name)
    return _is_host(name[2:]) and not any(base.lower().endswith(name[1:].lower()) for base in _excluded(constraints))


def _is_host(name: str) -> bool:
    """RFC 1034 3.5, with the underscore that is in use."""
    return all(label.isascii() and re.fullmatch(r"[\w-]+", label) for label in name.split("."))


def _is_mailbox(name: str) -> bool:
    local, _, host = name.partition("@")
    return local != "" and _is_host(host)


def _are_critical(certificate: UnverifiedCertificate) -> bool:
    return all(one.critical for one in certificate.x509.extensions if one.oid in _CRITICAL)


def _constraints(certificate: UnverifiedCertificate) -> x509.NameConstraints | None:
    try:
        return certificate.x509.extensions.get_extension_for_class(x509.NameConstraints).value
    except x509.ExtensionNotFound:
        return None


def _excluded(constraints: x509.NameConstraints) -> Iterable[str]:
    return _hosts(constraints.excluded_subtrees)


def _hosts(subtrees: Iterable[x509.GeneralName] | None) -> Iterable[str]:
    return [name.value for name in subtrees or () if isinstance(name, x509.DNSName)]


def _names(certificate: UnverifiedCertificate) -> Iterable[x509.GeneralName]:
    try:
        return certificate.x509.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()


def _refusal(certificate: UnverifiedCertificate) -> CertificateUsage:
    return CertificateUsage(certificate.x509.subject.rfc4514_string(), "name_constraints")

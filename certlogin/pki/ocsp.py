"""OCSP (RFC 6960): the question about one certificate, for whoever fetches the answer.

It must not know where answers come from.
"""

from dataclasses import dataclass, field
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID

from certlogin.pki.certificate import UnverifiedCertificate
from certlogin.pki.der import SEQUENCE, children, only_element, whole_bits

#: The one hash that every responder knows (RFC 5019 2.1.1). It names issuers here and protects nothing.
_SHA1: Final = hashes.SHA1()  # noqa: S303


@dataclass(frozen=True, slots=True)
class Question:
    """What nobody has answered yet. The path to `issuer` was proven before; its addresses are its issuer's word."""

    certificate: UnverifiedCertificate = field(repr=False)
    issuer: UnverifiedCertificate = field(repr=False)
    #: The responders that the certificate names, in its order.
    addresses: tuple[str, ...]

    @property
    def request(self) -> bytes:
        return ocsp_request(self.certificate, self.issuer)


def question_of(certificate: UnverifiedCertificate, issuer: UnverifiedCertificate) -> Question | None:
    """None: the certificate names no responder."""
    addresses = responders(certificate)
    return Question(certificate, issuer, addresses) if addresses else None


def ocsp_request(certificate: UnverifiedCertificate, issuer: UnverifiedCertificate) -> bytes:
    """The DER of an OCSPRequest for one certificate, without nonce: the answer's own dates say how old it is."""
    builder = ocsp.OCSPRequestBuilder().add_certificate_by_hash(
        _sha1(issuer.subject_der), _sha1(key_bits(issuer)), certificate.serial, _SHA1
    )
    return builder.build().public_bytes(Encoding.DER)


def responders(certificate: UnverifiedCertificate) -> tuple[str, ...]:
    """The addresses in its AuthorityInfoAccess, each once."""
    try:
        found = certificate.x509.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except x509.ExtensionNotFound:
        return ()
    locations = (one.access_location for one in found if one.access_method == AuthorityInformationAccessOID.OCSP)
    return tuple(dict.fromkeys(one.value for one in locations if isinstance(one, x509.UniformResourceIdentifier)))


def key_bits(issuer: UnverifiedCertificate) -> bytes:
    """What RFC 6960 4.1.1 hashes of a key: the BIT STRING of its SubjectPublicKeyInfo, without its header."""
    _, bits = children(only_element(issuer.spki, SEQUENCE))
    return whole_bits(bits)


def _sha1(data: bytes) -> bytes:
    digest = hashes.Hash(_SHA1)
    digest.update(data)
    return digest.finalize()

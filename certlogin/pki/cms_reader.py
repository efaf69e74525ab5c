"""Reads one CMS SignedData (RFC 5652; GM/T 0010, GB/T 35275) within limits; nothing in it is believed afterwards.

It decides form and size, that there is one signer, and which certificate that signer names. What a message may carry
unsigned is left aside: lists of revoked certificates (revocation is settled from our own), unsigned attributes. DER is
read by `der.py`; BER is rewritten first (`ber.py`).

Not on `cryptography.hazmat.asn1`: its SET OF must be sorted, and in real messages certificates and attributes are not.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Final

from cryptography import x509

from certlogin.errors import Refusal
from certlogin.pki import ber
from certlogin.pki.certificate import (
    CLIENT_CERTIFICATES_MAX,
    DEPTH_MAX,
    CertificateTooLarge,
    UnverifiedCertificate,
    read_certificate,
)
from certlogin.pki.cms_algorithms import Scheme, read_digest, read_scheme
from certlogin.pki.der import (
    OCTET_STRING,
    SEQUENCE,
    SET,
    DERError,
    Element,
    check_outline,
    children,
    dotted,
    exactly,
    unsigned,
)

SIZE_MAX: Final = 32 * 1024

#: PKCS #7 and GM/T 0010, in any mixture: the identifiers say the same.
_SIGNED_DATA: Final = frozenset({"1.2.840.113549.1.7.2", "1.2.156.10197.6.1.4.2.2"})
_DATA: Final = frozenset({"1.2.840.113549.1.7.1", "1.2.156.10197.6.1.4.2.1"})
_CONTENT_TYPE: Final = "1.2.840.113549.1.9.3"
_MESSAGE_DIGEST: Final = "1.2.840.113549.1.9.4"
#: [0] and [1] constructed, [0] primitive.
_FIRST: Final = 0xA0
_SECOND: Final = 0xA1
_KEY_IDENTIFIER: Final = 0x80
#: RFC 5652 5.1: 4 and 5 announce attribute certificates and other formats, which are not read.
_VERSIONS: Final = (1, 3)
#: RFC 5652 5.3: by how the signer is named.
_SIGNER_VERSIONS: Final = {SEQUENCE: 1, _KEY_IDENTIFIER: 3}


@dataclass(eq=False)
class CMSUnreadable(Refusal):
    """The bytes are not one SignedData of a bearable size and form."""

    code: ClassVar[str] = "cms_unreadable"
    status: ClassVar[int] = 400
    problem: str


@dataclass(eq=False)
class CMSNotOneSigner(Refusal):
    """The message has no signer, or several: then nobody could say who logs in."""

    code: ClassVar[str] = "cms_not_one_signer"
    status: ClassVar[int] = 400
    count: int


@dataclass(eq=False)
class CMSAttributes(Refusal):
    """Signed attributes are missing, repeated, contradictory, or where they must not be."""

    code: ClassVar[str] = "cms_attributes"
    status: ClassVar[int] = 400
    problem: str


@dataclass(eq=False)
class CMSSignerCertificate(Refusal):
    """Not exactly one certificate is the one that the signer names."""

    code: ClassVar[str] = "cms_signer_certificate"
    status: ClassVar[int] = 400
    matching: int


@dataclass(frozen=True, slots=True)
class SignedAttributes:
    #: As they are signed: one SET OF in DER.
    der: bytes = field(repr=False)
    message_digest: bytes


@dataclass(frozen=True, slots=True)
class UnverifiedSignedData:
    """What a message says. Whoever sent it may have made all of it."""

    signer: UnverifiedCertificate
    #: The other certificates of the message.
    chain: tuple[UnverifiedCertificate, ...]
    scheme: Scheme
    #: None: detached.
    unverified_content: bytes | None = field(repr=False)
    attributes: SignedAttributes | None
    signature: bytes = field(repr=False)


def read_signed_data(message: bytes, certificate: UnverifiedCertificate | None = None) -> UnverifiedSignedData:
    """Read a message; its signer's certificate is in it, or is `certificate`.

    Raises CMSUnreadable, CMSNotOneSigner, CMSAttributes, CMSAlgorithm, CMSSignerCertificate; CertificateTooLarge,
    CertificateUnreadable, WeakKey.
    """
    if len(message) > SIZE_MAX:
        raise CMSUnreadable("size")
    try:
        return _read(_outline(message), certificate)
    except ValueError as error:
        # DERError, or another number of elements to unpack.
        raise CMSUnreadable(str(error)) from None


def _outline(message: bytes) -> Element:
    """The message as DER. Raises DERError."""
    try:
        return check_outline(message, DEPTH_MAX)
    except DERError:
        return check_outline(ber.der_of(message, DEPTH_MAX), DEPTH_MAX)


def _read(outer: Element, certificate: UnverifiedCertificate | None) -> UnverifiedSignedData:
    kind, explicit = exactly(_expect(outer, SEQUENCE), 2)
    if dotted(kind) not in _SIGNED_DATA:
        raise DERError("not signed data")
    (signed_data,) = exactly(_expect(explicit, _FIRST), 1)
    version, digests, encapsulated, *optional, signers = children(_expect(signed_data, SEQUENCE))
    if unsigned(version) not in _VERSIONS:
        raise DERError("another version")
    listed = {read_digest(one) for one in children(_expect(digests, SET))}
    content_type, content = _read_content(encapsulated)
    signer = _read_signer(signers, content_type)
    # RFC 5652 5.1 lets a verifier insist.
    if signer.scheme.digest not in listed:
        raise DERError("the signer's digest is not listed")
    found = _read_certificates(optional)
    leaf = _find(signer.identifier, found if certificate is None else (certificate, *found))
    chain = tuple(one for one in found if one.der != leaf.der)
    return UnverifiedSignedData(leaf, chain, signer.scheme, content, signer.attributes, signer.signature)


def _read_content(encapsulated: Element) -> tuple[Element, bytes | None]:
    """The type of the content, and the content if it is attached."""
    content_type, *attached = children(_expect(encapsulated, SEQUENCE))
    if dotted(content_type) not in _DATA or len(attached) > 1:
        raise DERError("not data")
    for explicit in attached:
        return content_type, _expect(exactly(_expect(explicit, _FIRST), 1)[0], OCTET_STRING).value
    return content_type, None


def _read_certificates(optional: Sequence[Element]) -> tuple[UnverifiedCertificate, ...]:
    """Of `certificates` [0] and `crls` [1], both of which may be absent; each certificate once."""
    tags = [one.tag for one in optional]
    if tags != [tag for tag in (_FIRST, _SECOND) if tag in tags]:
        raise DERError("something else than certificates and lists")
    ders = [_expect(one, SEQUENCE).encoded for holder in optional if holder.tag == _FIRST for one in children(holder)]
    if len(ders) > CLIENT_CERTIFICATES_MAX:
        raise CertificateTooLarge("certificates", CLIENT_CERTIFICATES_MAX)
    return tuple(read_certificate(der) for der in dict.fromkeys(ders))


@dataclass(frozen=True, slots=True)
class _Signer:
    identifier: Element
    scheme: Scheme
    attributes: SignedAttributes | None
    signature: bytes


def _read_signer(signers: Element, content_type: Element) -> _Signer:
    infos = list(children(_expect(signers, SET)))
    if len(infos) != 1:
        raise CMSNotOneSigner(len(infos))
    version, identifier, digest_algorithm, *rest = children(_expect(infos[0], SEQUENCE))
    if unsigned(version) != _SIGNER_VERSIONS.get(identifier.tag):
        raise DERError("the signer is not named as its version says")
    signed_attributes = rest.pop(0) if rest and rest[0].tag == _FIRST else None
    algorithm, signature, *others = rest
    if [one.tag for one in others] not in ([], [_SECOND]):
        raise DERError("something else than unsigned attributes")
    scheme = read_scheme(read_digest(digest_algorithm), algorithm)
    attributes = None if signed_attributes is None else _read_attributes(signed_attributes, content_type)
    return _Signer(identifier, scheme, attributes, _expect(signature, OCTET_STRING).value)


def _read_attributes(holder: Element, content_type: Element) -> SignedAttributes:
    """RFC 5652 11: each attribute once and with one value; two of them are required, the others say nothing here."""
    values: dict[str, Element] = {}
    for attribute in children(holder):
        kind, content = exactly(_expect(attribute, SEQUENCE), 2)
        name, found = dotted(kind), list(children(_expect(content, SET)))
        if name in values or len(found) != 1:
            raise CMSAttributes("repeated")
        values[name] = found[0]
    if not {_CONTENT_TYPE, _MESSAGE_DIGEST} <= values.keys():
        raise CMSAttributes("missing")
    if values[_CONTENT_TYPE].encoded != content_type.encoded:
        raise CMSAttributes("content_type")
    # RFC 5652 5.4: signed as SET OF, whatever tag and order they are sent with.
    der = ber.element(SET, *sorted(attribute.encoded for attribute in children(holder)))
    return SignedAttributes(der, _expect(values[_MESSAGE_DIGEST], OCTET_STRING).value)


def _find(identifier: Element, certificates: Sequence[UnverifiedCertificate]) -> UnverifiedCertificate:
    """The one certificate that the signer names; two with one name would be two answers to who has signed."""
    matching = {one.der: one for one in certificates if _names(identifier, one)}
    if len(matching) != 1:
        raise CMSSignerCertificate(len(matching))
    return next(iter(matching.values()))


def _names(identifier: Element, certificate: UnverifiedCertificate) -> bool:
    if identifier.tag == _KEY_IDENTIFIER:
        return identifier.value in _key_identifiers(certificate)
    issuer, serial = exactly(identifier, 2)
    return issuer.encoded == certificate.issuer_der and unsigned(serial) == certificate.serial


def _key_identifiers(certificate: UnverifiedCertificate) -> Iterator[bytes]:
    """As the certificate has it: made-up ones choose a certificate, and its key must still verify."""
    for extension in certificate.x509.extensions:
        if isinstance(extension.value, x509.SubjectKeyIdentifier):
            yield extension.value.digest


def _expect(element: Element, tag: int) -> Element:
    if element.tag != tag:
        raise DERError("an element of another kind")
    return element

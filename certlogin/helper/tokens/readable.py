"""What stands on a card for everybody to read: certificates and public keys. No PIN is needed, no label is believed.

A key is known by its public key: the same key has the same `key_id` on every computer and behind every module.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import pkcs11
from asn1crypto import keys as asn1_keys
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pkcs11 import Attribute, CertificateType, KeyType, ObjectClass

from certlogin.errors import Refusal
from certlogin.helper.tokens.base import KeyKind
from certlogin.pki.certificate import PARSER_ERRORS, UnverifiedCertificate, read_certificate
from certlogin.pki.keys import read_key
from certlogin.records.certificate import KeyType as CertificateKeyType

#: What a module or its Python wrapper may raise about one object: an unknown attribute, class or string, for one.
OBJECT_ERRORS: Final = (pkcs11.PKCS11Error, Refusal, NotImplementedError, *PARSER_ERRORS)

#: As many as an answer to a page has room for.
_KEYS: Final = 64
#: Certificates above the leaf; with it six, as many as a client may send.
_CHAIN: Final = 5
_KINDS: Final = {
    (CertificateKeyType.SM2, 256): KeyKind.SM2,
    (CertificateKeyType.P256, 256): KeyKind.P256,
    (CertificateKeyType.P384, 384): KeyKind.P384,
    (CertificateKeyType.RSA, 2048): KeyKind.RSA2048,
    (CertificateKeyType.RSA, 3072): KeyKind.RSA3072,
    (CertificateKeyType.RSA, 4096): KeyKind.RSA4096,
}


@dataclass(frozen=True, slots=True)
class PublicKey:
    #: SubjectPublicKeyInfo, DER.
    spki: bytes
    kind: KeyKind
    #: CKA_ID: what the private key is found by.
    object_id: bytes

    @property
    def key_id(self) -> str:
        return sha256(self.spki).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class CardKey:
    public: PublicKey
    certificate: bytes | None
    chain: tuple[bytes, ...]


def read_card(session: pkcs11.Session) -> tuple[CardKey, ...]:
    """One entry for each certificate that may sign a login, and one for each key without certificate."""
    certificates = list(_certificates(session))
    everyone = [certificate for _, certificate in certificates]
    public = {key.spki: key for key in _public_keys(session)}
    found = []
    for object_id, certificate in certificates:
        key = _key_of(object_id, certificate)
        if key is not None and _may_sign(certificate):
            # The public key's CKA_ID counts: tools that write certificates write what they like.
            known = public.get(key.spki, key)
            found.append(CardKey(known, certificate.der, _chain(certificate, everyone)))
    used = {card_key.public.spki for card_key in found}
    return (*found, *(CardKey(key, None, ()) for key in public.values() if key.spki not in used))[:_KEYS]


def public_key(key: pkcs11.PublicKey) -> PublicKey:
    """Raises one of OBJECT_ERRORS when it is of a kind that is not used here."""
    if key[Attribute.KEY_TYPE] is KeyType.RSA:
        spki = _rsa_spki(key[Attribute.MODULUS], key[Attribute.PUBLIC_EXPONENT])
    else:
        spki = _curve_spki(key[Attribute.EC_PARAMS], key[Attribute.EC_POINT])
    return PublicKey(spki, kind_of(spki), key[Attribute.ID])


def kind_of(spki: bytes) -> KeyKind:
    """Raises WeakKey, ValueError."""
    read = read_key(spki)
    kind = _KINDS.get((read.key_type, read.bits))
    if kind is None:
        raise ValueError("a size of key that is not used here")
    return kind


def _certificates(session: pkcs11.Session) -> Iterator[tuple[bytes, UnverifiedCertificate]]:
    wanted = {Attribute.CLASS: ObjectClass.CERTIFICATE, Attribute.CERTIFICATE_TYPE: CertificateType.X_509}
    for item in list(session.get_objects(wanted)):
        try:
            yield item[Attribute.ID], read_certificate(item[Attribute.VALUE])
        except OBJECT_ERRORS:
            continue


def _public_keys(session: pkcs11.Session) -> Iterator[PublicKey]:
    for item in list(session.get_objects({Attribute.CLASS: ObjectClass.PUBLIC_KEY})):
        try:
            if isinstance(item, pkcs11.PublicKey):
                yield public_key(item)
        except OBJECT_ERRORS:
            continue


def _key_of(object_id: bytes, certificate: UnverifiedCertificate) -> PublicKey | None:
    spki = bytes(asn1_x509.Certificate.load(certificate.der).public_key.dump())
    try:
        return PublicKey(spki, kind_of(spki), object_id)
    except ValueError:
        return None


def _may_sign(certificate: UnverifiedCertificate) -> bool:
    """Neither a CA's nor the encryption half of a double certificate. It is shown, not judged: in doubt, yes."""
    try:
        for extension in certificate.x509.extensions:
            value = extension.value
            if isinstance(value, x509.BasicConstraints) and value.ca:
                return False
            if isinstance(value, x509.KeyUsage) and not value.digital_signature:
                return False
    except PARSER_ERRORS:
        return True
    return True


def _chain(leaf: UnverifiedCertificate, everyone: Sequence[UnverifiedCertificate]) -> tuple[bytes, ...]:
    """The CAs above it that are on the card as well, nearest first, without the root."""
    found: list[bytes] = []
    below = leaf
    while len(found) < _CHAIN:
        above = next((one for one in everyone if one.subject_der == below.issuer_der), None)
        if above is None or above.subject_der == above.issuer_der or above.der in found:
            break
        found.append(above.der)
        below = above
    return tuple(found)


#: An OCTET STRING around an uncompressed point of 256 or 384 bits.
_WRAPPED = (2 + 65, 2 + 97)


def _rsa_spki(modulus: bytes, exponent: bytes) -> bytes:
    numbers = rsa.RSAPublicNumbers(int.from_bytes(exponent, "big"), int.from_bytes(modulus, "big"))
    return numbers.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _curve_spki(parameters: bytes, point: bytes) -> bytes:
    """The point is an OCTET STRING (PKCS#11 2.40, 2.3.3); some modules leave its two octets of header out.

    Told apart by length: a point begins with 04 as well, and its next octet may look like a length.
    """
    is_wrapped = len(point) in _WRAPPED and point[:2] == bytes([0x04, len(point) - 2])
    bare = point[2:] if is_wrapped else point
    algorithm = asn1_keys.PublicKeyAlgorithm(
        {"algorithm": "ec", "parameters": asn1_keys.ECDomainParameters.load(parameters)}
    )
    return bytes(asn1_keys.PublicKeyInfo({"algorithm": algorithm, "public_key": bare}).dump())

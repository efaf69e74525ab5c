"""The key of the certificate that shall have signed, read more leniently than a login would: to say what is wrong."""

from dataclasses import dataclass
from typing import Final

from asn1crypto import x509 as asn1_x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from certlogin.errors import ConfigurationError
from certlogin.pki.sm2 import point_of
from certlogin.probe.readings import readings

_DIGITAL_SIGNATURE: Final = "digital_signature"


@dataclass(frozen=True, slots=True)
class SM2PublicKey:
    point: bytes


PublicKey = SM2PublicKey | rsa.RSAPublicKey | ec.EllipticCurvePublicKey


@dataclass(frozen=True, slots=True)
class Signer:
    key: PublicKey
    der: bytes
    subject: str
    serial: str
    #: Of its KeyUsage; True where it has none.
    may_sign: bool

    @property
    def kind(self) -> str:
        if isinstance(self.key, SM2PublicKey):
            return "SM2"
        if isinstance(self.key, rsa.RSAPublicKey):
            return f"RSA, {self.key.key_size} bits"
        return f"ECDSA, {self.key.curve.name}"


def read_signer(data: bytes) -> Signer:
    """The first certificate in DER, PEM or base64. Raises ConfigurationError."""
    for reading in readings(data):
        if reading.octets.startswith(b"\x30"):
            return _read(reading.octets)
    raise ConfigurationError(("the certificate is neither DER nor PEM nor base64 of DER",))


def _read(der: bytes) -> Signer:
    try:
        certificate = asn1_x509.Certificate.load(der, strict=True)
        spki = certificate.public_key.dump()
        usage = certificate.key_usage_value
        return Signer(
            key=_key(spki),
            der=der,
            subject=certificate.subject.human_friendly,
            serial=f"{certificate.serial_number:x}",
            may_sign=usage is None or _DIGITAL_SIGNATURE in usage.native,
        )
    except (ValueError, TypeError, KeyError, UnsupportedAlgorithm) as error:
        # The first line says what; the others where in the parser.
        raise ConfigurationError((f"the certificate cannot be read: {str(error).splitlines()[0]}",)) from None


def _key(spki: bytes) -> PublicKey:
    try:
        return SM2PublicKey(point_of(spki))
    except ValueError:
        key = load_der_public_key(spki)
    if isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        return key
    raise ValueError(f"its key is neither SM2, RSA nor ECDSA but {type(key).__name__}")

"""OCSP responses of the test PKI, written octet by octet for every kind of key, good ones and bad ones.

answer(leaf, pki().issuing)                                    # good, signed by the issuing CA itself
answer(leaf, pki().issuing, signer=delegate(pki().issuing))    # by a delegate, whose certificate comes along
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from certlogin.pki.sm2 import SM2Key
from tests.factory import NOW, Authority, Issued
from tests.factory_keys import AnyKey, sign_der, spki_of
from tests.pki import raw
from tests.pki.raw import BIT_STRING, NULL, OCTET_STRING, OID, SEQUENCE, content, integer, oid, parts, tlv

HOUR: Final = timedelta(hours=1)
ENUMERATED, GENERALIZED_TIME = 0x0A, 0x18
OCSP_BASIC: Final = "1.3.6.1.5.5.7.48.1.1"
NO_CHECK: Final = (x509.OCSPNoCheck(), False)
GOOD, UNKNOWN = tlv(0x80), tlv(0x82)
HASHES: Final = {
    "sha1": "1.3.14.3.2.26",
    "sha256": "2.16.840.1.101.3.4.2.1",
    "sm3": "1.2.156.10197.1.401",
    "md5": "1.2.840.113549.2.5",
}


def generalized(moment: datetime) -> bytes:
    return tlv(GENERALIZED_TIME, moment.astimezone(UTC).strftime("%Y%m%d%H%M%SZ").encode())


def revoked(at: datetime = NOW - HOUR, reason: int | None = None) -> bytes:
    marks = () if reason is None else (tlv(0xA0, tlv(ENUMERATED, bytes((reason,)))),)
    return tlv(0xA1, generalized(at), *marks)


def delegate(ca: Authority, **changes: Any) -> Issued:
    """A responder's certificate as it should be."""
    usual: dict[str, Any] = {
        "common_name": "responder", "key_name": "responder", "unit_code": None, "usages": ("digital_signature",),
        "extended": (ExtendedKeyUsageOID.OCSP_SIGNING,), "extra": (NO_CHECK,),
    }  # fmt: skip
    return ca.issue(**(usual | changes))


@dataclass(frozen=True)
class Plan:
    """What a response shall say. The defaults make a good one."""

    status: bytes = GOOD
    this_update: datetime = NOW - HOUR
    next_update: datetime | None = NOW + HOUR
    hash: str = "sha1"
    #: None: by name.
    by_key: bool = False
    #: Whose certificate and key sign; None: the issuer's.
    signer: Issued | None = None
    #: DER; None: that of the signer, if it is not the issuer.
    certificates: Sequence[bytes] | None = None
    #: Another key than the signer's.
    key: AnyKey | None = None
    #: Another AlgorithmIdentifier; the signature stays.
    algorithm: bytes = b""
    response_extensions: Sequence[bytes] = field(default_factory=tuple)
    single_extensions: Sequence[bytes] = field(default_factory=tuple)
    #: Replaces the certID.
    certificate_id: bytes = b""
    version: bytes = b""
    #: More single responses.
    others: Sequence[bytes] = field(default_factory=tuple)


def certificate_id(serial: int, issuer: Issued, name: str = "sha1") -> bytes:
    hashed = (_hash(name, one) for one in (issuer.certificate.subject.public_bytes(), key_bits(issuer.key)))
    algorithm = tlv(SEQUENCE, tlv(OID, oid(HASHES[name])), tlv(NULL))
    return tlv(SEQUENCE, algorithm, *(tlv(OCTET_STRING, one) for one in hashed), integer(serial))


def single(serial: int, issuer: Issued, plan: Plan) -> bytes:
    optional = [] if plan.next_update is None else [tlv(0xA0, generalized(plan.next_update))]
    if plan.single_extensions:
        optional.append(tlv(0xA1, tlv(SEQUENCE, *plan.single_extensions)))
    who = plan.certificate_id or certificate_id(serial, issuer, plan.hash)
    return tlv(SEQUENCE, who, plan.status, generalized(plan.this_update), *optional)


def answer(certificate: Issued | int, issuer: Issued, plan: Plan | None = None, **changes: object) -> bytes:
    """DER of an OCSPResponse about a certificate or a serial number."""
    chosen = plan or Plan(**changes)  # type: ignore[arg-type]
    serial = certificate if isinstance(certificate, int) else certificate.serial
    signer = chosen.signer or issuer
    name = tlv(0xA1, signer.certificate.subject.public_bytes())
    key = tlv(0xA2, tlv(OCTET_STRING, hashlib.sha1(key_bits(signer.key), usedforsecurity=False).digest()))
    responses = tlv(SEQUENCE, single(serial, issuer, chosen), *chosen.others)
    extensions = (tlv(0xA1, tlv(SEQUENCE, *chosen.response_extensions)),) if chosen.response_extensions else ()
    responder = key if chosen.by_key else name
    signed = tlv(SEQUENCE, chosen.version, responder, generalized(chosen.this_update), responses, *extensions)
    brought = chosen.certificates
    if brought is None:
        brought = (signer.der,) if chosen.signer else ()
    return signed_response(signed, chosen.key or signer.key, brought, chosen.algorithm)


def signed_response(signed: bytes, key: AnyKey, certificates: Sequence[bytes] = (), algorithm: bytes = b"") -> bytes:
    signature = tlv(BIT_STRING, b"\x00", sign_der(key, signed))
    holder = (tlv(0xA0, tlv(SEQUENCE, *certificates)),) if certificates else ()
    return response(tlv(SEQUENCE, signed, algorithm or algorithm_of(key), signature, *holder))


def response(basic: bytes, status: int = 0, kind: str = OCSP_BASIC) -> bytes:
    inner = tlv(SEQUENCE, tlv(OID, oid(kind)), tlv(OCTET_STRING, basic))
    return tlv(SEQUENCE, tlv(ENUMERATED, bytes((status,))), tlv(0xA0, inner))


def basic_of(der: bytes) -> bytes:
    """The BasicOCSPResponse inside."""
    return content(parts(content(parts(der)[1]))[1])


def algorithm_of(key: AnyKey) -> bytes:
    if isinstance(key, SM2Key):
        return tlv(SEQUENCE, tlv(OID, oid("1.2.156.10197.1.501")))
    if isinstance(key, rsa.RSAPrivateKey):
        return tlv(SEQUENCE, tlv(OID, oid("1.2.840.113549.1.1.11")), tlv(NULL))
    return tlv(SEQUENCE, tlv(OID, oid("1.2.840.10045.4.3.2")))


def key_bits(key: AnyKey) -> bytes:
    return content(parts(spki_of(key))[1])[1:]


def critical(dotted: str = "2.25.77") -> bytes:
    return raw.extension(oid(dotted), tlv(NULL), critical=True)


def _hash(name: str, data: bytes) -> bytes:
    if name == "sm3":
        digest = hashes.Hash(hashes.SM3())
        digest.update(data)
        return digest.finalize()
    return hashlib.new(name, data, usedforsecurity=False).digest()

"""Writes and signs certificates and revocation lists (RFC 5280 4.1, 5.1) in DER, for every kind of CA key.

It decides nothing about their content. `cryptography` would do the same for RSA and ECDSA, but cannot sign with SM2;
names and the values of extensions are its own objects, and it reads back what was written.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from asn1crypto import algos, core, crl
from asn1crypto import x509 as asn1
from asn1crypto.keys import PublicKeyInfo
from cryptography import x509

from certlogin.ca.signing import CAKey

#: The value and whether it is critical.
Extension = tuple[x509.ExtensionType, bool]

#: RFC 5280 4.1.2.5: UTCTime through the year 2049.
_UTC_TIME_END: Final = 2050


@dataclass(frozen=True, slots=True)
class CertificateBody:
    serial: int
    issuer: x509.Name
    subject: x509.Name
    not_before: datetime
    not_after: datetime
    #: DER of the SubjectPublicKeyInfo.
    spki: bytes
    extensions: Sequence[Extension]


@dataclass(frozen=True, slots=True)
class ListBody:
    issuer: x509.Name
    this_update: datetime
    next_update: datetime
    #: Serial number, time, and what is said beside it.
    revoked: Iterable[tuple[int, datetime, Sequence[Extension]]]
    extensions: Sequence[Extension]


def key_identifier(spki: bytes) -> bytes:
    """RFC 5280 4.2.1.2 (1): SHA-1 of the key's bits; it names the key and protects nothing."""
    return bytes(PublicKeyInfo.load(spki).sha1)


def spki_of(certificate: x509.Certificate) -> bytes:
    """As it is written; `public_key` knows no SM2."""
    signed = asn1.TbsCertificate.load(certificate.tbs_certificate_bytes)
    return bytes(signed["subject_public_key_info"].dump())


def sign_certificate(body: CertificateBody, key: CAKey) -> x509.Certificate:
    algorithm = _algorithm(key)
    signed = asn1.TbsCertificate(
        {
            "version": "v3",
            "serial_number": body.serial,
            "signature": algorithm,
            "issuer": _name(body.issuer),
            "validity": {"not_before": _time(body.not_before), "not_after": _time(body.not_after)},
            "subject": _name(body.subject),
            "subject_public_key_info": PublicKeyInfo.load(body.spki),
            "extensions": [_extension(one) for one in body.extensions],
        }
    )
    whole = {"tbs_certificate": signed, "signature_algorithm": algorithm, "signature_value": key.sign(signed.dump())}
    return x509.load_der_x509_certificate(asn1.Certificate(whole).dump())


def sign_list(body: ListBody, key: CAKey) -> x509.CertificateRevocationList:
    algorithm = _algorithm(key)
    content = {
        "version": "v2",
        "signature": algorithm,
        "issuer": _name(body.issuer),
        "this_update": _time(body.this_update),
        "next_update": _time(body.next_update),
        "crl_extensions": [_extension(one) for one in body.extensions],
    }
    # RFC 5280 5.1.2.6: an empty list of entries must not be there at all.
    if entries := _entries(body.revoked):
        content["revoked_certificates"] = crl.RevokedCertificates.load(_sequence(entries))
    signed = crl.TbsCertList(content)
    whole = {"tbs_cert_list": signed, "signature_algorithm": algorithm, "signature": key.sign(signed.dump())}
    return x509.load_der_x509_crl(crl.CertificateList(whole).dump())


def _algorithm(key: CAKey) -> algos.SignedDigestAlgorithm:
    """NULL stands beside it for RSA (RFC 4055 5), and nothing for ECDSA and SM2."""
    return algos.SignedDigestAlgorithm({"algorithm": key.algorithm})


def _name(name: x509.Name) -> asn1.Name:
    return asn1.Name.load(name.public_bytes())


def _time(moment: datetime) -> asn1.Time:
    # Times have no fractions of a second (RFC 5280 4.1.2.5).
    return asn1.Time("utc_time" if moment.year < _UTC_TIME_END else "general_time", moment.replace(microsecond=0))


def _extension(extension: Extension) -> dict[str, object]:
    value, critical = extension
    content = core.ParsableOctetString(value.public_bytes())
    return {"extn_id": value.oid.dotted_string, "critical": critical, "extn_value": content}


def _entries(revoked: Iterable[tuple[int, datetime, Sequence[Extension]]]) -> bytes:
    """DER of the entries one after the other. A list may have many thousands: few objects are made per entry."""
    said: dict[tuple[Extension, ...], bytes] = {}
    written = []
    for serial, revoked_at, extensions in revoked:
        reasons = tuple(extensions)
        if reasons not in said:
            # RFC 5280 5.1: nor is an empty list of extensions written.
            said[reasons] = crl.CRLEntryExtensions([_extension(one) for one in reasons]).dump() if reasons else b""
        written.append(_sequence(core.Integer(serial).dump() + _time(revoked_at).dump() + said[reasons]))
    return b"".join(written)


def _sequence(content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes((0x30, size)) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((0x30, 0x80 | len(octets))) + octets + content

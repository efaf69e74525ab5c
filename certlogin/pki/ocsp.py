"""Answers of OCSP responders (RFC 6960), and the questions for them.

It decides whether a response is one of a responder that the issuer authorised, and of whom it speaks. It must not know
what else is known of a certificate, or where answers come from.

Who may answer for an issuer: the issuer's own key; or a certificate in the response that this very key has signed for
id-kp-OCSPSigning, which may make digital signatures and is valid at the moment. Whether such a delegate was revoked is
looked up at each use, in `revocation.py`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from certlogin.errors import Refusal
from certlogin.pki.certificate import UnverifiedCertificate, read_certificate
from certlogin.pki.der import SEQUENCE, children, only_element, whole_bits
from certlogin.pki.ocsp_reader import BasicResponse, CertificateID, SingleResponse, UnusableAnswer, read_response
from certlogin.pki.ocsp_reader import Status as Status
from certlogin.pki.profile import guard_any
from certlogin.pki.signed import check_signed
from certlogin.pki.sm2 import SM2

#: The one hash that every responder knows (RFC 5019 2.1.1). It names issuers here and protects nothing.
_SHA1: Final = hashes.SHA1()  # noqa: S303
#: By what an answer may name its issuer.
_HASHES: Final[Mapping[str, hashes.HashAlgorithm]] = {
    "1.3.14.3.2.26": _SHA1,
    "2.16.840.1.101.3.4.2.1": hashes.SHA256(),
    "1.2.156.10197.1.401": hashes.SM3(),
}
_LAST: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Answer:
    """What an authorised responder says of one certificate."""

    status: Status
    this_update: datetime
    #: From then on its silence is stale: nextUpdate, or where there is none so long after thisUpdate as is allowed; and
    #: not longer than the delegate that signed it is valid.
    until: datetime
    revoked_at: datetime
    #: Revoked for now; the one reason that can be taken back.
    on_hold: bool = False
    #: Serial number of the delegate that signed it; None: the issuer did.
    delegate: int | None = None
    #: SHA-256 (hex) of the response that it came in, for evidence of what was known.
    response_sha256: str = field(default="", repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class VerifiedAnswer:
    issuer: UnverifiedCertificate
    serial: int
    answer: Answer


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
    return ocsp_request_for(certificate.serial, issuer)


def ocsp_request_for(serial: int, issuer: UnverifiedCertificate) -> bytes:
    """The same, where only its serial number is at hand."""
    builder = ocsp.OCSPRequestBuilder().add_certificate_by_hash(
        _digest(_SHA1, issuer.subject_der), _digest(_SHA1, _key_bits(issuer)), serial, _SHA1
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


def verify_response(
    der: bytes, authorities: Sequence[UnverifiedCertificate], now: datetime, max_age: timedelta, sm2: SM2 | None = None
) -> list[VerifiedAnswer]:
    """What a response says of certificates of these authorities. Raises UnusableAnswer, SM2Unavailable.

    `max_age`: how long an answer without nextUpdate counts.
    """
    response = read_response(der)
    if not response.singles:
        raise UnusableAnswer("it says nothing")
    found = [_verified(response, single, authorities, now, max_age, sm2) for single in response.singles]
    digest = sha256(der).hexdigest()
    return [replace(one, answer=replace(one.answer, response_sha256=digest)) for one in found]


def _verified(
    response: BasicResponse,
    single: SingleResponse,
    authorities: Sequence[UnverifiedCertificate],
    now: datetime,
    max_age: timedelta,
    sm2: SM2 | None,
) -> VerifiedAnswer:
    issuer = _issuer(single.certificate, authorities)
    delegate = _signer(response, issuer, now, sm2)
    answer = Answer(
        status=single.status,
        this_update=single.this_update,
        until=_until(single, delegate, max_age),
        revoked_at=single.revoked_at or single.this_update,
        on_hold=single.on_hold,
        delegate=None if delegate is None else delegate.serial,
    )
    return VerifiedAnswer(issuer, _serial(single.certificate), answer)


def _until(single: SingleResponse, delegate: UnverifiedCertificate | None, max_age: timedelta) -> datetime:
    # The calendar ends, and a responder may say that it is there already.
    oldest = single.this_update + min(max_age, _LAST - single.this_update)
    until = oldest if single.next_update is None else single.next_update
    return until if delegate is None else min(until, delegate.x509.not_valid_after_utc)


def _serial(certificate: CertificateID) -> int:
    return certificate.serial


def _issuer(wanted: CertificateID, authorities: Sequence[UnverifiedCertificate]) -> UnverifiedCertificate:
    algorithm = _HASHES.get(wanted.hash_algorithm)
    if algorithm is None:
        raise UnusableAnswer(f"it names its issuer by the hash {wanted.hash_algorithm}")
    for one in authorities:
        hashed = _digest(algorithm, one.subject_der), _digest(algorithm, _key_bits(one))
        if hashed == (wanted.issuer_name_hash, wanted.issuer_key_hash):
            return one
    raise UnusableAnswer("it speaks of a certificate of no configured CA")


def _signer(
    response: BasicResponse, issuer: UnverifiedCertificate, now: datetime, sm2: SM2 | None
) -> UnverifiedCertificate | None:
    """The delegate that signed; None: the issuer did. Raises UnusableAnswer."""
    if _is_responder(response, issuer) and _has_signed(response, issuer, sm2):
        return None
    for one in _delegates(response):
        if _is_responder(response, one) and _may_answer(one, issuer, now, sm2) and _has_signed(response, one, sm2):
            return one
    raise UnusableAnswer("its signature is of nobody whom the issuer authorised")


def _delegates(response: BasicResponse) -> Iterator[UnverifiedCertificate]:
    for der in response.certificates:
        try:
            yield read_certificate(der)
        except Refusal:
            # Such as the chain above, with keys of another time; nothing depends on it.
            continue


def _is_responder(response: BasicResponse, one: UnverifiedCertificate) -> bool:
    if response.responder_key is None:
        return one.subject_der == response.responder_name
    return _digest(_SHA1, _key_bits(one)) == response.responder_key


def _may_answer(one: UnverifiedCertificate, issuer: UnverifiedCertificate, now: datetime, sm2: SM2 | None) -> bool:
    """RFC 6960 4.2.2.2: issued directly by the key that issued what is asked about, and for this."""
    try:
        guard_any(one, now)
    except Refusal:
        return False
    return _is_named_by(one, issuer) and _is_for_answers(one) and _is_issued_by(one, issuer, sm2)


def _is_named_by(one: UnverifiedCertificate, issuer: UnverifiedCertificate) -> bool:
    return one.issuer_der == issuer.subject_der


def _is_for_answers(one: UnverifiedCertificate) -> bool:
    extensions = one.x509.extensions
    try:
        purposes = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        usage = extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return False
    return ExtendedKeyUsageOID.OCSP_SIGNING in purposes and usage.digital_signature


def _is_issued_by(one: UnverifiedCertificate, issuer: UnverifiedCertificate, sm2: SM2 | None) -> bool:
    signed, algorithm, signature = children(only_element(one.der, SEQUENCE))
    try:
        check_signed(signed, algorithm, signature, issuer, sm2)
    except (InvalidSignature, ValueError):
        return False
    return True


def _has_signed(response: BasicResponse, one: UnverifiedCertificate, sm2: SM2 | None) -> bool:
    try:
        check_signed(response.signed, response.algorithm, response.signature, one, sm2)
    except (InvalidSignature, ValueError):
        return False
    return True


def _key_bits(one: UnverifiedCertificate) -> bytes:
    """What RFC 6960 4.1.1 hashes of a key: the BIT STRING of its SubjectPublicKeyInfo, without its header."""
    _, bits = children(only_element(one.spki, SEQUENCE))
    return whole_bits(bits)


def _digest(algorithm: hashes.HashAlgorithm, data: bytes) -> bytes:
    digest = hashes.Hash(algorithm)
    digest.update(data)
    return digest.finalize()

"""Judges one record by itself: body, signed payload, certificate, signature, and the path at that time.

PURE. It decides whether the user's key has signed this text, for this purpose, as this unit. It must not know the
record's place in the chain. Everything is judged at the time that the record names; revocation is what it says that was
found then, for a list of that day proves nothing later.
"""

from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Final

from certlogin.errors import CertloginError, Refusal
from certlogin.evidence.chain import Line
from certlogin.evidence.findings import Code, Finding
from certlogin.evidence.record import Body, EvidenceRecord
from certlogin.pki.certificate import UnverifiedCertificate, read_certificate
from certlogin.pki.keys import Legacy, WeakKey
from certlogin.pki.path import Trust, find_path
from certlogin.pki.profile import WeakSignature, check_strength, check_validity, guard_any_authority, guard_length
from certlogin.pki.signature import verify_signature
from certlogin.pki.sm2 import SM2, SM2Unavailable
from certlogin.wire.json import BadRequest, JsonObject, read_object
from certlogin.wire.payload import PAYLOAD_LIMIT, Purpose, signed_bytes

#: Return only if the record's signature was made by the certificate's key. Raises Refusal, SM2Unavailable.
SignatureCheck = Callable[[UnverifiedCertificate, EvidenceRecord, SM2 | None], None]

_Found = Iterator[tuple[Code, str]]
#: SHA-256 of no form.
_NO_FORM: Final = ""


def native_signature(certificate: UnverifiedCertificate, record: EvidenceRecord, sm2: SM2 | None) -> None:
    """As our own helper signs: the purpose's prefix and the payload."""
    signed = signed_bytes(record.payload, record.purpose)
    verify_signature(certificate, record.algorithm, signed, record.signature, sm2)


def judge_line(line: Line, trust: Trust, check_signature: SignatureCheck = native_signature) -> Iterator[Finding]:
    """Everything that is wrong with it, or to be known of it."""
    seq, record = line.entry.seq, line.entry.record
    for found in (_body(line), _payload(record, line.body), _certificate(record, trust, check_signature)):
        yield from (Finding(code, seq, detail) for code, detail in found)


def _body(line: Line) -> _Found:
    if line.body is None:
        yield Code.REDACTED, ""
    elif line.body.commitment != line.entry.record.commitment:
        yield Code.BODY_CHANGED, ""


def _payload(record: EvidenceRecord, body: Body | None) -> _Found:
    """Whether the signed octets speak of this record."""
    try:
        signed = read_object(record.payload, PAYLOAD_LIMIT, depth=1)
    except BadRequest as problem:
        yield Code.PAYLOAD_MISMATCH, problem.reason
        return
    expected = {
        "purpose": record.purpose.value,
        "unit": record.unit_id,
        "alg": record.algorithm.value,
    }
    if record.purpose is not Purpose.UPGRADE:
        # An upgrade names text and form by their hashes only.
        expected["text_version"] = record.text_version
    for member, value in expected.items():
        if signed.get(member) != value:
            yield Code.PAYLOAD_MISMATCH, member
    if signed.get("cert_sha256") != sha256(record.certificate).hexdigest():
        yield Code.CERTIFICATE_SWAPPED, ""
    if body is not None:
        yield from _text(signed, body)


def _text(signed: JsonObject, body: Body) -> _Found:
    if signed.get("text_sha256") != _digest(body.text):
        yield Code.TEXT_MISMATCH, "text"
    if signed.get("form_sha256", _NO_FORM) != (_digest(body.form) if body.form else _NO_FORM):
        yield Code.TEXT_MISMATCH, "form"


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def _certificate(record: EvidenceRecord, trust: Trust, check_signature: SignatureCheck) -> _Found:
    try:
        # Old keys are the ones that agreements are signed with to replace them.
        leaf = read_certificate(record.certificate, Legacy.ADMITTED)
    except CertloginError as refusal:
        yield Code.CERTIFICATE_UNUSABLE, refusal.code
        return
    yield from _strength(leaf)
    yield from _signature(leaf, record, trust.sm2, check_signature)
    yield from _path(leaf, record, trust)


def _strength(leaf: UnverifiedCertificate) -> _Found:
    try:
        check_strength(leaf)
    except (WeakKey, WeakSignature) as refusal:
        yield Code.WEAK, refusal.code


def _signature(
    leaf: UnverifiedCertificate, record: EvidenceRecord, sm2: SM2 | None, check_signature: SignatureCheck
) -> _Found:
    try:
        check_signature(leaf, record, sm2)
    except Refusal as refusal:
        yield Code.SIGNATURE_INVALID, refusal.code
    except SM2Unavailable as reason:
        yield Code.SIGNATURE_UNCHECKED, reason.code


def _path(leaf: UnverifiedCertificate, record: EvidenceRecord, trust: Trust) -> _Found:
    try:
        check_validity(leaf, record.at)
        between = [read_certificate(der) for der in dict.fromkeys(record.chain)]
        path = find_path(leaf, between, trust, record.at).certificates
        guard_length(path, trust.max_intermediates)
        for authority in path[1:-1]:
            guard_any_authority(authority)
    except Refusal as refusal:
        yield Code.NOT_TRUSTED, refusal.code

"""Tries every way to sign that helpers are known for, until nothing is left to guess."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives.asymmetric import rsa

from certlogin.errors import CertloginError
from certlogin.pki.certificate import read_certificate
from certlogin.pki.cms import Attributes, UnverifiedSignedData, read_signed_data, verify_signed_data
from certlogin.pki.cms_algorithms import Digest
from certlogin.pki.sm2 import SM2
from certlogin.probe.elliptic import of_ecdsa, of_sm2, unmatched_sm2
from certlogin.probe.findings import DEFAULT_ID, Finding, Form
from certlogin.probe.keys import Signer, SM2PublicKey
from certlogin.probe.readings import Reading, readings
from certlogin.probe.rivest import of_rsa, unmatched_rsa
from certlogin.probe.texts import Text, texts

#: ContentInfo of either family, somewhere near the beginning.
_SIGNED_DATA: Final = (bytes.fromhex("06092a864886f70d010702"), bytes.fromhex("060a2a811ccf550601040202"))
_HEAD: Final = 32


@dataclass(frozen=True, slots=True)
class Sample:
    signer: Signer
    signature: bytes
    text: bytes
    #: Beside the default and the empty one.
    identities: tuple[bytes, ...] = ()
    #: Computes SM2 for CMS messages only.
    sm2: SM2 | None = None


@dataclass(slots=True)
class Diagnosis:
    findings: list[Finding] = field(default_factory=list)
    #: What else is worth knowing, most of all when nothing fits.
    hints: list[str] = field(default_factory=list)


def diagnose(sample: Sample) -> Diagnosis:
    """All that fits, what a login may accept first."""
    found = Diagnosis()
    if not sample.signer.may_sign:
        found.hints.append("the certificate is not for signing (KeyUsage): an SM2 key has a second one that is")
    candidates = texts(sample.text)
    for reading in readings(sample.signature):
        if any(mark in reading.octets[:_HEAD] for mark in _SIGNED_DATA):
            _try_message(sample, reading, candidates, found)
        found.findings.extend(_signatures(sample, reading.name, reading.octets, candidates))
    found.findings.sort(key=lambda finding: not finding.accepted)
    if not found.findings:
        found.hints.extend(_about_unmatched(sample))
    return found


def _signatures(sample: Sample, encoding: str, octets: bytes, candidates: Sequence[Text]) -> Iterator[Finding]:
    key = sample.signer.key
    if isinstance(key, SM2PublicKey):
        identities = tuple(dict.fromkeys((DEFAULT_ID.encode(), *sample.identities, b"")))
        return of_sm2(key, encoding, octets, candidates, identities)
    if isinstance(key, rsa.RSAPublicKey):
        return of_rsa(key, encoding, octets, candidates)
    return of_ecdsa(key, encoding, octets, candidates)


def _try_message(sample: Sample, reading: Reading, candidates: Sequence[Text], found: Diagnosis) -> None:
    """As a login reads it; and if the signature in it does not fit, that signature by itself."""
    try:
        message = read_signed_data(reading.octets, read_certificate(sample.signer.der))
    except CertloginError as error:
        found.hints.append(f"as a CMS message ({reading.name}): {error}")
        return
    # The first is about the text as it was given; the others would only say that it is not those.
    reasons = list(_refusals(sample, message, reading, candidates, found))
    if not found.findings:
        found.hints.append(f"as a CMS message ({reading.name}): {reasons[0]}")
        found.hints.extend(_inside(sample, message, candidates))


def _refusals(
    sample: Sample, message: UnverifiedSignedData, reading: Reading, candidates: Sequence[Text], found: Diagnosis
) -> Iterator[str]:
    for text in candidates:
        try:
            verify_signed_data(message, text.octets, sample.sm2, attributes=Attributes.EITHER)
        except CertloginError as error:
            yield str(error)
        else:
            form, scheme = Form(_described(message)), message.scheme
            hashed = scheme.digest if scheme.digest is Digest.SM3 else f"SHA-{scheme.digest}"
            found.findings.append(
                Finding(reading.name, form, text.name, hashed, "as the message says", scheme.name, "cms")
            )


def _described(message: UnverifiedSignedData) -> str:
    content = "detached" if message.unverified_content is None else "attached"
    return f"CMS SignedData, {content}, {'without' if message.attributes is None else 'with'} signed attributes"


def _inside(sample: Sample, message: UnverifiedSignedData, candidates: Sequence[Text]) -> Iterator[str]:
    if message.attributes is not None:
        candidates = (Text(message.attributes.der, "the signed attributes"),)
    for finding in _signatures(sample, "CMS", message.signature, candidates):
        yield f"the signature inside is over {finding.text}: {finding.digest}, {finding.way}"


def _about_unmatched(sample: Sample) -> Iterator[str]:
    for reading in readings(sample.signature):
        key = sample.signer.key
        about: Iterator[str] = iter(())
        if isinstance(key, SM2PublicKey):
            about = unmatched_sm2(key, reading.octets)
        elif isinstance(key, rsa.RSAPublicKey):
            about = unmatched_rsa(key, reading.octets)
        yield from (f"{reading.name}, {len(reading.octets)} octets: {line}" for line in about)

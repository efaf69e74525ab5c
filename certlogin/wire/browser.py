"""The messages between our pages and our server.

PURE. It decides what each message carries, strictly: unknown, missing or doubled members are refused. It does not know
whether what a page says is true.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from certlogin.records.helper import HelperReport, HelperState
from certlogin.records.proof import ProofFormat
from certlogin.wire.bad_request import BadRequest
from certlogin.wire.json import JsonObject, b64url, b64url_list, exact_members, matching, read_object, text
from certlogin.wire.payload import ALGORITHM_NAME, FOUR_PART_VERSION, PAYLOAD_LIMIT, SHA256_HEX, VISIBLE_ASCII

#: Octets: a proof carries a certificate, up to six more, and a payload, in base64url.
MESSAGE_LIMIT = 64 * 1024
_CERTIFICATE_LIMIT = 16 * 1024
#: RSA-8192.
_SIGNATURE_LIMIT = 1024
#: A CMS message, whose certificates are inside; a token of Web eID.
_SIGNED_DATA_LIMIT = 32 * 1024
_TOKEN_LIMIT = 16 * 1024
_CHAIN = 6
#: Certificates on the tokens of one computer that are asked about at once.
_HELD = 8
_PUBLIC_ID = r"[A-Za-z0-9_-]{16}"
_STATES = "|".join(HelperState)


@dataclass(frozen=True, slots=True)
class Report:
    """What the page found of the helper."""

    attempt: str
    helper: HelperReport


@dataclass(frozen=True, slots=True)
class ChallengeWanted:
    attempt: str
    #: A `login.challenge.Purpose`.
    purpose: str


@dataclass(frozen=True, slots=True)
class ProofEnvelope:
    """What is read of a proof before its format is known to be allowed: the rest stays as it came."""

    attempt: str
    format: str
    members: JsonObject = field(repr=False)


@dataclass(frozen=True, slots=True)
class ProofMessage:
    """The native form, and whatever else is named so."""

    format: str
    payload: bytes
    signature: bytes
    #: DER, as all below.
    certificate: bytes
    chain: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class TextMessage:
    #: The server's, echoed; so in all below.
    challenge: str
    algorithm: str
    signature: bytes
    certificate: bytes
    chain: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class CMSMessage:
    challenge: str
    #: The SignedData.
    signature: bytes
    #: None: inside of it.
    certificate: bytes | None
    chain: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class WebEidMessage:
    challenge: str
    #: JSON, as the application gave it.
    token: bytes


@dataclass(frozen=True, slots=True)
class EnrolMessage:
    attempt: str
    #: PKCS#10, DER.
    request: bytes


@dataclass(frozen=True, slots=True)
class InstalledMessage:
    attempt: str
    certificate_sha256: str


@dataclass(frozen=True, slots=True)
class FitsWanted:
    """Which of the certificates on the user's tokens fit the account?"""

    attempt: str
    #: DER, as below.
    certificates: tuple[bytes, ...]
    chain: tuple[bytes, ...]


def read_report(data: bytes) -> Report:
    value = _read(data, "state", "version", "os", "arch")
    state = HelperState(matching(value, "state", _STATES))
    os, arch = text(value, "os", 32, empty=True), text(value, "arch", 32, empty=True)
    return Report(_attempt(value), HelperReport(state, _version(value, state), os, arch))


def read_challenge_wanted(data: bytes) -> ChallengeWanted:
    value = _read(data, "purpose")
    return ChallengeWanted(_attempt(value), matching(value, "purpose", "login|enrol"))


def read_envelope(data: bytes) -> ProofEnvelope:
    """Of a proof, for which attempt it is and in which format; `open_envelope` reads the rest."""
    value = _object(data)
    return ProofEnvelope(_attempt(value), matching(value, "format", "[a-z0-9.:-]{1,16}"), value)


def open_envelope(envelope: ProofEnvelope) -> ProofMessage | TextMessage | CMSMessage | WebEidMessage:
    return _READERS.get(envelope.format, _read_native)(envelope.members)


def _read_native(value: JsonObject) -> ProofMessage:
    _exactly(value, "payload", "signature", "certificate", "chain")
    return ProofMessage(
        format=text(value, "format"),
        payload=b64url(value, "payload", PAYLOAD_LIMIT),
        signature=b64url(value, "signature", _SIGNATURE_LIMIT),
        certificate=b64url(value, "certificate", _CERTIFICATE_LIMIT),
        chain=_certificates(value),
    )


def _read_text(value: JsonObject) -> TextMessage:
    _exactly(value, "challenge", "algorithm", "signature", "certificate", "chain")
    return TextMessage(
        challenge=matching(value, "challenge", VISIBLE_ASCII),
        algorithm=matching(value, "algorithm", ALGORITHM_NAME),
        signature=b64url(value, "signature", _SIGNATURE_LIMIT),
        certificate=b64url(value, "certificate", _CERTIFICATE_LIMIT),
        chain=_certificates(value),
    )


def _read_cms(value: JsonObject) -> CMSMessage:
    _exactly(value, "challenge", "signature", "certificate", "chain")
    beside = value["certificate"] is not None
    return CMSMessage(
        challenge=matching(value, "challenge", VISIBLE_ASCII),
        signature=b64url(value, "signature", _SIGNED_DATA_LIMIT),
        certificate=b64url(value, "certificate", _CERTIFICATE_LIMIT) if beside else None,
        chain=_certificates(value),
    )


def _read_web_eid(value: JsonObject) -> WebEidMessage:
    _exactly(value, "challenge", "token")
    return WebEidMessage(matching(value, "challenge", VISIBLE_ASCII), text(value, "token", _TOKEN_LIMIT).encode())


def read_enrol(data: bytes) -> EnrolMessage:
    value = _read(data, "request")
    return EnrolMessage(_attempt(value), b64url(value, "request", _CERTIFICATE_LIMIT))


def read_installed(data: bytes) -> InstalledMessage:
    value = _read(data, "certificate_sha256")
    return InstalledMessage(_attempt(value), matching(value, "certificate_sha256", SHA256_HEX))


def read_fits(data: bytes) -> FitsWanted:
    value = _read(data, "certificates", "chain")
    certificates = b64url_list(value, "certificates", _HELD, _CERTIFICATE_LIMIT)
    return FitsWanted(_attempt(value), certificates, _certificates(value))


def read_leave(data: bytes) -> str:
    """The attempt's public id."""
    return _attempt(_read(data))


def _certificates(value: JsonObject) -> tuple[bytes, ...]:
    return b64url_list(value, "chain", _CHAIN, _CERTIFICATE_LIMIT)


def _exactly(value: JsonObject, *members: str) -> None:
    exact_members(value, ("attempt", "format", *members))


_READERS: Mapping[str, Callable[[JsonObject], TextMessage | CMSMessage | WebEidMessage]] = MappingProxyType(
    {ProofFormat.TEXT: _read_text, ProofFormat.CMS: _read_cms, ProofFormat.WEB_EID: _read_web_eid}
)


def _read(data: bytes, *members: str) -> JsonObject:
    value = _object(data)
    exact_members(value, ("attempt", *members))
    return value


def _object(data: bytes) -> JsonObject:
    return read_object(data, MESSAGE_LIMIT, depth=2)


def _attempt(value: JsonObject) -> str:
    return matching(value, "attempt", _PUBLIC_ID)


def _version(value: JsonObject, state: HelperState) -> tuple[int, int, int, int] | None:
    """Only a helper that answered has one."""
    if state is not HelperState.READY:
        if value["version"] is not None:
            raise BadRequest("not_allowed", "version")
        return None
    first, second, third, fourth = (int(part) for part in matching(value, "version", FOUR_PART_VERSION).split("."))
    return first, second, third, fourth

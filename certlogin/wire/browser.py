"""The messages between our pages and our server.

PURE. It decides what each message carries, strictly: unknown, missing or doubled members are refused. It does not know
whether what a page says is true.
"""

from dataclasses import dataclass

from certlogin.records.helper import HelperReport, HelperState
from certlogin.wire.bad_request import BadRequest
from certlogin.wire.json import JsonObject, b64url, b64url_list, exact_members, matching, read_object, text
from certlogin.wire.payload import FOUR_PART_VERSION, PAYLOAD_LIMIT, SHA256_HEX

#: Octets: a proof carries a certificate, up to six more, and a payload, in base64url.
MESSAGE_LIMIT = 64 * 1024
_CERTIFICATE_LIMIT = 16 * 1024
#: RSA-8192.
_SIGNATURE_LIMIT = 1024
_CHAIN = 6
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
class ProofMessage:
    attempt: str
    format: str
    payload: bytes
    signature: bytes
    #: DER.
    certificate: bytes
    chain: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class EnrolMessage:
    attempt: str
    #: PKCS#10, DER.
    request: bytes


@dataclass(frozen=True, slots=True)
class InstalledMessage:
    attempt: str
    certificate_sha256: str


def read_report(data: bytes) -> Report:
    value = _read(data, "state", "version", "os", "arch")
    state = HelperState(matching(value, "state", _STATES))
    os, arch = text(value, "os", 32, empty=True), text(value, "arch", 32, empty=True)
    return Report(_attempt(value), HelperReport(state, _version(value, state), os, arch))


def read_challenge_wanted(data: bytes) -> ChallengeWanted:
    value = _read(data, "purpose")
    return ChallengeWanted(_attempt(value), matching(value, "purpose", "login|enrol"))


def read_proof(data: bytes) -> ProofMessage:
    value = _read(data, "format", "payload", "signature", "certificate", "chain")
    return ProofMessage(
        attempt=_attempt(value),
        format=matching(value, "format", "[a-z0-9.:-]{1,16}"),
        payload=b64url(value, "payload", PAYLOAD_LIMIT),
        signature=b64url(value, "signature", _SIGNATURE_LIMIT),
        certificate=b64url(value, "certificate", _CERTIFICATE_LIMIT),
        chain=b64url_list(value, "chain", _CHAIN, _CERTIFICATE_LIMIT),
    )


def read_enrol(data: bytes) -> EnrolMessage:
    value = _read(data, "request")
    return EnrolMessage(_attempt(value), b64url(value, "request", _CERTIFICATE_LIMIT))


def read_installed(data: bytes) -> InstalledMessage:
    value = _read(data, "certificate_sha256")
    return InstalledMessage(_attempt(value), matching(value, "certificate_sha256", SHA256_HEX))


def read_leave(data: bytes) -> str:
    """The attempt's public id."""
    return _attempt(_read(data))


def _read(data: bytes, *members: str) -> JsonObject:
    value = read_object(data, MESSAGE_LIMIT, depth=2)
    exact_members(value, ("attempt", *members))
    return value


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

"""Reads an OCSP response (RFC 6960 4.2.1) in DER, whatever it is signed with; nothing in it is believed afterwards.

It decides whether bytes are one successful basic response within limits. It must not know issuers or the time.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from certlogin.pki.der import (
    INTEGER,
    OCTET_STRING,
    SEQUENCE,
    DERError,
    Element,
    check_outline,
    children,
    dotted,
    only_element,
    unsigned,
)

SIZE_MAX: Final = 64 * 1024
DEPTH_MAX: Final = 32
#: Certificates and single responses that are looked at.
PARTS_MAX: Final = 16

_BASIC: Final = "1.3.6.1.5.5.7.48.1.1"
_ENUMERATED: Final = 0x0A
_BOOLEAN: Final = 0x01
_NULL: Final = 0x05
_GENERALIZED_TIME: Final = 0x18
_TIME: Final = re.compile(rb"[0-9]{14}Z")
_EXPLICIT: Final = (0xA0, 0xA1, 0xA2)
_SUCCESSFUL: Final = 0
#: The three states as they are tagged.
_GOOD: Final = bytes.fromhex("8000")
_REVOKED: Final = 0xA1
_UNKNOWN: Final = bytes.fromhex("8200")
#: RFC 5280 5.3.1.
_CERTIFICATE_HOLD: Final = 6


class Status(StrEnum):
    GOOD = "good"
    REVOKED = "revoked"
    UNKNOWN = "unknown"


class UnusableAnswer(ValueError):
    """This response says nothing that may be used, and why."""


@dataclass(frozen=True, slots=True)
class CertificateID:
    """Whom a single response speaks of."""

    #: Dotted.
    hash_algorithm: str
    issuer_name_hash: bytes
    issuer_key_hash: bytes
    serial: int


@dataclass(frozen=True, slots=True)
class SingleResponse:
    certificate: CertificateID
    status: Status
    revoked_at: datetime | None
    on_hold: bool
    this_update: datetime
    next_update: datetime | None


@dataclass(frozen=True, slots=True)
class BasicResponse:
    """As read; unverified."""

    signed: Element = field(repr=False)
    algorithm: Element = field(repr=False)
    signature: Element = field(repr=False)
    #: One of the two is given: the responder's name (DER), or the SHA-1 of its key.
    responder_name: bytes | None
    responder_key: bytes | None
    singles: tuple[SingleResponse, ...]
    #: DER of what may be certificates.
    certificates: tuple[bytes, ...] = field(repr=False)


def read_response(der: bytes) -> BasicResponse:
    """Raises UnusableAnswer."""
    if len(der) > SIZE_MAX:
        raise UnusableAnswer("too large")
    try:
        check_outline(der, DEPTH_MAX)
        return _read_basic(_basic(der))
    except DERError as error:
        raise UnusableAnswer(f"unreadable: {error}") from None


def _basic(der: bytes) -> Element:
    """The BasicOCSPResponse inside the OCSPResponse."""
    status, *rest = _at_least(only_element(der, SEQUENCE), 1)
    number = _enumerated(status)
    if number != _SUCCESSFUL:
        raise UnusableAnswer(f"the responder answers with error {number}")
    (holder,) = _exactly(rest, 1)
    kind, content = _exactly(_at_least(_inside(holder, _EXPLICIT[0], SEQUENCE), 2), 2)
    if dotted(kind) != _BASIC:
        raise UnusableAnswer("another kind of response")
    return _expected(check_outline(_expected(content, OCTET_STRING).value, DEPTH_MAX), SEQUENCE)


def _read_basic(basic: Element) -> BasicResponse:
    signed, algorithm, signature, *certificates = _at_least(basic, 3)
    data = _at_least(signed, 3)
    if data[0].tag == _EXPLICIT[0]:
        if _inside(data[0], _EXPLICIT[0], INTEGER).value != b"\x00":
            raise UnusableAnswer("another version")
        del data[0]
    responder, _, responses, *extensions = _counted(data, 3)
    _refuse_critical(extensions)
    name, key = _responder(responder)
    return BasicResponse(
        signed=signed,
        algorithm=algorithm,
        signature=signature,
        responder_name=name,
        responder_key=key,
        singles=tuple(_read_single(one) for one in _limited(_expected(responses, SEQUENCE))),
        certificates=tuple(one.encoded for one in _certificates(certificates)),
    )


def _responder(element: Element) -> tuple[bytes | None, bytes | None]:
    if element.tag == _EXPLICIT[1]:
        return _inside(element, _EXPLICIT[1], SEQUENCE).encoded, None
    return None, _inside(element, _EXPLICIT[2], OCTET_STRING).value


def _certificates(optional: Sequence[Element]) -> list[Element]:
    if not optional:
        return []
    (holder,) = _exactly(optional, 1)
    return _limited(_inside(holder, _EXPLICIT[0], SEQUENCE))


def _read_single(element: Element) -> SingleResponse:
    certificate, status, this_update, *optional = _at_least(_expected(element, SEQUENCE), 3)
    next_update = None
    if optional and optional[0].tag == _EXPLICIT[0]:
        next_update = _time(_inside(optional.pop(0), _EXPLICIT[0], _GENERALIZED_TIME))
    _refuse_critical(optional)
    found, revoked_at, on_hold = _status(status)
    return SingleResponse(_read_id(certificate), found, revoked_at, on_hold, _time(this_update), next_update)


def _read_id(element: Element) -> CertificateID:
    algorithm, name, key, serial = _exactly(_at_least(_expected(element, SEQUENCE), 4), 4)
    identifier, *parameters = _at_least(algorithm, 1)
    if [one.encoded for one in parameters] not in ([], [bytes((_NULL, 0))]):
        raise DERError("parameters of a hash")
    name_hash, key_hash = (_expected(one, OCTET_STRING).value for one in (name, key))
    return CertificateID(dotted(identifier), name_hash, key_hash, unsigned(serial))


def _status(element: Element) -> tuple[Status, datetime | None, bool]:
    if element.encoded == _GOOD:
        return Status.GOOD, None, False
    if element.encoded == _UNKNOWN:
        return Status.UNKNOWN, None, False
    when, *reason = _at_least(_expected(element, _REVOKED), 1)
    on_hold = [_enumerated(_inside(one, _EXPLICIT[0], _ENUMERATED)) for one in reason] == [_CERTIFICATE_HOLD]
    return Status.REVOKED, _time(when), on_hold


def _refuse_critical(optional: Sequence[Element]) -> None:
    """None of the extensions is needed here; one that must be understood makes the response useless."""
    for holder in optional:
        for extension in children(_inside(holder, _EXPLICIT[1], SEQUENCE)):
            if any(part.tag == _BOOLEAN and part.value != b"\x00" for part in children(extension)):
                raise UnusableAnswer("a critical extension")


def _time(element: Element) -> datetime:
    """RFC 6960 4.2.2.1 by RFC 5280 4.1.2.5.2: to the second, in UTC."""
    value = _expected(element, _GENERALIZED_TIME).value
    if not _TIME.fullmatch(value):
        raise DERError("not a time to the second in UTC")
    try:
        return datetime.strptime(value.decode(), "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise DERError("no such time") from None


def _enumerated(element: Element) -> int:
    value = _expected(element, _ENUMERATED).value
    if len(value) != 1:
        raise DERError("not a small number")
    return value[0]


def _inside(holder: Element, tag: int, inner: int) -> Element:
    """The only element in an explicitly tagged one."""
    return _expected(_exactly(_at_least(_expected(holder, tag), 1), 1)[0], inner)


def _limited(holder: Element) -> list[Element]:
    found = list(children(holder))
    if len(found) > PARTS_MAX:
        raise UnusableAnswer("too many parts")
    return found


def _expected(element: Element, tag: int) -> Element:
    if element.tag != tag:
        raise DERError("an element of another kind")
    return element


def _at_least(holder: Element, count: int) -> list[Element]:
    return _counted(list(children(holder)), count)


def _counted(found: list[Element], count: int) -> list[Element]:
    if len(found) < count:
        raise DERError("too few elements")
    return found


def _exactly(found: Sequence[Element], count: int) -> Sequence[Element]:
    if len(found) != count:
        raise DERError("another number of elements")
    return found

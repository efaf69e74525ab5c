"""The ticket: the signed cookie that lets later requests pass.

PURE: mints and reads the text. It does not know whether a ticket was ended, or whether its unit still exists: that is
looked up elsewhere and at most `recheck` seconds old.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from certlogin.errors import Refusal
from certlogin.login.keys import holds, mac
from certlogin.records.identity import Identity, Method
from certlogin.records.unit import UnitId
from certlogin.wire.b64 import decode, encode
from certlogin.wire.bad_request import BadRequest

_VERSION = "1"
_FIELDS = 10
#: Room for the longest unit id a signed payload takes, in the four octets a character may need.
_MAX_LENGTH = 2048


@dataclass(eq=False)
class TicketInvalid(Refusal):
    """Not a ticket of ours: wrong shape, encoding or MAC."""

    code: ClassVar[str] = "ticket_invalid"


@dataclass(eq=False)
class TicketExpired(Refusal):
    """Past its absolute end, or idle for too long."""

    code: ClassVar[str] = "ticket_expired"
    unit_id: UnitId


@dataclass(frozen=True, slots=True)
class Ticket:
    #: base64url of 16 random octets.
    id: str
    unit_id: UnitId
    method: Method
    #: SHA-256 (hex) of the certificate; None for `Method.PASSWORD`.
    certificate_sha256: str | None
    #: When this text was minted; re-minting moves it and nothing else.
    issued: datetime
    proved: datetime
    #: The absolute end.
    expires: datetime
    #: Digest of the rules in force when it was minted.
    rules: str

    def identity(self) -> Identity:
        return Identity(self.unit_id, self.method, self.certificate_sha256, self.proved)


def mint(ticket: Ticket, keys: tuple[bytes, ...]) -> str:
    """The cookie's value: version, eight fields, MAC; each base64url, joined by dots."""
    fields = (
        _VERSION,
        ticket.id,
        ticket.unit_id,
        ticket.certificate_sha256 or "",
        ticket.method,
        _seconds(ticket.issued),
        _seconds(ticket.proved),
        _seconds(ticket.expires),
        ticket.rules,
    )
    encoded = [encode(field.encode()) for field in fields]
    return ".".join([*encoded, mac(keys[0], *(field.encode() for field in encoded))])


def read(text: str, keys: tuple[bytes, ...], idle: timedelta, now: datetime) -> Ticket:
    """The ticket in a cookie's value. Raises TicketInvalid, TicketExpired."""
    encoded = text.split(".") if len(text) <= _MAX_LENGTH and text.isascii() else []
    if len(encoded) != _FIELDS or not holds(keys, encoded[-1], *(field.encode() for field in encoded[:-1])):
        raise TicketInvalid
    ticket = _decode(encoded[:-1])
    judge_age(ticket, idle, now)
    return ticket


def judge_age(ticket: Ticket, idle: timedelta, now: datetime) -> None:
    """Raises TicketExpired."""
    if now >= ticket.expires or now - ticket.issued >= idle:
        raise TicketExpired(unit_id=ticket.unit_id)


def _decode(encoded: list[str]) -> Ticket:
    """What our own key has signed; the guard is for keys shared with something else."""
    try:
        version, id_, unit, certificate, method, issued, proved, expires, rules = (
            decode(field).decode() for field in encoded
        )
        if version != _VERSION:
            raise TicketInvalid
        return Ticket(
            id=id_,
            unit_id=UnitId(unit),
            method=Method(method),
            certificate_sha256=certificate or None,
            issued=_moment(issued),
            proved=_moment(proved),
            expires=_moment(expires),
            rules=rules,
        )
    except (ValueError, OverflowError, OSError, BadRequest) as error:
        raise TicketInvalid from error


def _moment(seconds: str) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)


def _seconds(moment: datetime) -> str:
    return str(int(moment.timestamp()))

"""One login under way, from "password accepted" to "released", as kept in the volatile store."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from certlogin.records.helper import HelperReport
from certlogin.records.identity import Method
from certlogin.records.unit import UnitId


class LoginKind(StrEnum):
    """How the host's login page talks: a form post, or JSON from a script."""

    FORM = "form"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class HeldResponse:
    """The host's login response, kept back until the attempt is proven."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class Proven:
    """What a finished proof leaves in the attempt; judged again at release."""

    method: Method
    #: None for `Method.PASSWORD`.
    certificate_sha256: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Awaiting:
    """A proof whose signature held, of a certificate whose revocation state is being asked for."""

    #: Certificate, chain and claims, sealed with AES-GCM under the key in the attempt cookie.
    sealed: bytes
    since: datetime


@dataclass(frozen=True, slots=True)
class Release:
    """The one-time permission to fetch the held response."""

    #: SHA-256 (hex) of the one-time value in the release address.
    token_sha256: str
    #: The ticket that goes out with it: (id, issue time); set at the first fetch, so a repeat gets the same one.
    ticket_id: str | None = None
    fetched_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    #: SHA-256 (hex) of the secret in the attempt cookie: the store's key.
    key: str
    #: What pages and calls name it by; not secret.
    public_id: str
    unit_id: UnitId
    kind: LoginKind
    #: The path of the host's login page as the browser knows it (mount point included).
    login_path: str
    address: str
    opened_at: datetime
    touched_at: datetime
    #: The held response sealed with AES-GCM under the key in the attempt cookie.
    sealed_response: bytes
    helper: HelperReport | None = None
    awaiting: Awaiting | None = None
    proven: Proven | None = None
    release: Release | None = None
    #: SHA-256 (hex) of the certificate this attempt enrolled, once installed.
    enrolled_sha256: str | None = None

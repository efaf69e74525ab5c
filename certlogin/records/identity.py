"""Who an admitted request belongs to: what the host finds in `environ` or `scope` under `certlogin.identity`."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from certlogin.records.unit import UnitId

#: The key under which the host finds the `Identity` in `environ` (WSGI) or `scope` (ASGI).
IDENTITY_KEY = "certlogin.identity"


class Method(StrEnum):
    """How the unit was admitted."""

    #: The unit owes no certificate; the host's password and captcha were enough.
    PASSWORD = "password"  # noqa: S105
    CERTIFICATE = "certificate"


@dataclass(frozen=True, slots=True)
class Identity:
    unit_id: UnitId
    method: Method
    #: SHA-256 (hex) of the certificate that proved the login; None for `Method.PASSWORD`.
    certificate_sha256: str | None
    #: When the login was proven; aware, UTC.
    proved_at: datetime

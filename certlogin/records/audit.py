"""One line of the audit log: who did what with which result. It never holds a PIN, a password or a private key."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from certlogin.records.unit import UnitId


@dataclass(frozen=True, slots=True)
class AuditEvent:
    at: datetime
    #: What happened: `login_admitted`, `login_held`, `proof_refused`, `certificate_issued`, …
    kind: str
    #: `ok`, or the code of the error that refused.
    code: str
    unit_id: UnitId | None = None
    #: The attempt's public id.
    attempt: str | None = None
    #: The client's network address as the middleware saw it.
    address: str | None = None
    #: The id shown to the user, to read out to the hotline.
    support_id: str | None = None
    facts: Mapping[str, object] = field(default_factory=dict)

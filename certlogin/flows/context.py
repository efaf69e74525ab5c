"""What every conductor needs: settings, stores, trust, and the only clock and the only randomness."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from certlogin.ca.base import CertificateAuthority
from certlogin.flows.trust import TrustSource
from certlogin.login.keys import Keyring, Use
from certlogin.login.rules import Requirement
from certlogin.records.unit import Unit, UnitDirectory
from certlogin.settings.model import Settings
from certlogin.stores.base import DurableStore, VolatileStore
from certlogin.wire.b64 import encode

if TYPE_CHECKING:
    from certlogin.fetch.refresher import Refresher

#: A host's own word on who needs a certificate; its reason is the requirement's `rule`.
RequirementOf = Callable[[Unit, datetime], Requirement | None]


@dataclass(frozen=True, slots=True)
class Context:
    settings: Settings
    units: UnitDirectory
    volatile: VolatileStore
    durable: DurableStore
    trust: TrustSource
    #: None: this site issues no certificates.
    ca: CertificateAuthority | None
    #: Aware, UTC.
    clock: Callable[[], datetime]
    #: `random(n)` gives n octets fit for keys.
    random: Callable[[int], bytes]
    keys: Keyring
    #: None: the rules' tags decide.
    requirement: RequirementOf | None = None
    #: Who fetches revocation in the background; None: the settings name nothing to fetch.
    revocation: "Refresher | None" = None

    def token(self, octets: int) -> str:
        """Random octets as base64url."""
        return encode(self.random(octets))

    def ticket_keys(self) -> tuple[bytes, ...]:
        return self.keys.keys(Use.TICKET)

    def rules_digest(self) -> str:
        """Changes whenever a rule does; tickets carry it so that a log shows under which rules they were given."""
        return encode(hashlib.sha256(repr(self.settings.rules).encode()).digest()[:9])

"""The newest complete list of one scope together with the newest delta to it (RFC 5280 5.2.4).

It decides what the two say of one serial number, and for how long. It must not know who issued them.
"""

from dataclasses import dataclass
from datetime import datetime

from certlogin.pki.crl import RevocationList
from certlogin.pki.scope import Scope


@dataclass(frozen=True, slots=True)
class Voice:
    """What an issuer says of a part of its certificates. At least one of the two lists is there."""

    scope: Scope
    complete: RevocationList | None = None
    delta: RevocationList | None = None

    def revoked_at(self, serial: int) -> datetime | None:
        """However old the lists are. A delta revokes without a list that it fits to, but takes nothing back."""
        if self.delta is not None and self._has_later_delta():
            if serial in self.delta.revoked:
                return self.delta.revoked[serial]
            if self._takes_back(serial):
                return None
        if self.complete is not None and serial in self.complete.revoked:
            return self.complete.revoked[serial]
        return None

    def window(self, serial: int, now: datetime) -> tuple[datetime, datetime] | None:
        """From when until when its silence on a number means that it is not revoked; None: a delta alone is there."""
        if self.complete is None:
            return None
        if self.delta is None or not self._fits():
            return self.complete.this_update, self.complete.next_update
        if self._takes_back(serial):
            return self.delta.this_update, self.delta.next_update
        if now < self.delta.this_update:
            return self.complete.this_update, self.complete.next_update
        # A delta makes an old list current (RFC 5280 6.3.3 a i); one that is itself late takes nothing from it.
        return self.delta.this_update, max(self.complete.next_update, self.delta.next_update)

    def _has_later_delta(self) -> bool:
        return self.delta is not None and (self.complete is None or self.complete.number < self.delta.number)

    def _fits(self) -> bool:
        """RFC 5280 5.2.4 c and d: the complete list is no older than the delta's base, and older than the delta."""
        if self.complete is None or self.delta is None or self.delta.base is None:
            return False
        return self.delta.base <= self.complete.number < self.delta.number

    def _takes_back(self, serial: int) -> bool:
        return self.delta is not None and self._fits() and serial in self.delta.removed

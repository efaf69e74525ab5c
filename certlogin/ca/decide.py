"""Whether a unit gets a certificate: facts and the time in, one of three answers out. Does no I/O.

The CA decides it by its own list and its own books; what the site thinks of the unit counts for nothing (S12, S28).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from certlogin.ca.base import RequestRefused
from certlogin.ca.database import IssuedRow
from certlogin.ca.entitlements import Entitlement
from certlogin.pki.identity import same_unit_code
from certlogin.records.unit import Unit

#: The reasons of `RequestRefused`. They reach the site's log and are stable.
NOT_ENTITLED: Final = "unit_not_entitled"
OTHER_CODE: Final = "unit_code_differs"
WINDOW_CLOSED: Final = "window_closed"
KEY_OF_ANOTHER_UNIT: Final = "key_of_another_unit"
KEY_REVOKED: Final = "key_revoked"
KEY_EXPIRED: Final = "key_expired"
ALREADY_ISSUED: Final = "already_issued"
NO_REISSUE: Final = "reissue_not_allowed"


def check_entitled(unit: Unit, listed: Entitlement | None) -> Entitlement:
    """The unit's line in our list. Raises RequestRefused."""
    if listed is None:
        raise RequestRefused(NOT_ENTITLED)
    # The site would not accept the certificate, and the unit's only one would be spent.
    if not same_unit_code(listed.code, unit.code):
        raise RequestRefused(OTHER_CODE)
    return listed


def check_again(listed: Entitlement, same_key: IssuedRow, now: datetime) -> IssuedRow:
    """The certificate that was issued for this key, to be handed out once more. Raises RequestRefused."""
    if same_key.unit_id != listed.unit_id:
        raise RequestRefused(KEY_OF_ANOTHER_UNIT)
    if same_key.revoked_at is not None:
        raise RequestRefused(KEY_REVOKED)
    if same_key.not_after < now:
        raise RequestRefused(KEY_EXPIRED)
    return same_key


def check_new(listed: Entitlement, held: Sequence[IssuedRow], now: datetime) -> None:
    """Return only if the unit may get one more certificate. `held`: all that it ever got. Raises RequestRefused."""
    if not held and not listed.is_open(now):
        raise RequestRefused(WINDOW_CLOSED)
    if any(row.revoked_at is None and now <= row.not_after for row in held):
        raise RequestRefused(ALREADY_ISSUED)
    # Each permission is good once: the first certificate needs none, every other one has used one up.
    if len(held) > sum(row.reissue for row in held):
        raise RequestRefused(NO_REISSUE)

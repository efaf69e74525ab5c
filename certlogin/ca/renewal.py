"""Keeps the revocation list fresh while the CA serves: a list that ends locks every unit out."""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Final

from certlogin.errors import CertloginError

_log = logging.getLogger(__name__)

#: Seconds. A wait is never longer, because the clock may be set, nor shorter.
LONGEST: Final = 600.0
SHORTEST: Final = 1.0
#: After a failure, such as a full disk.
AGAIN: Final = 60.0


def keep_fresh(refresh: Callable[[], datetime], clock: Callable[[], datetime], wait: Callable[[float], bool]) -> None:
    """Call `refresh`, which says when it is due next, until `wait(seconds)` is true (`threading.Event.wait`)."""
    while not wait(_seconds(refresh, clock)):
        pass


def _seconds(refresh: Callable[[], datetime], clock: Callable[[], datetime]) -> float:
    try:
        due = refresh()
    except CertloginError:
        _log.exception("the revocation list cannot be renewed; trying again")
        return AGAIN
    return min(max((due - clock()).total_seconds(), SHORTEST), LONGEST)

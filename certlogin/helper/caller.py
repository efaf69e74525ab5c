"""Who calls: the page of an origin, over one connection."""

from collections.abc import Callable
from dataclasses import dataclass

from certlogin.helper.origins import Origin


@dataclass(slots=True)
class Caller:
    origin: Origin
    #: True when it hung up.
    gone: Callable[[], bool]
    #: The certificate the call is about (SHA-256), once it is known: for the log.
    certificate_sha256: str = ""

"""Which versions of certlogin's own helper may take part."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

Version = tuple[int, int, int, int]


class HelperSystem(StrEnum):
    """Operating systems as a helper names them."""

    WINDOWS = "windows"
    LINUX = "linux"


@dataclass(frozen=True, slots=True)
class BlockedBuild:
    """A version that must not be used, on no system: who signs does not say on which."""

    version: Version
    #: What is wrong with it; the user reads it.
    reason: str
    #: Aware; None: from ever.
    from_: datetime | None = None


@dataclass(frozen=True, slots=True)
class SystemRule:
    """What holds on one system instead; what is None stays as in `[rules.helper]`."""

    os: HelperSystem
    minimum: Version | None = None
    recommended: Version | None = None
    from_: datetime | None = None


@dataclass(frozen=True, slots=True)
class HelperRule:
    """Compared as numbers, part by part: 1.10.0.0 is newer than 1.9.0.0."""

    minimum: Version = (0, 0, 0, 0)
    #: An older one is told so and works.
    recommended: Version = (0, 0, 0, 0)
    #: When `minimum` begins to hold; before, it is recommended. None: from ever.
    from_: datetime | None = None
    blocked: tuple[BlockedBuild, ...] = ()
    systems: tuple[SystemRule, ...] = ()

"""What a page reports of the local helper. A claim: it chooses the page shown, never the admission (S14)."""

from dataclasses import dataclass
from enum import StrEnum


class HelperState(StrEnum):
    """What the page found; the names are the codes of the table in the helper protocol."""

    READY = "ready"
    NOT_RUNNING = "helper_not_running"
    BROWSER_BLOCKED = "browser_blocked"
    PROMPT_DISMISSED = "prompt_dismissed"
    ORIGIN_REFUSED = "origin_refused"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class HelperReport:
    state: HelperState
    #: Four parts, such as (1, 5, 1, 0); None unless `state` is READY.
    version: tuple[int, int, int, int] | None = None
    os: str = ""
    arch: str = ""

"""How strictly a rule is meant."""

from enum import StrEnum


class Stage(StrEnum):
    #: Decide and log, change nothing.
    REPORT = "report"
    #: The user may go on without.
    ADVISE = "advise"
    ENFORCE = "enforce"

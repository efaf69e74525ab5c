"""The error root, its branches, and how an error is written down.

    CertloginError
    ├── ConfigurationError      the settings are wrong; the start is refused
    ├── HostMistake             the host called us wrongly; 500, and the developer reads why
    ├── Refusal                 this request is refused; the user reads what to do next
    └── Unavailable             we cannot decide now; 503, never the host

Leaves stand beside the room that raises them. Each is a dataclass: its fields are the facts, `code` is stable and
`status` is an HTTP status. The text for the user is looked up by `code` in `locale/`; `str(error)` is for the log only
and never reaches a browser.
"""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import ClassVar


@dataclass(eq=False)
class CertloginError(Exception):
    """The root. Every leaf has its own `code`."""

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500

    def public_code(self) -> str:
        """What the user and the audit log read: the leaf's code, or the reason the policy gave."""
        return self.code

    def facts(self) -> dict[str, object]:
        """The leaf's fields by name, for the audit log and for the placeholders of the user's text."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def __str__(self) -> str:
        """One line for the log: the code, then each fact."""
        facts = ", ".join(f"{name}={_plain(value)}" for name, value in self.facts().items())
        return f"{self.code}: {facts}" if facts else self.code


@dataclass(eq=False)
class ConfigurationError(CertloginError):
    """The start is refused. One line per mistake."""

    code: ClassVar[str] = "configuration_error"
    problems: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join(f"{self.code}: {problem}" for problem in self.problems)


@dataclass(eq=False)
class HostMistake(CertloginError):
    """The host application used certlogin wrongly."""

    code: ClassVar[str] = "host_mistake"


@dataclass(eq=False)
class Refusal(CertloginError):
    """The request is refused. Raised, never returned as False."""

    code: ClassVar[str] = "refused"
    status: ClassVar[int] = 403


@dataclass(eq=False)
class Unavailable(CertloginError):
    """certlogin cannot decide now: a store, directory, CA or trust source does not answer."""

    code: ClassVar[str] = "unavailable"
    status: ClassVar[int] = 503
    what: str


def leaves(root: type[CertloginError] = CertloginError) -> list[type[CertloginError]]:
    """Every error class below `root`, itself included, in definition order."""
    found = [root]
    for child in root.__subclasses__():
        found.extend(leaves(child))
    return found


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    return repr(str(value)) if isinstance(value, str) else str(value)

"""The protocol of a walk: each step has an ID, holds or fails, and every ID must have been walked."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic

#: Every behaviour that the walk has to show.
IDS = ("A1", "A2", "A3", "A4", "A5", "A10", "A11", "B1", "B2", "B3", "B7", "B9", "B10", "C1", "C2", "C5")


class StepFailed(Exception):
    """A step did not hold; the message says what was expected."""


def expect(holds: object, what: str) -> None:
    if not holds:
        raise StepFailed(f"expected: {what}")


@dataclass(slots=True)
class Steps:
    say: Callable[[str], None]
    held: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    @contextmanager
    def step(self, identity: str, what: str) -> Iterator[None]:
        """One line, once the step held. A step that fails ends its journey."""
        begun = monotonic()
        try:
            yield
        except Exception as reason:
            self.failed.append(identity)
            self.say(f"FAILED  {identity:<4} {what}\n        {type(reason).__name__}: {reason}")
            raise
        self.held.append(identity)
        self.say(f"ok      {identity:<4} {what}  ({monotonic() - begun:.2f} s)")

    def missing(self) -> list[str]:
        """IDs that no step has shown."""
        return [identity for identity in IDS if identity not in self.held]

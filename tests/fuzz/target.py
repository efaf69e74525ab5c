"""A parser as both fuzzers see it: octets in; read, refused in our own words, or a broken promise."""

from collections.abc import Callable
from dataclasses import dataclass

from certlogin.errors import CertloginError


@dataclass(frozen=True)
class Target:
    name: str
    #: Reads octets, or raises. What it reads wrongly it must say by AssertionError.
    read: Callable[[bytes], object]
    #: Octets that are read: where the mutations start.
    seeds: tuple[bytes, ...]
    #: Beside our own tree: what a room promises in its docstring.
    refusals: tuple[type[Exception], ...] = ()

    def run(self, data: bytes) -> bool:
        """Whether it was read. Whatever else than a refusal is raised goes through: the fuzzer has found something."""
        try:
            self.read(data)
        except CertloginError:
            return False
        except self.refusals:
            return False
        return True


def only(read: Callable[[str], object], *good: str) -> Callable[[bytes], None]:
    """A reader of what our key has signed: nothing but these texts is ever read."""

    def reader(data: bytes) -> None:
        # Servers give header octets as Latin-1.
        text = data.decode("latin-1")
        if read(text) is not None:
            assert text in good, f"accepted: {text!r}"

    return reader

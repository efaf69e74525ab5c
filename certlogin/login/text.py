"""The text that a vendor's helper shows and signs: the facts of one login, built by the server and by nobody else.

PURE. It decides which octets are signed: a constant first line, then `name: value` lines, UTF-8, LF between them and
none at the end. The server builds them from its own facts when it offers a challenge and once more when the proof
arrives; what a client sends of them is never read. The name of the unit is left out: where the facts are ASCII, a
helper that signs in GB 18030 signs the same octets.
"""

from dataclasses import dataclass
from typing import ClassVar, Final

from certlogin.errors import Refusal
from certlogin.login.challenge import Binding

#: It begins neither DER, nor a native payload's prefix, nor two hashes of Web eID.
FIRST_LINE: Final = "certlogin: log in with this certificate (text 1)"


@dataclass(eq=False)
class UnfitForText(Refusal):
    """A fact could be read as another line, or cannot be seen: `member` names it."""

    code: ClassVar[str] = "unfit_for_text"
    member: str


def login_text(binding: Binding, challenge: str) -> bytes:
    """Exactly what is to be signed for this challenge. Raises UnfitForText."""
    facts = {
        "purpose": binding.purpose.value,
        "origin": binding.origin,
        "unit": binding.unit,
        "challenge": challenge,
    }
    for member, value in facts.items():
        # No line ends, no controls, nothing that turns the direction of writing, no lone surrogates; not empty.
        if not value or not value.isprintable():
            raise UnfitForText(member)
    return "\n".join((FIRST_LINE, *(f"{name}: {value}" for name, value in facts.items()))).encode()

"""The one way in which a message can be malformed. PURE: says which rule was broken, knows no message."""

from dataclasses import dataclass
from typing import ClassVar

from certlogin.errors import Refusal


@dataclass(eq=False)
class BadRequest(Refusal):
    """The message breaks a rule of the wire. The offending value is never kept: it may be a secret."""

    code: ClassVar[str] = "bad_request"
    status: ClassVar[int] = 400
    #: Which rule, as a stable word: `too_long`, `not_json`, `unknown_member`, …
    reason: str
    #: The member it happened in; empty when it is the message as a whole.
    member: str = ""

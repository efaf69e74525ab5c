"""An agreement on its way: what the page asks the helper to show, and what the helper has signed afterwards.

PURE. It decides which members both have. The page sends the text and never its hash: what is signed is the hash of what
was shown. Whether it is the right text is the server's to say (`login/agreement.py`).
"""

from dataclasses import dataclass, field
from typing import ClassVar, Final

from certlogin.wire.json import BadRequest, JsonObject, exact_members, matching, text, text_list
from certlogin.wire.payload import SHA256_HEX, VISIBLE_ASCII, Purpose, SignedPayload
from certlogin.wire.plain_text import plain_text

#: The largest request body in bytes: a whole agreement with a filled form.
AGREE_BODY_LIMIT: Final = 128 * 1024
#: Of a version: it stands in a line of a window.
VERSION: Final = r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}"


@dataclass(frozen=True, slots=True)
class AgreeRequest:
    unit: str
    unit_name: str
    #: The server's challenge text.
    nonce: str
    algorithms: tuple[str, ...]
    sid: str
    certificate_sha256: str
    #: Everything that the user agrees to, as `check_plain_text` has it.
    text: str = field(repr=False)
    text_version: str

    def to_object(self) -> JsonObject:
        return {
            "unit": self.unit,
            "unit_name": self.unit_name,
            "nonce": self.nonce,
            "algorithms": list(self.algorithms),
            "sid": self.sid,
            "certificate_sha256": self.certificate_sha256,
            "text": self.text,
            "text_version": self.text_version,
        }

    @classmethod
    def parse(cls, value: JsonObject) -> "AgreeRequest":
        """Raises BadRequest."""
        exact_members(
            value,
            ("unit", "unit_name", "nonce", "algorithms", "sid", "certificate_sha256", "text", "text_version"),
        )
        return cls(
            unit=text(value, "unit", 256),
            unit_name=text(value, "unit_name", 256, empty=True),
            nonce=matching(value, "nonce", VISIBLE_ASCII),
            algorithms=text_list(value, "algorithms", 8, 16),
            sid=matching(value, "sid", VISIBLE_ASCII),
            certificate_sha256=matching(value, "certificate_sha256", SHA256_HEX),
            text=plain_text(value, "text"),
            text_version=matching(value, "text_version", VERSION),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementPayload(SignedPayload):
    """The facts of one signed agreement."""

    MEMBERS: ClassVar[tuple[str, ...]] = (*SignedPayload.MEMBERS, "text_sha256", "text_version")

    purpose: Purpose = Purpose.AGREE
    #: SHA-256 of the text in UTF-8, lower-case hex; computed by the helper from what it has shown.
    text_sha256: str
    text_version: str

    @classmethod
    def _purpose(cls, name: str) -> Purpose:
        if name != Purpose.AGREE:
            raise BadRequest("not_allowed", "purpose")
        return Purpose.AGREE

    @classmethod
    def _more(cls, value: JsonObject) -> dict[str, str]:
        return {
            "text_sha256": matching(value, "text_sha256", SHA256_HEX),
            "text_version": matching(value, "text_version", VERSION),
        }

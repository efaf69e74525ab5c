"""What a text must be so that every window shows all of what is signed, and nothing else.

PURE. It decides which characters an agreement may have and how long it may be; the site that writes it and the helper
that shows it ask the same function. What one machine shows and another hides, what changes the order of reading, what
lies on top of its neighbour and what has two spellings is refused: the reader must have seen each character.
"""

import unicodedata
from typing import Final

from certlogin.wire.json import BadRequest, JsonObject

#: Octets of the text as it stands in a message, without its quotation marks. What remains of the body's 128 KiB is
#: room for the longest facts beside it.
TEXT_LIMIT: Final = 120 * 1024

#: Formats (also all marks of direction, and what has no width), private characters, those of no known meaning, and
#: marks that are drawn over others.
_HIDDEN: Final = frozenset({"Cf", "Co", "Cs", "Cn", "Mn", "Me"})
#: Letters of Hangul that are drawn as nothing (Default_Ignorable_Code_Point, Unicode 4.1, 5.21).
_FILLERS: Final = frozenset("\u115f\u1160\u3164\uffa0")
_SEPARATORS: Final = frozenset({"Cc", "Zl", "Zp"})
#: Read from right to left: numbers and signs beside them change places (UAX #9).
_RIGHT_TO_LEFT: Final = frozenset({"R", "AL", "AN"})
#: Planes 2 and 3 are for ideographs alone (Unicode 2.8): a name may have one that is younger than this Python.
_IDEOGRAPHS: Final = (range(0x20000, 0x2FFFE), range(0x30000, 0x3FFFE))
_ESCAPED: Final = ("\n", '"', "\\")


def check_plain_text(text: str, member: str = "text") -> None:
    """Raises BadRequest: `empty`, `too_long`, `control_character`, `hidden_character`, `right_to_left`, `not_normal`.

    No character may hide, move or cover another, and none has a second spelling.
    """
    if not text.strip():
        raise BadRequest("empty", member)
    # Before anything that takes time by its length.
    if len(text) > TEXT_LIMIT:
        raise BadRequest("too_long", member)
    for character in dict.fromkeys(text):
        _check_character(character, member)
    if not unicodedata.is_normalized("NFC", text):
        raise BadRequest("not_normal", member)
    if len(text.encode("utf-8")) + sum(text.count(one) for one in _ESCAPED) > TEXT_LIMIT:
        raise BadRequest("too_long", member)


def plain_text(value: JsonObject, member: str) -> str:
    """That member of a message. Raises BadRequest."""
    found = value.get(member)
    if not isinstance(found, str):
        raise BadRequest("not_text", member)
    check_plain_text(found, member)
    return found


def _check_character(character: str, member: str) -> None:
    category = unicodedata.category(character)
    if character != "\n" and category in _SEPARATORS:
        raise BadRequest("control_character", member)
    if character in _FILLERS or (category in _HIDDEN and not _is_young_ideograph(character, category)):
        raise BadRequest("hidden_character", member)
    if unicodedata.bidirectional(character) in _RIGHT_TO_LEFT:
        raise BadRequest("right_to_left", member)


def _is_young_ideograph(character: str, category: str) -> bool:
    return category == "Cn" and any(ord(character) in plane for plane in _IDEOGRAPHS)

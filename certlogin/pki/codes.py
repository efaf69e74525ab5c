"""Unit codes: 统一社会信用代码 (GB 32100-2015, 18 characters) and 组织机构代码 (GB 11714, 9 characters).

It decides how a code is written down and whether its check characters are right. It must not know certificates.
"""

from dataclasses import dataclass
from typing import ClassVar, Final

from certlogin.errors import Refusal
from certlogin.records.identity_tables import Strictness

#: GB 32100 4.1: no I, O, S, V, Z.
USCC_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
USCC_LENGTH: Final = 18
ORGANISATION_LENGTH: Final = 9
#: Where the 主体标识码, which is the unit's organisation code, lies inside the USCC.
ORGANISATION_PART: Final = slice(8, 17)

_ORGANISATION_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_ORGANISATION_WEIGHTS: Final = (3, 7, 9, 10, 5, 8, 4, 2)
#: Full-width forms lie at one distance from ASCII; only ASCII letters are raised, because `str.upper` may change how
#: many characters there are and make two codes equal that are not.
_TO_PLAIN: Final = (
    {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
    | {code: code - 0xFEE0 - 0x20 for code in range(0xFF41, 0xFF5B)}
    | {code: code - 0x20 for code in range(ord("a"), ord("z") + 1)}
)


@dataclass(eq=False)
class UnitCodeInvalid(Refusal):
    """Neither an organisation code nor a USCC; `problem` is `length`, `alphabet` or `check`."""

    code: ClassVar[str] = "unit_code_invalid"
    status: ClassVar[int] = 400
    problem: str


def normalise_code(text: str) -> str:
    """How codes are compared and kept: half-width, upper case, without `-` and outer blanks."""
    return text.translate(_TO_PLAIN).replace("-", "").strip()


def check_code(text: str, strictness: Strictness = Strictness.STRICT) -> str:
    """The normalised code. Raises UnitCodeInvalid."""
    code = normalise_code(text)
    if strictness is Strictness.ANY:
        return code
    if len(code) == USCC_LENGTH:
        alphabet, is_right = USCC_ALPHABET, has_uscc_check
    elif len(code) == ORGANISATION_LENGTH:
        alphabet, is_right = _ORGANISATION_ALPHABET, has_organisation_check
    else:
        raise UnitCodeInvalid("length")
    if not set(code) <= set(alphabet):
        raise UnitCodeInvalid("alphabet")
    if strictness is Strictness.STRICT and not is_right(code):
        raise UnitCodeInvalid("check")
    return code


def has_uscc_check(code: str) -> bool:
    """GB 32100 4.5: whether a normalised code is a USCC with the right last character."""
    values = [USCC_ALPHABET.find(character) for character in code]
    if len(values) != USCC_LENGTH or -1 in values:
        return False
    total = sum(value * pow(3, place, 31) for place, value in enumerate(values[:-1]))
    return values[-1] == -total % 31


def has_organisation_check(code: str) -> bool:
    """GB 11714 4.3: whether a normalised code is an organisation code with the right last character."""
    values = [_ORGANISATION_ALPHABET.find(character) for character in code]
    if len(values) != ORGANISATION_LENGTH or -1 in values:
        return False
    total = sum(weight * value for weight, value in zip(_ORGANISATION_WEIGHTS, values[:-1], strict=True))
    return code[-1] == "0123456789X"[-total % 11]

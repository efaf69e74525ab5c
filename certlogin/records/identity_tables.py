"""Where issuers put the unit code and the 证书唯一码: shipped tables, as data, and how one entry is written.

An entry is an object identifier, or `OID PATTERN`: the extension speaks of a unit only where its text has the pattern,
with the code in the place of `*`. Patterns are for unit codes only. A unique id is taken as it is written: a stripped
prefix would make two ids equal (S27).

What is marked [M] or [L] rests on samples and lists of others, not on a standard: another table is a setting away.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

_ENTRY: Final = re.compile(r"(?P<oid>[0-9.]+)(?: (?P<before>[!-)+-~]*)\*(?P<after>[!-)+-~]*))?", re.ASCII)


class Strictness(StrEnum):
    """What a unit code must look like to be one."""

    #: Length, alphabet and check characters.
    STRICT = "strict"
    #: Length and alphabet: temporary codes with odd check characters exist.
    LENIENT = "lenient"
    #: Any text: units that have no code of the standards, at hosts that know them by another one.
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Source:
    """One extension that may hold a unit code, between `before` and `after`."""

    oid: str
    before: str = ""
    after: str = ""

    @property
    def is_pattern(self) -> bool:
        return bool(self.before or self.after)

    def code_in(self, text: str) -> str | None:
        """What stands in the place of `*`; None: this text speaks of something else (`SF…` of a person)."""
        has_room = len(text) > len(self.before) + len(self.after)
        if not (has_room and text.startswith(self.before) and text.endswith(self.after)):
            return None
        return text[len(self.before) : len(text) - len(self.after)]


@dataclass(frozen=True, slots=True)
class IdentityTable:
    """Entries in the order in which they are tried."""

    unit_code: tuple[str, ...]
    unique_id: tuple[str, ...] = ()


def read_source(entry: str) -> Source:
    """Raises ValueError: not `OID` or `OID PATTERN` with one `*`. Whether the OID is one is not judged here."""
    found = _ENTRY.fullmatch(entry)
    if found is None:
        raise ValueError("must be an object identifier, or one and a pattern with one '*'")
    return Source(found["oid"], found["before"] or "", found["after"] or "")


#: GM/T 0015-2012, GB/T 20518: 企业组织机构代码; in practice also the USCC.
_ORGANISATION: Final = "1.2.156.10260.4.1.4"
#: Extensions of several CAs' RSA certificates before the national ones: 组织机构代码 or USCC.
_OLD_ORGANISATION: Final = "1.2.86.11.7.1.4"

#: The default of the settings.
STANDARD: Final = "gbt-20518"

TABLES: Final[Mapping[str, IdentityTable]] = MappingProxyType(
    {
        STANDARD: IdentityTable(unit_code=(_ORGANISATION,)),
        # `JJ` + organisation code, `SF` + 身份证 of a person; .24 is `1@5009JJ0` + organisation code, where `1@` is the
        # number of the key within the unit [M].
        "bjca-sm2": IdentityTable(
            unit_code=(
                _ORGANISATION,
                "1.2.156.112562.2.1.1.1 JJ*",
                "1.2.156.112562.2.1.1.4 JJ*",
                "1.2.156.112562.2.1.2.2 JJ*",
            ),
            unique_id=("1.2.156.112562.2.1.1.24", "1.2.156.112562.2.1.1.1"),
        ),
        # 2.16.840.1.113732.2: unique id; 1.2.86.11.7.1.8: entity id.
        "bjca-rsa": IdentityTable(
            unit_code=(_ORGANISATION, _OLD_ORGANISATION, "1.2.86.11.7.1.8 JJ*"),
            unique_id=("2.16.840.1.113732.2", "1.2.86.11.7.1.8"),
        ),
        # IdentifyCode ending in `N`: an organisation code [M]. The common name is never read.
        "cfca": IdentityTable(unit_code=(_ORGANISATION, "1.2.156.10260.4.1.1 *N")),
        "sheca": IdentityTable(
            unit_code=(_ORGANISATION, "1.2.156.1.8888.148"),
            unique_id=("1.2.156.112570.11.205",),
        ),
        "szca": IdentityTable(
            unit_code=(_ORGANISATION, _OLD_ORGANISATION),
            unique_id=("1.2.86.11.7.7550201",),
        ),
    }
)

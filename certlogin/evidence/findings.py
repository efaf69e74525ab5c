"""What a verification may find, by stable codes. PURE.

A report is no yes or no: an erased body and a chain without an outside checkpoint are no forgeries, and are said.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from certlogin.evidence.chain import Head


class Code(StrEnum):
    # The chain.
    UNREADABLE = "unreadable"
    CHANGED = "changed"
    MISSING = "missing"
    OUT_OF_ORDER = "out_of_order"
    CHAIN_BROKEN = "chain_broken"
    # One record.
    BODY_CHANGED = "body_changed"
    TEXT_MISMATCH = "text_mismatch"
    PAYLOAD_MISMATCH = "payload_mismatch"
    CERTIFICATE_SWAPPED = "certificate_swapped"
    CERTIFICATE_UNUSABLE = "certificate_unusable"
    SIGNATURE_INVALID = "signature_invalid"
    SIGNATURE_UNCHECKED = "signature_unchecked"
    NOT_TRUSTED = "not_trusted"
    # Checkpoints.
    CHECKPOINT_INVALID = "checkpoint_invalid"
    CHECKPOINT_MISMATCH = "checkpoint_mismatch"
    TRUNCATED = "truncated"
    WRONG_TIME = "wrong_time"
    ANCHOR_MISSING = "anchor_missing"
    # Nothing wrong, and to be known.
    REDACTED = "redacted"
    WEAK = "weak"
    CHECKPOINT_UNKNOWN_KEY = "checkpoint_unknown_key"
    UNANCHORED = "unanchored"
    TAIL_OPEN = "tail_open"


NOTES: Final = frozenset({Code.REDACTED, Code.WEAK, Code.CHECKPOINT_UNKNOWN_KEY, Code.UNANCHORED, Code.TAIL_OPEN})


@dataclass(frozen=True, slots=True)
class Finding:
    code: Code
    #: Which record or checkpoint; None: it is about the whole, or nobody can tell.
    seq: int | None = None
    #: For a reader, in English: a line's number, a member, what was refused.
    detail: str = ""

    @property
    def is_note(self) -> bool:
        return self.code in NOTES


@dataclass(frozen=True, slots=True)
class Report:
    findings: tuple[Finding, ...]
    #: How many records were read.
    records: int
    head: Head
    #: The last record that a checkpoint of a given key covers; 0: none.
    anchored: int

    @property
    def is_sound(self) -> bool:
        """Whether there are notes at most."""
        return all(finding.is_note for finding in self.findings)

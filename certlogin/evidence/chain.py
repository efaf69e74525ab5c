"""Records chained by hash: each names the one before, so none can be taken out, put in or moved unseen.

PURE. It decides what the hash of an entry is and how an entry is written, with and without its body. Who rewrites every
entry from some place on is found by a checkpoint only.
"""

from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from certlogin.evidence.record import LINE_MAX, Body, EvidenceRecord, canonical
from certlogin.wire.json import BadRequest, JsonObject, exact_members, integer, matching, read_object
from certlogin.wire.payload import SHA256_HEX

#: What the first entry names.
GENESIS: Final = "0" * 64
_ENTRY: Final = b"CERTLOGIN-EVIDENCE-V1\x00"
_DEPTH: Final = 3


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain; of an empty one by default."""

    seq: int = 0
    hash: str = GENESIS


@dataclass(frozen=True, slots=True)
class Entry:
    """A record at its place in the chain."""

    #: 1, 2, 3, …
    seq: int
    #: Hash of the entry before.
    previous: str
    record: EvidenceRecord

    @property
    def hash(self) -> str:
        return sha256(_ENTRY + self.to_bytes()).hexdigest()

    @property
    def head(self) -> Head:
        return Head(self.seq, self.hash)

    def to_json(self) -> JsonObject:
        return {**self.record.to_json(), "previous": self.previous, "seq": self.seq, "v": 1}

    def to_bytes(self) -> bytes:
        """What is hashed, and what a store keeps."""
        return canonical(self.to_json())

    @classmethod
    def from_bytes(cls, data: bytes) -> "Entry":
        """Raises BadRequest."""
        value = read_object(data, LINE_MAX, _DEPTH)
        exact_members(value, (*EvidenceRecord.MEMBERS, "previous", "seq", "v"))
        entry = _entry_of(value)
        check_canonical(entry.to_bytes(), data)
        return entry


@dataclass(frozen=True, slots=True)
class Line:
    """One record of an export."""

    entry: Entry
    #: The hash that the export names.
    hash: str
    #: None: it was erased.
    body: Body | None = field(repr=False)

    def to_bytes(self) -> bytes:
        """Without a line feed, which JSON escapes."""
        body = None if self.body is None else self.body.to_json()
        return canonical({**self.entry.to_json(), "body": body, "hash": self.hash, "kind": "record"})

    @classmethod
    def from_json(cls, value: JsonObject, data: bytes) -> "Line":
        """Of the object that `data` is. Raises BadRequest."""
        exact_members(value, (*EvidenceRecord.MEMBERS, "previous", "seq", "v", "body", "hash", "kind"))
        body = value["body"]
        if body is not None and not isinstance(body, dict):
            raise BadRequest("not_an_object", "body")
        line = cls(
            entry=_entry_of(value),
            hash=matching(value, "hash", SHA256_HEX),
            body=None if body is None else Body.from_json(body),
        )
        check_canonical(line.to_bytes(), data)
        return line


def append(head: Head, record: EvidenceRecord) -> Entry:
    """The entry that comes next. Raises BadRequest: nothing is kept that could not be read again."""
    return Entry.from_bytes(Entry(head.seq + 1, head.hash, record).to_bytes())


def line_of(entry: Entry, body: Body | None) -> Line:
    return Line(entry, entry.hash, body)


def read_line(data: bytes) -> JsonObject:
    """Raises BadRequest."""
    return read_object(data, LINE_MAX, _DEPTH)


def _entry_of(value: JsonObject) -> Entry:
    integer(value, "v", 1, 1)
    return Entry(integer(value, "seq", 1), matching(value, "previous", SHA256_HEX), EvidenceRecord.from_json(value))


def check_canonical(written: bytes, data: bytes) -> None:
    """Two texts of one record would let one of them be changed unseen. Raises BadRequest."""
    if written != data:
        raise BadRequest("not_canonical")

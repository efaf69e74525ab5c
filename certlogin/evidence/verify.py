"""Verifies an export with nothing but the trust anchors and, where they are given, the public keys of checkpoints.

PURE. It reads line by line and stops at nothing: what is found is listed. An attacker who can write the database or the
export is found where he leaves a hash, a user's signature or a checkpoint that does not fit; he can always leave out
what came after the last checkpoint, and the report says so.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Final

from certlogin.evidence.chain import Head, Line, read_line
from certlogin.evidence.checkpoint import Checkpoint, CheckpointInvalid, PublicKey, key_id_of, verify_checkpoint
from certlogin.evidence.contents import SignatureCheck, judge_line, native_signature
from certlogin.evidence.findings import Code, Finding, Report
from certlogin.pki.path import Trust
from certlogin.wire.json import BadRequest

#: How far the clocks of those who write records and sign checkpoints may be apart.
CLOCKS_APART: Final = timedelta(minutes=5)


@dataclass(slots=True)
class _Reading:
    """How far the chain was followed."""

    head: Head = field(default_factory=Head)
    #: Each record's hash as its contents give it.
    hashes: dict[int, str] = field(default_factory=lambda: {0: Head().hash})
    #: When each was accepted, by its own word.
    times: dict[int, datetime] = field(default_factory=dict)
    checkpoints: list[Checkpoint] = field(default_factory=list)
    records: int = 0


def verify(
    lines: Iterable[bytes],
    trust: Trust,
    keys: Sequence[PublicKey] = (),
    outside: Iterable[bytes] = (),
    check_signature: SignatureCheck = native_signature,
) -> Report:
    """`lines` of an export, without their line feeds; `outside`: checkpoints that were kept elsewhere.

    The anchors of `trust` are what is believed; its revocation is not asked.
    """
    reading = _Reading()
    findings: list[Finding] = []
    for number, data in enumerate(lines, 1):
        findings += _read(data, f"line {number}", reading, trust, check_signature)
    for number, data in enumerate(outside, 1):
        findings += _read_checkpoint(data, f"line {number} of the checkpoints", reading)
    return _report(reading, findings, keys)


def check_chain(lines: Iterable[Line], checkpoints: Iterable[Checkpoint], keys: Sequence[PublicKey]) -> Report:
    """The chain alone, without what the records say: for whoever is to sign its end."""
    reading = _Reading(checkpoints=list(checkpoints))
    findings = [finding for line in lines for finding in follow(line, reading)]
    return _report(reading, findings, keys)


def _report(reading: _Reading, findings: list[Finding], keys: Sequence[PublicKey]) -> Report:
    good, found = _judge_checkpoints(reading, keys)
    covering = [checkpoint for checkpoint in good if _covers(checkpoint, reading)]
    anchored = max(covering, key=lambda one: (one.head.seq, one.at), default=None)
    told = (*findings, *found, *_times(reading, good), *_ends(anchored, bool(keys)))
    return Report(told, reading.records, reading.head, 0 if anchored is None else anchored.head.seq)


def _read(
    data: bytes, place: str, reading: _Reading, trust: Trust, check_signature: SignatureCheck
) -> Iterator[Finding]:
    try:
        value = read_line(data)
        if value.get("kind") == "checkpoint":
            reading.checkpoints.append(Checkpoint.from_json(value, data))
            return
        line = Line.from_json(value, data)
    except BadRequest as problem:
        yield Finding(Code.UNREADABLE, None, _where(place, problem))
        return
    yield from follow(line, reading)
    yield from judge_line(line, trust, check_signature)


def _read_checkpoint(data: bytes, place: str, reading: _Reading) -> Iterator[Finding]:
    try:
        reading.checkpoints.append(Checkpoint.from_bytes(data))
    except BadRequest as problem:
        yield Finding(Code.UNREADABLE, None, _where(place, problem))


def _where(place: str, problem: BadRequest) -> str:
    return ": ".join(part for part in (place, problem.member, problem.reason) if part)


def follow(line: Line, reading: _Reading) -> Iterator[Finding]:
    """One step along the chain."""
    entry, last = line.entry, reading.head
    reading.records += 1
    if _is_changed(line):
        yield Finding(Code.CHANGED, entry.seq)
    if entry.seq <= last.seq:
        yield Finding(Code.OUT_OF_ORDER, entry.seq, f"after {last.seq}")
        return
    if entry.seq > last.seq + 1:
        yield Finding(Code.MISSING, entry.seq, f"{last.seq + 1} to {entry.seq - 1}")
    elif _is_torn(line, last):
        yield Finding(Code.CHAIN_BROKEN, entry.seq)
    reading.head = entry.head
    reading.hashes[entry.seq] = entry.hash
    reading.times[entry.seq] = entry.record.at


def _is_changed(line: Line) -> bool:
    return line.hash != line.entry.hash


def _is_torn(line: Line, last: Head) -> bool:
    return line.entry.previous != last.hash


def _judge_checkpoints(reading: _Reading, keys: Sequence[PublicKey]) -> tuple[list[Checkpoint], list[Finding]]:
    """Those that hold, and what is wrong with the others."""
    known = {key_id_of(key): key for key in keys}
    good: list[Checkpoint] = []
    findings: list[Finding] = []
    for checkpoint in dict.fromkeys(reading.checkpoints):
        code = _problem(checkpoint, known, reading)
        if code is None:
            good.append(checkpoint)
        else:
            findings.append(Finding(code, checkpoint.head.seq))
    return good, findings


def _covers(checkpoint: Checkpoint, reading: _Reading) -> bool:
    """One over an empty chain says something only while it is empty."""
    return checkpoint.head.seq > 0 or reading.records == 0


def _times(reading: _Reading, checkpoints: Iterable[Checkpoint]) -> Iterator[Finding]:
    """A record behind a checkpoint is no older than it, and one that it covers is no younger."""
    ordered = sorted(checkpoints, key=lambda one: one.head.seq)
    numbers = [one.head.seq for one in ordered]
    latest = list(accumulate((one.at for one in ordered), max))
    earliest = list(accumulate((one.at for one in reversed(ordered)), min))[::-1]
    for seq, at in reading.times.items():
        place = bisect_left(numbers, seq)
        if place > 0 and at < latest[place - 1] - CLOCKS_APART:
            yield Finding(Code.WRONG_TIME, seq, "earlier than a checkpoint before it")
        if place < len(earliest) and at > earliest[place] + CLOCKS_APART:
            yield Finding(Code.WRONG_TIME, seq, "later than a checkpoint over it")


def _problem(checkpoint: Checkpoint, known: dict[str, PublicKey], reading: _Reading) -> Code | None:
    key = known.get(checkpoint.key_id)
    if key is None:
        return Code.CHECKPOINT_UNKNOWN_KEY
    try:
        verify_checkpoint(checkpoint, key)
    except CheckpointInvalid:
        return Code.CHECKPOINT_INVALID
    if checkpoint.head.seq > reading.head.seq:
        return Code.TRUNCATED
    return None if reading.hashes.get(checkpoint.head.seq) == checkpoint.head.hash else Code.CHECKPOINT_MISMATCH


def _ends(anchored: Checkpoint | None, has_keys: bool) -> Iterator[Finding]:
    """What nothing from outside vouches for."""
    if anchored is None:
        yield Finding(Code.ANCHOR_MISSING if has_keys else Code.UNANCHORED)
        return
    yield Finding(Code.TAIL_OPEN, anchored.head.seq, anchored.at.isoformat())

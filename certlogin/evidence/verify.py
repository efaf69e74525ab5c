"""Verifies an export with nothing but the trust anchors and, where they are given, the public keys of checkpoints.

PURE. It reads line by line and stops at nothing: what is found is listed. An attacker who can write the database or the
export is found where he leaves a hash, a user's signature or a checkpoint that does not fit; he can always leave out
what came after the last checkpoint, and the report says so.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from certlogin.evidence.chain import Head, Line, read_line
from certlogin.evidence.checkpoint import Checkpoint, CheckpointInvalid, PublicKey, key_id_of, verify_checkpoint
from certlogin.evidence.contents import SignatureCheck, judge_line, native_signature
from certlogin.evidence.findings import Code, Finding, Report
from certlogin.pki.path import Trust
from certlogin.wire.json import BadRequest


@dataclass(slots=True)
class _Reading:
    """How far the chain was followed."""

    head: Head = field(default_factory=Head)
    #: Each record's hash as its contents give it.
    hashes: dict[int, str] = field(default_factory=lambda: {0: Head().hash})
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
    anchored, found = _judge_checkpoints(reading, keys)
    ends = _ends(anchored, reading, bool(keys))
    seq = 0 if anchored is None else anchored.head.seq
    return Report((*findings, *found, *ends), reading.records, reading.head, seq)


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


def _is_changed(line: Line) -> bool:
    return line.hash != line.entry.hash


def _is_torn(line: Line, last: Head) -> bool:
    return line.entry.previous != last.hash


def _judge_checkpoints(reading: _Reading, keys: Sequence[PublicKey]) -> tuple[Checkpoint | None, list[Finding]]:
    """The checkpoint that covers most, and what is wrong with the others."""
    known = {key_id_of(key): key for key in keys}
    best: Checkpoint | None = None
    findings: list[Finding] = []
    for checkpoint in dict.fromkeys(reading.checkpoints):
        code = _problem(checkpoint, known, reading)
        if code is not None:
            findings.append(Finding(code, checkpoint.head.seq))
        elif _covers_more(checkpoint, best, reading):
            best = checkpoint
    return best, findings


def _covers_more(checkpoint: Checkpoint, best: Checkpoint | None, reading: _Reading) -> bool:
    """One over an empty chain says something only while it is empty."""
    if checkpoint.head.seq == 0 and reading.records:
        return False
    return best is None or (checkpoint.head.seq, checkpoint.at) >= (best.head.seq, best.at)


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


def _ends(anchored: Checkpoint | None, reading: _Reading, has_keys: bool) -> Iterator[Finding]:
    """What nothing from outside vouches for."""
    if anchored is None:
        yield Finding(Code.ANCHOR_MISSING if has_keys else Code.UNANCHORED)
        return
    yield Finding(Code.TAIL_OPEN, anchored.head.seq, anchored.at.isoformat())

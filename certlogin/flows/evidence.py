"""Keeping what users have signed: the body sealed, the record at the end of the chain; and reading it back."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from certlogin.evidence.chain import Entry, Line
from certlogin.evidence.record import SALT_BYTES, Body, EvidenceRecord
from certlogin.evidence.sources import sources_of
from certlogin.pki.judge import TrustedCertificate
from certlogin.pki.revocation import RevocationIndex
from certlogin.pki.signature import Algorithm
from certlogin.records.audit import AuditEvent
from certlogin.records.personal import NONCE_BYTES, PersonalKeys, Place
from certlogin.records.unit import UnitId
from certlogin.stores.base import EvidenceLog, StoredEvidence
from certlogin.wire.payload import Purpose

_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedAgreement:
    """What a journey hands over once it has accepted the proof."""

    at: datetime
    unit_id: UnitId
    purpose: Purpose
    text_version: str
    #: Exactly what was shown: the agreement with the rendered form.
    text: str = field(repr=False)
    #: The form by itself, where the payload names it apart.
    form: str = field(default="", repr=False)
    payload: bytes = field(repr=False)
    signature: bytes = field(repr=False)
    algorithm: Algorithm
    certificate: TrustedCertificate
    #: By which it was judged.
    index: RevocationIndex = field(repr=False)


@dataclass(frozen=True, slots=True)
class EvidenceBook:
    store: EvidenceLog
    keys: PersonalKeys
    #: `random(n)` gives n octets fit for keys.
    random: Callable[[int], bytes]

    def keep(self, agreement: SignedAgreement, event: AuditEvent) -> Entry:
        """On disk, with its event, when it returns. Raises PersonalKeyMissing, Unavailable; BadRequest, ValueError
        for what could not be read again."""
        body = Body(self.random(SALT_BYTES), agreement.text, agreement.form)
        record = _record(agreement, body.commitment)
        sealed = self.keys.seal(body.to_bytes(), _place(record), self.random(NONCE_BYTES))
        told = replace(event, facts={**event.facts, "commitment": record.commitment})
        return self.store.append_evidence(record, sealed, told)

    def stored(self) -> Iterator[StoredEvidence]:
        """Every entry in order, also those that are added meanwhile."""
        last = 0
        while found := self.store.evidence(last, _AT_ONCE):
            yield from found
            last = found[-1].entry.seq

    def lines(self) -> Iterator[Line]:
        """The same with bodies opened. Raises PersonalKeyMissing, PersonalDataUnreadable."""
        for one in self.stored():
            yield Line(one.entry, one.hash, None if one.body is None else self._open(one.entry.record, one.body))

    def reseal(self) -> int:
        """Seal with the first key what another one has sealed; returns how many. May be stopped and begun again."""
        changed = 0
        for one in self.stored():
            if one.body is not None and not self.keys.is_current(one.body):
                place = _place(one.entry.record)
                fresh = self.keys.seal(self.keys.open(one.body, place), place, self.random(NONCE_BYTES))
                changed += self.store.reseal_evidence(one.entry.seq, one.body, fresh)
        return changed

    def _open(self, record: EvidenceRecord, sealed: bytes) -> Body:
        return Body.from_bytes(self.keys.open(sealed, _place(record)))


def _record(agreement: SignedAgreement, commitment: str) -> EvidenceRecord:
    trusted = agreement.certificate
    return EvidenceRecord(
        at=agreement.at,
        unit_id=agreement.unit_id,
        purpose=agreement.purpose,
        text_version=agreement.text_version,
        payload=agreement.payload,
        signature=agreement.signature,
        algorithm=agreement.algorithm,
        certificate=trusted.facts.der,
        chain=trusted.path[1:-1],
        settled=trusted.revocation,
        sources=sources_of(trusted.path, agreement.index),
        commitment=commitment,
    )


def _place(record: EvidenceRecord) -> Place:
    """By the commitment: the number in the chain is not known before the body is sealed."""
    return Place("evidence", record.commitment, "body")

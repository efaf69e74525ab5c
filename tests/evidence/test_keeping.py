"""From an accepted proof to an export that anybody can verify: `flows/evidence.py` and what it notes of revocation."""

import itertools
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Final

import pytest
from cryptography import x509

from certlogin.evidence.findings import Code
from certlogin.evidence.record import RevocationSource
from certlogin.evidence.sources import sources_of
from certlogin.flows.evidence import EvidenceBook, SignedAgreement
from certlogin.pki.certificate import read_certificate
from certlogin.pki.judge import judge_certificate
from certlogin.pki.revocation import RevocationIndex, Settled, add_evidence
from certlogin.records.personal import PersonalDataUnreadable, PersonalKeyMissing, PersonalKeys
from certlogin.stores.sql import SqlStore
from tests.companions import without
from tests.evidence.made import TEXT, UNIT, codes, leaf, report, signed
from tests.factory import DAY, NOW, make_pki
from tests.pki.answers import HOUR, answer
from tests.stores.values import event

OLD: Final = "an old key of 32 bytes or more, any text"
NEW: Final = "a newer key of 32 bytes or more, any text"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    with closing(SqlStore.open(f"sqlite:///{tmp_path / 'certlogin.db'}")) as opened:
        yield opened


def book_of(store: SqlStore, *keys: str) -> EvidenceBook:
    numbers = itertools.count()
    return EvidenceBook(store, PersonalKeys.from_settings(keys or (OLD,)), lambda count: bytes([next(numbers)]) * count)


def agreement(text: str = TEXT) -> SignedAgreement:
    trust = make_pki().trust()
    one = signed(text).record
    return SignedAgreement(
        at=NOW,
        unit_id=UNIT,
        purpose=one.purpose,
        text_version=one.text_version,
        text=text,
        payload=one.payload,
        signature=one.signature,
        algorithm=one.algorithm,
        certificate=judge_certificate(read_certificate(leaf().der), [], trust, NOW),
        index=trust.index,
    )


def test_what_was_kept_can_be_verified(store: SqlStore) -> None:
    book = book_of(store)
    kept = book.keep(agreement(), event("agreed", facts={"request": "R1"}))
    (line,) = book.lines()
    assert (line.entry, line.hash) == (kept, kept.hash)
    assert line.body is not None
    assert line.body.text == TEXT
    assert codes(report([line])) == [Code.UNANCHORED]
    (told,) = store.events()
    assert told.facts == {"request": "R1", "commitment": kept.record.commitment}


def test_the_record_names_chain_and_revocation(store: SqlStore) -> None:
    record = book_of(store).keep(agreement(), event()).record
    assert record.chain == (make_pki().issuing.der,)
    assert record.settled is Settled.CRL
    assert [(one.kind, one.number, one.certificate_sha256) for one in record.sources] == [
        ("crl", 1, sha256(leaf().der).hexdigest()),
        ("crl", 1, sha256(make_pki().issuing.der).hexdigest()),
    ]


@without({"certlogin.flows.evidence.PersonalKeys.seal": lambda keys, plain, place, nonce: plain}, sees="in clear")
def test_s30_nothing_personal_is_at_rest_in_the_clear(store: SqlStore, tmp_path: Path) -> None:
    book_of(store).keep(agreement(), event())
    written = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert "王曙光".encode() not in written, "in clear"
    assert b"13800000000" not in written, "in clear"


def test_without_a_key_nothing_is_kept(store: SqlStore) -> None:
    book = replace(book_of(store), keys=PersonalKeys(()))
    with pytest.raises(PersonalKeyMissing):
        book.keep(agreement(), event())
    assert store.evidence() == ()
    assert store.events() == ()


def test_a_body_in_the_place_of_another_is_not_read(store: SqlStore) -> None:
    book = book_of(store)
    book.keep(agreement(), event())
    book.keep(agreement(f"{TEXT}2\n"), event())
    first, second = store.evidence()
    assert first.body is not None
    assert second.body is not None
    store.reseal_evidence(2, second.body, first.body)
    with pytest.raises(PersonalDataUnreadable):
        list(book.lines())


def test_every_entry_is_read_however_many_there_are(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("certlogin.flows.evidence._AT_ONCE", 2)
    book = book_of(store)
    for _ in range(5):
        book.keep(agreement(), event())
    assert [line.entry.seq for line in book.lines()] == [1, 2, 3, 4, 5]
    assert report(book.lines()).is_sound


def test_keys_are_rotated_without_a_record_changing(store: SqlStore) -> None:
    book = book_of(store)
    for _ in range(3):
        book.keep(agreement(), event())
    store.redact_evidence(2, event())
    before = [(line.entry, line.body) for line in book.lines()]
    rotated = replace(book, keys=PersonalKeys.from_settings((NEW, OLD)))
    assert rotated.reseal() == 2
    assert rotated.reseal() == 0
    only_new = replace(book, keys=PersonalKeys.from_settings((NEW,)))
    assert [(line.entry, line.body) for line in only_new.lines()] == before
    with pytest.raises(PersonalKeyMissing):
        list(book.lines())


# What revocation was settled by


def test_lists_deltas_and_answers_are_named_by_number_time_and_hash() -> None:
    pki = make_pki()
    complete = pki.issuing.crl(number=7)
    delta = pki.issuing.crl(number=9, extra=[(x509.DeltaCRLIndicator(7), True)])
    response = answer(leaf(), pki.issuing)
    trust, problems = add_evidence(pki.trust(crls_der=()), [complete, delta], [response], NOW)
    assert problems == []
    of = sha256(leaf().der).hexdigest()
    digest = {name: sha256(der).hexdigest() for name, der in (("c", complete), ("d", delta), ("r", response))}
    path = (leaf().der, pki.issuing.der, pki.root.der)
    assert sources_of(path, trust.index) == (
        RevocationSource(of, "ocsp", None, NOW - HOUR, NOW + HOUR, digest["r"]),
        RevocationSource(of, "crl", 7, NOW - DAY, NOW + 6 * DAY, digest["c"]),
        RevocationSource(of, "delta", 9, NOW - DAY, NOW + 6 * DAY, digest["d"]),
    )
    assert sources_of(path, RevocationIndex()) == ()


def test_a_list_of_other_certificates_is_no_source() -> None:
    point = x509.IssuingDistributionPoint(None, None, False, True, None, False, False)
    trust = make_pki().trust(crls_der=(make_pki().issuing.crl(extra=[(point, True)]),))
    assert trust.index.lists
    path = (leaf().der, make_pki().issuing.der, make_pki().root.der)
    assert sources_of(path, trust.index) == ()

"""What is newer, what is forgotten, and that a revocation is not (S16, S24)."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from certlogin.pki import revocation as module
from certlogin.pki.certificate import read_certificate
from certlogin.pki.evidence import NOTHING, RevocationIndex, build_index
from certlogin.pki.judge import judge_certificate
from certlogin.pki.ocsp import Status
from certlogin.pki.path import Trust, build_trust
from certlogin.pki.revocation import CertificateRevoked, Mode, RevocationUnknown, Settled, add_evidence, read_list
from tests.companions import without
from tests.factory import DAY, NOW, Issued, make_pki, sm2
from tests.pki.answers import GOOD, HOUR, UNKNOWN, answer, delegate, revoked
from tests.pki.raw import BIT_STRING, SEQUENCE, tlv
from tests.pki.undefended import NOBODY_LISTED, UNSETTLED

CA, ROOT = make_pki().issuing, make_pki().root
SERIAL = 0xE71D
SECOND = timedelta(seconds=1)
LEAF = CA.issue(serial=SERIAL)
HOLD = 6


def trust(*lists: bytes, **changes: object) -> Trust:
    return make_pki().trust(**({"crls_der": (*lists, ROOT.crl(next_update=NOW + 90 * DAY))} | changes))


def judged(known: Trust, now: datetime = NOW, leaf: Issued = LEAF) -> Settled:
    return judge_certificate(read_certificate(leaf.der), (), known, now).revocation


def told(known: Trust, *answers: bytes, lists: tuple[bytes, ...] = (), now: datetime = NOW) -> Trust:
    for one in answers:
        known, problems = add_evidence(known, [], [one], now)
        assert problems == []
    known, problems = add_evidence(known, lists, [], now)
    assert problems == []
    return known


def said(status: bytes = GOOD, age: timedelta = HOUR, **changes: Any) -> bytes:
    """An answer of that age."""
    return answer(SERIAL, CA, status=status, this_update=NOW - age, **changes)


def unknown(known: Trust, now: datetime = NOW) -> str:
    with pytest.raises(RevocationUnknown) as refusal:
        judged(known, now)
    return refusal.value.problem


def refused(known: Trust, now: datetime = NOW) -> None:
    with pytest.raises(CertificateRevoked):
        judged(known, now)


# --- what outweighs what


@without(NOBODY_LISTED)
def test_s16_a_list_that_revokes_outweighs_a_good_answer() -> None:
    assert judged(told(trust(), said())) is Settled.OCSP
    for lists in ((CA.crl([SERIAL]),), (CA.crl([SERIAL], next_update=NOW - HOUR),)):
        refused(told(trust(), said(), lists=lists))
        refused(told(trust(*lists), said()))


@without(NOBODY_LISTED)
def test_s16_an_answer_that_revokes_outweighs_a_list_that_does_not() -> None:
    assert judged(told(trust(CA.crl()), said())) is Settled.OCSP
    refused(told(trust(CA.crl()), said(revoked())))
    refused(told(trust(), said(revoked()), lists=(CA.crl(),)))


@without({"certlogin.pki.evidence._is_final": lambda _: False})
def test_s16_once_revoked_by_an_answer_is_for_good() -> None:
    refused(told(trust(), said(revoked(), 2 * HOUR), said(GOOD, HOUR)))
    refused(told(trust(), said(revoked(), 2 * HOUR), said(UNKNOWN, HOUR)))
    refused(told(trust(), said(GOOD, HOUR), said(revoked(), 2 * HOUR)))


@without({"certlogin.pki.evidence._is_revoked": lambda _: False}, sees="assert mappingproxy({})")
def test_s16_a_revocation_by_an_answer_holds_however_old() -> None:
    old = told(trust(), said(revoked()))
    assert told(old, said(), now=NOW + 30 * DAY).index.of(read_certificate(CA.der)).answers
    refused(told(old, now=NOW + 30 * DAY), NOW + 30 * DAY)


@without({"certlogin.pki.evidence._newer": lambda _, given: given})
def test_s24_a_replayed_answer_takes_the_place_of_no_later_one() -> None:
    later, replayed = said(revoked(reason=HOLD), timedelta(minutes=5)), said(GOOD, HOUR)
    assert judged(told(trust(), replayed)) is Settled.OCSP
    refused(told(trust(), later, replayed))


@without({"certlogin.pki.evidence._age": lambda answer: answer.this_update})
def test_s24_of_two_answers_of_one_second_the_one_that_revokes_counts() -> None:
    hold, good = said(revoked(reason=HOLD), HOUR), said(GOOD, HOUR)
    refused(told(trust(), good, hold))
    refused(told(trust(), hold, good))


def test_what_was_on_hold_can_be_good_again() -> None:
    hold = said(revoked(reason=HOLD), HOUR)
    refused(told(trust(), hold))
    assert judged(told(trust(), hold, said(GOOD, HOUR / 2))) is Settled.OCSP
    assert unknown(told(trust(), hold, said(UNKNOWN, HOUR / 2))) == "unknown_to_responder"
    refused(told(trust(), said(GOOD), said(revoked(reason=HOLD))))


@without(UNSETTLED)
def test_s24_a_revoked_ca_is_worth_more_than_an_unknown_leaf() -> None:
    known = make_pki().trust(crls_der=(ROOT.crl([CA.serial]),))
    with pytest.raises(CertificateRevoked) as refusal:
        judged(known)
    assert refusal.value.serial == f"{CA.serial:x}"


# --- what is left out, and why


def test_what_is_left_out_is_told() -> None:
    known, problems = add_evidence(
        trust(CA.crl(number=9)), [b"", CA.crl(number=8), make_pki("P-256", " other").root.crl()], [b"", said()], NOW
    )
    assert judged(known) is Settled.OCSP
    assert [problem.partition(": unreadable")[0] for problem in problems] == [
        "a revocation list is not used",
        "a revocation list is not used: signed by no known CA",
        "an OCSP answer is not used",
        "number 8 of CN=Issuing P-256,O=certlogin test,C=CN: older than number 9 in use",
    ]


NOT_DER = CA.crl()[:-1]
MANY = tlv(SEQUENCE, tlv(SEQUENCE) * 5)
HEADLESS = tlv(SEQUENCE, tlv(SEQUENCE), tlv(SEQUENCE), tlv(BIT_STRING, b"\x00"))
FOREIGN = CA.crl([SERIAL], signed_by=make_pki(label=" evil").root.key)


@without({"certlogin.pki.revocation.check_signer": lambda *_: None}, sees="== []")
@pytest.mark.parametrize("der", [FOREIGN, NOT_DER, HEADLESS, MANY], ids=["foreign", "cut", "no issuer", "many"])
def test_s25_a_list_that_no_ca_has_signed_is_not_even_read(der: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its entries may be millions, of the kind that costs most: whoever is on the way to http can send them."""
    known, read = trust(), list[bytes]()
    monkeypatch.setattr(module, "read_list", lambda der, pause: read.append(der))
    monkeypatch.setattr(module, "add_lists", lambda index, lists, authorities, sm2: (index, []))
    _, problems = add_evidence(known, [der], [], NOW)
    assert read == []
    assert len(problems) == 1


def test_the_trust_that_was_there_is_not_changed() -> None:
    before = trust()
    told(before, said())
    told(before, lists=(CA.crl(),))
    assert unknown(before) == "missing"


def test_answers_that_went_stale_are_forgotten() -> None:
    known = told(trust(), said())
    assert known.index.of(read_certificate(CA.der)).answers
    assert told(known, now=NOW + HOUR + DAY - SECOND).index.of(read_certificate(CA.der)).answers
    assert not told(known, now=NOW + HOUR + DAY).index.of(read_certificate(CA.der)).answers
    graceful = trust(revocation=Mode.PREFER, grace=HOUR)
    assert told(told(graceful, said()), now=NOW + HOUR + DAY).index.of(read_certificate(CA.der)).answers


def test_an_answer_that_went_stale_long_ago_takes_no_place() -> None:
    """Whether it comes before or after one that is older and still counts."""
    long, short = said(age=9 * DAY, next_update=NOW + HOUR), said(age=8 * DAY, next_update=NOW - 7 * DAY)
    for order in ((long, short), (short, long)):
        assert judged(told(trust(), *order)) is Settled.OCSP


def test_a_list_is_kept_without_its_octets() -> None:
    assert {one.der for one in trust(CA.crl()).index.lists} == {b""}
    assert trust().index.of(read_certificate(CA.der)) is NOTHING


def test_a_ca_that_is_not_configured_may_be_known_by_its_path() -> None:
    """Such as one that a client sent along."""
    known = build_trust([make_pki().material(intermediates_der=(), crls_der=(ROOT.crl(),))])
    ca = read_certificate(CA.der)
    leaf = read_certificate(LEAF.der)
    _, problems = add_evidence(known, [CA.crl()], [said()], NOW)
    assert len(problems) == 2
    known, problems = add_evidence(known, [CA.crl()], [said()], NOW, [ca])
    assert problems == []
    assert judge_certificate(leaf, [ca], known, NOW).revocation is Settled.OCSP
    # And is kept when more is told, until the files are read again.
    known, _ = add_evidence(known, [], [], NOW)
    assert judge_certificate(leaf, [ca], known, NOW).revocation is Settled.OCSP
    again = build_trust([make_pki().material(intermediates_der=(), crls_der=(ROOT.crl(),))], previous=known)
    assert again.index.of(ca) is NOTHING


def test_lists_count_for_a_path_of_one() -> None:
    anchor = read_certificate(ROOT.der)
    assert module.settle_revocation([anchor], RevocationIndex(), NOW) is Settled.NOT_ASKED
    index, problems = build_index([read_list(CA.crl())], [anchor], RevocationIndex())
    assert (index.lists, len(problems)) == ((), 1)


# --- grace


def graceful(*lists: bytes, **changes: object) -> Trust:
    return trust(*lists, **({"revocation": Mode.PREFER, "grace": DAY} | changes))


ENDLESS_GRACE = {
    "certlogin.pki.revocation._by_whom": lambda goods, now, grace: goods[0].by if grace or now < goods[0].ends else None
}


@without({"certlogin.pki.path._grace_of": lambda material: material.grace})
def test_s24_grace_is_for_those_who_prefer() -> None:
    assert judged(graceful(CA.crl(next_update=NOW))) is Settled.GRACE
    assert unknown(graceful(CA.crl(next_update=NOW), revocation=Mode.REQUIRE)) == "stale"


@without(ENDLESS_GRACE)
@pytest.mark.parametrize("by", ["list", "answer"])
def test_s24_grace_ends(by: str) -> None:
    lists = (CA.crl(next_update=NOW + HOUR),) if by == "list" else ()
    known = graceful(*lists) if lists else told(graceful(), said())
    assert judged(known, NOW + HOUR - SECOND) is not Settled.GRACE
    assert judged(known, NOW + HOUR) is Settled.GRACE
    assert judged(known, NOW + HOUR + DAY - SECOND) is Settled.GRACE
    assert unknown(known, NOW + HOUR + DAY) == "stale"


@without({"certlogin.pki.revocation._by_whom": lambda _, __, grace: Settled.CRL if grace else None})
def test_s24_grace_does_not_begin_where_nothing_was_known() -> None:
    assert unknown(graceful()) == "missing"
    assert unknown(graceful(CA.crl(this_update=NOW + SECOND))) == "from_the_future"


@without({"certlogin.pki.revocation._is_unknown": lambda *_: False})
def test_s24_who_is_unknown_to_the_responder_has_no_grace() -> None:
    assert judged(graceful(CA.crl(next_update=NOW))) is Settled.GRACE
    assert unknown(told(graceful(CA.crl(next_update=NOW)), said(UNKNOWN))) == "unknown_to_responder"


@without(NOBODY_LISTED)
def test_s24_grace_is_not_for_the_revoked() -> None:
    refused(graceful(CA.crl([SERIAL], next_update=NOW)))
    refused(told(graceful(CA.crl(next_update=NOW)), said(revoked())))


def test_grace_for_a_ca_above_is_grace_for_the_whole_path() -> None:
    old = make_pki().trust(crls_der=(CA.crl(), ROOT.crl(next_update=NOW - HOUR)), revocation=Mode.PREFER, grace=DAY)
    assert judged(old) is Settled.GRACE
    assert judged(told(old, lists=(ROOT.crl(number=2),))) is Settled.CRL


def test_grace_over_some_reasons_is_of_all_together() -> None:
    assert judged(graceful(CA.crl(next_update=NOW - HOUR))) is Settled.GRACE
    assert judged(told(graceful(CA.crl(next_update=NOW - HOUR)), said())) is Settled.OCSP


def test_an_answer_of_a_delegate_counts_beside_other_answers() -> None:
    signer = delegate(CA)
    known = told(trust(), said(signer=signer), answer(signer.serial, CA))
    (status,) = {one.status for one in known.index.of(read_certificate(CA.der)).answers.values()}
    assert status is Status.GOOD
    assert judged(known) is Settled.OCSP
    assert judged(replace(known, sm2=sm2())) is Settled.OCSP

"""Deltas (RFC 5280 5.2.4): what they add and take back, which list they fit to, and what never replaces them (S24)."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from certlogin.pki.certificate import read_certificate
from certlogin.pki.delta import Voice
from certlogin.pki.judge import judge_certificate
from certlogin.pki.path import build_trust
from certlogin.pki.revocation import CertificateRevoked, RevocationUnknown, Settled, add_evidence, read_list
from certlogin.pki.scope import EVERYTHING
from tests.companions import without
from tests.factory import DAY, NOW, Issued, make_pki, sm2
from tests.pki.scopes import ONE, OTHER, delta, named, partition, uri

CA, ROOT = make_pki().issuing, make_pki().root
SERIAL = 0xDE17A
SECOND = timedelta(seconds=1)


def leaf(**changes: Any) -> Issued:
    return CA.issue(serial=SERIAL, **changes)


def settled(*lists: bytes, now: datetime = NOW, own: Issued | None = None) -> Settled:
    """The leaf judged by these lists of the issuing CA, in this order."""
    trust = make_pki().trust(crls_der=(*lists, ROOT.crl(next_update=NOW + 90 * DAY)))
    return judge_certificate(read_certificate((own or leaf()).der), (), trust, now).revocation


def unknown(*lists: bytes, now: datetime = NOW, own: Issued | None = None) -> str:
    with pytest.raises(RevocationUnknown) as refusal:
        settled(*lists, now=now, own=own)
    return refusal.value.problem


def refused(*lists: bytes, now: datetime = NOW) -> datetime:
    with pytest.raises(CertificateRevoked) as refusal:
        settled(*lists, now=now)
    return refusal.value.revoked_at


BASE = CA.crl(number=10)
#: Deltas are read and not heeded.
UNHEEDED = {"certlogin.pki.delta.Voice._has_later_delta": lambda _: False}
FITS = {"certlogin.pki.delta.Voice._fits": lambda _: True}


@without(UNHEEDED)
def test_s24_what_only_the_delta_revokes_is_refused() -> None:
    assert settled(BASE) is Settled.CRL
    assert settled(BASE, delta(CA, 10, 12, [SERIAL + 1])) is Settled.CRL
    assert refused(BASE, delta(CA, 10, 12, [SERIAL])) == NOW - DAY / 2


@without(UNHEEDED)
def test_s24_an_sm2_delta_revokes() -> None:
    ca, top = make_pki("SM2").issuing, make_pki("SM2").root
    own = read_certificate(ca.issue(key_type="SM2", serial=SERIAL).der)
    lists = (ca.crl(number=10), top.crl(), delta(ca, 10, 12, [SERIAL]))
    trust = build_trust([make_pki("SM2").material(crls_der=lists[:2])], sm2=sm2())
    assert judge_certificate(own, (), trust, NOW)
    both, problems = add_evidence(trust, lists[2:], [], NOW)
    assert problems == []
    with pytest.raises(CertificateRevoked):
        judge_certificate(own, (), both, NOW)


def test_what_the_delta_takes_back_is_good() -> None:
    listed = CA.crl([SERIAL, SERIAL + 1], number=10)
    refused(listed)
    assert settled(listed, delta(CA, 10, 12, removed=[SERIAL])) is Settled.CRL
    refused(listed, delta(CA, 10, 12, removed=[SERIAL + 1]))


@without({**FITS, "certlogin.pki.delta.Voice._has_later_delta": lambda _: True})
@pytest.mark.parametrize(("base", "number"), [(11, 12), (3, 10), (3, 9)])
def test_s24_a_delta_to_another_list_takes_nothing_back(base: int, number: int) -> None:
    """Its base is later than our list, or our list is no older than the delta itself."""
    listed = CA.crl([SERIAL], number=10)
    assert settled(listed, delta(CA, 10, 11, removed=[SERIAL])) is Settled.CRL
    refused(listed, delta(CA, base, number, removed=[SERIAL]))


def test_only_a_delta_takes_something_back() -> None:
    """In a complete list the reason makes no sense: who stands there is revoked."""
    assert settled(CA.crl([SERIAL], number=10), delta(CA, 10, 12, removed=[SERIAL])) is Settled.CRL
    refused(CA.crl(number=10, removed=[SERIAL]))


def test_a_delta_revokes_though_it_fits_to_no_list() -> None:
    refused(BASE, delta(CA, 11, 12, [SERIAL]))
    refused(delta(CA, 10, 12, [SERIAL]))


@without({"certlogin.pki.delta.Voice.window": lambda voice, *_: (NOW - DAY, NOW + DAY)})
def test_s24_a_delta_alone_lets_nobody_in() -> None:
    assert unknown(delta(CA, 10, 12)) == "missing"


def test_a_complete_list_that_is_newer_than_the_delta_speaks_alone() -> None:
    assert settled(delta(CA, 10, 12, [SERIAL]), CA.crl(number=12)) is Settled.CRL
    refused(delta(CA, 10, 12, [SERIAL]), CA.crl(number=11))


# --- how long the two count


LATE = NOW + DAY / 2


def test_a_delta_makes_an_old_list_current() -> None:
    old = CA.crl(number=10, next_update=NOW - SECOND)
    assert settled(old, delta(CA, 10, 12)) is Settled.CRL


@without(FITS)
def test_s24_a_delta_that_does_not_fit_makes_no_list_current() -> None:
    old = CA.crl(number=10, next_update=NOW - SECOND)
    assert unknown(old) == "stale"
    assert unknown(old, delta(CA, 11, 12)) == "stale"


def test_a_late_delta_takes_nothing_from_a_current_list() -> None:
    assert settled(BASE, delta(CA, 10, 12), now=LATE + SECOND) is Settled.CRL
    refused(BASE, delta(CA, 10, 12, [SERIAL]), now=LATE + SECOND)


def test_what_was_taken_back_is_good_as_long_as_the_delta_counts() -> None:
    lists = CA.crl([SERIAL], number=10), delta(CA, 10, 12, removed=[SERIAL])
    assert settled(*lists, now=LATE - SECOND) is Settled.CRL
    assert unknown(*lists, now=LATE) == "stale"


def test_a_delta_from_the_future_is_not_waited_for() -> None:
    coming = delta(CA, 10, 12, this_update=NOW + SECOND)
    assert settled(BASE, coming) is Settled.CRL
    assert unknown(CA.crl(number=10, next_update=NOW), coming) == "stale"
    assert unknown(CA.crl([SERIAL], number=10), delta(CA, 10, 12, removed=[SERIAL], this_update=NOW + SECOND)) == (
        "from_the_future"
    )


# --- what is newer


@without({"certlogin.pki.evidence._order": lambda _: 0})
def test_s24_a_lower_delta_never_replaces_a_higher_one() -> None:
    newer, older = delta(CA, 10, 12, [SERIAL]), delta(CA, 10, 11)
    assert settled(BASE, older) is Settled.CRL
    refused(BASE, older, newer)
    refused(BASE, newer, older)


def test_a_replayed_delta_is_told() -> None:
    trust = make_pki().trust(crls_der=(BASE, delta(CA, 10, 12)))
    same, problems = add_evidence(trust, [delta(CA, 10, 11)], [], NOW)
    assert same.index.lists == trust.index.lists
    assert problems == ["number 11 of CN=Issuing P-256,O=certlogin test,C=CN: older than number 12 in use"]


# --- of which part


PART = partition(*uri(ONE))


@without({"certlogin.pki.evidence._scope_of": lambda _: EVERYTHING}, sees="DID NOT RAISE")
def test_s24_a_delta_of_another_part_fits_to_nothing() -> None:
    own = leaf(extra=(named(uri(ONE)),))
    old = CA.crl(number=10, next_update=NOW - SECOND, extra=(PART,))
    assert settled(old, delta(CA, 10, 12, extra=(PART,)), own=own) is Settled.CRL
    assert unknown(old, delta(CA, 10, 12), own=own) == "stale"
    assert unknown(old, delta(CA, 10, 12, extra=(partition(*uri(OTHER)),)), own=own) == "stale"


def test_two_lists_say_what_one_would() -> None:
    """The same answers as of the complete list that the CA would have published instead."""
    complete = read_list(CA.crl([1, 2, 3], number=10))
    change = read_list(delta(CA, 10, 11, revoked=[4, 5], removed=[2, 3]))
    both = Voice(EVERYTHING, complete, change)
    assert [serial for serial in range(8) if both.revoked_at(serial) is not None] == [1, 4, 5]

"""Revocation from memory (S24). Each refusal has a companion with the one thing mended."""

from datetime import datetime, timedelta

import pytest

from certlogin.pki.certificate import UnverifiedCertificate, read_certificate
from certlogin.pki.revocation import (
    CertificateRevoked,
    RevocationIndex,
    RevocationUnknown,
    UnusableList,
    build_index,
    read_list,
    settle_revocation,
)
from tests.companions import allows, without
from tests.factory import DAY, NOW, Authority, Issued, key, make_pki
from tests.pki import raw
from tests.pki.lists import SERIAL, authorities, pki, placed
from tests.pki.raw import SEQUENCE, parts, tlv
from tests.pki.undefended import (
    ANY_LIST,
    DATES_UNASKED,
    LAST_ONE_COUNTS,
    LISTS_BY_NAME,
    MISSING_IS_GOOD,
    NOBODY_LISTED,
    UNSETTLED,
)

SECOND = timedelta(seconds=1)


def index_of(*ders: bytes) -> RevocationIndex:
    """The index of these lists, all of which must be placed."""
    index, problems = build_index([read_list(der) for der in ders], authorities(), RevocationIndex())
    assert problems == []
    return index


def settle(index: RevocationIndex, now: datetime = NOW, *, leaf: Issued | None = None) -> None:
    """Settle leaf, issuing CA, root."""
    chosen = leaf or pki().issuing.issue(serial=SERIAL)
    path = [read_certificate(one.der) for one in (chosen, pki().issuing, pki().root)]
    settle_revocation(path, index, now)


def unknown(index: RevocationIndex, now: datetime = NOW) -> str:
    with pytest.raises(RevocationUnknown) as refusal:
        settle(index, now)
    return refusal.value.problem


def good() -> tuple[bytes, bytes]:
    return pki().crls()


# --- revoked


@without(NOBODY_LISTED)
@pytest.mark.parametrize("crl_url", [None, "http://ca.test/list.crl"], ids=["no distribution point", "with one"])
def test_s24_a_revoked_leaf_is_refused(crl_url: str | None) -> None:
    leaf = pki().issuing.issue(serial=SERIAL, crl_url=crl_url)
    settle(index_of(*good()), leaf=leaf)
    settle(index_of(*pki().crls(revoked=[SERIAL + 1])), leaf=leaf)
    with pytest.raises(CertificateRevoked) as refusal:
        settle(index_of(*pki().crls(revoked=[1, SERIAL, 2])), leaf=leaf)
    assert (refusal.value.serial, refusal.value.revoked_at) == ("5a17", NOW - DAY)


@without(NOBODY_LISTED)
def test_s24_a_revoked_sub_ca_is_refused() -> None:
    serial = pki().issuing.serial
    settle(index_of(*pki().crls(revoked_cas=[serial + 1])))
    with pytest.raises(CertificateRevoked) as refusal:
        settle(index_of(*pki().crls(revoked_cas=[serial])))
    assert refusal.value.serial == f"{serial:x}"


@allows
def test_s24_a_serial_counts_for_its_own_issuer_only() -> None:
    """The root's list names the serial of the leaf, the issuing CA's list that of the issuing CA."""
    settle(index_of(pki().root.crl([SERIAL]), pki().issuing.crl([pki().issuing.serial])))


@without(UNSETTLED)
@pytest.mark.parametrize("age", [30 * DAY, -30 * DAY])
def test_s24_a_revocation_holds_however_old_or_new_its_list_is(age: timedelta) -> None:
    index = index_of(pki().issuing.crl([SERIAL]), pki().root.crl())
    with pytest.raises(CertificateRevoked):
        settle(index, NOW + age)


def test_the_anchor_itself_is_asked_of_nobody() -> None:
    anchor = read_certificate(pki().root.der)
    settle_revocation([anchor], RevocationIndex(), NOW)
    settle(index_of(pki().root.crl([pki().root.serial]), pki().issuing.crl()))


# --- unknown


@without(MISSING_IS_GOOD)
def test_s24_without_the_list_of_each_issuer_nobody_is_let_in() -> None:
    settle(index_of(*good()))
    assert unknown(RevocationIndex()) == "missing"
    assert unknown(index_of(pki().root.crl())) == "missing"
    assert unknown(index_of(pki().issuing.crl())) == "missing"


UPDATED, NEXT = NOW - DAY, NOW + DAY


OF_WHOM = pytest.mark.parametrize("which", ["leaf", "sub-CA"])


def with_a_short_list(which: str) -> RevocationIndex:
    wide = {"this_update": NOW - 300 * DAY, "next_update": NOW + 300 * DAY}
    narrow = {"this_update": UPDATED, "next_update": NEXT}
    leaf_dates, ca_dates = (narrow, wide) if which == "leaf" else (wide, narrow)
    return index_of(pki().issuing.crl(**leaf_dates), pki().root.crl(**ca_dates))  # type: ignore[arg-type]


@pytest.mark.parametrize("moment", [UPDATED, NEXT - SECOND])
@OF_WHOM
def test_a_list_speaks_between_its_two_dates(which: str, moment: datetime) -> None:
    settle(with_a_short_list(which), moment)


@without(DATES_UNASKED)
@pytest.mark.parametrize(
    ("moment", "problem"),
    [(UPDATED - SECOND, "from_the_future"), (NEXT, "stale"), (NEXT + 100 * DAY, "stale")],
)
@OF_WHOM
def test_s24_outside_its_two_dates_a_list_lets_nobody_in(which: str, moment: datetime, problem: str) -> None:
    assert unknown(with_a_short_list(which), moment) == problem


# --- replayed


@without(LAST_ONE_COUNTS)
def test_s24_a_replayed_lower_number_never_replaces_a_higher_one() -> None:
    newer = pki().issuing.crl([SERIAL], number=9)
    older = pki().issuing.crl(number=8)
    for order in ((newer, older), (older, newer)):
        index, _ = build_index([read_list(der) for der in (*order, pki().root.crl())], authorities(), RevocationIndex())
        with pytest.raises(CertificateRevoked):
            settle(index)
    settle(index_of(older, pki().root.crl()))


@without(LAST_ONE_COUNTS)
def test_s24_a_replay_in_the_files_does_not_make_a_process_forget() -> None:
    before = index_of(pki().issuing.crl([SERIAL], number=9), pki().root.crl())
    replayed = [read_list(pki().issuing.crl(number=8, this_update=NOW)), read_list(pki().root.crl())]
    index, problems = build_index(replayed, authorities(), before)
    with pytest.raises(CertificateRevoked):
        settle(index)
    assert problems == ["number 8 of CN=Issuing P-256,O=certlogin test,C=CN: older than number 9 in use"]
    settle(build_index(replayed, authorities(), RevocationIndex())[0])


@without({"certlogin.pki.evidence._order": lambda one: (one.number, one.this_update)})
def test_s24_of_two_lists_of_one_number_and_time_the_one_that_revokes_more_counts() -> None:
    """RFC 5280 5.2.3 has no such two; who brings them in an order of his own must not choose between them."""
    lists = [pki().issuing.crl([SERIAL], number=9), pki().issuing.crl(number=9)]
    for order in (lists, lists[::-1]):
        read = [read_list(der) for der in (*order, pki().root.crl())]
        with pytest.raises(CertificateRevoked):
            settle(build_index(read, authorities(), RevocationIndex())[0])


def replaces_number_9(number: int, this_update: datetime) -> bool:
    first = index_of(pki().issuing.crl(number=9), pki().root.crl())
    other = read_list(pki().issuing.crl([SERIAL], number=number, this_update=this_update, next_update=NOW + DAY))
    index, problems = build_index([other], authorities(), first)
    found = index.find(authorities()[1])
    replaced = found is not None and SERIAL in found.revoked
    assert replaced is not bool(problems)
    return replaced


@pytest.mark.parametrize(("number", "this_update"), [(10, NOW - 5 * DAY), (9, NOW), (9, NOW - DAY)])
def test_a_higher_number_or_a_later_date_makes_a_newer_list(number: int, this_update: datetime) -> None:
    assert replaces_number_9(number, this_update)


@without(LAST_ONE_COUNTS, sees="assert not True")
@pytest.mark.parametrize(("number", "this_update"), [(9, NOW - 2 * DAY), (8, NOW)])
def test_s24_a_lower_number_or_an_earlier_date_makes_an_older_list(number: int, this_update: datetime) -> None:
    assert not replaces_number_9(number, this_update)


def test_a_list_of_a_ca_that_is_gone_is_not_kept() -> None:
    before = index_of(*good())
    index, _ = build_index([], authorities()[:1], before)
    assert index.find(authorities()[0]) is not None
    assert index.find(authorities()[1]) is None


# --- whose list it is


@without(LISTS_BY_NAME, sees="assert not True")
def test_s24_a_wrongly_signed_list_is_not_used() -> None:
    assert placed(pki().issuing.crl())
    assert not placed(pki().issuing.crl(signed_by=key("somebody")))
    # Signed by another of our CAs, in the name of the issuing one.
    assert not placed(pki().issuing.crl(signed_by=pki().root.key))
    assert not placed(pki().issuing.crl(issuer=pki().root.certificate.subject))
    # Signed by a login certificate's key.
    assert not placed(pki().issuing.crl(signed_by=key("leaf")))


@without(LISTS_BY_NAME, sees="assert not True")
def test_s24_a_list_signed_by_a_key_of_another_kind_is_not_used() -> None:
    assert not placed(pki().issuing.crl(signed_by=key("somebody", "RSA-2048")))
    assert not placed(make_pki("RSA-2048").issuing.crl(signed_by=key("somebody")), rsa_authorities())
    assert placed(make_pki("RSA-2048").issuing.crl(), rsa_authorities())


def rsa_authorities() -> list[UnverifiedCertificate]:
    return [read_certificate(make_pki("RSA-2048").issuing.der)]


@without(LISTS_BY_NAME, sees="assert not True")
def test_s24_a_list_changed_after_its_signature_is_not_used() -> None:
    signed, algorithm, signature = parts(pki().issuing.crl([SERIAL]))
    other, _, _ = parts(pki().issuing.crl([SERIAL + 1]))
    assert placed(tlv(SEQUENCE, signed, algorithm, signature))
    assert not placed(tlv(SEQUENCE, other, algorithm, signature))


@without(ANY_LIST)
def test_s24_two_signature_algorithms_make_no_list() -> None:
    signed, _, signature = parts(pki().issuing.crl())
    ecdsa_sha512 = tlv(SEQUENCE, bytes.fromhex("06082a8648ce3d040304"))
    with pytest.raises(UnusableList):
        read_list(tlv(SEQUENCE, signed, ecdsa_sha512, signature))


@without({"certlogin.pki.crl._may_sign_lists": lambda _: True}, sees="assert not True")
def test_s24_a_ca_that_may_not_sign_lists_signs_none() -> None:
    ca = pki().root.issue_ca("Some", usages=("key_cert_sign",))
    assert not placed(ca.crl(), [read_certificate(ca.der)])


@pytest.mark.parametrize("usages", [("key_cert_sign", "crl_sign"), None])
def test_a_ca_that_may_sign_lists_signs_them(usages: tuple[str, ...] | None) -> None:
    ca = pki().root.issue_ca("Some", usages=usages)
    assert placed(ca.crl(), [read_certificate(ca.der)])


def test_lists_of_a_cas_old_and_new_key_live_beside_each_other() -> None:
    old = pki().root.issue_ca("Rolling", key_name="rolling old")
    new = pki().root.issue_ca("Rolling", key_name="rolling new")
    both = [read_certificate(old.der), read_certificate(new.der)]
    index, _ = build_index(
        [read_list(old.crl([1], number=9)), read_list(new.crl([2], number=1))], both, RevocationIndex()
    )
    assert [list(found.revoked) for one in both if (found := index.find(one))] == [[1], [2]]


def test_two_cas_with_one_key_have_lists_of_their_own() -> None:
    one, other = (pki().root.issue_ca(common_name, key_name="shared") for common_name in ("One", "Other"))
    both = [read_certificate(one.der), read_certificate(other.der)]
    index, problems = build_index([read_list(one.crl([1])), read_list(other.crl([2]))], both, RevocationIndex())
    assert problems == []
    assert [list(found.revoked) for ca in both if (found := index.find(ca))] == [[1], [2]]


def test_one_list_serves_every_certificate_of_the_same_name_and_key() -> None:
    again = pki().root.issue_ca("Issuing P-256")
    index = index_of(*good())
    assert again.der != pki().issuing.der
    assert index.find(read_certificate(again.der)) is index.find(authorities()[1])
    both, problems = build_index(
        [read_list(good()[0])], [read_certificate(again.der), authorities()[1]], RevocationIndex()
    )
    assert (len(both.lists), problems) == (1, [])


def test_a_list_that_an_sm2_ca_did_not_sign_is_not_its_list() -> None:
    sm2 = raw.with_part(pki().issuing.der, pki().root.key, raw.SPKI, raw.ec_spki(raw.SM2_CURVE, raw.SM2_POINT))
    assert not placed(pki().issuing.crl(), [read_certificate(sm2)])
    beside = raw.with_part(pki().issuing.der, pki().root.key, raw.SPKI, raw.ec_spki(raw.P256_CURVE, raw.SM2_POINT))
    assert not placed(pki().issuing.crl(), [read_certificate(beside)])


def ca_with(serial: int) -> Authority:
    return pki().root.issue_ca("Same serial", serial=serial)


@without(NOBODY_LISTED)
def test_s24_a_ca_and_its_leaf_may_share_a_serial() -> None:
    ca = ca_with(SERIAL)
    leaf = ca.issue(serial=SERIAL)
    path = [read_certificate(one.der) for one in (leaf, ca, pki().root)]
    lists = [read_list(ca.crl([SERIAL])), read_list(pki().root.crl())]
    index, _ = build_index(lists, path[1:], RevocationIndex())
    with pytest.raises(CertificateRevoked) as refusal:
        settle_revocation(path, index, NOW)
    assert "测试单位" in refusal.value.subject

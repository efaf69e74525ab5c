"""Revocation and the lists: what is in them, when they are renewed, which numbers they bear."""

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509

from certlogin.ca.base import CertificateAuthority, IssuedCertificate, RequestRefused
from certlogin.ca.certificates import BACKDATED
from certlogin.ca.lists import ListName
from certlogin.ca.profile import CAProfile
from certlogin.errors import Unavailable
from tests.ca.house import OTHER, UNIT, House, found, list_number, names, parsed
from tests.companions import without
from tests.factory import DAY, NOW, key, request


def issue(ca: CertificateAuthority) -> IssuedCertificate:
    return ca.issue(UNIT, request(key("one")))


def test_a_revocation_is_in_the_file_when_it_returns(ca: CertificateAuthority, house: House) -> None:
    issued = issue(ca)
    before = list_number(house.list_file())
    house.clock.advance(hours=3)
    ca.revoke(*names(issued), "keyCompromise", allow_reissue=False)
    published = house.list_file()
    entry = published.get_revoked_certificate_by_serial_number(parsed(issued).serial_number)
    assert entry is not None
    assert entry.revocation_date_utc == NOW + timedelta(hours=3)
    assert entry.extensions.get_extension_for_class(x509.CRLReason).value.reason is x509.ReasonFlags.key_compromise
    assert list_number(published) == before + 1
    assert published.is_signature_valid(house.issuing.certificate.public_key())  # type: ignore[arg-type]


def test_revoking_twice_changes_nothing(ca: CertificateAuthority, house: House) -> None:
    issued = issue(ca)
    ca.revoke(*names(issued), "lost", allow_reissue=False)
    published = house.files.issuing_list.read_bytes()
    house.clock.advance(hours=3)
    ca.revoke(*names(issued), "keyCompromise", allow_reissue=False)
    assert house.files.issuing_list.read_bytes() == published
    with house.database.change() as rows:
        row = rows.issued_by_serial(names(issued)[1])
    assert row is not None
    assert (row.revoked_at, row.reason, row.reissue) == (NOW, "lost", False)


def test_the_operators_own_words_are_in_the_books_only(ca: CertificateAuthority, house: House) -> None:
    issued = issue(ca)
    ca.revoke(*names(issued), "丢失 (removeFromCRL)", allow_reissue=False)
    entry = house.list_file().get_revoked_certificate_by_serial_number(parsed(issued).serial_number)
    assert entry is not None
    # RFC 5280 5.3.1: "unspecified" is said by saying nothing.
    assert not list(entry.extensions)


@pytest.mark.parametrize("reason", ["removeFromCRL", "certificateHold", "cACompromise"])
def test_a_reason_that_would_weaken_the_revocation_is_not_written(house: House, reason: str) -> None:
    ca = house.open()
    issued = issue(ca)
    ca.revoke(*names(issued), reason, allow_reissue=False)
    entry = house.list_file().get_revoked_certificate_by_serial_number(parsed(issued).serial_number)
    assert entry is not None
    assert not list(entry.extensions)


def test_certificates_of_others_are_not_ours_to_revoke(ca: CertificateAuthority, house: House) -> None:
    issuer, serial = names(issue(ca))
    for other_issuer, other_serial in (("0" * 64, serial), (issuer, "1234")):
        with pytest.raises(RequestRefused) as refused:
            ca.revoke(other_issuer, other_serial, "lost", allow_reissue=True)
        assert refused.value.reason == "unknown_certificate"
    assert len(house.list_file()) == 0


def test_a_list_lasts_crl_days_and_is_renewed_at_half_of_them(tmp_path: Path) -> None:
    house = found(tmp_path / "ca", profile=CAProfile(crl_days=4))
    ca = house.open()
    first = house.list_file()
    assert first.last_update_utc == NOW - BACKDATED
    assert first.next_update_utc == NOW - BACKDATED + 4 * DAY
    due = ca.refresh()
    assert due == NOW - BACKDATED + 2 * DAY
    house.clock.now = due - timedelta(seconds=1)
    assert ca.refresh() == due
    assert house.list_file() == first
    house.clock.now = due
    assert ca.refresh() == due - BACKDATED + 2 * DAY
    assert list_number(house.list_file()) == 2


def test_issuing_renews_a_list_that_is_due(house: House) -> None:
    ca = house.open()
    house.clock.advance(days=4)
    issue(ca)
    assert list_number(house.list_file()) == 2


def test_a_list_from_the_future_is_replaced_with_a_higher_number(house: House) -> None:
    house.clock.advance(days=400)
    house.open()
    assert list_number(house.list_file()) == 2
    house.clock.now = NOW
    house.open()
    published = house.list_file()
    assert published.last_update_utc <= NOW
    assert list_number(published) == 3


def test_numbers_only_rise(house: House) -> None:
    ca = house.open()
    numbers = []
    for name in ("a", "b", "c"):
        ca.revoke(*names(ca.issue(UNIT, request(key(name)))), "lost", allow_reissue=True)
        numbers.append(list_number(house.list_file()))
        ca.renew()
        numbers.append(list_number(house.list_file()))
        ca = house.open()
    assert numbers == [2, 3, 4, 5, 6, 7]


@without({"certlogin.ca.embedded.check_again": lambda listed, row, now: row})
def test_s16_an_entry_stays_until_one_list_after_its_certificate_has_ended(house: House) -> None:
    ca = house.open()
    issued = issue(ca)
    other = ca.issue(OTHER, request(key("other")))
    ca.revoke(*names(issued), "lost", allow_reissue=False)
    end = parsed(issued).not_valid_after_utc
    serial = parsed(issued).serial_number
    house.clock.now = end + DAY
    ca.renew()
    assert house.list_file().get_revoked_certificate_by_serial_number(serial) is not None
    house.clock.advance(days=1)
    ca.renew()
    assert house.list_file().get_revoked_certificate_by_serial_number(serial) is None
    # Forgotten by the list, not by the books: its key and its unit get nothing.
    with pytest.raises(RequestRefused, match="key_revoked"):
        issue(ca)
    # One that ended unrevoked can still be revoked, for the permission that comes with it.
    ca.revoke(*names(other), "lost", allow_reissue=True)
    assert ca.issue(OTHER, request(key("other 2")))


def test_the_roots_list_is_renewed_with_the_roots_key(house: House, caplog: pytest.LogCaptureFixture) -> None:
    house.clock.advance(days=700)
    ca = house.open()
    assert "the root's list ends" in caplog.text
    ca.renew_root_list(house.root)
    published = x509.load_der_x509_crl(house.files.root_list.read_bytes())
    assert list_number(published) == 2
    assert published.next_update_utc == house.clock.now - BACKDATED + 730 * DAY
    assert published.is_signature_valid(house.root.certificate.public_key())  # type: ignore[arg-type]
    assert house.list_row(ListName.ROOT).der == house.files.root_list.read_bytes()
    caplog.clear()
    ca.renew()
    assert "the root's list ends" not in caplog.text


def test_a_file_that_was_taken_away_is_published_again(house: House) -> None:
    ca = house.open()
    wanted = house.files.issuing_list.read_bytes()
    house.files.issuing_list.unlink()
    house.files.root_list.write_bytes(b"not a list")
    ca.refresh()
    assert house.files.issuing_list.read_bytes() == wanted
    assert house.files.root_list.read_bytes() == house.list_row(ListName.ROOT).der


def test_a_revocation_whose_list_cannot_be_published_is_finished_by_doing_it_again(house: House) -> None:
    ca = house.open()
    issued = issue(ca)
    # Stands in the way of the file that is renamed into its place.
    obstacle = house.directory / ".issuing.crl.new"
    obstacle.mkdir()
    with pytest.raises(Unavailable):
        ca.revoke(*names(issued), "lost", allow_reissue=False)
    assert len(house.list_file()) == 0
    obstacle.rmdir()
    ca.revoke(*names(issued), "lost", allow_reissue=False)
    assert len(house.list_file()) == 1

"""The compact index of serial numbers: the same as a dictionary, whatever the entries look like."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from certlogin.pki import serials as module
from certlogin.pki.crl import UnusableList, read_list
from certlogin.pki.der import DERError, only_element
from certlogin.pki.serials import SerialIndex, SerialsBuilder
from tests.factory import DAY, NOW, make_pki
from tests.pki import raw
from tests.pki.raw import FAST, SEQUENCE, extension, integer, oid, rebuilt, tlv

CA = make_pki().issuing
UTC_TIME, GENERALIZED_TIME, ENUMERATED = 0x17, 0x18, 0x0A
REASON, INVALIDITY, ISSUER = "2.5.29.21", "2.5.29.24", "2.5.29.29"
SECOND = timedelta(seconds=1)
#: Of 1 to 20 octets, as certificates have them.
SERIALS = st.integers(1, 20).flatmap(lambda size: st.integers(1 << 8 * size - 8, (1 << 8 * size - 1) - 1))
DATES = st.integers(0, 100 * 365 * 86400).map(lambda second: datetime(1950, 1, 1, tzinfo=UTC) + second * SECOND)


def utc_time(date: datetime) -> bytes:
    return tlv(UTC_TIME, date.strftime("%y%m%d%H%M%SZ").encode())


def generalized(date: datetime) -> bytes:
    return tlv(GENERALIZED_TIME, date.strftime("%Y%m%d%H%M%SZ").encode())


def reason(number: int, critical: bool = False) -> bytes:
    return extension(oid(REASON), tlv(ENUMERATED, bytes((number,))), critical)


def invalidity(date: datetime) -> bytes:
    return extension(oid(INVALIDITY), generalized(date))


def entry(serial: int, date: bytes, *extensions: bytes) -> bytes:
    return tlv(SEQUENCE, integer(serial), date, *([tlv(SEQUENCE, *extensions)] if extensions else []))


def crl(*entries: bytes) -> bytes:
    """A list of these entries, truly signed."""

    def edit(elements: list[bytes]) -> None:
        elements.insert(5, tlv(SEQUENCE, *entries))

    return rebuilt(CA.crl(), CA.key, edit)


def index_of(*entries: bytes) -> SerialIndex:
    return read_list(crl(*entries)).revoked


#: Number, date, extensions, whether the date is of the unusual kind.
Entry = tuple[int, datetime, tuple[bytes, ...], bool]
EXTENSIONS = st.sampled_from(
    [(), (reason(1),), (reason(6),), (reason(1), invalidity(NOW)), (invalidity(NOW),), (invalidity(NOW), reason(1))]
)
ENTRIES = st.lists(st.tuples(SERIALS, DATES, EXTENSIONS, st.booleans()), max_size=40, unique_by=lambda one: one[0])


@FAST
@given(found=ENTRIES)
def test_the_index_is_what_another_library_reads(
    found: Sequence[tuple[int, datetime, tuple[bytes, ...], bool]],
) -> None:
    der = crl(*(entry(serial, (generalized if odd else utc_time)(date), *more) for serial, date, more, odd in found))
    theirs = {one.serial_number: one.revocation_date_utc for one in x509.load_der_x509_crl(der)} if found else {}
    ours = read_list(der).revoked
    assert dict(ours) == theirs
    assert len(ours) == len(theirs) == len(found)
    for serial, *_ in found:
        assert serial in ours
        for other in {serial - 1, serial + 1, serial << 8, serial >> 8, -serial} - theirs.keys():
            assert other not in ours


@FAST
@given(data=st.data())
def test_changed_entries_are_read_as_another_library_reads_them_or_not_at_all(data: st.DataObject) -> None:
    good = [entry(0x0102030405, utc_time(NOW), reason(1)), entry(7, utc_time(NOW)), entry(1 << 150, utc_time(NOW))]
    octets = bytearray(b"".join(good))
    for _ in range(data.draw(st.integers(1, 3))):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    der = crl(bytes(octets))
    try:
        ours = read_list(der).revoked
    except UnusableList:
        return
    theirs = {one.serial_number: one.revocation_date_utc for one in x509.load_der_x509_crl(der)}
    assert dict(ours) == {serial: date for serial, date in theirs.items() if 0 <= serial < 1 << 160}


def test_usual_entries_are_taken_without_a_parser() -> None:
    """Else a list of a million entries would cost a minute."""
    usual = [
        entry(serial, utc_time(NOW + serial % 7 * DAY), *more)
        for serial in (1, 0x7F, 0x80, 1 << 64, (1 << 159) - 1)
        for more in ((), (reason(0),), (reason(10), invalidity(NOW)), (invalidity(NOW),))
    ]
    holder = only_element(tlv(SEQUENCE, *usual), SEQUENCE)
    assert SerialsBuilder().take(holder) == []
    odd = [
        tlv(SEQUENCE, tlv(raw.INTEGER, b"\x00\x05"), utc_time(NOW)),
        entry(5, generalized(NOW)),
        entry(5, utc_time(datetime(2024, 2, 29, tzinfo=UTC))),
        entry(5, utc_time(NOW), reason(8)),
        entry(5, utc_time(NOW), reason(1, critical=True)),
        entry(-5, utc_time(NOW)),
        entry(1 << 160, utc_time(NOW)),
    ]
    mixed = [one for pair in zip(odd, usual, strict=False) for one in pair]
    assert SerialsBuilder().take(only_element(tlv(SEQUENCE, *mixed), SEQUENCE)) == odd


def test_more_entries_than_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PIECE", 3)
    module._usual.cache_clear()
    pauses: list[None] = []
    try:
        read = read_list(crl(*(entry(serial, utc_time(NOW)) for serial in range(1, 11))), lambda: pauses.append(None))
    finally:
        module._usual.cache_clear()
    assert set(read.revoked) == set(range(1, 11))
    # After each of 4 pieces, and of 256 stretches.
    assert len(pauses) == 4 + 256


def test_days_that_do_not_exist_make_no_list() -> None:
    for day in (b"260229000000Z", b"260431000000Z", b"261301000000Z", b"260100000000Z", b"260101240000Z"):
        with pytest.raises(UnusableList, match="unreadable"):
            index_of(entry(5, tlv(UTC_TIME, day)))


def test_dates_outside_of_utctime_are_kept_as_the_nearest() -> None:
    early, late = datetime(1900, 1, 1, tzinfo=UTC), datetime(2060, 1, 1, tzinfo=UTC)
    index = index_of(entry(5, generalized(early)), entry(6, generalized(late)))
    assert index[5] == datetime(1950, 1, 1, tzinfo=UTC)
    assert index[6] == datetime(2050, 1, 1, tzinfo=UTC) - SECOND


def test_a_number_that_no_certificate_has_is_left_out() -> None:
    index = index_of(entry(-5, utc_time(NOW)), entry(1 << 160, utc_time(NOW)), entry(5, utc_time(NOW)))
    assert list(index) == [5]
    assert (1 << 160) not in index
    unusual: object = "5"
    assert unusual not in index
    with pytest.raises(KeyError):
        index[6]


def test_a_number_that_is_named_twice_is_found() -> None:
    assert index_of(entry(5, utc_time(NOW)), entry(5, utc_time(NOW - DAY)))[5] in (NOW, NOW - DAY)


@pytest.mark.parametrize("rest", [b"\x30", b"\x30\x80", b"\x30\x05\x02\x01\x05"])
def test_entries_that_are_cut_off_are_none(rest: bytes) -> None:
    holder = only_element(tlv(SEQUENCE, entry(5, utc_time(NOW)), rest), SEQUENCE)
    with pytest.raises(DERError):
        SerialsBuilder().take(holder)


def test_an_entry_of_another_issuer_makes_the_list_useless() -> None:
    """Also where it forgets to say so in a critical way (RFC 5280 5.3.3)."""
    other = extension(oid(ISSUER), tlv(SEQUENCE, tlv(0xA4, CA.certificate.subject.public_bytes())))
    with pytest.raises(UnusableList, match="an entry with a critical extension"):
        index_of(entry(5, utc_time(NOW), other))


def test_the_index_of_many_is_small() -> None:
    index = SerialsBuilder()
    for number in range(1000):
        index.add((number * 7919) << 100, NOW)
    built = index.build()
    assert len(built._records) == 24 * 1000
    assert 1 not in built

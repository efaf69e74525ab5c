"""The shipped identity tables, patterns of entries, and what a unit code must look like."""

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from certlogin.pki.certificate import UnverifiedCertificate, read_certificate
from certlogin.pki.identity import Identity, IdentityUnreadable, read_identity
from certlogin.records.identity_tables import STANDARD, TABLES, Source, Strictness, read_source
from tests.companions import allows, without
from tests.factory import UNIT_CODE, make_pki, utf8_string
from tests.pki.raw import PRINTABLE, SET, tlv

ORGANISATION = UNIT_CODE[8:17]
PERSON = "110101199003070011"


def read(issuer: str, extensions: dict[str, bytes], codes: Strictness = Strictness.ANY) -> Identity:
    """What the shipped table of that issuer reads from a leaf with these extensions."""
    written = [x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value) for oid, value in extensions.items()]
    extra = tuple((extension, False) for extension in written)
    issued = make_pki().issuing.issue(unit_code=None, common_name=f"041@0{ORGANISATION}@name@00000001", extra=extra)
    table = TABLES[issuer]
    return read_identity(read_certificate(issued.der), table.unit_code, table.unique_id, codes)


def identify_code(text: str) -> bytes:
    """IdentifyCode as seen in real certificates: SET { [0] PrintableString }."""
    return tlv(SET, tlv(0xA0, tlv(PRINTABLE, text.encode())))


@pytest.mark.parametrize(
    ("issuer", "extensions", "unit_code", "unique_id"),
    [
        ("gbt-20518", {"1.2.156.10260.4.1.4": utf8_string("60003734-1")}, "600037341", None),
        ("gbt-20518", {"1.2.156.10260.4.1.4": utf8_string(UNIT_CODE)}, UNIT_CODE, None),
        (
            "bjca-sm2",
            {
                "1.2.156.112562.2.1.1.1": utf8_string(f"JJ{ORGANISATION}"),
                "1.2.156.112562.2.1.1.24": utf8_string(f"1@5009JJ0{ORGANISATION}"),
            },
            ORGANISATION,
            f"1@5009JJ0{ORGANISATION}",
        ),
        ("bjca-sm2", {"1.2.156.112562.2.1.1.4": utf8_string(f"JJ{ORGANISATION}")}, ORGANISATION, None),
        ("bjca-sm2", {"1.2.156.112562.2.1.1.1": utf8_string(f"SF{PERSON}")}, None, f"SF{PERSON}"),
        (
            "bjca-rsa",
            {
                "2.16.840.1.113732.2": utf8_string("1@5009JJ0600037341"),
                "1.2.86.11.7.1.8": utf8_string("JJ600037341"),
            },
            "600037341",
            "1@5009JJ0600037341",
        ),
        ("cfca", {"1.2.156.10260.4.1.1": identify_code(f"{ORGANISATION}N")}, ORGANISATION, None),
        ("cfca", {"1.2.156.10260.4.1.1": identify_code(PERSON)}, None, None),
        (
            "sheca",
            {
                "1.2.156.1.8888.148": utf8_string(UNIT_CODE),
                "1.2.156.112570.11.205": utf8_string("X1"),
            },
            UNIT_CODE,
            "X1",
        ),
        (
            "szca",
            {"1.2.86.11.7.1.4": utf8_string(UNIT_CODE), "1.2.86.11.7.7550201": utf8_string("Y1")},
            UNIT_CODE,
            "Y1",
        ),
    ],
)
def test_the_shipped_tables_read_what_their_issuers_write(
    issuer: str, extensions: dict[str, bytes], unit_code: str | None, unique_id: str | None
) -> None:
    assert read(issuer, extensions) == Identity(unit_code, unique_id)


@pytest.mark.parametrize("issuer", TABLES)
def test_every_entry_of_a_shipped_table_can_be_looked_for(issuer: str) -> None:
    for entry in (*TABLES[issuer].unit_code, *TABLES[issuer].unique_id):
        assert x509.ObjectIdentifier(read_source(entry).oid)
    assert not any(read_source(entry).is_pattern for entry in TABLES[issuer].unique_id)
    assert STANDARD in TABLES


@without({"certlogin.pki.identity._checked": lambda code, source, codes: code})
@pytest.mark.parametrize(
    "text", ["JJ", f"JJSF{PERSON}", "JJ60003734", f"JJ{ORGANISATION}0", f"JJ{UNIT_CODE[:-1]}_"][1:]
)
def test_s27_what_follows_a_prefix_must_be_a_code(text: str) -> None:
    """Else `JJ` would be taken off an id that merely begins with these letters."""
    with pytest.raises(IdentityUnreadable):
        read("bjca-sm2", {"1.2.156.112562.2.1.1.1": utf8_string(text)})


@without(
    {"certlogin.records.identity_tables.Source.code_in": lambda source, text: text.removeprefix("SF")[:9]},
    sees=f"Identity(unit_code='{PERSON[:9]}'",
)
def test_s27_the_id_of_a_person_is_no_unit_code() -> None:
    assert read("bjca-sm2", {"1.2.156.112562.2.1.1.1": utf8_string(f"SF{PERSON}")}).unit_code is None


IDS = ("JJ600037341", "SF600037341", "1@5009JJ0600037341", "2@5009JJ0600037341", "600037341", "X600037341")


@without(
    {"certlogin.pki.identity._text_of": lambda certificate, oid: "600037341"},
    sees="assert 1 == 6",
)
def test_s27_no_table_makes_two_unique_ids_equal() -> None:
    oid = "1.2.156.112562.2.1.1.24"
    assert len({read("bjca-sm2", {oid: utf8_string(text)}).unique_id for text in IDS}) == len(IDS)


def common_name_instead(certificate: UnverifiedCertificate, oid: str) -> str:
    return certificate.x509.subject.rfc4514_string().split("@")[1].removeprefix("0")


@without({"certlogin.pki.identity._text_of": common_name_instead}, sees=f"assert '{ORGANISATION}' is None")
def test_s27_the_common_name_of_a_cfca_certificate_is_never_read() -> None:
    """It looks like `041@0<code>@name@1`; only the extension that the table names counts."""
    assert read("cfca", {"1.2.156.10260.4.1.1": identify_code(PERSON)}).unit_code is None


BROKEN_CHECK = f"{UNIT_CODE[:-1]}A"


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        (UNIT_CODE, Strictness.STRICT),
        ("60003734-1", Strictness.STRICT),
        (BROKEN_CHECK, Strictness.LENIENT),
        ("A FOREIGN ID", Strictness.ANY),
    ],
)
def test_a_unit_code_as_the_site_wants_it_is_read(text: str, codes: Strictness) -> None:
    assert read("gbt-20518", {"1.2.156.10260.4.1.4": utf8_string(text)}, codes).unit_code == text.replace("-", "")


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        (BROKEN_CHECK, Strictness.STRICT),
        ("600037342", Strictness.STRICT),
        ("A FOREIGN ID", Strictness.LENIENT),
        (PERSON[:-1] + "I", Strictness.LENIENT),
    ],
)
def test_another_one_is_unreadable(text: str, codes: Strictness) -> None:
    with pytest.raises(IdentityUnreadable):
        read("gbt-20518", {"1.2.156.10260.4.1.4": utf8_string(text)}, codes)


@pytest.mark.parametrize(
    ("entry", "source"),
    [
        ("1.2.3", Source("1.2.3")),
        ("1.2.3 JJ*", Source("1.2.3", "JJ")),
        ("1.2.3 *N", Source("1.2.3", "", "N")),
        ("1.2.3 1@5009JJ0*N", Source("1.2.3", "1@5009JJ0", "N")),
        ("1.2.3 *", Source("1.2.3")),
    ],
)
def test_an_entry_is_an_identifier_with_or_without_a_pattern(entry: str, source: Source) -> None:
    assert read_source(entry) == source


@pytest.mark.parametrize(
    "entry", ["", "JJ*", "1.2.3 JJ", "1.2.3 J*J*", "1.2.3  *", "1.2.3 *\n", "１.2.3", "1.2.3 单位*"]
)
def test_another_entry_is_a_mistake(entry: str) -> None:
    with pytest.raises(ValueError, match="object identifier"):
        read_source(entry)


@given(before=st.text("JS1@", max_size=3), after=st.text("N*", max_size=2), code=st.text(max_size=4))
def test_a_pattern_gives_back_what_was_put_in_its_place(before: str, after: str, code: str) -> None:
    assert Source("1.2.3", before, after).code_in(before + code + after) == (code or None)


@allows
def test_s27_a_pattern_that_overlaps_itself_holds_no_code() -> None:
    assert Source("1.2.3", "JJ", "JN").code_in("JJN") is None

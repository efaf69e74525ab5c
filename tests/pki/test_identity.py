import re
from collections.abc import Sequence
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from certlogin.pki import identity as module
from certlogin.pki.certificate import UnverifiedCertificate, read_certificate
from certlogin.pki.codes import USCC_ALPHABET, has_uscc_check
from certlogin.pki.identity import Identity, IdentityUnreadable, masked_code, read_identity, same_unit_code
from tests.companions import allows, without
from tests.factory import OTHER_CODE, UNIQUE_ID_OID, UNIT_CODE, UNIT_CODE_OID, make_pki, utf8_string
from tests.pki.raw import FAST, INTEGER, NULL, OCTET_STRING, PRINTABLE, SEQUENCE, SET, UTF8, tlv

SECOND_OID = "1.2.156.10260.4.4"
IA5 = 0x16
TELETEX, BMP, UNIVERSAL = 0x14, 0x1E, 0x1C


def read(
    *extensions: tuple[str, bytes], unit: tuple[str, ...] = (UNIT_CODE_OID,), unique: tuple[str, ...] = (UNIQUE_ID_OID,)
) -> Identity:
    """The identity in a leaf with exactly these private extensions."""
    extra = tuple((x509.UnrecognizedExtension(x509.ObjectIdentifier(one), value), False) for one, value in extensions)
    issued = make_pki().issuing.issue(unit_code=None, extra=extra)
    return read_identity(read_certificate(issued.der), unit, unique)


def unit_code(value: bytes) -> str | None:
    return read((UNIT_CODE_OID, value)).unit_code


def unique_id(value: bytes) -> str | None:
    return read((UNIQUE_ID_OID, value)).unique_id


# --- what stands in the place of the defences

_unit_code, _text_of = module._unit_code, module._text_of


def _private(certificate: UnverifiedCertificate) -> list[str]:
    """What is no extension of X.509, in the order of the certificate."""
    found = certificate.x509.extensions
    return [one.oid.dotted_string for one in found if isinstance(one.value, x509.UnrecognizedExtension)]


def _in_its_order(certificate: UnverifiedCertificate, entries: Sequence[str], codes: Any) -> str | None:
    return _unit_code(certificate, sorted(entries, key=_private(certificate).index), codes)


def _any_extension(certificate: UnverifiedCertificate, _: Sequence[str], codes: Any) -> str | None:
    return _unit_code(certificate, _private(certificate), codes)


def _common_name(certificate: UnverifiedCertificate, *_: Any) -> str:
    return str(certificate.x509.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


def _unreadable_is_absent(certificate: UnverifiedCertificate, oid: str) -> str | None:
    try:
        return _text_of(certificate, oid)
    except IdentityUnreadable:
        return None


def _stripped(certificate: UnverifiedCertificate, oid: str) -> str | None:
    text = _text_of(certificate, oid)
    return text and re.sub(r"^(\d@\d{4})?(JJ|SF)0?", "", text, flags=re.IGNORECASE).replace("-", "")


_CODE_FROM, _TEXT_FROM = "certlogin.pki.identity._unit_code", "certlogin.pki.identity._text_of"
ANY_TEXT: dict[str, object] = {"certlogin.pki.identity._is_clean": lambda _: True}
ANY_FORM: dict[str, object] = {"certlogin.pki.identity._decode": lambda value: value.decode("latin-1"), **ANY_TEXT}
#: One code in another, wherever it stands.
SOMEWHERE: dict[str, object] = {"certlogin.pki.identity._is_inside": lambda shorter, longer: shorter in longer}
NOBODY: dict[str, object] = {"certlogin.pki.identity._names_somebody": lambda _: True, **SOMEWHERE}
SAME_ORGANISATION: dict[str, object] = {
    "certlogin.pki.identity._is_inside": lambda one, other: one[8:17] == other[8:17]
}
ANY_CODE: dict[str, object] = {"certlogin.pki.identity._is_inside": lambda *_: True}
NO_BLANKS: dict[str, object] = {"certlogin.pki.identity.normalise_code": lambda text: "".join(text.split())}


# --- forms


CODE = UNIT_CODE.encode()
FORMS = [
    ("PrintableString", tlv(PRINTABLE, CODE)),
    ("UTF8String", tlv(UTF8, CODE)),
    ("IA5String", tlv(IA5, CODE)),
    ("bare", CODE),
    ("SET [0]", tlv(SET, tlv(0xA0, tlv(PRINTABLE, CODE)))),
    ("SET [1]", tlv(SET, tlv(0xA1, tlv(UTF8, CODE)))),
    ("SET [2]", tlv(SET, tlv(0xA2, tlv(PRINTABLE, CODE)))),
    ("SET", tlv(SET, tlv(UTF8, CODE))),
]


@allows
@pytest.mark.parametrize(("form", "value"), FORMS, ids=[form for form, _ in FORMS])
def test_s27_every_form_in_use_is_read(form: str, value: bytes) -> None:
    assert unit_code(value) == UNIT_CODE
    assert unique_id(value) == UNIT_CODE


@allows
def test_s27_the_observed_set_form_is_read() -> None:
    assert unique_id(bytes.fromhex("3116a0141312") + b"110101199003070011") == "110101199003070011"


NO_STRING = [
    ("trailing octet", tlv(UTF8, CODE) + b"\x00"),
    ("two strings", tlv(UTF8, CODE) * 2),
    ("cut", tlv(UTF8, CODE)[:-1]),
    ("number", tlv(INTEGER, b"\x01")),
    ("null", tlv(NULL)),
    ("octets", tlv(OCTET_STRING, CODE)),
    ("sequence", tlv(SEQUENCE, tlv(UTF8, CODE))),
    ("two in a SET", tlv(SET, tlv(UTF8, CODE), tlv(UTF8, CODE))),
    ("empty SET", tlv(SET)),
    ("SET in a SET", tlv(SET, tlv(SET, tlv(UTF8, CODE)))),
    ("unknown alternative", tlv(SET, tlv(0xA3, tlv(UTF8, CODE)))),
    ("two in an alternative", tlv(SET, tlv(0xA0, tlv(UTF8, CODE), tlv(UTF8, CODE)))),
    ("alternative without SET", tlv(0xA0, tlv(UTF8, CODE))),
    ("TeletexString", tlv(TELETEX, CODE)),
    ("BMPString", tlv(BMP, UNIT_CODE.encode("utf-16-be"))),
    ("UniversalString", tlv(UNIVERSAL, UNIT_CODE.encode("utf-32-be"))),
    ("no UTF-8", tlv(UTF8, b"\xff\xfe")),
    ("overlong UTF-8", tlv(UTF8, b"\xc0\xb1")),
    ("no ASCII", tlv(PRINTABLE, "单位".encode())),
    ("bare and not ASCII", "单位".encode()),
]
UNCLEAN = [
    ("empty", b""),
    ("empty string", tlv(UTF8)),
    ("only a hyphen", tlv(UTF8, b"-")),
    ("only blanks", tlv(UTF8, b"   ")),
    ("NUL at the end", tlv(UTF8, CODE + b"\x00")),
    ("NUL and more", tlv(UTF8, CODE + b"\x00evil")),
    ("line end", tlv(UTF8, CODE + b"\n")),
    ("escape", tlv(UTF8, b"\x1b[2J" + CODE)),
    ("zero width space", tlv(UTF8, f"{UNIT_CODE}\u200b".encode())),
    ("right to left", tlv(UTF8, f"\u202e{UNIT_CODE}".encode())),
    ("outer blank", tlv(UTF8, b" " + CODE)),
    ("outer wide blank", tlv(UTF8, f"{UNIT_CODE}\u3000".encode())),
    ("too long", tlv(UTF8, b"9" * 256)),
]


@pytest.mark.parametrize(
    "value",
    [
        *(pytest.param(value, marks=without(ANY_FORM), id=why) for why, value in NO_STRING),
        *(pytest.param(value, marks=without(ANY_TEXT), id=why) for why, value in UNCLEAN),
    ],
)
def test_s27_what_is_no_clean_text_is_refused_and_not_passed_over(value: bytes) -> None:
    with pytest.raises(IdentityUnreadable) as refusal:
        unit_code(value)
    assert refusal.value.oid == UNIT_CODE_OID
    with pytest.raises(IdentityUnreadable):
        unique_id(value)


@allows
def test_s27_255_characters_are_still_an_identifier() -> None:
    assert unique_id(tlv(UTF8, b"9" * 255)) == "9" * 255


# --- which extension


@without({_CODE_FROM: _in_its_order}, sees=f"assert '{UNIT_CODE}' == '{OTHER_CODE}'")
def test_s27_the_table_says_which_extension_comes_first() -> None:
    both = ((UNIT_CODE_OID, utf8_string(UNIT_CODE)), (SECOND_OID, utf8_string(OTHER_CODE)))
    assert read(*both, unit=(UNIT_CODE_OID, SECOND_OID)).unit_code == UNIT_CODE
    assert read(*both, unit=(SECOND_OID, UNIT_CODE_OID)).unit_code == OTHER_CODE
    assert read(*reversed(both), unit=(SECOND_OID, UNIT_CODE_OID)).unit_code == OTHER_CODE


@without({_TEXT_FROM: _unreadable_is_absent})
def test_s27_the_next_extension_counts_only_where_the_first_is_absent() -> None:
    second = (SECOND_OID, utf8_string(OTHER_CODE))
    assert read(second, unit=(UNIT_CODE_OID, SECOND_OID)).unit_code == OTHER_CODE
    with pytest.raises(IdentityUnreadable):
        read((UNIT_CODE_OID, tlv(NULL)), second, unit=(UNIT_CODE_OID, SECOND_OID))


@without({_CODE_FROM: _any_extension}, sees=f"unit_code: '{UNIT_CODE}' != None")
def test_s27_an_extension_outside_the_table_says_nothing() -> None:
    assert read((SECOND_OID, utf8_string(UNIT_CODE))) == Identity(None, None)
    assert read((UNIT_CODE_OID, utf8_string(UNIT_CODE)), unit=()) == Identity(None, None)


@without({_CODE_FROM: _common_name}, sees=f"unit_code: '{UNIT_CODE}' != None")
def test_s27_common_name_and_serial_are_never_an_identity() -> None:
    issued = make_pki().issuing.issue(unit_code=None, common_name=UNIT_CODE, serial=int(UNIT_CODE[:-1]))
    assert read_identity(read_certificate(issued.der), (UNIT_CODE_OID,), (UNIQUE_ID_OID,)) == Identity(None, None)


# --- how it is written down


@allows
@pytest.mark.parametrize("text", ["60003734-1", "600037341", "６０００３７３４－１"], ids=["hyphen", "plain", "wide"])
def test_s27_a_unit_code_is_normalised(text: str) -> None:
    assert unit_code(tlv(UTF8, text.encode())) == "600037341"


@without(NO_BLANKS, sees="assert not True")
def test_s27_a_blank_inside_a_unit_code_stays_and_fits_no_unit() -> None:
    code = unit_code(tlv(UTF8, b"6000 37341"))
    assert code == "6000 37341"
    assert not same_unit_code(code, "600037341")


@allows
def test_s27_letters_become_upper_case_and_half_width() -> None:
    assert unit_code(tlv(UTF8, "９１１１００００６０００３７３４１ｌ".encode())) == UNIT_CODE
    assert unit_code(tlv(UTF8, b"91110000600037341l")) == UNIT_CODE


IDS = [
    "1@5009JJ0600037341",
    "2@5009JJ0600037341",
    "JJ600037341",
    "SF600037341",
    "600037341",
    "jj600037341",
    "JJ60003734-1",
]


@without({_TEXT_FROM: _stripped}, sees="assert 1 == 7")
def test_s27_no_prefix_is_stripped_so_different_ids_stay_different() -> None:
    found = [unique_id(tlv(UTF8, text.encode())) for text in IDS]
    assert len(set(found)) == len(IDS)
    assert found == IDS


@without(ANY_TEXT, sees="a text that hides")
@FAST
@given(st.binary(max_size=60))
def test_s27_any_bytes_are_a_clean_text_or_refused(value: bytes) -> None:
    try:
        identity = read((UNIT_CODE_OID, value), (UNIQUE_ID_OID, value))
    except IdentityUnreadable:
        return
    assert identity.unique_id, "a text that hides"
    assert identity.unit_code, "a text that hides"
    assert identity.unique_id.isprintable(), "a text that hides"


# --- when two codes name the same unit


@allows
@pytest.mark.parametrize(
    ("one", "other"),
    [
        (UNIT_CODE, UNIT_CODE),
        (UNIT_CODE, UNIT_CODE.lower()),
        (UNIT_CODE, "９１１１００００６０００３７３４１Ｌ"),
        (UNIT_CODE, "600037341"),
        (UNIT_CODE, "60003734-1"),
        ("60003734-1", "600037341"),
        (" 600037341 ", "600037341"),
        ("71526726-x", "9144030071526726XG"),
    ],
)
def test_s15_codes_of_one_unit_are_the_same(one: str, other: str) -> None:
    assert same_unit_code(one, other)
    assert same_unit_code(other, one)


DIFFERENT: list[tuple[dict[str, object], list[tuple[str, str]]]] = [
    (NOBODY, [("", ""), ("", UNIT_CODE), ("-", "--"), (" ", UNIT_CODE)]),
    (
        ANY_CODE,
        [
            (UNIT_CODE, OTHER_CODE),
            (UNIT_CODE, "551385082"),
            ("600037341", "600037342"),
            ("1" + UNIT_CODE[1:], UNIT_CODE),
        ],
    ),
    (
        SOMEWHERE,
        [
            (UNIT_CODE, "60003734"),
            (UNIT_CODE, UNIT_CODE[:-1]),
            (UNIT_CODE, UNIT_CODE + "0"),
            # The nine digits stand in an 18-digit number that is no USCC: an identity card number.
            ("199003070", "110101199003070011"),
            # A USCC with a wrong check character proves nothing.
            (UNIT_CODE[:-1] + "M", "600037341"),
            # Nine characters elsewhere in the USCC.
            (UNIT_CODE, UNIT_CODE[:9]),
            (UNIT_CODE, UNIT_CODE[9:]),
        ],
    ),
]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(*pair, marks=without(judged, sees="assert not True"))
        for judged, pairs in DIFFERENT
        for pair in pairs
    ],
)
def test_s15_codes_of_different_units_are_not_the_same(one: str, other: str) -> None:
    assert not same_unit_code(one, other)
    assert not same_unit_code(other, one)


@without(SAME_ORGANISATION, sees="assert not True")
def test_s15_two_usccs_around_one_organisation_code_are_two_units() -> None:
    bodies = [f"{head}1110000600037341" for head in "159"]
    codes = [body + next(last for last in USCC_ALPHABET if has_uscc_check(body + last)) for body in bodies]
    assert not same_unit_code(codes[0], codes[1])
    assert all(same_unit_code(code, "600037341") for code in codes)


# --- masked


@pytest.mark.parametrize(
    ("code", "masked"),
    [
        (UNIT_CODE, "9111**********341L"),
        ("60003734-1", "60*****41"),
        ("123456789012", "1234****9012"),
        ("12345678901", "12*******01"),
        ("1234", "1**4"),
        ("123", "***"),
        ("", ""),
    ],
)
def test_a_masked_code_shows_both_ends_only(code: str, masked: str) -> None:
    assert masked_code(code) == masked


@given(st.text(USCC_ALPHABET, max_size=40))
def test_a_masked_code_keeps_its_length_and_hides_at_least_a_third(code: str) -> None:
    masked = masked_code(code)
    assert len(masked) == len(code)
    assert masked.count("*") * 3 >= len(code)

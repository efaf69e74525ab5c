import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from certlogin.pki.der import (
    SEQUENCE,
    DERError,
    Element,
    TooDeep,
    check_outline,
    children,
    only_element,
    read_element,
    unsigned,
    whole_bits,
)
from tests.companions import companion, without
from tests.pki.raw import BIT_STRING, FAST, INTEGER, OCTET_STRING, integer, nested, tlv


def whole(data: bytes) -> Element:
    return read_element(data, 0, len(data))


@pytest.mark.parametrize("length", [0, 1, 0x7F, 0x80, 0xFF, 0x100, 0x1234])
def test_an_element_ends_where_its_shortest_length_says(length: int) -> None:
    encoded = tlv(OCTET_STRING, b"x" * length)
    element = read_element(encoded + b"rest", 0, len(encoded) + 4)
    assert (element.tag, element.value, element.encoded) == (OCTET_STRING, b"x" * length, encoded)


@pytest.mark.parametrize("data", [b"", b"\x04"], ids=["nothing", "no length"])
def test_what_has_no_header_is_no_element(data: bytes) -> None:
    with pytest.raises(DERError):
        whole(data)


#: Lengths may end anywhere, may be written in any way; tags have one octet.
ANY_END: dict[str, object] = {"certlogin.pki.der._check_inside": lambda *_: None}
ANY_LENGTH: dict[str, object] = {"certlogin.pki.der._check_shortest": lambda *_: None}
ANY_TAG: dict[str, object] = {"certlogin.pki.der._read_tag": lambda data, at, end: (data[at], at + 1)}
NOT_DER = [
    ("cut value", "040261", ANY_END),
    ("cut length", "0482", {**ANY_END, **ANY_LENGTH}),
    ("half a length", "048201", {**ANY_END, **ANY_LENGTH}),
    ("indefinite length", "04800000", ANY_LENGTH),
    ("length of five octets", "0485000000000100", ANY_LENGTH),
    ("long form of a short length", "04810161", ANY_LENGTH),
    ("length with a leading zero", "04820080" + "61" * 128, ANY_LENGTH),
    ("four gibibytes", "0484ffffffff", ANY_END),
    ("four gibibytes and more", "84ff" + "ffffffff" * 31, ANY_END),
    ("reserved length", "04ff" + "01" * 127, ANY_END),
    ("tag of several octets", "1f0100", ANY_TAG),
    ("constructed tag of several octets", "3f0100", ANY_TAG),
]


@pytest.mark.parametrize("data", [pytest.param(data, marks=without(read), id=why) for why, data, read in NOT_DER])
def test_s25_what_is_not_der_is_no_element(data: str) -> None:
    with pytest.raises(DERError):
        whole(bytes.fromhex(data))


def test_an_element_may_not_pass_what_holds_it() -> None:
    outer = whole(tlv(SEQUENCE, bytes.fromhex("04056162")) + b"cde")
    with pytest.raises(DERError):
        list(children(outer))


def test_children_are_read_in_order() -> None:
    parent = whole(tlv(SEQUENCE, integer(1), tlv(OCTET_STRING, b"ab"), integer(2)))
    assert [child.encoded for child in children(parent)] == [integer(1), tlv(OCTET_STRING, b"ab"), integer(2)]


@pytest.mark.parametrize("data", [integer(1), nested(1) + b"\x00", b""], ids=["another tag", "trailing", "empty"])
def test_only_element_takes_no_other_tag_and_no_rest(data: bytes) -> None:
    assert only_element(nested(1), SEQUENCE).value == b""
    with pytest.raises(DERError):
        only_element(data, SEQUENCE)


def test_s25_nesting_is_allowed_to_the_depth_and_no_further() -> None:
    assert check_outline(nested(32), 32).encoded == nested(32)
    with pytest.raises(TooDeep):
        check_outline(nested(33), 32)


def test_s25_nesting_costs_no_recursion() -> None:
    with pytest.raises(TooDeep):
        check_outline(nested(4000), 32)


@companion("test_s25_nesting_is_allowed_to_the_depth_and_no_further", "test_s25_nesting_costs_no_recursion")
def test_s25_companion_where_more_depth_is_allowed_all_of_it_is_walked() -> None:
    assert check_outline(nested(33), 33).encoded == nested(33)
    assert check_outline(nested(4000), 4000).encoded == nested(4000)


def test_a_value_is_not_looked_into() -> None:
    value = tlv(OCTET_STRING, nested(100)) + tlv(BIT_STRING, b"\x00", b"\xff\xff")
    assert check_outline(tlv(SEQUENCE, value), 2).value == value


#: Trailing octets are nobody's.
ANY_REST: dict[str, object] = {"certlogin.pki.der._is_all_of": lambda *_: True}


@without(ANY_REST)
def test_s25_bytes_after_the_end_are_refused() -> None:
    with pytest.raises(DERError):
        check_outline(nested(2) + b"\x00", 32)


@pytest.mark.parametrize("number", [0, 1, 127, 128, 255, 256, 2**64, 2**159])
def test_an_unsigned_number_is_read(number: int) -> None:
    assert unsigned(whole(integer(number))) == number


@without({"certlogin.pki.der._check_number": lambda _: None})
@pytest.mark.parametrize(
    ("why", "data"),
    [("negative", integer(-1)), ("padded", b"\x02\x02\x00\x01"), ("empty", b"\x02\x00"), ("octets", b"\x04\x01\x01")],
)
def test_s25_other_numbers_are_refused(why: str, data: bytes) -> None:
    with pytest.raises(DERError):
        unsigned(whole(data))


def test_whole_bits_are_octets() -> None:
    assert whole_bits(whole(tlv(BIT_STRING, b"\x00", b"ab"))) == b"ab"


@pytest.mark.parametrize(
    "data", [tlv(BIT_STRING, b"\x01\xfe"), tlv(BIT_STRING), tlv(OCTET_STRING, b"\x00")], ids=["bits", "empty", "octets"]
)
def test_unused_bits_are_refused(data: bytes) -> None:
    with pytest.raises(DERError):
        whole_bits(whole(data))


#: Bytes that look like DER more often than chance would have it.
TAGS = st.lists(st.sampled_from(b"\x30\x31\x02\x04\x05\x00\x80\x82\xa0\x1f\xff"), max_size=60).map(bytes)


@without(ANY_REST, sees="octets that nobody read")
@FAST
@given(st.binary(max_size=200) | TAGS)
@example(b"\x04\x00\x00")
def test_s25_any_bytes_are_an_outline_or_a_der_error(data: bytes) -> None:
    try:
        outline = check_outline(data, 32)
    except DERError:
        return
    assert outline.encoded == data, "octets that nobody read"


@given(st.integers(-(2**80), 2**80))
def test_an_integer_is_read_as_what_it_is_or_refused(number: int) -> None:
    element = whole(integer(number))
    assert element.tag == INTEGER
    if number >= 0:
        assert unsigned(element) == number
    else:
        with pytest.raises(DERError):
            unsigned(element)

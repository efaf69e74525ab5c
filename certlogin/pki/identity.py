"""Which unit a certificate names, and when two codes name the same unit.

It reads the extensions that the issuer's identity table lists (`records/identity_tables.py`), and nothing else: never
the common name, never the serial number (S27). It must be asked only about certificates whose path and revocation are
settled.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from cryptography import x509

from certlogin.errors import Refusal
from certlogin.pki.certificate import UnverifiedCertificate
from certlogin.pki.codes import (
    ORGANISATION_LENGTH,
    ORGANISATION_PART,
    UnitCodeInvalid,
    check_code,
    has_uscc_check,
    normalise_code,
)
from certlogin.pki.der import DERError, Element, read_element
from certlogin.records.identity_tables import Source, Strictness, read_source

__all__ = ["Identity", "IdentityUnreadable", "masked_code", "normalise_code", "read_identity", "same_unit_code"]

#: UTF8String, PrintableString, IA5String.
_STRINGS: Final = {0x0C: "utf-8", 0x13: "ascii", 0x16: "ascii"}
_SET: Final = 0x31
#: The alternatives of IdentifyCode (GM/T 0015): [0], [1], [2] EXPLICIT.
_ALTERNATIVES: Final = frozenset({0xA0, 0xA1, 0xA2})
_LENGTH_MAX: Final = 255


@dataclass(eq=False)
class IdentityUnreadable(Refusal):
    """An extension of the identity table is present and holds no readable text."""

    code: ClassVar[str] = "certificate_identity"
    oid: str


@dataclass(frozen=True, slots=True)
class Identity:
    unit_code: str | None
    unique_id: str | None


def read_identity(
    certificate: UnverifiedCertificate,
    unit_code: Sequence[str],
    unique_id: Sequence[str],
    codes: Strictness = Strictness.ANY,
) -> Identity:
    """What the certificate says of its holder, by the entries of an identity table. Raises IdentityUnreadable.

    `codes`: what a unit code must look like to be one.
    """
    # The unique id as it is written: a stripped prefix (`1@`, `SF`, `JJ`) would make two ids equal.
    present = (text for oid in unique_id if (text := _text_of(certificate, oid)) is not None)
    return Identity(_unit_code(certificate, unit_code, codes), next(present, None))


def same_unit_code(one: str, other: str) -> bool:
    """Whether two codes name one unit: equal, or one is the organisation code inside the other. Empty names nobody."""
    shorter, longer = sorted((normalise_code(one), normalise_code(other)), key=len)
    return _names_somebody(shorter) and (shorter == longer or _is_inside(shorter, longer))


def _names_somebody(code: str) -> bool:
    return code != ""


def _is_inside(shorter: str, longer: str) -> bool:
    """Only inside a true USCC: an 18-digit identity card number has nine digits there too."""
    if len(shorter) != ORGANISATION_LENGTH or not has_uscc_check(longer):
        return False
    return longer[ORGANISATION_PART] == shorter


def masked_code(code: str) -> str:
    """The code for pages that anybody with the password can see: both ends only."""
    plain = normalise_code(code)
    shown = 4 if len(plain) >= 12 else len(plain) // 4
    hidden = len(plain) - 2 * shown
    return plain[:shown] + "*" * hidden + plain[shown + hidden :]


def _unit_code(certificate: UnverifiedCertificate, entries: Sequence[str], codes: Strictness) -> str | None:
    for source in map(read_source, entries):
        text = _text_of(certificate, source.oid)
        code = None if text is None else source.code_in(text)
        if code is not None:
            return _checked(code, source, codes)
    return None


def _checked(code: str, source: Source, codes: Strictness) -> str:
    # Where a prefix is taken off, what is left must be a code by itself, or it was no such prefix.
    needed = Strictness.LENIENT if source.is_pattern and codes is Strictness.ANY else codes
    try:
        return check_code(code, needed)
    except UnitCodeInvalid:
        raise IdentityUnreadable(source.oid) from None


def _text_of(certificate: UnverifiedCertificate, oid: str) -> str | None:
    value = _extension(certificate, oid)
    return None if value is None else _read_text(value, oid)


def _extension(certificate: UnverifiedCertificate, oid: str) -> bytes | None:
    try:
        found = certificate.x509.extensions.get_extension_for_oid(x509.ObjectIdentifier(oid))
    except x509.ExtensionNotFound:
        return None
    return found.value.public_bytes()


def _read_text(value: bytes, oid: str) -> str:
    try:
        text = _decode(value)
    except (DERError, UnicodeDecodeError):
        raise IdentityUnreadable(oid) from None
    if not _is_clean(text):
        raise IdentityUnreadable(oid)
    return text


def _is_clean(text: str) -> bool:
    """A control character or an outer blank has no business in an identifier and would hide in a comparison."""
    return len(text) <= _LENGTH_MAX and text.isprintable() and text == text.strip() and bool(normalise_code(text))


def _decode(value: bytes) -> str:
    """The text, whether in a string, in the SET form, or bare.

    Tags of strings are control characters, so octets that are all printable can only be a bare string.
    """
    if all(0x20 <= octet < 0x7F for octet in value):
        return value.decode("ascii")
    element = _only_child(value, 0, len(value))
    if element.tag == _SET:
        element = _only_child(value, element.start, element.end)
        if element.tag in _ALTERNATIVES:
            element = _only_child(value, element.start, element.end)
    encoding = _STRINGS.get(element.tag)
    if encoding is None:
        raise DERError("no string")
    return element.value.decode(encoding)


def _only_child(data: bytes, start: int, end: int) -> Element:
    element = read_element(data, start, end)
    if element.end != end:
        raise DERError("not exactly one value")
    return element

import warnings
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives import hashes

from certlogin.pki.certificate import (
    CertificateTooLarge,
    CertificateUnreadable,
    check_count,
    read_certificate,
    read_chain,
)
from certlogin.pki.keys import KeyKind, WeakKey
from certlogin.records.certificate import KeyType
from tests.companions import without
from tests.factory import Issued, make_pki, resign
from tests.pki import raw
from tests.pki.raw import (
    BIT_STRING,
    NULL,
    OCTET_STRING,
    OID,
    PRINTABLE,
    SEQUENCE,
    SET,
    UTF8,
    content,
    extension,
    integer,
    nested,
    parts,
    rebuilt,
    tlv,
    with_extensions,
    with_part,
)
from tests.pki.undefended import ANY_CERTIFICATE, ANY_PARSED

READER = "certlogin.pki.certificate"
#: A limit that nobody reaches.
BOUNDLESS = 2**200
MANY = {f"{READER}.CLIENT_CERTIFICATES_MAX": BOUNDLESS}
LARGE = {f"{READER}.SIZE_MAX": BOUNDLESS}
DEEP = {f"{READER}.DEPTH_MAX": BOUNDLESS}
#: Any key is one of P-256.
ANY_KEY = {f"{READER}.read_key": lambda *_: KeyKind(KeyType.P256, 256)}
#: Extensions are neither counted nor compared nor looked into.
ANY_EXTENSIONS = {f"{READER}._check_extensions": lambda _: None}
ANY_ALGORITHM = {f"{READER}._check_algorithm": lambda *_: None}
ANY_SERIAL = {f"{READER}._check_serial": lambda _: None, f"{READER}.unsigned": lambda _: 1}
#: A private extension: 2.25.<n>.
PRIVATE = b"\x69"


def leaf() -> Issued:
    return make_pki().issuing.issue(unique_id="SF110101199003070011", crl_url="http://ca.test/list.crl", serial=0x5A17)


def edited(place: int, element: bytes) -> bytes:
    """A good leaf, truly signed by its issuer, with one element of the signed part exchanged."""
    return with_part(leaf().der, make_pki().issuing.key, place, element)


def extended(*extensions: bytes) -> bytes:
    return with_extensions(leaf().der, make_pki().issuing.key, extensions)


def numbered(count: int) -> list[bytes]:
    return [extension(PRIVATE + bytes([number]), tlv(NULL)) for number in range(count)]


def padded_to(size: int) -> bytes:
    """A leaf of exactly `size` octets."""
    short = len(extended(extension(PRIVATE, tlv(OCTET_STRING, bytes(10_000)))))
    for filler in range(10_000 + size - short - 4, 10_000 + size - short + 8):
        found = extended(extension(PRIVATE, tlv(OCTET_STRING, bytes(filler))))
        if len(found) == size:
            return found
    # An ECDSA signature is one octet shorter now and then.
    return padded_to(size)


# --- what is read


def test_a_certificate_is_read_as_it_is_written() -> None:
    issued = leaf()
    read = read_certificate(issued.der)
    assert read.der == issued.der
    assert read.sha256 == issued.certificate.fingerprint(hashes.SHA256()).hex()
    assert read.serial == 0x5A17
    assert read.key == KeyKind(KeyType.P256, 256)
    assert read.signature_algorithm == "1.2.840.10045.4.3.2"
    assert read.issuer_der == issued.certificate.issuer.public_bytes()
    assert read.subject_der == issued.certificate.subject.public_bytes()
    assert read.issuer_sha256 == read_certificate(make_pki().issuing.issue(serial=7).der).issuer_sha256


@pytest.mark.parametrize("key_type", ["RSA-2048", "P-256", "P-384"])
def test_the_key_is_named_by_the_hash_of_its_encoding(key_type: str) -> None:
    issued = make_pki().issuing.issue(key_type=key_type)
    spki = parts(parts(issued.der)[0])[raw.SPKI]
    digest = hashes.Hash(hashes.SHA256())
    digest.update(spki)
    assert read_certificate(issued.der).spki_sha256 == digest.finalize().hex()


# --- limits (S25)


@without(LARGE)
def test_s25_16_kib_are_read_and_one_octet_more_is_not() -> None:
    assert len(read_certificate(padded_to(16 * 1024)).der) == 16 * 1024
    with pytest.raises(CertificateTooLarge) as refusal:
        read_certificate(padded_to(16 * 1024 + 1))
    assert (refusal.value.what, refusal.value.limit) == ("size", 16 * 1024)


@without(LARGE)
def test_s25_a_megabyte_is_refused_before_it_is_looked_at() -> None:
    megabyte = extended(extension(PRIVATE, tlv(OCTET_STRING, bytes(2**20))))
    for der in (megabyte, bytes(2**20)):
        with pytest.raises(CertificateTooLarge):
            read_certificate(der)


@without({f"{READER}.EXTENSIONS_MAX": BOUNDLESS})
def test_s25_64_extensions_are_read_and_one_more_is_not() -> None:
    assert len(list(read_certificate(extended(*numbered(64))).x509.extensions)) == 64
    with pytest.raises(CertificateTooLarge) as refusal:
        read_certificate(extended(*numbered(65)))
    assert (refusal.value.what, refusal.value.limit) == ("extensions", 64)


@without(DEEP)
def test_s25_nesting_beyond_32_is_refused_inside_an_extension_too() -> None:
    assert read_certificate(extended(extension(PRIVATE, nested(32))))
    for depth in (33, 4000):
        with pytest.raises(CertificateTooLarge) as refusal:
            read_certificate(extended(extension(PRIVATE, nested(depth))))
        assert (refusal.value.what, refusal.value.limit) == ("depth", 32)


@without({**DEEP, **ANY_PARSED})
def test_s25_nesting_beyond_32_is_refused_outside_extensions() -> None:
    with pytest.raises(CertificateTooLarge) as refusal:
        read_certificate(edited(raw.SUBJECT, nested(40)))
    assert refusal.value.what == "depth"


@without(MANY)
def test_s25_six_client_certificates_are_allowed_the_leaf_included() -> None:
    check_count([None] * 5)
    with pytest.raises(CertificateTooLarge) as refusal:
        check_count([None] * 6)
    assert (refusal.value.what, refusal.value.limit) == ("certificates", 6)


@without(MANY)
def test_s25_a_chain_is_counted_before_it_is_read() -> None:
    for der in (leaf().der, b"no certificate"):
        with pytest.raises(CertificateTooLarge):
            read_chain([der] * 6)


def test_a_chain_is_read_once_per_certificate_in_its_order() -> None:
    pki = make_pki()
    chain = read_chain([pki.issuing.der, pki.root.der, pki.issuing.der])
    assert [one.der for one in chain] == [pki.issuing.der, pki.root.der]


# --- keys: the limits of `keys.py` hold here (S25)


@without(ANY_KEY)
@pytest.mark.parametrize(
    "spki",
    [
        raw.rsa_spki((1 << 1023) | 1),
        raw.rsa_spki((1 << 8192) | 1),
        raw.rsa_spki((1 << 2047) | 1, 65536),
        raw.rsa_spki((1 << 2047) | 1, 2**33 + 1),
        raw.rsa_spki((1 << 2047) | 1, parameters=b""),
        raw.ec_spki(raw.SECP256K1_CURVE, b"\x04" + bytes(64)),
        pytest.param(
            raw.ec_spki(tlv(SEQUENCE, integer(1)), b"\x04" + bytes(64)), marks=without({**ANY_KEY, **ANY_PARSED})
        ),
        raw.ec_spki(raw.P256_CURVE, b"\x02" + bytes(32)),
    ],
    ids=["1024", "8193", "even", "huge", "no parameters", "secp256k1", "explicit", "compressed"],
)
def test_s25_a_certificate_for_an_unbearable_key_is_not_read(spki: bytes) -> None:
    assert read_certificate(edited(raw.SPKI, raw.ec_spki(raw.P256_CURVE, b"\x04" + bytes(64))))
    with pytest.raises(WeakKey):
        read_certificate(edited(raw.SPKI, spki))


@without(ANY_KEY)
def test_s25_a_truly_made_secp256k1_certificate_is_refused() -> None:
    assert read_certificate(make_pki().issuing.issue(key_type="P-384").der)
    with pytest.raises(WeakKey):
        read_certificate(make_pki().issuing.issue(key_type="secp256k1").der)


# --- form (S25)


@pytest.mark.parametrize("serial", [1, 127, 128, 2**64, 2**159 - 1])
def test_serials_of_up_to_20_octets_are_read(serial: int) -> None:
    assert read_certificate(edited(raw.SERIAL, integer(serial))).serial == serial


@without({**ANY_SERIAL, **ANY_PARSED})
@pytest.mark.parametrize(
    "serial",
    [
        integer(0),
        integer(-1),
        integer(-(2**100)),
        pytest.param(integer(2**159), marks=without(ANY_SERIAL)),
        pytest.param(integer(2**167), marks=without(ANY_SERIAL)),
        b"\x02\x02\x00\x05",
        b"\x02\x00",
    ],
    ids=["zero", "negative", "negative long", "21 octets", "21 octets full", "padded", "empty"],
)
def test_s25_other_serials_are_refused(serial: bytes) -> None:
    with pytest.raises(CertificateUnreadable, match=r"INTEGER|serial number"):
        read_certificate(edited(raw.SERIAL, serial))


@without(ANY_PARSED)
@pytest.mark.parametrize("version", [0, 1, 3, -1])
def test_s25_only_version_3_is_read(version: int) -> None:
    assert read_certificate(edited(raw.VERSION, tlv(0xA0, integer(2))))
    with pytest.raises(CertificateUnreadable):
        read_certificate(edited(raw.VERSION, tlv(0xA0, integer(version))))


@without(ANY_CERTIFICATE)
def test_s25_a_version_1_certificate_is_refused() -> None:
    def to_version_1(elements: list[bytes]) -> None:
        del elements[raw.EXTENSIONS], elements[raw.VERSION]

    def without_version(elements: list[bytes]) -> None:
        del elements[raw.VERSION]

    with pytest.raises(CertificateUnreadable):
        read_certificate(rebuilt(leaf().der, make_pki().issuing.key, to_version_1))
    with pytest.raises(CertificateUnreadable, match="not version 3"):
        read_certificate(rebuilt(leaf().der, make_pki().issuing.key, without_version))


@without(ANY_ALGORITHM)
def test_s25_two_signature_algorithms_are_refused() -> None:
    signed, algorithm, signature = parts(leaf().der)
    assert read_certificate(tlv(SEQUENCE, signed, algorithm, signature))
    ecdsa_sha512 = tlv(SEQUENCE, bytes.fromhex("06082a8648ce3d040304"))
    with pytest.raises(CertificateUnreadable, match="two signature algorithms"):
        read_certificate(tlv(SEQUENCE, signed, ecdsa_sha512, signature))


@without({**ANY_EXTENSIONS, **ANY_PARSED})
def test_s25_a_duplicated_extension_is_refused() -> None:
    once, again = extension(PRIVATE, tlv(NULL)), extension(PRIVATE, integer(1))
    assert read_certificate(extended(once))
    with pytest.raises(CertificateUnreadable, match="twice"):
        read_certificate(extended(once, again))


@without({**ANY_EXTENSIONS, **ANY_PARSED})
def test_s25_a_second_list_of_extensions_is_refused() -> None:
    def twice(elements: list[bytes]) -> None:
        elements.append(tlv(0xA3, tlv(SEQUENCE, extension(PRIVATE, tlv(NULL)))))

    with pytest.raises(CertificateUnreadable):
        read_certificate(rebuilt(leaf().der, make_pki().issuing.key, twice))


def test_a_bare_string_in_an_extension_is_left_to_its_reader() -> None:
    assert read_certificate(extended(extension(PRIVATE, b"91110000600037341L")))


@without({**ANY_EXTENSIONS, **ANY_PARSED})
@pytest.mark.parametrize(
    ("problem", "inside"),
    [
        ("too few", tlv(SEQUENCE, tlv(OID, PRIVATE))),
        ("without a value", tlv(SEQUENCE, tlv(OID, PRIVATE), integer(1))),
        ("too few", tlv(SEQUENCE)),
        ("not a SEQUENCE", tlv(SET, tlv(OID, PRIVATE), tlv(OCTET_STRING))),
        pytest.param("longer", b"\x30\x05\x06", marks=without(ANY_CERTIFICATE)),
    ],
)
def test_s25_malformed_extensions_are_refused(problem: str, inside: bytes) -> None:
    with pytest.raises(CertificateUnreadable, match=problem):
        read_certificate(extended(inside))


@without(ANY_PARSED)
@pytest.mark.parametrize(
    ("oid", "value"),
    [
        # TLS features (RFC 7633) with an unknown number.
        ("2b06010505070118", tlv(SEQUENCE, integer(99))),
        # A name of a kind that is in no certificate: x400Address.
        ("551d11", tlv(SEQUENCE, tlv(0xA3, tlv(SEQUENCE)))),
        # Basic constraints with a negative length.
        ("551d13", tlv(SEQUENCE, tlv(1, b"\xff"), integer(-1))),
        ("551d0f", tlv(NULL)),
        ("551d25", tlv(SEQUENCE, integer(1))),
        ("551d1e", tlv(SEQUENCE, tlv(0xA0, tlv(SEQUENCE, tlv(0x87, b"\x01\x02\x03"))))),
        ("551d23", tlv(SEQUENCE, tlv(0x82, b"\x01"))),
    ],
)
def test_s25_a_known_extension_with_nonsense_inside_is_refused(oid: str, value: bytes) -> None:
    with pytest.raises(CertificateUnreadable):
        read_certificate(extended(extension(bytes.fromhex(oid), value)))


def name(tag: int, value: bytes, oid: str = "550403") -> bytes:
    return tlv(SEQUENCE, tlv(SET, tlv(SEQUENCE, tlv(OID, bytes.fromhex(oid)), tlv(tag, value))))


@without(ANY_PARSED)
@pytest.mark.parametrize("place", [raw.ISSUER, raw.SUBJECT])
@pytest.mark.parametrize(
    "bad", [name(UTF8, b"\xff\xfe"), name(BIT_STRING, b"\x00a"), name(PRINTABLE, b"\xe5"), integer(1)]
)
def test_s25_a_name_that_cannot_be_shown_is_refused(place: int, bad: bytes) -> None:
    assert read_certificate(edited(place, name(UTF8, "单位".encode())))
    with pytest.raises(CertificateUnreadable):
        read_certificate(edited(place, bad))


def test_a_warning_of_the_library_refuses_where_the_host_makes_warnings_errors() -> None:
    der = edited(raw.SUBJECT, name(PRINTABLE, b"CHN", "550406"))
    with pytest.raises(CertificateUnreadable):
        read_certificate(der)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert read_certificate(der).subject_der == name(PRINTABLE, b"CHN", "550406")


@without(ANY_PARSED)
@pytest.mark.parametrize(
    "validity",
    [
        tlv(SEQUENCE),
        tlv(SEQUENCE, tlv(0x17, b"260101000000Z")),
        tlv(SEQUENCE, tlv(0x17, b"261301000000Z"), tlv(0x17, b"270101000000Z")),
        tlv(SEQUENCE, tlv(0x17, b"260101000000Z"), tlv(0x17, b"271301000000Z")),
        tlv(SEQUENCE, tlv(0x18, b"00000101000000Z"), tlv(0x17, b"270101000000Z")),
        tlv(SEQUENCE, tlv(0x17, b"260101000000+0800"), tlv(0x17, b"270101000000Z")),
    ],
)
def test_s25_a_validity_that_is_none_is_refused(validity: bytes) -> None:
    with pytest.raises(CertificateUnreadable):
        read_certificate(edited(raw.VALIDITY, validity))


MISSHAPEN: list[tuple[str, str, Callable[[bytes], bytes]]] = [
    ("nothing", "missing", lambda der: b""),
    ("trailing octet", "after the end", lambda der: der + b"\x00"),
    ("two certificates", "after the end", lambda der: der + der),
    ("PEM", "longer", lambda der: b"-----BEGIN CERTIFICATE-----"),
    ("a SET", "not a SEQUENCE", lambda der: tlv(SET, *parts(der))),
    (
        "signed part a SET",
        "not a SEQUENCE",
        lambda der: tlv(SEQUENCE, tlv(SET, *parts(parts(der)[0])), *parts(der)[1:]),
    ),
    ("two parts", "too few", lambda der: tlv(SEQUENCE, *parts(der)[:2])),
    ("four parts", "too many", lambda der: tlv(SEQUENCE, *parts(der), tlv(NULL))),
    ("no key", "too few", lambda der: tlv(SEQUENCE, tlv(SEQUENCE, *parts(parts(der)[0])[:6]), *parts(der)[1:])),
    ("indefinite length", "shortest", lambda der: b"\x30\x80" + content(der) + b"\x00\x00"),
    ("long length", "shortest", lambda der: b"\x30\x83\x00" + der[2:4] + content(der)),
]


@without(ANY_CERTIFICATE)
@pytest.mark.parametrize(("why", "problem", "misshape"), MISSHAPEN, ids=[why for why, *_ in MISSHAPEN])
def test_s25_what_is_not_one_certificate_in_der_is_refused(
    why: str, problem: str, misshape: Callable[[bytes], bytes]
) -> None:
    with pytest.raises(CertificateUnreadable, match=problem):
        read_certificate(misshape(leaf().der))


@without({**ANY_KEY, **ANY_PARSED})
def test_s25_a_key_without_algorithm_is_unreadable() -> None:
    with pytest.raises(CertificateUnreadable):
        read_certificate(edited(raw.SPKI, raw.spki(b"", b"\x04")))


def test_a_sha1_signature_is_read_because_the_profile_refuses_it() -> None:
    rsa = make_pki("RSA-2048").issuing
    der = resign(rsa.issue().der, rsa.key, digest=hashes.SHA1())  # noqa: S303
    assert read_certificate(der).signature_algorithm == "1.2.840.113549.1.1.5"

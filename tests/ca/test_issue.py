"""What the CA issues, asked in its own process and over its socket: the same promises for both."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from certlogin.ca import embedded
from certlogin.ca.base import CertificateAuthority, IssuedCertificate, RequestRefused
from certlogin.ca.certificates import make_leaf
from certlogin.ca.embedded import EmbeddedCA
from certlogin.ca.encoding import CertificateBody, sign_certificate, spki_of
from certlogin.ca.entitlements import Entitlement
from certlogin.ca.profile import UNIQUE_ID_OID, UNIT_CODE_OID
from certlogin.pki import keys
from certlogin.pki import request as request_room
from certlogin.records.certificate import KeyType
from certlogin.records.unit import Unit, UnitId
from tests.ca.house import OTHER, PASSPHRASE, UNIT, House, asked, ca_key, names, parsed, with_code
from tests.companions import companion, without
from tests.factory import DAY, NOW, OTHER_CODE, UNIT_CODE, key, key_usage, request

PLAIN = request(key("one"))


#: A CA that takes the site's word for who a unit is.
BELIEVED = {
    "certlogin.ca.embedded.check_entitled": lambda unit, listed: Entitlement(unit.id, unit.name or "-", unit.code)
}


def reason(ca: CertificateAuthority, unit: Unit, der: bytes) -> str:
    with pytest.raises(RequestRefused) as refused:
        ca.issue(unit, der)
    return refused.value.reason


def set_key_types(house: House, *key_types: str) -> None:
    listed = ", ".join(f'"{name}"' for name in key_types)
    text = house.files.profile.read_text()
    house.files.profile.write_text(text.replace('key_types = ["SM2", "P-256", "RSA-2048"]', f"key_types = [{listed}]"))


@pytest.mark.parametrize("key_type", ["SM2", "P-256", "RSA-2048"])
def test_a_listed_unit_gets_a_login_certificate_for_its_key(
    ca: CertificateAuthority, house: House, key_type: str
) -> None:
    issued = ca.issue(UNIT, asked("one", key_type))
    certificate = parsed(issued)
    assert spki_of(certificate) == ca_key("one", key_type).spki
    assert certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value == UNIT.name
    assert certificate.not_valid_after_utc == NOW + 365 * DAY
    assert issued.applied_on == NOW
    assert issued.chain == (house.issuing.certificate.public_bytes(Encoding.DER),)
    certificate.verify_directly_issued_by(house.issuing.certificate)


def test_the_certificate_names_unit_code_and_unique_id(ca: CertificateAuthority) -> None:
    certificate = parsed(ca.issue(UNIT, PLAIN))
    read = {
        oid: certificate.extensions.get_extension_for_oid(x509.ObjectIdentifier(oid)).value.public_bytes()[2:].decode()
        for oid in (UNIT_CODE_OID, UNIQUE_ID_OID)
    }
    assert read == {UNIT_CODE_OID: UNIT_CODE, UNIQUE_ID_OID: f"{UNIT_CODE}@01"}


def test_the_same_key_gets_the_same_certificate_again(ca: CertificateAuthority, house: House) -> None:
    first = ca.issue(UNIT, PLAIN)
    house.clock.advance(days=100)
    # Another request, its own signature, the same key; and the window for first certificates is over.
    house.entitle(UNIT, closes=NOW + DAY)
    assert ca.issue(UNIT, request(key("one"), challenge="other")) == first


def test_s28_subject_and_extensions_of_the_request_are_ignored(ca: CertificateAuthority) -> None:
    certificate = parsed(ca.issue(UNIT, _greedy_request()))
    extensions = certificate.extensions
    assert extensions.get_extension_for_class(x509.BasicConstraints).value == x509.BasicConstraints(False, None)
    assert list(extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    usage = extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage == key_usage("digital_signature", "content_commitment")
    assert "victim" not in certificate.subject.rfc4514_string()
    with pytest.raises(x509.ExtensionNotFound):
        extensions.get_extension_for_class(x509.SubjectAlternativeName)


@companion("test_s28_subject_and_extensions_of_the_request_are_ignored")
def test_s28_companion_a_ca_that_copied_the_request_would_make_another_ca(
    ca: CertificateAuthority, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = x509.load_der_x509_csr(_greedy_request())

    def copying(*arguments: object) -> x509.Certificate:
        plain = make_leaf(*arguments)  # type: ignore[arg-type]
        validity = plain.not_valid_before_utc, plain.not_valid_after_utc
        wished = [(extension.value, extension.critical) for extension in asked.extensions]
        body = CertificateBody(plain.serial_number, plain.issuer, asked.subject, *validity, spki_of(plain), wished)
        return sign_certificate(body, house.issuing.key)

    monkeypatch.setattr(embedded, "make_leaf", copying)
    certificate = parsed(ca.issue(UNIT, _greedy_request()))
    assert certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert (
        ExtendedKeyUsageOID.SERVER_AUTH in certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    )
    assert "victim" in certificate.subject.rfc4514_string()


def _greedy_request() -> bytes:
    wished: list[tuple[x509.ExtensionType, bool]] = [
        (x509.BasicConstraints(True, None), True),
        (key_usage("key_cert_sign", "crl_sign", "digital_signature"), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
        (x509.SubjectAlternativeName([x509.DNSName("bank.example")]), False),
    ]
    return request(key("one"), common_name="victim", extensions=wished)


def _with_wrong_signature(key_type: str) -> bytes:
    """Somebody else's public key under one's own signature: what proof of possession is there to find."""
    changed = bytearray(asked("one", key_type))
    changed[-1] ^= 1
    return bytes(changed)


@pytest.mark.parametrize("key_type", ["SM2", "P-256"])
def test_s28_a_request_without_proof_of_possession_is_refused(ca: CertificateAuthority, key_type: str) -> None:
    assert reason(ca, UNIT, _with_wrong_signature(key_type)) == "request_signature"
    assert ca.issue(UNIT, asked("one", key_type)), "the refused request has spent nothing"


@companion("test_s28_a_request_without_proof_of_possession_is_refused")
@pytest.mark.parametrize("key_type", ["SM2", "P-256"])
def test_s28_companion_without_the_check_of_the_signature_it_would_be_issued(
    ca: CertificateAuthority, monkeypatch: pytest.MonkeyPatch, key_type: str
) -> None:
    for check in ("_check_signature", "_check_sm2"):
        monkeypatch.setattr(request_room, check, lambda *arguments: None)
    assert spki_of(parsed(ca.issue(UNIT, _with_wrong_signature(key_type)))) == ca_key("one", key_type).spki


@pytest.mark.parametrize("key_type", ["RSA-1024", "secp256k1"])
def test_s28_a_weak_or_odd_key_is_refused(ca: CertificateAuthority, key_type: str) -> None:
    assert reason(ca, UNIT, request(key("one", key_type))) == "certificate_weak_key"


@companion("test_s28_a_weak_or_odd_key_is_refused")
def test_s28_companion_without_the_least_size_rsa_1024_would_be_issued(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "RSA_BITS_MIN", 1024)
    monkeypatch.setattr("certlogin.ca.profile.KEY_TYPES", ("RSA-1024",))
    set_key_types(house, "RSA-1024")
    assert parsed(house.open().issue(UNIT, request(key("one", "RSA-1024"))))


@companion("test_s28_a_weak_or_odd_key_is_refused")
def test_s28_companion_with_secp256k1_among_the_curves_it_would_be_issued(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(keys._CURVES, bytes.fromhex("2b8104000a"), (KeyType.P256, 256))
    assert parsed(house.open().issue(UNIT, request(key("one", "secp256k1"))))


@without({"certlogin.ca.embedded._check_offered": lambda *_: None})
@pytest.mark.parametrize("key_type", ["P-384", "RSA-3072"])
def test_s28_only_the_key_types_of_the_profile_are_issued_for(house: House, key_type: str) -> None:
    der = request(key("one", key_type))
    assert reason(house.open(), UNIT, der) == "key_type_not_offered"
    # The companion: the profile allows it.
    set_key_types(house, key_type)
    assert parsed(house.open().issue(UNIT, der))
    assert reason(house.open(), OTHER, request(key("two"))) == "key_type_not_offered"


def test_an_unreadable_request_is_refused(ca: CertificateAuthority) -> None:
    for der in (b"x", PLAIN[:-1], PLAIN + b"\0", b"\x30\x84\x7f\xff\xff\xff" + PLAIN, bytes(17 * 1024)):
        assert reason(ca, UNIT, der) == "request_unreadable"


@without(BELIEVED)
def test_s28_a_foreign_unit_is_refused_until_the_ca_itself_lists_it(ca: CertificateAuthority, house: House) -> None:
    # The site vouches for it: name, code and tag are of its own choice.
    foreign = Unit(UnitId("u-3"), "外来单位", UNIT_CODE, frozenset({"一套表"}))
    assert reason(ca, foreign, PLAIN) == "unit_not_entitled"
    house.entitle(foreign)
    assert parsed(ca.issue(foreign, PLAIN))


@without(BELIEVED)
@pytest.mark.parametrize("code", [OTHER_CODE, "", UNIT_CODE[:-1]])
def test_s28_a_site_that_means_another_organisation_spends_nothing(
    ca: CertificateAuthority, house: House, code: str
) -> None:
    assert reason(ca, with_code(UNIT, code), PLAIN) == "unit_code_differs"
    assert parsed(ca.issue(UNIT, PLAIN))


def test_the_organisation_code_inside_the_uscc_means_the_same_unit(ca: CertificateAuthority) -> None:
    assert parsed(ca.issue(with_code(UNIT, UNIT_CODE[8:17]), PLAIN))


@without(BELIEVED, sees="'国家某某局' not in")
def test_s28_the_name_in_the_certificate_is_the_cas_own(house: House) -> None:
    """Over the socket the site has no way to say it."""
    liar = Unit(UNIT.id, "国家某某局", UNIT_CODE)
    assert "国家某某局" not in parsed(house.open().issue(liar, PLAIN)).subject.rfc4514_string()


@without({"certlogin.ca.decide.Entitlement.is_open": lambda *_: True})
def test_s28_outside_its_window_a_unit_gets_nothing(ca: CertificateAuthority, house: House) -> None:
    house.entitle(UNIT, opens=NOW + DAY, closes=NOW + 2 * DAY)
    assert reason(ca, UNIT, PLAIN) == "window_closed"
    house.clock.advance(days=2)
    assert reason(ca, UNIT, PLAIN) == "window_closed"
    # The companion: the same request while it is open.
    house.clock.now = NOW + DAY
    assert parsed(ca.issue(UNIT, PLAIN))


@without({"certlogin.ca.embedded.check_again": lambda listed, row, now: row})
def test_s28_the_key_of_one_unit_is_not_certified_for_another(ca: CertificateAuthority) -> None:
    ca.issue(UNIT, PLAIN)
    assert reason(ca, OTHER, PLAIN) == "key_of_another_unit"
    assert parsed(ca.issue(OTHER, request(key("two"))))


def test_s12_a_password_alone_gets_no_second_certificate(ca: CertificateAuthority, house: House) -> None:
    ca.issue(UNIT, PLAIN)
    assert reason(ca, UNIT, request(key("two"))) == "already_issued"
    # Not when the first has ended either, nor after the unit left the list and came back.
    house.clock.advance(days=366)
    house.entitle(with_code(UNIT, OTHER_CODE))
    house.entitle(UNIT)
    assert reason(ca, UNIT, request(key("two"))) == "reissue_not_allowed"


def test_s12_a_revocation_without_permission_opens_nothing(ca: CertificateAuthority) -> None:
    ca.revoke(*names(ca.issue(UNIT, PLAIN)), "lost", allow_reissue=False)
    assert reason(ca, UNIT, request(key("two"))) == "reissue_not_allowed"


@companion(
    "test_s12_a_password_alone_gets_no_second_certificate",
    "test_s12_a_revocation_without_permission_opens_nothing",
)
def test_s12_companion_without_the_rule_a_password_alone_gets_another_one(
    ca: CertificateAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    ca.issue(UNIT, PLAIN)
    monkeypatch.setattr("certlogin.ca.embedded.check_new", lambda *_: None)
    assert ca.issue(UNIT, request(key("two"))).certificate


@without({"certlogin.ca.embedded.check_new": lambda *_: None})
def test_s12_each_permission_is_good_for_one_certificate(ca: CertificateAuthority, house: House) -> None:
    first = ca.issue(UNIT, PLAIN)
    house.entitle(UNIT, closes=NOW + DAY)
    house.clock.advance(days=30)
    ca.revoke(*names(first), "lost", allow_reissue=True)
    second = ca.issue(UNIT, request(key("two")))
    assert _unique_id(second) == f"{UNIT_CODE}@02"
    ca.revoke(*names(second), "lost again", allow_reissue=False)
    # Repeating the first permission does not make it two.
    ca.revoke(*names(first), "lost", allow_reissue=True)
    assert reason(ca, UNIT, request(key("three"))) == "reissue_not_allowed"
    ca.revoke(*names(second), "lost again", allow_reissue=True)
    assert _unique_id(ca.issue(UNIT, request(key("three")))) == f"{UNIT_CODE}@03"


def _unique_id(issued: IssuedCertificate) -> str:
    oid = x509.ObjectIdentifier(UNIQUE_ID_OID)
    return parsed(issued).extensions.get_extension_for_oid(oid).value.public_bytes()[2:].decode()


def test_the_key_of_a_revoked_or_ended_certificate_gets_nothing_more(ca: CertificateAuthority, house: House) -> None:
    ca.issue(OTHER, request(key("two")))
    ca.revoke(*names(ca.issue(UNIT, PLAIN)), "lost", allow_reissue=True)
    assert reason(ca, UNIT, PLAIN) == "key_revoked"
    house.clock.advance(days=366)
    assert reason(ca, OTHER, request(key("two"))) == "key_expired"


def test_of_many_at_once_one_gets_the_units_only_certificate(ca: CertificateAuthority) -> None:
    def ask(number: int) -> str:
        try:
            return parsed(ca.issue(UNIT, request(key(f"racer {number}")))).subject.rfc4514_string()
        except RequestRefused as refused:
            return refused.reason

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(8)))
    assert answers.count("already_issued") == 7


def test_the_serial_is_twenty_octets_of_the_given_randomness(house: House) -> None:
    asked: list[int] = []

    def random(count: int) -> bytes:
        asked.append(count)
        return bytes(range(count))

    issued = EmbeddedCA(house.directory, PASSPHRASE, house.clock, random).issue(UNIT, PLAIN)
    assert asked == [20]
    serial = parsed(issued).serial_number
    assert serial.to_bytes(20, "big")[1:] == bytes(range(1, 20))
    assert 2**158 <= serial < 2**159

"""Keys that units hold already: on a token that a helper reads, in the books of the CA, dated as was wanted."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from certlogin import Unit, UnitId
from certlogin.ca.database import Database
from certlogin.ca.embedded import read_ca_certificate
from certlogin.ca.files import CAFiles
from certlogin.ca.profile import CAProfile
from certlogin.ca.setup import NewCA, make_ca
from certlogin.errors import ConfigurationError
from certlogin.helper.surroundings import Surroundings
from certlogin.helper.tokens.filetoken import list_tokens
from certlogin.pki.certificate import read_certificate
from certlogin.pki.identity import read_identity
from certlogin.testing import HandedOut, Office, hand_out
from tests import factory

PASSPHRASE = "correct horse battery"
UNIT = Unit(UnitId("U1"), "北辰照明电器有限公司", factory.UNIT_CODE)
KEY = HandedOut(
    UNIT,
    "北辰的 USBKey",
    "01",
    "RSA-2048",
    applied_on=datetime(2016, 5, 10, 1, tzinfo=UTC),
    not_after=datetime(2027, 5, 10, 1, tzinfo=UTC),
)


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Office:
    folder: Path = tmp_path_factory.mktemp("office")
    new = NewCA("Earlier CA", "P-256", PASSPHRASE, PASSPHRASE, profile=CAProfile(), iterations=1000)
    make_ca(folder / "ca", new, factory.NOW, factory_random)
    return Office(folder / "ca", PASSPHRASE, folder / "tokens")


def factory_random(count: int) -> bytes:
    return Surroundings().random(count)


@pytest.mark.parametrize("key_type", ["RSA-2048", "P-256", "SM2"])
def test_a11_a_key_of_earlier_years_is_on_its_token_and_in_the_books(office: Office, key_type: str) -> None:
    key = replace(KEY, key_type=key_type, label=f"token {key_type}")
    certificate = hand_out(office, key, "pin-one-1")
    (token,) = [one for one in list_tokens(office.tokens, Surroundings()) if one.label == key.label]
    (held,) = token.keys()
    assert (token.model, held.certificate, held.kind.value) == ("01", certificate, key_type)
    issuing = read_ca_certificate(CAFiles(office.ca).issuing)
    assert held.chain == (issuing.public_bytes(Encoding.DER),)
    found = x509.load_der_x509_certificate(certificate)
    assert timedelta(0) <= key.applied_on - found.not_valid_before_utc < timedelta(hours=1)
    assert found.not_valid_after_utc == key.not_after
    profile = CAProfile()
    identity = read_identity(read_certificate(certificate), [profile.unit_code], [profile.unique_id])
    assert identity.unit_code == UNIT.code
    with Database(CAFiles(office.ca).database).change() as rows:
        row = rows.issued_by_serial(f"{found.serial_number:x}")
    assert row is not None
    assert (row.unit_id, row.applied_on, row.certificate) == (UNIT.id, key.applied_on, certificate)


def test_each_certificate_of_a_code_has_a_unique_id_of_its_own(office: Office) -> None:
    made = [hand_out(office, replace(KEY, key_type="P-256", label=f"again {number}"), "pin-one-1") for number in "12"]
    oid = x509.ObjectIdentifier(CAProfile().unique_id)
    found = [x509.load_der_x509_certificate(der).extensions.get_extension_for_oid(oid).value for der in made]
    assert found[0] != found[1]


def test_a_wrong_passphrase_leaves_no_token(office: Office, tmp_path: Path) -> None:
    wrong = replace(office, passphrase="another passphrase", tokens=tmp_path / "tokens")
    with pytest.raises(ConfigurationError):
        hand_out(wrong, KEY, "pin-one-1")
    assert not (tmp_path / "tokens").exists()

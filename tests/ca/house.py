"""A certificate authority in a directory of its own, with a clock that the test sets."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from secrets import token_bytes

from asn1crypto import pem
from cryptography import x509

from certlogin.ca.base import IssuedCertificate
from certlogin.ca.database import Database, ListRow
from certlogin.ca.embedded import EmbeddedCA, open_signer
from certlogin.ca.entitlements import Entitlement
from certlogin.ca.files import CAFiles
from certlogin.ca.imports import import_units
from certlogin.ca.lists import ListName, Signer
from certlogin.ca.profile import CAProfile
from certlogin.ca.setup import NewCA, make_ca
from certlogin.ca.signing import CAKey, LibraryKey, SM2CAKey
from certlogin.pki.certificate import read_certificate
from certlogin.pki.sm2 import SM2Key
from certlogin.records.unit import Unit, UnitId
from tests.factory import NOW, OTHER_CODE, UNIT_CODE, request, sm2
from tests.factory_keys import any_key

PASSPHRASE = "correct horse battery"
ROOT_PASSPHRASE = "another staple altogether"
#: Enough to be the same code path; the real number is for guessers.
ITERATIONS = 10

UNIT = Unit(UnitId("u-1"), "测试单位", UNIT_CODE)
OTHER = Unit(UnitId("u-2"), "另一单位", OTHER_CODE)


@dataclass
class Clock:
    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **time: float) -> None:
        self.now += timedelta(**time)


@dataclass
class House:
    directory: Path
    clock: Clock = field(default_factory=Clock)

    @property
    def files(self) -> CAFiles:
        return CAFiles(self.directory)

    @property
    def database(self) -> Database:
        return Database(self.files.database)

    @property
    def root(self) -> Signer:
        return open_signer(self.files.root, self.files.root_key, ROOT_PASSPHRASE)

    @property
    def issuing(self) -> Signer:
        return open_signer(self.files.issuing, self.files.issuing_key, PASSPHRASE)

    def open(self) -> EmbeddedCA:
        return EmbeddedCA(self.directory, PASSPHRASE, self.clock)

    def entitle(self, *units: Unit, opens: datetime | None = None, closes: datetime | None = None) -> None:
        """Add or change lines; the others stay."""
        with self.database.change() as rows:
            before = rows.entitlements()
        wanted = {unit.id: Entitlement(unit.id, unit.name, unit.code, opens, closes) for unit in units}
        import_units(self.database, list((before | wanted).values()), None)

    def list_row(self, name: ListName = ListName.ISSUING) -> ListRow:
        with self.database.change() as rows:
            row = rows.list_of(name)
        assert row is not None
        return row

    def list_file(self) -> x509.CertificateRevocationList:
        return x509.load_der_x509_crl(self.files.issuing_list.read_bytes())

    def permissions(self) -> dict[str, int]:
        return {path.name: path.stat().st_mode & 0o777 for path in self.directory.iterdir()}


def found(
    directory: Path, key_type: str = "P-256", profile: CAProfile | None = None, clock: Clock | None = None
) -> House:
    """A new CA; UNIT and OTHER are entitled."""
    house = House(directory, clock or Clock())
    new = NewCA("Test CA", key_type, PASSPHRASE, ROOT_PASSPHRASE, profile=profile or CAProfile(), iterations=ITERATIONS)
    make_ca(directory, new, house.clock(), token_bytes)
    house.entitle(UNIT, OTHER)
    return house


def ca_key(name: str, key_type: str) -> CAKey:
    """One key per name and type, as `tests.factory.any_key`."""
    private = any_key(name, key_type)
    return SM2CAKey(sm2(), private) if isinstance(private, SM2Key) else LibraryKey(private)


def in_the_clear(key: CAKey, *_: object) -> bytes:
    """In the place of `seal_key`: a file that needs no passphrase."""
    return bytes(pem.armor("PRIVATE KEY", key.pkcs8()))


def asked(name: str, key_type: str = "P-256", challenge: str | None = None) -> bytes:
    """A request for that key."""
    return request(any_key(name, key_type), challenge)


def with_code(unit: Unit, code: str) -> Unit:
    return replace(unit, code=code)


def parsed(issued: IssuedCertificate) -> x509.Certificate:
    return x509.load_der_x509_certificate(issued.certificate)


def names(issued: IssuedCertificate) -> tuple[str, str]:
    """Issuer and serial as `revoke` takes them."""
    certificate = read_certificate(issued.certificate)
    return sha256(certificate.issuer_der).hexdigest(), f"{certificate.serial:x}"


def list_number(parsed_list: x509.CertificateRevocationList) -> int:
    return parsed_list.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number

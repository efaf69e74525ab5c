"""The certificate authority over one directory: `certlogin ca serve` runs it, and a site in development mode.

Threads and processes may share a directory: every decision is made and written in one transaction of its database.
"""

import logging
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from certlogin.ca.base import IssuedCertificate, RequestRefused
from certlogin.ca.certificates import Holder, Random, make_leaf
from certlogin.ca.database import Database, IssuedRow, Rows
from certlogin.ca.decide import check_again, check_entitled, check_new
from certlogin.ca.encoding import spki_of
from certlogin.ca.entitlements import Entitlement
from certlogin.ca.files import CAFiles
from certlogin.ca.keys import open_key
from certlogin.ca.lists import ListName, Signer, add_issuing_list, add_root_list, next_due, publish
from certlogin.ca.profile import CAProfile, read_profile
from certlogin.errors import ConfigurationError, Refusal, Unavailable
from certlogin.pki.pem import CERTIFICATE, read_pem
from certlogin.pki.request import CertificationRequest, read_request
from certlogin.pki.sm2 import SM2, SM2Unavailable
from certlogin.records.certificate import KeyType
from certlogin.records.unit import Unit

_log = logging.getLogger(__name__)

KEY_NOT_OFFERED: Final = "key_type_not_offered"
UNKNOWN_CERTIFICATE: Final = "unknown_certificate"
#: The root's list is renewed by hand; so long before its end the log asks for it at every renewal of the other.
_ROOT_LIST_NOTICE: Final = timedelta(days=60)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A request that stands up to its own inspection: form, proof of possession, kind and size of the key."""

    request: bytes
    spki: bytes
    spki_sha256: str


class EmbeddedCA:
    """`CertificateAuthority` in this process. Opening it brings lists that a crash left behind up to date."""

    def __init__(
        self,
        directory: str | os.PathLike[str],
        passphrase: str,
        clock: Callable[[], datetime],
        random: Random = secrets.token_bytes,
    ) -> None:
        """Raises ConfigurationError: no CA directory, wrong passphrase; Unavailable: its files do not answer, or it has
        SM2 keys (SM2Unavailable) and the machine cannot compute with them.
        """
        self._files = CAFiles(Path(directory))
        self._profile = read_profile(self._files.directory)
        self._signer = open_signer(self._files.issuing, self._files.issuing_key, passphrase, self._profile.sm2_library)
        self._sm2 = _sm2_for_requests(self._profile)
        self._database = Database(self._files.database)
        self._clock = clock
        self._random = random
        self.refresh()

    def issue(self, unit: Unit, request: bytes) -> IssuedCertificate:
        """As in `CertificateAuthority`. Of the request only the key is used (S28)."""
        wanted = _inspect(request, self._profile, self._sm2)
        self.refresh()
        with self._database.change() as rows:
            now = self._now()
            listed = check_entitled(unit, rows.entitlement(unit.id))
            same_key = rows.issued_for_key(wanted.spki_sha256)
            row = self._new(rows, listed, wanted, now) if same_key is None else check_again(listed, same_key, now)
        _log.info("certificate %s for unit %r: %s", row.serial, row.unit_id, "again" if same_key else "issued")
        chain = (self._signer.certificate.public_bytes(Encoding.DER),)
        return IssuedCertificate(row.certificate, chain, row.applied_on)

    def revoke(self, issuer_sha256: str, serial: str, reason: str, *, allow_reissue: bool) -> None:
        """As in `CertificateAuthority`. Doing it again finishes what a crash has left."""
        if issuer_sha256 != sha256(self._signer.certificate.subject.public_bytes()).hexdigest():
            raise RequestRefused(UNKNOWN_CERTIFICATE)
        with self._database.change() as rows:
            now = self._now()
            row = rows.issued_by_serial(serial)
            if row is None:
                raise RequestRefused(UNKNOWN_CERTIFICATE)
            if allow_reissue:
                rows.allow_reissue(serial)
            if row.revoked_at is None:
                rows.mark_revoked(serial, now, reason)
                add_issuing_list(rows, self._signer, self._profile.crl_days, now)
        _log.info("certificate %s of unit %r revoked: %r", serial, row.unit_id, reason)
        publish(self._files, self._database)

    def refresh(self) -> datetime:
        """Renew the issuing CA's list when it is due, put the lists into their files; returns when it is due next.

        Raises Unavailable.
        """
        return self._renew(by_force=False)

    def renew(self) -> datetime:
        """Renew the list now. Raises Unavailable."""
        return self._renew(by_force=True)

    def renew_root_list(self, root: Signer) -> None:
        """With the root's key, which is brought here for this only. Raises Unavailable."""
        with self._database.change() as rows:
            add_root_list(rows, root, self._profile.root_crl_days, self._now())
        publish(self._files, self._database)

    def _renew(self, *, by_force: bool) -> datetime:
        days = self._profile.crl_days
        with self._database.change() as rows:
            now = self._now()
            row = rows.list_of(ListName.ISSUING)
            if by_force or next_due(row, days, now) <= now:
                row = add_issuing_list(rows, self._signer, days, now)
                self._look_at_root_list(rows, now)
        publish(self._files, self._database)
        return next_due(row, days, now)

    def _look_at_root_list(self, rows: Rows, now: datetime) -> None:
        row = rows.list_of(ListName.ROOT)
        end = None if row is None else x509.load_der_x509_crl(row.der).next_update_utc
        if end is None or end - now < _ROOT_LIST_NOTICE:
            _log.warning("the root's list ends on %s; renew it: certlogin ca publish DIR --root-key FILE", end)

    def _new(self, rows: Rows, listed: Entitlement, wanted: _Wanted, now: datetime) -> IssuedRow:
        check_new(listed, rows.issued_to(listed.unit_id), now)
        if self._signer.certificate.not_valid_after_utc <= now:
            raise Unavailable("the issuing CA's own certificate has ended")
        holder = Holder(listed.name, listed.code, rows.count_of_code(listed.code) + 1)
        issuer, key = self._signer.certificate, self._signer.key
        leaf = make_leaf(wanted.spki, holder, issuer, key, self._profile, now, self._random)
        row = IssuedRow(
            serial=f"{leaf.serial_number:x}",
            unit_id=listed.unit_id,
            code=listed.code,
            spki_sha256=wanted.spki_sha256,
            certificate=leaf.public_bytes(Encoding.DER),
            applied_on=now,
            not_after=leaf.not_valid_after_utc,
            revoked_at=None,
            reason=None,
            reissue=False,
        )
        rows.add_issued(row, wanted.request)
        return row

    def _now(self) -> datetime:
        # Texts of the database are compared, so they all have one offset.
        return self._clock().astimezone(UTC)


def open_signer(certificate: Path, key: Path, passphrase: str, sm2_library: str = "") -> Signer:
    """A CA's certificate with its key. Raises ConfigurationError, SM2Unavailable."""
    found = read_ca_certificate(certificate)
    opened = open_key(key, passphrase, sm2_library)
    if opened.spki != spki_of(found):
        raise ConfigurationError((f"{key}: is not the key of {certificate}",))
    return Signer(found, opened)


def read_ca_certificate(file: Path) -> x509.Certificate:
    """Raises ConfigurationError."""
    try:
        (der,) = read_pem(file.read_bytes(), CERTIFICATE)
        return x509.load_der_x509_certificate(der)
    except OSError as error:
        raise ConfigurationError((f"{file}: {error.strerror}",)) from None
    except (ValueError, ConfigurationError):
        raise ConfigurationError((f"{file}: is not one certificate",)) from None


def _sm2_for_requests(profile: CAProfile) -> SM2 | None:
    """A CA whose own keys are of another kind works without it."""
    if KeyType.SM2 not in profile.key_types:
        return None
    try:
        return SM2.load(profile.sm2_library)
    except SM2Unavailable as unavailable:
        _log.warning("no certificates for SM2 keys (%s): %s", unavailable.code, unavailable.what)
        return None


def _inspect(der: bytes, profile: CAProfile, sm2: SM2 | None) -> _Wanted:
    try:
        request = read_request(der, sm2)
    except SM2Unavailable:
        raise RequestRefused(KEY_NOT_OFFERED) from None
    except Refusal as refusal:
        raise RequestRefused(refusal.code) from None
    _check_offered(request, profile)
    return _Wanted(der, request.spki, request.spki_sha256)


def _check_offered(request: CertificationRequest, profile: CAProfile) -> None:
    kind = f"RSA-{request.key_bits}" if request.key_type is KeyType.RSA else request.key_type.value
    if kind not in profile.key_types:
        raise RequestRefused(KEY_NOT_OFFERED)

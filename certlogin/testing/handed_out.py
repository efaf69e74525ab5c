"""Keys that units hold already, as if an office had handed them out in earlier years."""

import secrets
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding

from certlogin.ca.certificates import Holder, make_leaf
from certlogin.ca.database import Database, IssuedRow
from certlogin.ca.embedded import open_signer
from certlogin.ca.files import CAFiles
from certlogin.ca.lists import Signer
from certlogin.ca.profile import read_profile
from certlogin.helper.origins import parse_origin
from certlogin.helper.surroundings import Surroundings
from certlogin.helper.tokens.base import KeyKind
from certlogin.helper.tokens.filetoken import TokenPlan, create_token
from certlogin.pki.request import CertificationRequest, read_request
from certlogin.pki.sm2 import SM2, SM2Unavailable
from certlogin.records.unit import Unit

#: Whom the token remembers as having asked for the key: no site that exists (RFC 6761 6.4).
_OFFICE: Final = "https://office.invalid"


@dataclass(frozen=True, slots=True)
class HandedOut:
    """One token with one key and its certificate."""

    unit: Unit
    label: str
    #: As a page is told.
    model: str
    #: `SM2`, `P-256` or `RSA-2048`.
    key_type: str
    #: When the certificate was applied for and issued; may lie before the CA itself was made.
    applied_on: datetime
    not_after: datetime


@dataclass(frozen=True, slots=True)
class Office:
    """Where keys are handed out."""

    #: A directory made by `certlogin ca init`, and its passphrase.
    ca: Path
    passphrase: str
    #: The helper's folder of file tokens.
    tokens: Path
    random: Callable[[int], bytes] = secrets.token_bytes


def hand_out(office: Office, key: HandedOut, pin: str) -> bytes:
    """Make the token; the certificate (DER), which stands in the CA's books as if it had been issued on that day.

    Raises BadRequest for a PIN of the wrong length, ConfigurationError, SM2Unavailable, Unavailable.
    """
    kind, files = KeyKind(key.key_type), CAFiles(office.ca)
    # First: what cannot be signed must leave no token behind.
    signer = open_signer(files.issuing, files.issuing_key, office.passphrase)
    sm2 = SM2.load() if kind is KeyKind.SM2 else SM2Unavailable("not needed for this key")
    typed = bytearray(pin.encode())
    token = create_token(office.tokens, TokenPlan(key.label, key.model), typed, Surroundings(), sm2)
    with closing(token.unlock(typed)) as opened:
        key_id = opened.generate(kind, parse_origin(_OFFICE, dev=False), key.unit.id)
        request = read_request(opened.request(key_id, key.label), sm2 if isinstance(sm2, SM2) else None)
        certificate = _issue(office, signer, key, request)
        opened.install(key_id, certificate, (signer.certificate.public_bytes(Encoding.DER),))
    return certificate


def _issue(office: Office, signer: Signer, key: HandedOut, request: CertificationRequest) -> bytes:
    profile = replace(read_profile(office.ca), validity_days=(key.not_after - key.applied_on).days)
    with Database(CAFiles(office.ca).database).change() as rows:
        holder = Holder(key.unit.name, key.unit.code, rows.count_of_code(key.unit.code) + 1)
        issuer, issuer_key = signer.certificate, signer.key
        leaf = make_leaf(request.spki, holder, issuer, issuer_key, profile, key.applied_on, office.random)
        certificate = leaf.public_bytes(Encoding.DER)
        row = IssuedRow(
            serial=f"{leaf.serial_number:x}",
            unit_id=key.unit.id,
            code=key.unit.code,
            spki_sha256=request.spki_sha256,
            certificate=certificate,
            applied_on=key.applied_on.astimezone(UTC),
            not_after=leaf.not_valid_after_utc,
            revoked_at=None,
            reason=None,
            reissue=False,
        )
        rows.add_issued(row, request.der)
    return certificate

"""Records for the contract suite: made up, each different where it has to be."""

from dataclasses import replace
from datetime import timedelta

from certlogin.records.attempt import Attempt, LoginKind
from certlogin.records.audit import AuditEvent
from certlogin.records.certificate import BoundCertificate, CertificateFacts, KeyType, Slot, State
from certlogin.records.unit import UnitId
from certlogin.stores.base import AttemptCaps, DownloadGrant, EnrolmentOrder
from tests.factory import DAY, NOW

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
LATER = NOW + 30 * MINUTE
MINE = UnitId("U1")
THEIRS = UnitId("U2")
CAPS = AttemptCaps(per_unit=8, per_address=64, held_total=64 * 1024 * 1024)


def attempt(key: str, **changes: object) -> Attempt:
    usual = Attempt(
        key=key,
        public_id=f"public-{key}",
        unit_id=MINE,
        kind=LoginKind.FORM,
        login_path="/login",
        address="192.0.2.1",
        opened_at=NOW,
        touched_at=NOW,
        sealed_response=b"sealed",
    )
    return replace(usual, **changes)  # type: ignore[arg-type]


def facts(name: str, **changes: object) -> CertificateFacts:
    """`name` makes certificate, key and serial different from those of other names."""
    usual = CertificateFacts(
        der=f"der of {name}".encode(),
        sha256=f"sha256-{name}",
        spki_sha256=f"spki-{name}",
        issuer="CN=签发机构",
        subject=f"CN=单位 {name}",
        issuer_sha256="issuer",
        serial=f"{name.encode().hex()}",
        key_type=KeyType.P256,
        key_bits=256,
        not_before=NOW - 30 * DAY,
        not_after=NOW + 335 * DAY,
        unit_code="91110000600037341L",
        unique_id="1@5009SF0110108199001011234",
    )
    return replace(usual, **changes)  # type: ignore[arg-type]


def row(name: str, unit_id: UnitId = MINE, *, slot: Slot = Slot.CURRENT, **changes: object) -> BoundCertificate:
    """An active row; `changes` are of its facts."""
    return BoundCertificate(
        unit_id=unit_id,
        facts=facts(name, **changes),
        slot=slot,
        state=State.ACTIVE,
        bound_at=NOW,
        bound_by="enrol",
        applied_on=NOW - DAY,
        claimed_model="3000GM",
        chain=(b"issuing", b"middle"),
    )


def event(kind: str = "something", **changes: object) -> AuditEvent:
    return replace(AuditEvent(NOW, kind, "ok", MINE), **changes)  # type: ignore[arg-type]


def order(name: str, state: str = "requested", **changes: object) -> EnrolmentOrder:
    return replace(EnrolmentOrder(MINE, f"spki-{name}", state, NOW), **changes)  # type: ignore[arg-type]


def grant(**changes: object) -> DownloadGrant:
    return replace(DownloadGrant(MINE, NOW, NOW + 7 * DAY, "operator"), **changes)  # type: ignore[arg-type]

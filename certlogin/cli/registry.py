"""The work behind `certlogin certificates revoke` and `import`: registry, CA and audit log in step.

Every step may be repeated after a crash: revoking the same certificate again finishes what is not finished.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import ClassVar

from certlogin.ca.base import CertificateAuthority, RequestRefused
from certlogin.errors import Refusal
from certlogin.journeys.enrol import TABLE, EnrolEvent, EnrolState
from certlogin.records.audit import AuditEvent
from certlogin.records.certificate import BoundCertificate, Slot, State
from certlogin.records.unit import UnitId
from certlogin.settings.model import Settings
from certlogin.stores.base import DownloadGrant, DurableStore

#: Journeys whose certificates come from our own CA.
_OWN = frozenset({"enrol"})


@dataclass(eq=False)
class CertificateNotRegistered(Refusal):
    """No row of the registry has this certificate."""

    code: ClassVar[str] = "certificate_not_registered"
    status: ClassVar[int] = 404
    sha256: str


@dataclass(eq=False)
class ImportCodeMismatch(Refusal):
    """The certificate names another unit than the one it is imported for."""

    code: ClassVar[str] = "import_code_mismatch"
    certificate_code: str | None
    unit_code: str


@dataclass(frozen=True, slots=True)
class Desk:
    """What an operator works with."""

    settings: Settings
    store: DurableStore
    #: Aware, UTC.
    clock: Callable[[], datetime]
    operator: str
    #: None: this site issues no certificates.
    ca: Callable[[], CertificateAuthority] | None = None


@dataclass(frozen=True, slots=True)
class RevocationRequest:
    sha256: str
    reason: str
    #: For how long the unit may download again; None: it may not.
    download_days: int | None
    registry_only: bool = False


@dataclass(frozen=True, slots=True)
class Revocation:
    sha256: str
    unit_id: UnitId
    before: State
    #: What the CA was asked and said, in a word or two.
    ca: str
    #: Until when the unit may download again, whoever allowed it; None: it may not.
    download_until: datetime | None


@dataclass(frozen=True, slots=True)
class ImportRequest:
    #: The certificate, then what came with it.
    ders: tuple[bytes, ...]
    unit_id: UnitId
    #: The unit's code; None: not compared.
    code: str | None = None
    force_code_mismatch: bool = False
    applied_on: datetime | None = None


def revoke_certificate(desk: Desk, request: RevocationRequest) -> Revocation:
    """Revoke at the CA, then in the registry, then allow the download. Raises CertificateNotRegistered, Unavailable."""
    row = desk.store.find(request.sha256)
    if row is None:
        raise CertificateNotRegistered(request.sha256)
    works = _another_works(desk, row)
    days = None if works else request.download_days
    ca = "not asked" if request.registry_only else _revoke_at_ca(desk, row, request.reason, days is not None)
    event = partial(_event, desk, unit_id=row.unit_id, sha256=request.sha256, reason=request.reason, ca=ca)
    before = _revoke_in_registry(desk, row, event("certificate_revoked"))
    _withdraw_order(desk, row, event("enrolment_withdrawn"))
    if days is not None:
        _allow_download(desk, row.unit_id, days, event("download_granted"))
    # While another certificate works, nobody may download, whatever was allowed before.
    found = None if works else desk.store.open_grant(row.unit_id, desk.clock())
    return Revocation(request.sha256, row.unit_id, before, ca, None if found is None else found.until)


def _another_works(desk: Desk, row: BoundCertificate) -> bool:
    """While another certificate of the unit works, a permission to download would only lie about (S12)."""
    others = (other for other in desk.store.of_unit(row.unit_id) if other.facts.sha256 != row.facts.sha256)
    return any(other.state is State.ACTIVE for other in others)


def import_certificate(desk: Desk, request: ImportRequest) -> BoundCertificate:
    """Judge it as in a login, then bind it. Raises the refusals of the judgement, ImportCodeMismatch, AlreadyBound."""
    from certlogin.flows.trust import load_trust, open_sm2
    from certlogin.pki.certificate import read_certificate, read_chain
    from certlogin.pki.judge import judge_certificate

    now = desk.clock()
    leaf, *chain = request.ders
    trust = load_trust(desk.settings.trust, sm2=open_sm2(desk.settings.sm2))
    trusted = judge_certificate(read_certificate(leaf), read_chain(chain), trust, now)
    forced = _check_code(trusted.facts.unit_code, request)
    row = BoundCertificate(
        unit_id=request.unit_id,
        facts=trusted.facts,
        slot=Slot.CURRENT,
        state=State.ACTIVE,
        bound_at=now,
        bound_by="import",
        applied_on=request.applied_on,
        chain=trusted.path[1:-1],
    )
    event = _event(
        desk,
        "certificate_imported",
        unit_id=request.unit_id,
        sha256=trusted.facts.sha256,
        certificate_code=trusted.facts.unit_code,
        unit_code=request.code,
        code_mismatch_forced=forced,
    )
    desk.store.bind(row, event)
    return row


def _check_code(certificate_code: str | None, request: ImportRequest) -> bool:
    """Whether the codes differ and the operator wants it nevertheless. Raises ImportCodeMismatch."""
    from certlogin.pki.identity import same_unit_code

    if request.code is None or (certificate_code is not None and same_unit_code(certificate_code, request.code)):
        return False
    if not request.force_code_mismatch:
        raise ImportCodeMismatch(certificate_code, request.code)
    return True


def _revoke_at_ca(desk: Desk, row: BoundCertificate, reason: str, allow_reissue: bool) -> str:
    """First, because a CRL reaches further than our registry. Raises RequestRefused, Unavailable."""
    if desk.ca is None:
        return "none configured"
    try:
        desk.ca().revoke(row.facts.issuer_sha256, row.facts.serial, reason, allow_reissue=allow_reissue)
    except RequestRefused as refused:
        if row.bound_by in _OWN:
            raise
        return f"refused ({refused.reason}): not its own"
    return "revoked"


def _revoke_in_registry(desk: Desk, row: BoundCertificate, event: AuditEvent) -> State:
    """Returns the state before. A row that changes under us is read again: it only ever moves on."""
    current: BoundCertificate | None = row
    while current is not None and current.state is not State.REVOKED:
        if desk.store.change_state(row.facts.sha256, current.state, State.REVOKED, event):
            return current.state
        current = desk.store.find(row.facts.sha256)
    return State.REVOKED


def _withdraw_order(desk: Desk, row: BoundCertificate, event: AuditEvent) -> None:
    """The key of a revoked certificate is not given that certificate again."""
    order = desk.store.find_order(row.unit_id, row.facts.spki_sha256)
    if order is None or order.certificate_sha256 != row.facts.sha256:
        return
    following = TABLE.get((EnrolState(order.state), EnrolEvent.WITHDRAW))
    if following is not None:
        desk.store.advance(order, following, event)


def _allow_download(desk: Desk, unit_id: UnitId, days: int, event: AuditEvent) -> None:
    """A permission that is open already is kept, or made longer by another one: all are used up together."""
    now = desk.clock()
    grant = DownloadGrant(unit_id, now, now + timedelta(days=days), desk.operator)
    found = desk.store.open_grant(unit_id, now)
    if found is None or found.until < grant.until:
        desk.store.grant(grant, replace(event, facts={**event.facts, "until": grant.until}))


def _event(desk: Desk, kind: str, *, unit_id: UnitId, **facts: object) -> AuditEvent:
    return AuditEvent(desk.clock(), kind, "ok", unit_id, facts={"operator": desk.operator, **facts})

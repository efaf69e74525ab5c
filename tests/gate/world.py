"""One protected host with its units, certificates, clock and stores; `browser.py` holds the people who visit it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from certlogin import BoundCertificate, CertLogin, Unit, UnitId
from certlogin.pki.certificate import read_certificate
from certlogin.pki.judge import facts_of
from certlogin.records.audit import AuditEvent
from certlogin.records.certificate import Slot, State
from certlogin.stores.base import DurableStore
from tests import factory
from tests.factory import PKI, Issued
from tests.gate.hosts import AUTH_COOKIES, Seen
from tests.gate.servers import Answer, Sent, Server
from tests.gate.sockets import Ticker

ORIGIN = "https://survey.example.cn"
ROSTER = "一套表"

#: Two units of the roster, one outside it, one operator.
UNITS = (
    Unit(UnitId("U1"), "曙光机械制造有限公司", factory.UNIT_CODE, frozenset({ROSTER})),
    Unit(UnitId("U2"), "鸿雁纺织有限公司", factory.OTHER_CODE, frozenset({ROSTER})),
    Unit(UnitId("FREE"), "星火便利店", "911101085923662400"),
    Unit(UnitId("OP"), "操作员", "", frozenset({"exempt"})),
)


class Clock:
    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class Directory:
    """The host's units; `failing` is a database that does not answer."""

    def __init__(self) -> None:
        self.units = {unit.id: unit for unit in UNITS}
        self.failing = False

    def find(self, unit_id: UnitId) -> Unit | None:
        if self.failing:
            raise RuntimeError("the host's database is down")
        return self.units.get(unit_id)


class Authority:
    """The files of a certificate authority: what `[[trust.anchors]]` names."""

    def __init__(self, folder: Path, pki: PKI) -> None:
        self._folder = folder
        self._pki = pki
        self._number = 1
        folder.mkdir()
        (folder / "root.pem").write_bytes(pki.root.pem)
        (folder / "issuing.pem").write_bytes(pki.issuing.pem)
        self.publish()

    def issue(self, code: str, key: str, **changes: Any) -> Issued:
        return self._pki.issuing.issue(unit_code=code, key_name=key, **changes)

    def publish(self, *revoked: Issued, at: datetime = factory.NOW) -> None:
        """New lists of both CAs, fresh `at` that time; these certificates are on the issuing one's."""
        span: dict[str, Any] = {"this_update": at - factory.DAY, "next_update": at + 6 * factory.DAY}
        serials = [one.serial for one in revoked]
        self._put("root.crl", self._pki.root.crl(number=self._number, **span))
        self._put("issuing.crl", self._pki.issuing.crl(serials, number=self._number, **span))
        self._number += 1

    def _put(self, name: str, der: bytes) -> None:
        # Another inode: a rewritten file within the clock's resolution would look unchanged.
        fresh = self._folder / f"{name}.new"
        fresh.write_bytes(der)
        fresh.replace(self._folder / name)

    def settings(self) -> dict[str, Any]:
        return {
            "name": "test",
            "file": str(self._folder / "root.pem"),
            "intermediates": [str(self._folder / "issuing.pem")],
            "crls": [str(self._folder / "root.crl"), str(self._folder / "issuing.crl")],
            "unique_id": [factory.UNIQUE_ID_OID],
        }


def settings_of(folder: Path, authority: Authority, **changes: dict[str, Any]) -> dict[str, Any]:
    """The TOML file as plain data; `changes` replace members of a table, `anchor` those of the anchor's."""
    anchor = changes.pop("anchor", {})
    usual: dict[str, dict[str, Any]] = {
        "site": {"origin": ORIGIN, "secret_keys": ["s" * 32], "label": "survey", "hotline": "400-000-0000"},
        "host": {
            "auth_cookies": list(AUTH_COOKIES),
            "paths": {"login": ["/login"], "public": ["/static/", "/about"], "machine": ["/feed/"]},
        },
        "trust": {"anchors": [authority.settings() | anchor], "reload_seconds": 1},
        "rules": {"require": [{"name": "roster", "tag": ROSTER, "stage": "enforce"}]},
        # Nobody answers there, unless a test starts a CA.
        "ca": {"socket": str(folder / "ca.sock")},
        "stores": {"durable": f"sqlite:///{folder / 'certlogin.db'}"},
    }
    for table, members in changes.items():
        usual[table] = usual.get(table, {}) | members
    return usual


@dataclass
class World:
    clock: Clock
    directory: Directory
    authority: Authority
    certlogin: CertLogin
    #: The same durable store through another connection: what an operator sees and does.
    store: DurableStore
    server: Server
    #: The same host without certlogin in front: what an attack reaches when nothing stands in its way.
    bare: Server
    seen: Seen
    #: `wsgi` or `asgi`.
    kind: str
    issued: dict[str, Issued] = field(default_factory=dict)
    #: Whose certificates the site trusts.
    pki: PKI = field(default_factory=factory.make_pki)
    ticker: Ticker = field(default_factory=Ticker)

    def send(self, sent: Sent) -> Answer:
        return self.server.send(sent)

    def certificate_of(self, unit_id: str) -> Issued:
        """A login certificate with that unit's code, made once."""
        if unit_id not in self.issued:
            code = self.directory.units[UnitId(unit_id)].code
            self.issued[unit_id] = self.authority.issue(code, f"key of {unit_id}")
        return self.issued[unit_id]

    def bind(self, unit_id: str) -> Issued:
        """The unit has downloaded its certificate some time ago."""
        issued = self.certificate_of(unit_id)
        row = BoundCertificate(
            unit_id=UnitId(unit_id),
            facts=facts_of(read_certificate(issued.der), _anchor()),
            slot=Slot.CURRENT,
            state=State.ACTIVE,
            bound_at=self.clock.now,
            bound_by="import",
            chain=(self.pki.issuing.der,),
        )
        self.store.bind(row, AuditEvent(self.clock.now, "certificate_imported", "ok", UnitId(unit_id)))
        return issued

    def set_state(self, unit_id: str, state: State) -> None:
        (row,) = self.store.of_unit(UnitId(unit_id))
        self.set_state_of(row.facts.der, state)

    def set_state_of(self, der: bytes, state: State) -> None:
        row = self.store.find(sha256(der).hexdigest())
        assert row is not None
        event = AuditEvent(self.clock.now, "state_changed", "ok", row.unit_id)
        assert self.store.change_state(row.facts.sha256, row.state, state, event)

    def events(self, kind: str | None = None) -> list[AuditEvent]:
        """The audit log, newest first."""
        return [event for event in self.store.events(1000) if kind in (None, event.kind)]

    def host_saw(self, path: str) -> dict[str, Any] | None:
        """What the host saw of the last request to that path; None: nothing arrived."""
        return next((seen for seen in reversed(self.seen.requests) if seen["path"] == path), None)


#: Builds a world; keyword arguments change tables of the settings.
MakeWorld = Callable[..., World]


def _anchor() -> Any:
    """The identity table of the settings above, for `facts_of`."""
    return factory.make_pki().trust().anchors[0]

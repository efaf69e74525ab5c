"""An operator's desk: settings, a trust anchor, a durable store on SQLite, and a CA that writes down its calls."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from certlogin.ca.base import IssuedCertificate
from certlogin.cli import certificates
from certlogin.cli.main import main
from certlogin.errors import CertloginError
from certlogin.records.audit import AuditEvent
from certlogin.records.certificate import BoundCertificate
from certlogin.records.unit import Unit, UnitId
from certlogin.stores.sql import SqlStore
from tests.factory import NOW, PKI, UNIQUE_ID_OID, UNIT_CODE_OID, make_pki

SETTINGS: Final = f"""
[site]
origin = "https://survey.example"
secret_keys = ["0123456789abcdef0123456789abcdef"]
[host]
auth_cookies = ["session"]
[host.paths]
login = ["/login"]
[[rules.require]]
name = "roster"
tag = "一套表"
[[trust.anchors]]
name = "test"
file = "root.pem"
intermediates = ["issuing.pem"]
crls = ["root.crl", "issuing.crl"]
unit_code = ["{UNIT_CODE_OID}"]
unique_id = ["{UNIQUE_ID_OID}"]
"""


@dataclass
class FakeCA:
    """Answers as it is told to; `asked` has every call."""

    answer: CertloginError | None = None
    asked: list[tuple[str, str, str, bool]] = field(default_factory=list)

    def issue(self, unit: Unit, request: bytes) -> IssuedCertificate:
        raise AssertionError("no operator issues certificates")

    def revoke(self, issuer_sha256: str, serial: str, reason: str, *, allow_reissue: bool) -> None:
        self.asked.append((issuer_sha256, serial, reason, allow_reissue))
        if self.answer is not None:
            raise self.answer


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


@dataclass
class Office:
    folder: Path
    capsys: pytest.CaptureFixture[str]
    now: datetime = NOW
    ca: FakeCA = field(default_factory=FakeCA)
    pki: PKI = field(default_factory=make_pki)

    @property
    def config(self) -> Path:
        return self.folder / "certlogin.toml"

    @property
    def database(self) -> Path:
        return self.folder / "certlogin.db"

    def run(self, *words: str) -> Ran:
        """`certlogin certificates …` in this process."""
        self.capsys.readouterr()
        code = main(["certificates", "--config", str(self.config), *words])
        return Ran(code, *self.capsys.readouterr())

    def publish(self, crls: Sequence[bytes] | None = None) -> None:
        """Anchor, issuing CA and both lists into their files."""
        (self.folder / "root.pem").write_bytes(self.pki.root.pem)
        (self.folder / "issuing.pem").write_bytes(self.pki.issuing.pem)
        issuing, root = self.pki.crls() if crls is None else crls
        (self.folder / "issuing.crl").write_bytes(issuing)
        (self.folder / "root.crl").write_bytes(root)

    def file(self, *ders: bytes, name: str = "certificate.der") -> str:
        path = self.folder / name
        path.write_bytes(b"".join(ders))
        return str(path)

    def store(self) -> "closing[SqlStore]":
        return closing(SqlStore.open(f"sqlite:///{self.database}"))

    def bind(self, *rows: BoundCertificate) -> None:
        with self.store() as store:
            for row in rows:
                store.bind(row, AuditEvent(NOW, "bound", "ok", row.unit_id))

    def rows(self, unit_id: str | None = None) -> tuple[BoundCertificate, ...]:
        with self.store() as store:
            return tuple(store.listing(unit_id=None if unit_id is None else UnitId(unit_id)))

    def audit(self) -> list[AuditEvent]:
        """What the command wrote, oldest first."""
        with self.store() as store:
            return [event for event in reversed(list(store.events())) if event.kind != "bound"]


def open_office(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, ca_settings: str = ""
) -> Office:
    office = Office(folder, capsys)
    office.config.write_text(SETTINGS + ca_settings, encoding="utf-8")
    office.publish()
    monkeypatch.setattr(certificates, "_now", lambda: office.now)
    monkeypatch.setattr(certificates, "_remote_ca", lambda settings: office.ca)
    monkeypatch.setenv("LOGNAME", "li")
    for variable in ("CERTLOGIN_SITE_SECRET_KEYS", "CERTLOGIN_CA_PASSPHRASE", "CERTLOGIN_STORES_DURABLE"):
        monkeypatch.delenv(variable, raising=False)
    return office


def pem(*certificates: object) -> bytes:
    return b"".join(one.public_bytes(Encoding.PEM) for one in certificates)  # type: ignore[attr-defined]

"""An operator's revocation with the real CA: its list, its books, and what the policy then says (S12)."""

from datetime import datetime
from pathlib import Path
from secrets import token_bytes
from typing import Final

import pytest
from cryptography import x509
from sqlalchemy import true

from certlogin.ca.base import IssuedCertificate, RequestRefused
from certlogin.ca.database import Database
from certlogin.ca.embedded import EmbeddedCA
from certlogin.ca.entitlements import Entitlement
from certlogin.ca.files import CAFiles
from certlogin.ca.imports import import_units
from certlogin.ca.setup import NewCA, make_ca
from certlogin.cli import certificates
from certlogin.flows.trust import load_trust
from certlogin.login.policy import Case, Decision, Reason, Step, decide
from certlogin.pki.certificate import read_certificate, read_chain
from certlogin.pki.judge import judge_certificate
from certlogin.records.certificate import BoundCertificate, Slot, State
from certlogin.records.helper import HelperReport, HelperState
from certlogin.records.unit import Unit, UnitId
from certlogin.settings import load_settings
from certlogin.settings.rules import Rules
from certlogin.stores.base import EnrolmentOrder
from tests.cli.office import SETTINGS, Office, open_office
from tests.companions import without
from tests.factory import DAY, NOW, UNIT_CODE, key, request
from tests.stores.values import event

PASSPHRASE: Final = "correct horse battery"
UNIT: Final = Unit(UnitId("U1"), "测试单位", UNIT_CODE, frozenset({"一套表"}))
READY: Final = HelperReport(HelperState.READY, (1, 5, 1, 0))
LOCAL: Final = SETTINGS.replace("https://survey.example", "http://127.0.0.1:8000").replace(
    "[site]", '[site]\nmode = "development"'
)


def gives_to_everybody(case: Case, why: Reason, rules: Rules, now: datetime) -> Decision:
    return Decision(Step.GET_CERTIFICATE, (why,))


NO_RULE = {"certlogin.ca.embedded.check_new": lambda *_: None}


@pytest.fixture
def agency(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Office:
    """A development site with the CA in its own process, and a unit that enrolled its first certificate."""
    remote = certificates._remote_ca
    office = open_office(tmp_path, capsys, monkeypatch)
    monkeypatch.setattr(certificates, "_remote_ca", remote)
    directory = tmp_path / "ca"
    make_ca(directory, NewCA("Test CA", "P-256", PASSPHRASE, PASSPHRASE, iterations=10), NOW - DAY, token_bytes)
    files = CAFiles(directory)
    settings = LOCAL
    for name, file in (
        ("root.pem", files.root), ("issuing.pem", files.issuing),
        ("root.crl", files.root_list), ("issuing.crl", files.issuing_list),
    ):  # fmt: skip
        settings = settings.replace(f'"{name}"', f'"{file}"')
    office.config.write_text(f'{settings}[ca]\ndirectory = "ca"\n', encoding="utf-8")
    monkeypatch.setenv("CERTLOGIN_CA_PASSPHRASE", PASSPHRASE)
    import_units(Database(files.database), [Entitlement(UNIT.id, UNIT.name, UNIT.code)], None)
    enrol(office, "first")
    return office


def authority(office: Office) -> EmbeddedCA:
    return EmbeddedCA(office.folder / "ca", PASSPHRASE, lambda: office.now)


def enrol(office: Office, key_name: str) -> BoundCertificate:
    """As the portal does it: issue, judge, bind with the order."""
    issued = authority(office).issue(UNIT, request(key(key_name)))
    row = bound(office, issued)
    order = EnrolmentOrder(UNIT.id, row.facts.spki_sha256, "issued", office.now, row.facts.sha256, issued.chain)
    with office.store() as store:
        store.bind(row, event("bound"), order)
    return row


def bound(office: Office, issued: IssuedCertificate) -> BoundCertificate:
    trust = load_trust(load_settings(office.config).trust)
    leaf, chain = read_certificate(issued.certificate), read_chain(issued.chain)
    trusted = judge_certificate(leaf, chain, trust, office.now)
    return BoundCertificate(UNIT.id, trusted.facts, Slot.CURRENT, State.ACTIVE, office.now, "enrol")


def revoke(office: Office, *words: str) -> int:
    (newest, *_) = office.rows()
    return office.run("revoke", newest.facts.sha256, "--reason", "key lost", *words).code


def owed(office: Office) -> Decision:
    """What the unit owes at its next login."""
    with office.store() as store:
        granted = store.open_grant(UNIT.id, office.now) is not None
        case = Case(UNIT, store.of_unit(UNIT.id), helper=READY, granted=granted)
    return decide(case, load_settings(office.config).rules, office.now)


@without(NO_RULE)
def test_s12_after_the_revocation_the_unit_downloads_again_once(agency: Office) -> None:
    assert owed(agency).step is Step.PROVE_KEY
    assert revoke(agency) == 0
    assert Reason.OPERATOR_ALLOWED in owed(agency).reasons
    assert owed(agency).step is Step.GET_CERTIFICATE
    enrol(agency, "second")
    assert owed(agency).step is Step.PROVE_KEY
    with pytest.raises(RequestRefused):
        authority(agency).issue(UNIT, request(key("third")))


@without({"certlogin.login.policy._download": gives_to_everybody}, sees="assert (<Step.GET_CE")
def test_s12_without_the_permission_the_site_gives_no_other_one(agency: Office) -> None:
    assert revoke(agency, "--no-download") == 0
    assert (owed(agency).step, owed(agency).reasons[0]) == (Step.REFUSE, Reason.REISSUE_REQUIRED)


@without(NO_RULE)
def test_s12_without_the_permission_the_ca_gives_no_other_one(agency: Office) -> None:
    assert revoke(agency, "--no-download") == 0
    with pytest.raises(RequestRefused) as refused:
        authority(agency).issue(UNIT, request(key("second")))
    assert refused.value.reason == "reissue_not_allowed"
    # The operator thinks again.
    assert revoke(agency) == 0
    enrol(agency, "second")


@without({"certlogin.stores.sql.orders._in_time": lambda now: true()}, sees="assert <Reason.REQUIRED")
def test_s12_the_permission_ends(agency: Office) -> None:
    assert revoke(agency, "--download-days", "3") == 0
    agency.now = NOW + 3 * DAY
    assert owed(agency).step is Step.GET_CERTIFICATE
    agency.now = NOW + 4 * DAY
    assert owed(agency).reasons[0] is Reason.REISSUE_REQUIRED


@without({"certlogin.ca.embedded.check_again": lambda listed, row, now: row})
def test_s16_the_revoked_key_gets_no_certificate_and_opens_no_login(agency: Office) -> None:
    (first,) = agency.rows()
    assert revoke(agency) == 0
    with pytest.raises(RequestRefused) as refused:
        authority(agency).issue(UNIT, request(key("first")))
    assert refused.value.reason == "key_revoked"
    published = x509.load_der_x509_crl(CAFiles(agency.folder / "ca").issuing_list.read_bytes())
    assert published.get_revoked_certificate_by_serial_number(int(first.facts.serial, 16)) is not None
    ran = agency.run("import", agency.file(first.facts.der), "--unit", "U1")
    assert (ran.code, ran.err.split(":")[1]) == (1, " certificate_revoked")


@without(NO_RULE)
def test_s12_told_to_the_registry_alone_the_ca_gives_nothing_until_it_is_told(agency: Office) -> None:
    assert revoke(agency, "--registry-only") == 0
    assert owed(agency).step is Step.GET_CERTIFICATE
    with pytest.raises(RequestRefused) as refused:
        authority(agency).issue(UNIT, request(key("second")))
    assert refused.value.reason == "already_issued"
    assert revoke(agency) == 0
    enrol(agency, "second")


def test_a_wrong_passphrase_ends_with_2_and_changes_nothing(agency: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CERTLOGIN_CA_PASSPHRASE", "wrong horse battery")
    assert revoke(agency) == 2
    assert [row.state for row in agency.rows()] == [State.ACTIVE]
    assert agency.audit() == []


def test_a_ca_behind_a_socket_that_is_not_there_ends_with_1_and_changes_nothing(agency: Office) -> None:
    settings = agency.config.read_text("utf-8").replace('directory = "ca"', 'socket = "ca.sock"')
    agency.config.write_text(settings, "utf-8")
    assert revoke(agency) == 1
    assert [row.state for row in agency.rows()] == [State.ACTIVE]
    assert revoke(agency, "--registry-only") == 0
    assert [row.state for row in agency.rows()] == [State.REVOKED]

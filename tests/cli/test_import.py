"""`certlogin certificates import`: judged like a login, compared with the unit's code, bound once."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives import hashes
from sqlalchemy import Connection, delete

from certlogin.pki.certificate import UnverifiedCertificate
from certlogin.pki.identity import Identity
from certlogin.pki.judge import TrustedCertificate, facts_of
from certlogin.pki.path import Trust
from certlogin.pki.revocation import Settled
from certlogin.records.certificate import BoundCertificate, Slot, State
from certlogin.stores.sql.tables import BOUND_CERTIFICATE, SPKI_OWNER
from tests.cli.office import Office, Ran, pem
from tests.companions import allows, companion, without
from tests.factory import (
    DAY,
    NOW,
    OTHER_CODE,
    SERVER_AUTH,
    UNIT_CODE,
    Issued,
    make_pki,
    resign,
    self_signed,
)

#: The organisation code inside UNIT_CODE.
ORGANISATION_CODE = UNIT_CODE[8:17]


@pytest.fixture
def leaf(office: Office) -> Issued:
    return office.pki.issuing.issue()


def imported(office: Office, der: bytes, *words: str) -> Ran:
    return office.run("import", office.file(der), "--unit", "U1", *words)


def test_a11_a_certificate_issued_elsewhere_is_registered(office: Office, leaf: Issued) -> None:
    ran = imported(office, leaf.der, "--code", UNIT_CODE, "--applied-on", "2017-11-30", "--operator", "王")
    assert (ran.code, ran.err) == (0, "")
    (row,) = office.rows()
    assert ran.out == (
        f"imported: {row.facts.sha256}  active  current  U1  {UNIT_CODE}  P-256/256  2027-01-31T08:00:00+00:00  "
        f"import  {row.facts.subject}\n"
    )
    assert row.facts.der == leaf.der
    assert (row.unit_id, row.state, row.slot, row.bound_by) == ("U1", State.ACTIVE, Slot.CURRENT, "import")
    assert row.bound_at == NOW
    # Midnight in Asia/Shanghai.
    assert row.applied_on == datetime(2017, 11, 29, 16, tzinfo=UTC)
    assert row.chain == (office.pki.issuing.der,)
    (event,) = office.audit()
    assert (event.kind, event.code, event.unit_id) == ("certificate_imported", "ok", "U1")
    assert event.facts == {
        "operator": "王", "sha256": row.facts.sha256, "certificate_code": UNIT_CODE, "unit_code": UNIT_CODE,
        "code_mismatch_forced": False,
    }  # fmt: skip


def test_an_sm2_certificate_below_an_sm2_authority_is_registered(office: Office) -> None:
    office.pki = make_pki("SM2")
    office.publish()
    ran = imported(office, office.pki.issuing.issue(key_type="SM2").der, "--code", UNIT_CODE)
    assert (ran.code, ran.err) == (0, "")
    assert "  SM2/256  " in ran.out


def test_what_was_imported_is_listed(office: Office, leaf: Issued) -> None:
    imported(office, leaf.der)
    assert "  import  " in office.run("list", "--unit", "U1").out


def test_pem_with_its_intermediates_is_read(office: Office) -> None:
    # Lists are kept for configured authorities only, so this one cannot have any.
    office.config.write_text(office.config.read_text("utf-8").replace("[ca]", 'revocation = "off"\n[ca]'), "utf-8")
    below = office.pki.root.issue_ca("Regional")
    leaf = below.issue()
    assert office.run("import", office.file(leaf.der), "--unit", "U1").code == 1
    ran = office.run("import", office.file(pem(leaf.certificate, below.certificate), name="x.pem"), "--unit", "U1")
    assert ran.code == 0, ran.err
    assert office.rows()[0].chain == (below.der,)


# Judged like a login. Each row is refused for one reason; without it the same certificate is imported.


def _expired(office: Office) -> bytes:
    der = office.pki.issuing.issue().der
    office.now = NOW + 336 * DAY
    crls = [
        authority.crl(this_update=office.now - DAY, next_update=office.now + DAY)
        for authority in (office.pki.issuing, office.pki.root)
    ]
    office.publish(crls)
    return der


def _revoked(office: Office) -> bytes:
    leaf = office.pki.issuing.issue()
    office.publish(office.pki.crls([leaf.serial]))
    return leaf.der


def _stale_list(office: Office) -> bytes:
    office.now = NOW + 7 * DAY
    return office.pki.issuing.issue().der


def _no_list(office: Office) -> bytes:
    office.config.write_text(office.config.read_text("utf-8").replace(', "issuing.crl"', ""), "utf-8")
    return office.pki.issuing.issue().der


def _revoked_authority(office: Office) -> bytes:
    office.publish(office.pki.crls(revoked_cas=[office.pki.issuing.serial]))
    return office.pki.issuing.issue().der


REFUSED: dict[str, Callable[[Office], bytes]] = {
    "certificate_expired": _expired,
    "certificate_not_yet_valid": lambda office: office.pki.issuing.issue(not_before=NOW + DAY).der,
    "certificate_revoked": _revoked,
    "certificate_revoked of its authority": _revoked_authority,
    "revocation_unknown": _stale_list,
    "revocation_unknown without a list": _no_list,
    "certificate_untrusted": lambda office: make_pki(label=" of somebody else").issuing.issue().der,
    "certificate_untrusted self-signed": lambda office: self_signed().der,
    "certificate_usage": lambda office: office.pki.issuing.issue(extended=SERVER_AUTH).der,
    "certificate_usage of a CA": lambda office: office.pki.root.issue_ca("Below").der,
    "certificate_weak_key": lambda office: office.pki.issuing.issue(key_type="RSA-1024").der,
    "certificate_weak_signature": lambda office: resign(
        office.pki.issuing.issue().der, office.pki.issuing.key, digest=hashes.SHA1()  # noqa: S303
    ),
    "certificate_identity": lambda office: office.pki.issuing.issue(unit_code_der=b"\x0c\x05ab").der,
}  # fmt: skip
UNCOMPARED: dict[str, object] = {"certlogin.cli.registry._check_code": lambda *_: False}
#: What stops these even where nobody judges.
READERS: dict[str, dict[str, object]] = {
    "certificate_usage of a CA": UNCOMPARED,
    "certificate_weak_key": {"certlogin.pki.keys.RSA_BITS_MIN": 1024},
    "certificate_identity": {"certlogin.pki.judge.read_identity": lambda *_: Identity(UNIT_CODE, None)},
}


def unjudged(leaf: UnverifiedCertificate, chain: object, trust: Trust, now: datetime) -> TrustedCertificate:
    return TrustedCertificate(facts_of(leaf, trust.anchors[0]), "test", (leaf.der,), Settled.NOT_ASKED)


def last_writer_wins(connection: Connection, row: BoundCertificate) -> None:
    """A registry that puts the new row in the place of the old one."""
    connection.execute(delete(BOUND_CERTIFICATE))
    connection.execute(delete(SPKI_OWNER))


IMPORTED = "assert (0, 'import"
UNJUDGED: dict[str, object] = {"certlogin.pki.judge.judge_certificate": unjudged}
OVERWRITING = {"certlogin.stores.sql.registry._refuse_conflict": last_writer_wins}


@pytest.mark.parametrize(
    "der", [b"\x30\x03\x02\x01\x00", make_pki().issuing.issue().der[:-1]], ids=["other", "cut off"]
)
def test_what_is_no_certificate_is_not_imported(der: bytes, office: Office) -> None:
    ran = imported(office, der, "--code", UNIT_CODE)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("certlogin: certificate_unreadable")
    assert office.rows() == ()


@without(UNJUDGED, sees=IMPORTED)
@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, marks=without(UNJUDGED | READERS[case], sees=IMPORTED)) if case in READERS else case
        for case in REFUSED
    ],
)
def test_s27_what_no_login_would_accept_is_not_imported(case: str, office: Office) -> None:
    ran = imported(office, REFUSED[case](office), "--code", UNIT_CODE)
    assert (ran.code, ran.out) == (1, "")
    (line,) = ran.err.splitlines()
    assert line.startswith(f"certlogin: {case.split()[0]}")
    assert line.isprintable()
    assert office.rows() == ()
    assert office.audit() == []


@companion("test_s27_what_no_login_would_accept_is_not_imported")
def test_s27_without_the_fault_the_certificate_is_imported(office: Office) -> None:
    assert imported(office, office.pki.issuing.issue().der, "--code", UNIT_CODE).code == 0


# The unit's code


@pytest.mark.parametrize("code", [UNIT_CODE, UNIT_CODE.lower(), f" {UNIT_CODE}", ORGANISATION_CODE])
def test_the_code_may_be_written_in_every_usual_way(code: str, office: Office, leaf: Issued) -> None:
    assert imported(office, leaf.der, "--code", code).code == 0


@without(UNCOMPARED, sees=IMPORTED)
@pytest.mark.parametrize("code", [OTHER_CODE, UNIT_CODE[:-1], "", "0"])
def test_s15_a_certificate_of_another_unit_is_refused(code: str, office: Office, leaf: Issued) -> None:
    ran = imported(office, leaf.der, "--code", code)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == (f"certlogin: import_code_mismatch: certificate_code='{UNIT_CODE}', unit_code={code!r}\n")
    assert office.rows() == ()
    assert office.audit() == []


@companion("test_s15_a_certificate_of_another_unit_is_refused")
def test_s15_without_the_comparison_it_is_bound_to_whoever_is_named(
    office: Office, leaf: Issued, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("certlogin.pki.identity.same_unit_code", lambda one, other: True)
    assert imported(office, leaf.der, "--code", OTHER_CODE).code == 0
    (row,) = office.rows()
    assert (row.unit_id, row.facts.unit_code) == ("U1", UNIT_CODE)


@without(UNCOMPARED, sees=IMPORTED)
def test_s15_a_certificate_without_code_is_nobodys(office: Office) -> None:
    der = office.pki.issuing.issue(unit_code=None).der
    ran = imported(office, der, "--code", UNIT_CODE)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("certlogin: import_code_mismatch")
    assert imported(office, der, "--code", UNIT_CODE, "--force-code-mismatch").code == 0


@allows
def test_s15_an_operator_may_insist_and_it_is_written_down(office: Office, leaf: Issued) -> None:
    assert imported(office, leaf.der, "--code", OTHER_CODE, "--force-code-mismatch").code == 0
    (event,) = office.audit()
    assert event.facts["code_mismatch_forced"] is True
    assert (event.facts["certificate_code"], event.facts["unit_code"]) == (UNIT_CODE, OTHER_CODE)


def test_insisting_without_need_is_not_written_down_as_forced(office: Office, leaf: Issued) -> None:
    imported(office, leaf.der, "--code", UNIT_CODE, "--force-code-mismatch")
    assert office.audit()[0].facts["code_mismatch_forced"] is False


def test_that_nothing_was_compared_is_said(office: Office, leaf: Issued) -> None:
    ran = imported(office, leaf.der)
    assert ran.code == 0
    assert ran.err == f"its unit code {UNIT_CODE} was not compared: no --code given\n"


# Bound once: S15, S16


@without(OVERWRITING, sees="assert Ran(code=0")
def test_s15_a_unit_with_a_certificate_gets_no_second_one(office: Office, leaf: Issued) -> None:
    imported(office, leaf.der)
    ran = imported(office, office.pki.issuing.issue(key_name="second").der)
    assert ran == Ran(1, "", "certlogin: already_bound: conflict='slot'\n")


@without(OVERWRITING, sees="assert Ran(code=0")
def test_s15_a_certificate_has_one_unit(office: Office, leaf: Issued) -> None:
    imported(office, leaf.der)
    ran = office.run("import", office.file(leaf.der), "--unit", "U2")
    assert ran == Ran(1, "", "certlogin: already_bound: conflict='certificate'\n")


@without(OVERWRITING, sees="assert Ran(code=0")
def test_s14_a_key_has_one_unit(office: Office, leaf: Issued) -> None:
    imported(office, leaf.der)
    ran = office.run("import", office.file(office.pki.issuing.issue().der), "--unit", "U2")
    assert ran == Ran(1, "", "certlogin: already_bound: conflict='key'\n")


@without(OVERWRITING, sees="assert Ran(code=0")
@pytest.mark.parametrize("unit", ["U1", "U2"])
def test_s16_a_revoked_certificate_is_not_imported_again(unit: str, office: Office, leaf: Issued) -> None:
    imported(office, leaf.der)
    sha256 = office.rows()[0].facts.sha256
    assert office.run("revoke", sha256, "--reason", "key lost").code == 0
    # No list of the CA has it: the registry alone remembers.
    ran = office.run("import", office.file(leaf.der), "--unit", unit)
    assert ran == Ran(1, "", "certlogin: already_bound: conflict='certificate'\n")
    assert [(row.unit_id, row.state) for row in office.rows()] == [("U1", State.REVOKED)]


@without({"certlogin.stores.sql.registry._use_grants": lambda *_: None}, sees="assert DownloadGrant(")
def test_s12_an_import_uses_up_the_permission_to_download(office: Office, leaf: Issued) -> None:
    imported(office, leaf.der)
    office.run("revoke", office.rows()[0].facts.sha256, "--reason", "key lost")
    assert imported(office, office.pki.issuing.issue(key_name="second").der).code == 0
    with office.store() as store:
        assert store.open_grant(office.rows()[0].unit_id, NOW) is None


# Files and words that cannot be used


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "PEM"),
        (b"hello", "PEM"),
        (b"-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n", "PEM"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "PEM"),
        (b"\x30" * ((1 << 20) + 1), "larger than 1048576 bytes"),
    ],
)
def test_a_file_without_a_certificate_ends_with_2(content: bytes, problem: str, office: Office) -> None:
    ran = imported(office, content)
    assert (ran.code, ran.out) == (2, "")
    (line,) = ran.err.splitlines()
    assert line.startswith(f"certlogin: configuration_error: {office.folder}/certificate.der: ")
    assert problem in line
    assert not office.database.exists()


def test_a_file_that_is_not_there_ends_with_2(office: Office) -> None:
    ran = office.run("import", f"{office.folder}/missing.der", "--unit", "U1")
    assert ran == Ran(2, "", f"certlogin: {office.folder}/missing.der: No such file or directory\n")
    assert office.run("import", str(office.folder), "--unit", "U1").code == 2


def test_a_trust_anchor_that_is_missing_ends_with_2(office: Office, leaf: Issued) -> None:
    (office.folder / "root.pem").unlink()
    ran = imported(office, leaf.der)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("certlogin: configuration_error: [trust.anchors] test: ")
    assert office.rows() == ()


@pytest.mark.parametrize(
    "words",
    [
        ["import"],
        ["import", "x.der"],
        ["import", "--unit", "U1"],
        ["import", "x.der", "--unit", ""],
        ["import", "x.der", "--unit", "U1", "--applied-on", "yesterday"],
        ["import", "x.der", "--unit", "U1", "--applied-on", "2026-02-30"],
        ["import", "x.der", "--unit", "U1", "--applied-on", "0001-01-01"],
        ["import", "x.der", "--unit", "U1", "--applied-on", "9999-12-31"],
        ["import", "x.der", "--unit", "U1", "--force"],
        ["import", "x.der", "y.der", "--unit", "U1"],
    ],
)
def test_unusable_words_end_with_2(words: list[str], office: Office) -> None:
    with pytest.raises(SystemExit) as exit_:
        office.run(*words)
    assert exit_.value.code == 2


@pytest.mark.parametrize("words", [[], ["--code", OTHER_CODE]])
def test_no_text_of_the_certificate_reaches_the_terminal_as_an_order(words: list[str], office: Office) -> None:
    sly = "测试\x1b[2J\x1b]0;owned\x07\x9b31m\u202e"
    der = office.pki.issuing.issue(common_name=sly, unique_id="1@5009").der
    ran = imported(office, der, *words)
    assert ran.code == (1 if words else 0)
    assert all(line.isprintable() for line in (ran.out + ran.err).split("\n"))


def test_no_text_of_a_refused_certificate_does_either(office: Office) -> None:
    sly = "测试\x1b[2J\x9b31m"
    der = office.pki.issuing.issue(common_name=sly, not_after=NOW - DAY).der
    ran = imported(office, der)
    assert ran.code == 1
    assert all(line.isprintable() for line in ran.err.split("\n"))

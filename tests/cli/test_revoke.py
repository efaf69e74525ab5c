"""`certlogin certificates revoke`: the CA, the registry, the order, the permission, in this order and repeatable."""

import getpass
import os
from dataclasses import replace

import pytest
from sqlalchemy import true

from certlogin.ca.base import RequestRefused
from certlogin.cli.registry import Desk
from certlogin.errors import Unavailable
from certlogin.records.audit import AuditEvent
from certlogin.records.certificate import BoundCertificate, Slot, State
from certlogin.records.unit import UnitId
from certlogin.stores.base import DownloadGrant
from certlogin.stores.sql import SqlStore
from tests.cli.office import Office, Ran
from tests.companions import allows, without
from tests.factory import DAY, NOW
from tests.stores.values import MINE, event, facts, grant, order


def tries_once(desk: Desk, row: BoundCertificate, event: AuditEvent) -> State:
    desk.store.change_state(row.facts.sha256, row.state, State.REVOKED, event)
    return row.state


#: Revoking without a look at the unit's other certificates.
UNSEEN = {"certlogin.cli.registry._another_works": lambda *_: False}

A, B = "a" * 64, "b" * 64


def certificate(sha256: str, slot: Slot = Slot.CURRENT, bound_by: str = "enrol") -> BoundCertificate:
    return BoundCertificate(MINE, facts(sha256[0], sha256=sha256), slot, State.ACTIVE, NOW, bound_by)


def revoke(office: Office, *words: str, sha256: str = A) -> Ran:
    return office.run("revoke", sha256, "--reason", "key lost", *words)


def open_grant(office: Office) -> DownloadGrant | None:
    with office.store() as store:
        return store.open_grant(MINE, office.now)


def state(office: Office, sha256: str = A) -> State:
    return next(row.state for row in office.rows() if row.facts.sha256 == sha256)


def test_a_certificate_is_revoked_everywhere(office: Office) -> None:
    office.bind(certificate(A))
    with office.store() as store:
        store.place(order("a", "installed", certificate_sha256=A))
    ran = revoke(office, "--operator", "王")
    assert ran == Ran(0, f"revoked: {A}, unit U1\nCA: revoked\ndownload again: until 2026-03-09T08:00:00+00:00\n", "")
    assert office.ca.asked == [("issuer", "61", "key lost", True)]
    assert state(office) is State.REVOKED
    with office.store() as store:
        withdrawn = store.find_order(MINE, "spki-a")
    assert withdrawn is not None
    assert withdrawn.state == "withdrawn"
    assert open_grant(office) == DownloadGrant(MINE, NOW, NOW + 7 * DAY, "王")


@allows
def test_s31_each_step_is_in_the_audit_log_with_who_and_why(office: Office) -> None:
    office.bind(certificate(A))
    with office.store() as store:
        store.place(order("a", "issued", certificate_sha256=A))
    revoke(office)
    written = office.audit()
    assert [one.kind for one in written] == ["certificate_revoked", "enrolment_withdrawn", "download_granted"]
    for one in written:
        assert (one.at, one.code, one.unit_id) == (NOW, "ok", "U1")
        assert dict(one.facts) | {"operator": "li", "sha256": A, "reason": "key lost", "ca": "revoked"} == one.facts
    assert written[2].facts["until"] == "2026-03-09T08:00:00+00:00"


def test_the_fingerprint_may_be_written_as_other_tools_do(office: Office) -> None:
    office.bind(certificate(A))
    assert revoke(office, sha256=":".join(["AA"] * 32)).code == 0
    assert state(office) is State.REVOKED


def test_an_unknown_certificate_is_refused_and_nothing_is_asked(office: Office) -> None:
    office.bind(certificate(A))
    ran = revoke(office, sha256=B)
    assert ran == Ran(1, "", f"certlogin: certificate_not_registered: sha256='{B}'\n")
    assert office.ca.asked == []
    assert office.audit() == []


# What the CA says


def test_a_ca_that_does_not_answer_leaves_everything_as_it_was(office: Office) -> None:
    office.bind(certificate(A))
    office.ca.answer = Unavailable("ca")
    assert revoke(office) == Ran(1, "", "certlogin: unavailable: what='ca'\n")
    assert state(office) is State.ACTIVE
    assert office.audit() == []
    assert open_grant(office) is None


def test_without_the_ca_the_registry_alone_can_be_told(office: Office) -> None:
    office.bind(certificate(A))
    office.ca.answer = Unavailable("ca")
    ran = revoke(office, "--registry-only")
    assert ran.code == 0
    assert "CA: not asked\n" in ran.out
    assert office.ca.asked == []
    assert state(office) is State.REVOKED
    # Later the CA is told too, and may then issue again.
    office.ca.answer = None
    assert revoke(office).out.startswith(f"already revoked: {A}")
    assert office.ca.asked == [("issuer", "61", "key lost", True)]


def test_a_ca_that_refuses_its_own_certificate_stops_it(office: Office) -> None:
    office.bind(certificate(A))
    office.ca.answer = RequestRefused("unknown_certificate")
    ran = revoke(office)
    assert ran == Ran(1, "", "certlogin: request_refused: reason='unknown_certificate'\n")
    assert state(office) is State.ACTIVE


@pytest.mark.parametrize("bound_by", ["import", "match"])
def test_a_certificate_of_another_ca_is_revoked_in_the_registry(bound_by: str, office: Office) -> None:
    office.bind(certificate(A, bound_by=bound_by))
    office.ca.answer = RequestRefused("unknown_certificate")
    ran = revoke(office)
    assert ran.code == 0
    assert "CA: refused (unknown_certificate): not its own\n" in ran.out
    assert state(office) is State.REVOKED
    assert office.audit()[0].facts["ca"] == "refused (unknown_certificate): not its own"


def test_a_site_without_ca_revokes_in_the_registry(office_without_ca: Office) -> None:
    office_without_ca.bind(certificate(A))
    ran = revoke(office_without_ca)
    assert ran.code == 0
    assert "CA: none configured\n" in ran.out
    assert office_without_ca.ca.asked == []


def test_words_of_the_ca_do_not_reach_the_terminal_as_an_order(office: Office) -> None:
    office.bind(certificate(A, bound_by="import"))
    office.ca.answer = RequestRefused("\x1b[2Jno")
    assert all(line.isprintable() for line in revoke(office).out.splitlines())


# Downloading again: S12


@without({"certlogin.stores.sql.orders._in_time": lambda now: true()}, sees="assert DownloadGrant(")
def test_s12_after_the_revocation_the_unit_may_download_for_some_days(office: Office) -> None:
    office.bind(certificate(A))
    assert "until 2026-03-05T08:00:00+00:00" in revoke(office, "--download-days", "3").out
    office.now = NOW + 3 * DAY
    assert open_grant(office) is not None
    office.now = NOW + 4 * DAY
    assert open_grant(office) is None


@without(UNSEEN, sees="download again: until")
def test_s12_not_while_another_certificate_works(office: Office) -> None:
    office.bind(certificate(A), certificate(B, Slot.REPLACEMENT))
    ran = revoke(office)
    assert "download again: no\n" in ran.out
    assert office.ca.asked == [("issuer", "61", "key lost", False)]
    assert open_grant(office) is None
    # The companion: once the other one is gone too, it may.
    assert "download again: until" in revoke(office, sha256=B).out
    assert open_grant(office) is not None


@allows
@pytest.mark.parametrize("ended", [State.REVOKED, State.SUPERSEDED, State.EXPIRED])
def test_s12_a_certificate_that_does_not_work_any_more_is_no_obstacle(ended: State, office: Office) -> None:
    office.bind(certificate(B))
    with office.store() as store:
        store.change_state(B, State.ACTIVE, ended, event("bound"))
    office.bind(certificate(A))
    assert "download again: until" in revoke(office).out


@allows
def test_s12_the_certificate_of_another_unit_is_no_obstacle(office: Office) -> None:
    office.bind(certificate(A), replace(certificate(B), unit_id=UnitId("U2")))
    assert "download again: until" in revoke(office).out


def test_an_operator_may_forbid_it(office: Office) -> None:
    office.bind(certificate(A))
    ran = revoke(office, "--no-download")
    assert "download again: no\n" in ran.out
    assert office.ca.asked == [("issuer", "61", "key lost", False)]
    assert open_grant(office) is None
    assert [one.kind for one in office.audit()] == ["certificate_revoked"]


def test_a_permission_that_is_open_already_is_told_even_if_none_is_given(office: Office) -> None:
    office.bind(certificate(A))
    revoke(office)
    assert "download again: until 2026-03-09T08:00:00+00:00\n" in revoke(office, "--no-download").out


def test_a_permission_is_made_longer_and_never_shorter(office: Office) -> None:
    office.bind(certificate(A))
    revoke(office, "--download-days", "5")
    revoke(office, "--download-days", "9")
    assert "until 2026-03-11T08:00:00+00:00" in revoke(office, "--download-days", "1").out
    assert [one.kind for one in office.audit()].count("download_granted") == 2


@without({"certlogin.stores.sql.registry._use_grants": lambda *_: None}, sees="assert DownloadGrant(")
def test_s12_a_permission_is_used_up_by_the_next_certificate(office: Office) -> None:
    office.bind(certificate(A))
    revoke(office)
    office.bind(certificate(B))
    assert open_grant(office) is None
    # Revoked once more, now that B works: no permission comes of it.
    assert "download again: no\n" in revoke(office).out
    assert open_grant(office) is None


@without(UNSEEN, sees="download again: until")
def test_s12_a_permission_from_before_is_no_way_around_a_working_certificate(office: Office) -> None:
    office.bind(certificate(A), certificate(B, Slot.REPLACEMENT))
    with office.store() as store:
        store.grant(grant(), event("bound"))
    assert "download again: no\n" in revoke(office).out


# Revoked is revoked: S16


def test_revoking_again_changes_nothing_and_says_so(office: Office) -> None:
    office.bind(certificate(A))
    revoke(office)
    ran = revoke(office)
    assert ran.code == 0
    assert ran.out.startswith(f"already revoked: {A}, unit U1\n")
    assert [one.kind for one in office.audit()] == ["certificate_revoked", "download_granted"]


def test_it_stays_revoked_when_its_time_is_over(office: Office) -> None:
    office.bind(certificate(A))
    revoke(office, "--no-download")
    office.now = NOW + 4000 * DAY
    assert revoke(office, "--no-download").out.startswith("already revoked")
    assert office.run("list", "--state", "expired").out == ""
    assert A in office.run("list", "--state", "revoked").out


@without({"certlogin.stores.sql.registry._refuse_final": lambda old: None})
def test_s16_no_change_of_state_brings_it_back(office: Office) -> None:
    office.bind(certificate(A))
    revoke(office)
    with office.store() as store:
        with pytest.raises(ValueError, match="final"):
            store.change_state(A, State.REVOKED, State.ACTIVE, event())
        for old in (State.ACTIVE, State.SUPERSEDED, State.EXPIRED):
            assert not store.change_state(A, old, State.ACTIVE, event())
    assert state(office) is State.REVOKED


@pytest.mark.parametrize("old", [State.SUPERSEDED, State.EXPIRED])
def test_what_was_not_active_can_be_revoked(old: State, office: Office) -> None:
    office.bind(certificate(A))
    with office.store() as store:
        store.change_state(A, State.ACTIVE, old, event("bound"))
    assert revoke(office).out.startswith("revoked:")
    assert state(office) is State.REVOKED


@without({"certlogin.cli.registry._revoke_in_registry": tries_once}, sees="assert <State.EXPIRED")
def test_s16_a_row_that_changes_meanwhile_is_revoked_all_the_same(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.bind(certificate(A))
    change_state = SqlStore.change_state

    def slow(store: SqlStore, sha256: str, old: State, *rest: object) -> bool:
        monkeypatch.setattr(SqlStore, "change_state", change_state)
        assert change_state(store, sha256, State.ACTIVE, State.EXPIRED, event("bound"))
        return change_state(store, sha256, old, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(SqlStore, "change_state", slow)
    assert revoke(office).out.startswith("revoked:")
    assert state(office) is State.REVOKED


# The order


@pytest.mark.parametrize(
    ("before", "after"), [("issued", "withdrawn"), ("installed", "withdrawn"), ("requested", "requested")]
)
def test_the_key_is_not_given_the_certificate_again(before: str, after: str, office: Office) -> None:
    office.bind(certificate(A))
    with office.store() as store:
        store.place(order("a", before, certificate_sha256=A))
        store.place(order("b", "issued", certificate_sha256=B))
    revoke(office)
    with office.store() as store:
        mine, other = store.find_order(MINE, "spki-a"), store.find_order(MINE, "spki-b")
    assert mine is not None
    assert other is not None
    assert (mine.state, other.state) == (after, "issued")


def test_an_order_for_another_certificate_of_the_same_key_is_left_alone(office: Office) -> None:
    office.bind(certificate(A))
    with office.store() as store:
        store.place(order("a", "issued", certificate_sha256=B))
    revoke(office)
    assert [one.kind for one in office.audit()] == ["certificate_revoked", "download_granted"]


@pytest.mark.parametrize(
    "words",
    [
        ["revoke"],
        ["revoke", A],
        ["revoke", "--reason", "x"],
        ["revoke", A, "--reason", ""],
        ["revoke", A, "--reason", "  "],
        ["revoke", A[:63], "--reason", "x"],
        ["revoke", A + "a", "--reason", "x"],
        ["revoke", "g" * 64, "--reason", "x"],
        ["revoke", "１" * 64, "--reason", "x"],
        ["revoke", A, B, "--reason", "x"],
        ["revoke", A, "--reason", "x", "--download-days", "0"],
        ["revoke", A, "--reason", "x", "--download-days", "-1"],
        ["revoke", A, "--reason", "x", "--download-days", "1e3"],
        ["revoke", A, "--reason", "x", "--no-down"],
        ["revoke", A, "--reason", "x", "--registry"],
    ],
)
def test_unusable_words_end_with_2_and_do_nothing(words: list[str], office: Office) -> None:
    office.bind(certificate(A))
    with pytest.raises(SystemExit) as exit_:
        office.run(*words)
    assert exit_.value.code == 2
    assert state(office) is State.ACTIVE
    assert office.ca.asked == []


def test_an_operator_without_a_name_is_written_down_by_number(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr(getpass, "getuser", nobody)
    monkeypatch.setattr(os, "getuid", lambda: 4711)
    office.bind(certificate(A))
    revoke(office)
    assert office.audit()[0].facts["operator"] == "uid 4711"

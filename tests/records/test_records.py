"""What the rooms hand to each other: values that nobody can change under another's hands."""

import importlib
import inspect
import pkgutil
from dataclasses import FrozenInstanceError, fields, is_dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import pytest

import certlogin.records
from certlogin.errors import CertloginError
from certlogin.records.attempt import HeldResponse, LoginKind
from certlogin.records.audit import AuditEvent
from certlogin.records.certificate import KeyType, SignatureDigest, Slot, State
from certlogin.records.helper import HelperReport, HelperState
from certlogin.records.identity import IDENTITY_KEY, Identity, Method
from certlogin.records.identity_tables import Strictness
from certlogin.records.proof import ProofFormat
from certlogin.records.unit import EXEMPT, Unit, UnitId

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


def classes() -> list[type[Any]]:
    modules = [
        importlib.import_module(found.name)
        for found in pkgutil.iter_modules(certlogin.records.__path__, "certlogin.records.")
    ]
    return [
        one
        for module in modules
        for _, one in inspect.getmembers(module, inspect.isclass)
        if one.__module__ == module.__name__
    ]


RECORDS = [one for one in classes() if is_dataclass(one) and not issubclass(one, CertloginError)]


def test_there_are_records() -> None:
    assert {one.__name__ for one in RECORDS} >= {
        "Attempt",
        "AuditEvent",
        "BoundCertificate",
        "CertificateFacts",
        "HeldResponse",
        "HelperReport",
        "Identity",
        "Unit",
    }


@pytest.mark.parametrize("record", RECORDS, ids=lambda one: one.__name__)
def test_every_record_is_frozen_and_takes_no_other_attribute(record: type[Any]) -> None:
    value = object.__new__(record)
    with pytest.raises(FrozenInstanceError):
        setattr(value, fields(record)[0].name, None)
    assert not hasattr(value, "__dict__")


@pytest.mark.parametrize("record", RECORDS, ids=lambda one: one.__name__)
def test_no_record_shares_a_default_that_can_change(record: type[Any]) -> None:
    shared = [field.default for field in fields(record) if isinstance(field.default, dict | list | set)]
    assert shared == []


#: What lies in databases, cookies and messages: a renamed member may not change its value.
STORED: list[tuple[type[StrEnum], set[str]]] = [
    (KeyType, {"RSA", "P-256", "P-384", "P-521", "SM2"}),
    (SignatureDigest, {"SHA-1", "SHA-256", "SHA-384", "SHA-512", "SM3"}),
    (Slot, {"current", "replacement"}),
    (State, {"active", "superseded", "revoked", "expired"}),
    (Method, {"password", "certificate"}),
    (LoginKind, {"form", "json"}),
    (Strictness, {"strict", "lenient", "any"}),
    (ProofFormat, {"native", "text", "cms", "web-eid"}),
    (
        HelperState,
        {"ready", "helper_not_running", "browser_blocked", "prompt_dismissed", "origin_refused", "unreachable"},
    ),
]


@pytest.mark.parametrize(("kind", "values"), STORED, ids=[kind.__name__ for kind, _ in STORED])
def test_stored_words_stay(kind: type[StrEnum], values: set[str]) -> None:
    assert {member.value for member in kind} == values


def test_every_enumeration_of_the_room_is_in_that_table() -> None:
    assert {one for one in classes() if issubclass(one, StrEnum)} == {kind for kind, _ in STORED}


def test_names_that_hosts_use_stay() -> None:
    assert (IDENTITY_KEY, EXEMPT) == ("certlogin.identity", "exempt")


def test_a_unit_needs_only_id_and_name() -> None:
    unit = Unit(UnitId("u1"), "单位")
    assert (unit.code, unit.tags) == ("", frozenset())


def test_a_report_without_version_says_nothing_of_one() -> None:
    report = HelperReport(HelperState.NOT_RUNNING)
    assert (report.version, report.os, report.arch) == (None, "", "")


def test_values_are_equal_by_what_they_hold() -> None:
    identity = Identity(UnitId("u1"), Method.PASSWORD, None, NOW)
    assert identity == Identity(UnitId("u1"), Method.PASSWORD, None, NOW)
    assert identity != replace(identity, unit_id=UnitId("u2"))
    assert HeldResponse(303, (("Location", "/"),), b"") == HeldResponse(303, (("Location", "/"),), b"")


def test_facts_of_one_event_are_not_those_of_another() -> None:
    one, other = AuditEvent(NOW, "a", "ok"), AuditEvent(NOW, "b", "ok")
    assert one.facts == other.facts == {}
    assert one.facts is not other.facts

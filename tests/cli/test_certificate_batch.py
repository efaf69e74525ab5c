"""`certlogin certificate check --batch`: one answer for each line, whatever stands in it."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from certlogin.cli import batch
from certlogin.pki.certificate import UnverifiedCertificate, read_certificate
from tests.cli.checking import Bench, base64, question
from tests.factory import DAY, NOW, SERVER_AUTH, make_pki, root


@pytest.fixture
def bench(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Bench:
    return Bench(tmp_path, capsys, make_pki())


def leaf() -> bytes:
    return make_pki().issuing.issue(serial=77).der


def test_each_line_has_its_answer_in_the_same_order(bench: Bench) -> None:
    ran = bench.batch(
        question(leaf(), id="good"),
        question(leaf(), id=7, crls=base64(*make_pki().crls(revoked=[77]))),
        question(leaf(), id=None, crls=[]),
        question(leaf(), id="late", at=(NOW + 4000 * DAY).isoformat()),
        question(b"\x30\x00", id="odd"),
        question(leaf(), id="nobody", anchors=[]),
    )
    assert (ran.code, ran.err) == (0, "")
    assert [(one["id"], one["verdict"], one["code"]) for one in ran.lines] == [
        ("good", "accepted", ""),
        (7, "refused", "certificate_revoked"),
        (None, "refused", "revocation_unknown"),
        ("late", "refused", "certificate_expired"),
        ("odd", "refused", "certificate_unreadable"),
        ("nobody", "unusable", "configuration_error"),
    ]
    assert all(list(one) == ["id", "verdict", "code", "detail"] for one in ran.lines)


@pytest.mark.parametrize(
    ("changes", "verdict", "code"),
    [
        ({"revocation": "off", "crls": None}, "accepted", ""),
        ({"revocation": "prefer"}, "accepted", ""),
        ({"purpose": "any"}, "accepted", ""),
        ({"max_intermediates": 1}, "accepted", ""),
        ({"max_intermediates": 0}, "refused", "certificate_path_too_long"),
        ({"intermediates": None}, "refused", "certificate_untrusted"),
        ({"at": "2026-03-02T16:00:00+08:00"}, "accepted", ""),
        ({"comment": "is not read"}, "accepted", ""),
    ],
)
def test_members_mean_what_the_options_mean(changes: dict[str, Any], verdict: str, code: str, bench: Bench) -> None:
    (found,) = bench.batch(question(leaf(), **changes)).lines
    assert (found["verdict"], found["code"]) == (verdict, code), found["detail"]


@pytest.mark.parametrize("count", [5, 6, 40])
def test_certificates_that_are_no_ca_stand_in_nobodys_way(count: int, bench: Bench) -> None:
    """A directory of an issuer's certificates may be given as it is."""
    others = [make_pki().issuing.issue(common_name=f"Unit {number}", key_name="unit").der for number in range(count)]
    below = base64(*others, make_pki().issuing.der)
    assert bench.batch(question(leaf(), intermediates=below)).lines[0]["verdict"] == "accepted"


def test_null_is_the_same_as_absent(bench: Bench) -> None:
    null = dict.fromkeys(("intermediates", "ocsp", "revocation", "purpose", "max_intermediates"))
    (found,) = bench.batch(question(leaf()) | null | {"intermediates": base64(make_pki().issuing.der)}).lines
    assert found["verdict"] == "accepted"
    # Without a moment it is now, and the lists of the test PKI are of another time.
    (found,) = bench.batch(question(leaf(), at=None)).lines
    assert found["verdict"] == "refused"


def test_the_purpose_of_a_login_is_the_usual_one(bench: Bench) -> None:
    server = make_pki().issuing.issue(extended=SERVER_AUTH).der
    found = bench.batch(question(server), question(server, purpose="any")).lines
    assert [one["code"] for one in found] == ["certificate_usage", ""]


UNUSABLE: list[bytes | dict[str, Any]] = [
    b"no json",
    b"\xff\xfe",
    b"[]",
    b"1",
    b'"text"',
    b"{" * 100_000,
    b"[" * 100_000,
    b"1" * 5000,
    b'{"leaf": "MAA=", "leaf": "MAA="}',
    {},
    question(leaf(), leaf=None),
    question(leaf(), leaf="no base64!"),
    question(leaf(), leaf="MAA"),
    question(leaf(), leaf=7),
    question(leaf(), anchors="MAA="),
    question(leaf(), anchors=[7]),
    question(leaf(), anchors=["*"]),
    question(leaf(), crls={}),
    question(leaf(), ocsp=[None]),
    question(leaf(), intermediates=[["MAA="]]),
    question(leaf(), at="yesterday"),
    question(leaf(), at=20260302),
    question(leaf(), at="0001-01-01T00:00:00+23:59"),
    question(leaf(), at="0001-01-01"),
    question(leaf(), at="1949-12-31T23:59:59Z"),
    question(leaf(), revocation="sometimes"),
    question(leaf(), revocation=[]),
    question(leaf(), purpose="mail"),
    question(leaf(), max_intermediates=-1),
    question(leaf(), max_intermediates=1.5),
    question(leaf(), max_intermediates=True),
    question(leaf(), max_intermediates="1"),
]


def test_broken_lines_are_unusable_and_the_next_one_is_answered(bench: Bench) -> None:
    *found, last = bench.batch(*UNUSABLE, question(leaf(), id="last")).lines
    assert len(found) == len(UNUSABLE)
    assert {(one["verdict"], one["code"]) for one in found} == {("unusable", "bad_question")}
    assert [one["id"] for one in found] == [line.get("id") if isinstance(line, dict) else None for line in UNUSABLE]
    assert all(one["detail"] for one in found)
    assert (last["id"], last["verdict"]) == ("last", "accepted")


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1e999"])
def test_what_json_does_not_know_does_not_come_back(number: bytes, bench: Bench) -> None:
    ran = bench.batch(b'{"id": ' + number + b', "leaf": "MAA="}')
    assert json.loads(ran.out, parse_constant=pytest.fail)["id"] is None
    assert ran.lines[0]["code"] == "bad_question"


@pytest.mark.parametrize("at", ["1950-01-01", "9999-12-31T23:59:59Z"])
def test_every_moment_of_a_certificate_may_be_asked_for(at: str, bench: Bench) -> None:
    assert bench.batch(question(leaf(), at=at)).lines[0]["verdict"] == "refused"


def test_what_a_line_holds_beyond_its_limit_is_no_question(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else who fills one member would ask, and have answered, whatever he likes."""
    monkeypatch.setattr(batch, "LINE_MAX", 5000)
    inner = json.dumps(question(leaf(), id="inner")).encode()
    begun = b'{"id": "long", "comment": "'
    long = begun + b" " * (5000 - len(begun)) + inner + b'"}'
    ran = bench.batch(long, long + b" " * 5000, question(leaf(), id="last"), b" " * 5001 + inner)
    assert [one["id"] for one in ran.lines] == [None, None, "last", None]
    assert [one["code"] for one in ran.lines] == ["bad_question", "bad_question", "", "bad_question"]
    assert "longer" in ran.lines[0]["detail"]


def test_empty_lines_are_no_questions(bench: Bench) -> None:
    assert len(bench.batch(b"", b"  ", question(leaf()), b"\r").lines) == 1
    assert bench.batch().lines == []


def test_a_file_that_is_not_there_has_no_answers(bench: Bench) -> None:
    ran = bench.run("--batch", str(bench.directory / "nowhere.jsonl"))
    assert (ran.code, ran.out) == (2, "")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
MEMBERS = ("id", "leaf", "anchors", "intermediates", "crls", "ocsp", "at", "revocation", "purpose", "max_intermediates")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(MEMBERS), value=VALUES)
def test_no_value_of_a_member_brings_a_batch_down(name: str, value: object, bench: Bench) -> None:
    (found,) = bench.batch(question(leaf()) | {name: value}).lines
    assert found["verdict"] in ("accepted", "refused", "unusable")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(line=st.binary(min_size=1, max_size=60).filter(lambda line: b"\n" not in line and line.strip() != b""))
def test_no_line_brings_a_batch_down(line: bytes, bench: Bench) -> None:
    (found,) = bench.batch(line).lines
    assert found["verdict"] == "unusable"


def test_what_is_read_grows_with_what_is_given_and_not_with_its_square(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[bytes] = []

    def counted(der: bytes) -> UnverifiedCertificate:
        read.append(der)
        return read_certificate(der)

    monkeypatch.setattr("certlogin.pki.path.read_certificate", counted)
    anchors = [root(f"Root {number}").der for number in range(12)]
    below = [make_pki().root.issue_ca(f"Below {number}").der for number in range(12)]
    line = question(leaf(), anchors=base64(make_pki().root.der, *anchors))
    (found,) = bench.batch(line | {"intermediates": base64(make_pki().issuing.der, *below)}).lines
    assert found["verdict"] == "accepted"
    assert sorted(der for der in read if der in {*anchors, *below}) == sorted([*anchors, *below])


def test_a_heap_of_anchors_has_its_answer_soon(bench: Bench) -> None:
    """When each name was looked for among all, 20 000 of them took half a minute."""
    began = time.process_time()
    (found,) = bench.batch(
        question(leaf(), anchors=base64(*(bytes(2) + number.to_bytes(3) for number in range(20_000))))
    ).lines
    assert time.process_time() - began < 10
    assert found["code"] == "configuration_error"


def test_a_thousand_questions_take_a_few_seconds(bench: Bench) -> None:
    """About 3 ms each. Time of the processor, because others may use the machine."""
    lines = [json.dumps(question(leaf(), id=number)).encode() for number in range(1000)]
    began = time.process_time()
    found = bench.batch(*lines).lines
    assert time.process_time() - began < 15
    assert [one["id"] for one in found] == list(range(1000))
    assert {one["verdict"] for one in found} == {"accepted"}

"""`certlogin certificate check` of one certificate: verdict, code, exit code, and each check in order."""

from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from tests.cli.checking import Bench, Ran
from tests.factory import DAY, NOW, SERVER_AUTH, make_pki, root
from tests.pki import answers, raw


@pytest.fixture
def bench(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Bench:
    return Bench(tmp_path, capsys, make_pki())


@pytest.fixture
def good(bench: Bench) -> str:
    return bench.put("good.pem", bench.pki.issuing.issue(serial=77).pem)


def test_a_good_certificate_is_accepted_with_its_path_and_every_check(bench: Bench, good: str) -> None:
    ran = bench.check(good)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines() == [
        "accepted",
        "  form and key: ok",
        "  profile: ok",
        "  path: ok",
        "  revocation: crl",
        "  identity: ok",
        "    CN=测试单位,O=certlogin test,C=CN",
        "      CN=Issuing P-256,O=certlogin test,C=CN",
        "        CN=Root P-256,O=certlogin test,C=CN",
    ]


def test_a_program_reads_the_same(bench: Bench, good: str) -> None:
    facts = bench.check(good, "--json").json
    assert (facts["verdict"], facts["code"], facts["notes"]) == ("accepted", "", [])
    assert [one["check"] for one in facts["checks"]] == ["form and key", "profile", "path", "revocation", "identity"]
    assert facts["path"][0].startswith("CN=测试单位")


REFUSED: list[tuple[str, dict[str, Any], list[str]]] = [
    ("certificate_expired", {"not_after": NOW - DAY}, ["form and key", "profile"]),
    ("certificate_usage", {"usages": ("key_agreement",)}, ["form and key", "profile"]),
    ("certificate_revoked", {"serial": 5}, ["form and key", "profile", "path", "revocation"]),
    (
        "certificate_identity",
        {"unit_code_der": b"\x05\x00"},
        ["form and key", "profile", "path", "revocation", "identity"],
    ),
]


@pytest.mark.parametrize(("code", "plan", "checks"), REFUSED, ids=[row[0] for row in REFUSED])
def test_a_refusal_has_its_code_and_the_checks_up_to_it(
    code: str, plan: dict[str, Any], checks: list[str], bench: Bench
) -> None:
    file = bench.put("leaf.der", bench.pki.issuing.issue(**plan).der)
    words = ("--crl", bench.put("revoked.crl", bench.pki.issuing.crl([5], number=2)))
    ran = bench.check(file, *words, "--json")
    assert (ran.code, ran.json["verdict"], ran.json["code"]) == (1, "refused", code)
    assert [one["check"] for one in ran.json["checks"]] == checks
    assert ran.json["checks"][-1]["result"] == code
    read = bench.check(file, *words).out.splitlines()
    assert read[0] == f"refused: {code}"
    assert read[-1] == f"  {checks[-1]}: {code}"


def test_a_certificate_below_nobody_here_is_untrusted(bench: Bench) -> None:
    stranger = make_pki(label=" stranger").issuing.issue()
    ran = bench.check(bench.put("leaf.der", stranger.der), "--json")
    assert (ran.code, ran.json["code"]) == (1, "certificate_untrusted")
    assert "unable to get local issuer certificate" in ran.json["detail"]


@pytest.mark.parametrize("content", [b"", b"\x30", b"no certificate", bytes(5000)])
def test_what_is_no_certificate_is_refused_as_a_login_refuses_it(content: bytes, bench: Bench) -> None:
    ran = bench.check(bench.put("odd.der", content), "--json")
    assert (ran.code, ran.json["verdict"], ran.json["code"]) == (1, "refused", "certificate_unreadable")
    assert ran.json["checks"] == [{"check": "form and key", "result": "certificate_unreadable"}]


def test_only_what_comes_first_in_a_file_is_judged(bench: Bench) -> None:
    pem = bench.pki.issuing.issue().pem + bench.pki.issuing.pem
    assert bench.check(bench.put("with chain.pem", pem)).code == 0


# --- the question


def test_anchors_that_cannot_be_used_make_no_verdict(bench: Bench, good: str) -> None:
    leaf = bench.put("anchor.pem", bench.pki.issuing.issue().pem)
    ran = bench.check(good, "--json", anchors=[leaf])
    assert (ran.code, ran.json["verdict"], ran.json["code"]) == (2, "unusable", "configuration_error")
    assert "not a CA certificate" in ran.json["detail"]
    ran = bench.run(good)
    assert (ran.code, ran.out.splitlines()[0]) == (2, "unusable: configuration_error")
    assert "trust.anchors is empty" in ran.out


@pytest.mark.parametrize("option", ["--anchors", "--intermediates", "--crl", "--ocsp"])
def test_a_file_that_is_not_there_makes_no_verdict(option: str, bench: Bench, good: str) -> None:
    ran = bench.check(good, option, str(bench.directory / "nowhere.pem"))
    assert (ran.code, ran.out) == (2, "")
    assert "nowhere.pem: No such file or directory" in ran.err
    ran = bench.check(good, "--json", option, str(bench.directory / "nowhere.pem"))
    assert (ran.code, ran.json["verdict"], ran.err) == (2, "unusable", "")
    assert "nowhere.pem: No such file or directory" in ran.json["detail"]


def test_a_file_of_another_kind_is_named(bench: Bench, good: str) -> None:
    ran = bench.check(good, "--crl", bench.put("certificate.pem", bench.pki.root.pem))
    assert (ran.code, ran.out) == (2, "")
    assert "certificate.pem: neither DER nor whole PEM blocks 'X509 CRL'" in ran.err
    ran = bench.check(good, "--json", "--crl", bench.put("certificate.pem", bench.pki.root.pem))
    assert (ran.code, ran.json["code"], ran.err) == (2, "configuration_error", "")
    assert "certificate.pem: neither DER nor whole PEM blocks 'X509 CRL'" in ran.json["detail"]


@pytest.mark.parametrize("words", [("--at", "yesterday"), ("--purpose", "mail"), ("--revocation", "maybe")])
def test_wrong_words_are_refused(words: tuple[str, str], bench: Bench, good: str) -> None:
    with pytest.raises(SystemExit) as exit_:
        bench.check(good, *words)
    assert exit_.value.code == 2


def test_the_file_may_stand_anywhere(bench: Bench, good: str) -> None:
    anchor, below = bench.put("root.pem", bench.pki.root.pem), bench.put("issuing.pem", bench.pki.issuing.pem)
    off = ("--revocation", "off", "--at", NOW.isoformat())

    def code(*words: str) -> int:
        return bench.run(*words).code

    assert code(good, *off, "--anchors", anchor, "--intermediates", below) == 0
    assert code(*off, good, "--anchors", anchor, "--intermediates", below) == 0
    assert code(*off, "--anchors", anchor, "--intermediates", below, good) == 0
    assert code("--anchors", anchor, "--intermediates", below, "--json", *off, good) == 0
    assert code(*off, "--intermediates", below, "--anchors", anchor, "--", good) == 0
    # The last option keeps the one word that it needs.
    with pytest.raises(SystemExit):
        code(*off, "--anchors", anchor, "--intermediates", below)
    with pytest.raises(SystemExit):
        code(*off, "--anchors", anchor, "--intermediates", below, "--json")


def test_the_moment_decides(bench: Bench, good: str) -> None:
    words = ("--revocation", "off", "--json")
    assert bench.check(good, *words, at="2026-03-02T16:00:00+08:00").code == 0
    assert bench.check(good, *words, at="2026-03-02").code == 0
    assert bench.check(good, *words, at="2025-03-02").json["code"] == "certificate_not_yet_valid"
    assert bench.check(good, *words, at="2035-03-02T00:00:00Z").json["code"] == "certificate_expired"


def test_without_a_moment_it_is_now(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    leaf = bench.pki.issuing.issue(not_before=NOW - DAY, not_after=NOW - DAY)
    file, anchor = bench.put("leaf.der", leaf.der), bench.put("root.pem", bench.pki.root.pem)
    assert bench.run("--anchors", anchor, "--json", file).json["code"] == "certificate_expired"


def test_revocation_may_be_left_out(bench: Bench, good: str) -> None:
    words = (good, "--anchors", bench.put("issuing.pem", bench.pki.issuing.pem), "--at", NOW.isoformat())
    assert "revocation: revocation_unknown" in bench.run(*words).out
    assert bench.run(*words).code == 1
    ran = bench.run(*words, "--revocation", "off")
    assert ran.code == 0
    assert "  revocation: not_asked" in ran.out


def test_evidence_that_is_not_used_is_named(bench: Bench, good: str) -> None:
    foreign = make_pki(label=" stranger").issuing.crl()
    ran = bench.check(good, "--crl", bench.put("foreign.crl", foreign), bench.put("odd.crl", b"\x30\x00"))
    assert ran.code == 0
    notes = [line for line in ran.out.splitlines() if line.startswith("  note: ")]
    assert len(notes) == 2
    assert "signed by no known CA" in "".join(notes)


# --- purposes and limits


def test_for_any_purpose_neither_usages_nor_identity_are_asked(bench: Bench) -> None:
    leaf = bench.pki.issuing.issue(extended=SERVER_AUTH, unit_code_der=b"\x05\x00")
    file = bench.put("server.der", leaf.der)
    assert bench.check(file, "--json").json["code"] == "certificate_usage"
    facts = bench.check(file, "--purpose", "any", "--json").json
    assert facts["verdict"] == "accepted"
    assert [one["check"] for one in facts["checks"]] == ["form and key", "profile", "path", "revocation"]


def test_the_number_of_intermediates_may_be_limited(bench: Bench, good: str) -> None:
    assert bench.check(good, "--max-intermediates", "1").code == 0
    ran = bench.check(good, "--max-intermediates", "0", "--json")
    assert (ran.code, ran.json["code"]) == (1, "certificate_path_too_long")
    assert ran.json["checks"][-1]["check"] == "path"


@pytest.mark.parametrize("number", ["-1", "1.5", "one", "1_0", "١"])
def test_a_limit_is_a_number(number: str, bench: Bench, good: str) -> None:
    with pytest.raises(SystemExit) as ended:
        bench.check(good, f"--max-intermediates={number}")
    assert ended.value.code == 2


def path_with(bench: Bench, good: str, intermediate: bytes) -> Ran:
    anchor, below = bench.put("root.pem", bench.pki.root.pem), bench.put("below.der", intermediate)
    return bench.run(
        good, "--anchors", anchor, "--intermediates", below, "--revocation", "off", "--at", NOW.isoformat(), "--json"
    )


def test_what_cannot_be_read_among_the_intermediates_answers_only_where_there_is_no_path(
    bench: Bench, good: str
) -> None:
    pki = bench.pki
    spki = raw.rsa_spki((1 << 1023) | 1)
    weak = raw.with_part(pki.issuing.der, pki.root.key, raw.SPKI, spki)
    assert path_with(bench, good, weak).json["code"] == "certificate_weak_key"
    assert path_with(bench, good, pki.root.der).json["code"] == "certificate_untrusted"
    assert bench.check(good, "--intermediates", bench.put("weak.der", weak)).code == 0


def test_an_intermediate_that_is_no_ca_makes_no_path(bench: Bench) -> None:
    no_ca = bench.pki.root.issue_ca("No CA", ca=False, usages=("digital_signature",))
    leaf = bench.put("leaf.der", no_ca.issue().der)
    assert path_with(bench, leaf, no_ca.der).json["code"] == "certificate_untrusted"


def test_an_sm2_certificate_is_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bench = Bench(tmp_path, capsys, make_pki("SM2"))
    assert bench.check(bench.put("leaf.der", bench.pki.issuing.issue(key_type="SM2").der)).code == 0


def test_names_cannot_speak_to_the_terminal(bench: Bench) -> None:
    evil = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "\x1b[2J\x9b31m")])
    der = raw.with_part(bench.pki.issuing.issue().der, bench.pki.issuing.key, raw.SUBJECT, evil.public_bytes())
    for words in ((), ("--json",)):
        ran = bench.check(bench.put("evil.der", der), *words)
        assert ran.code == 0
        assert ran.out.replace("\n", "").isprintable()


def test_an_anchor_may_be_given_twice(bench: Bench, good: str) -> None:
    other = root("Other")
    files = [bench.put("root.pem", bench.pki.root.pem), bench.put("both.pem", bench.pki.root.pem + other.pem)]
    assert bench.check(good, anchors=files).code == 0


# --- OCSP


def below_the_root(bench: Bench) -> str:
    return bench.put("issuing.crl", bench.pki.root.crl())


def with_answer(bench: Bench, good: str, der: bytes) -> Ran:
    """The only evidence of the leaf is an OCSP response."""
    anchor, below = bench.put("root.pem", bench.pki.root.pem), bench.put("issuing.pem", bench.pki.issuing.pem)
    words = ("--anchors", anchor, "--intermediates", below, "--crl", below_the_root(bench), "--at", NOW.isoformat())
    return bench.run(good, *words, "--ocsp", bench.put("answer.der", der), "--json")


@pytest.mark.parametrize(
    ("status", "code"), [(answers.GOOD, ""), (answers.revoked(), "certificate_revoked"), (None, "revocation_unknown")]
)
def test_an_ocsp_response_is_evidence(status: bytes | None, code: str, bench: Bench, good: str) -> None:
    der = b"\x30\x00" if status is None else answers.answer(77, bench.pki.issuing, status=status)
    ran = with_answer(bench, good, der)
    assert (ran.code, ran.json["code"]) == (1 if code else 0, code), ran.out

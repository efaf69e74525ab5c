"""One record judged by itself: what fits, what does not, and what only has to be said."""

from dataclasses import replace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from certlogin.evidence.findings import Code, Finding
from certlogin.evidence.record import EvidenceRecord
from certlogin.evidence.verify import check_chain, verify
from certlogin.pki.certificate import UnverifiedCertificate
from certlogin.pki.sm2 import SM2
from certlogin.wire.json import JsonObject
from certlogin.wire.payload import Purpose
from tests.evidence.made import chained, checkpoint, codes, leaf, operators_key, report, signed, three, trust
from tests.factory import Issued, make_pki, resign, sm2


@pytest.mark.parametrize("key_type", ["RSA-2048", "P-256", "P-384", "SM2"])
def test_every_kind_of_key_can_have_signed(key_type: str) -> None:
    lines = chained([signed(by=leaf(key_type, f"leaf {key_type}"))])
    found = verify([line.to_bytes() for line in lines], replace(trust(), sm2=sm2()))
    assert codes(found) == [Code.UNANCHORED]


def test_where_sm2_is_not_available_its_signature_is_unchecked_and_not_sound() -> None:
    found = report(chained([signed(by=leaf("SM2", "leaf SM2"))]))
    assert codes(found) == [Code.SIGNATURE_UNCHECKED, Code.UNANCHORED]
    assert not found.is_sound


def test_an_upgrade_names_its_form_apart() -> None:
    found = report(chained([signed(form="公司名称：曙光\n", purpose=Purpose.UPGRADE)]))
    assert codes(found) == [Code.UNANCHORED]


@pytest.mark.parametrize(
    ("says", "code", "detail"),
    [
        ({"purpose": "login"}, Code.PAYLOAD_MISMATCH, "purpose"),
        ({"unit": "U2"}, Code.PAYLOAD_MISMATCH, "unit"),
        ({"alg": "RS256"}, Code.PAYLOAD_MISMATCH, "alg"),
        ({"text_version": "2"}, Code.PAYLOAD_MISMATCH, "text_version"),
        ({"cert_sha256": "00" * 32}, Code.CERTIFICATE_SWAPPED, ""),
        ({"text_sha256": "00" * 32}, Code.TEXT_MISMATCH, "text"),
        ({"form_sha256": "00" * 32}, Code.TEXT_MISMATCH, "form"),
        ({"deep": {}}, Code.PAYLOAD_MISMATCH, "too_deep"),
    ],
)
def test_a_payload_that_says_something_else_is_found(says: JsonObject, code: Code, detail: str) -> None:
    found = report(chained([signed(says=says)]))
    assert found.findings == (Finding(code, 1, detail), Finding(Code.UNANCHORED))


def test_what_is_no_certificate_is_found() -> None:
    one = signed()
    found = report(chained([replace(one, record=replace(one.record, certificate=b"0"))]))
    assert [(one.code, one.detail) for one in found.findings] == [
        (Code.CERTIFICATE_SWAPPED, ""),
        (Code.CERTIFICATE_UNUSABLE, "certificate_unreadable"),
        (Code.UNANCHORED, ""),
    ]


def test_an_old_weak_key_is_named() -> None:
    """What replaces old keys is signed with them."""
    issued = make_pki().issuing.issue(key_type="RSA-1024", key_name="old")
    found = report(chained([signed(by=issued)]))
    assert [(one.code, one.detail) for one in found.findings] == [
        (Code.WEAK, "certificate_weak_key"),
        (Code.UNANCHORED, ""),
    ]
    assert found.is_sound


def test_a_certificate_signed_with_sha1_is_named() -> None:
    good = leaf()
    der = resign(good.der, make_pki().issuing.key, digest=hashes.SHA1())  # noqa: S303
    found = report(chained([signed(by=Issued(x509.load_der_x509_certificate(der), good.key))]))
    assert Code.WEAK in codes(found)


def test_without_its_chain_a_certificate_is_not_trusted() -> None:
    one = signed()
    found = report(chained([replace(one, record=replace(one.record, chain=()))]))
    assert (found.findings[0].code, found.findings[0].detail) == (Code.NOT_TRUSTED, "certificate_untrusted")


def test_another_kind_of_proof_brings_its_own_check() -> None:
    asked = []

    def check(certificate: UnverifiedCertificate, record: EvidenceRecord, library: SM2 | None) -> None:
        asked.append((certificate.der, record.signature, library))

    lines = chained([signed()])
    found = verify([line.to_bytes() for line in lines], trust(), check_signature=check)
    assert codes(found) == [Code.UNANCHORED]
    assert asked == [(leaf().der, lines[0].entry.record.signature, None)]


# The report


def test_checkpoints_kept_elsewhere_count_like_those_in_the_export() -> None:
    lines = three()
    data = [line.to_bytes() for line in lines]
    outside = [checkpoint(lines[:2]).to_bytes(), checkpoint(lines[:1]).to_bytes()]
    found = verify(data, trust(), [operators_key().public_key()], outside)
    assert found.anchored == 2
    assert found.findings == (Finding(Code.TAIL_OPEN, 2, "2026-03-02T08:00:00+00:00"),)


def test_what_is_no_checkpoint_is_found_in_either_place() -> None:
    found = verify([b'{"kind":"checkpoint"}'], trust(), [], [b"{}"])
    assert found.findings == (
        Finding(Code.UNREADABLE, None, "line 1: at: missing_member"),
        Finding(Code.UNREADABLE, None, "line 1 of the checkpoints: at: missing_member"),
        Finding(Code.UNANCHORED),
    )


def test_a_checkpoint_of_a_key_that_is_not_given_is_named() -> None:
    lines = three()
    found = report(lines, [checkpoint(lines)])
    assert codes(found) == [Code.CHECKPOINT_UNKNOWN_KEY, Code.UNANCHORED]
    assert found.is_sound


def test_a_chain_is_followed_without_what_its_records_say() -> None:
    lines = three()
    bare = [replace(line, body=None) for line in lines]
    key = operators_key().public_key()
    assert codes(check_chain(bare, [checkpoint(lines)], [key])) == [Code.TAIL_OPEN]
    assert codes(check_chain(bare[:2], [checkpoint(lines)], [key])) == [Code.TRUNCATED, Code.ANCHOR_MISSING]
    assert Code.MISSING in codes(check_chain(bare[1:], [], [key]))


def test_an_empty_chain_may_be_anchored() -> None:
    assert codes(report([], [checkpoint([])], keys=True)) == [Code.TAIL_OPEN]
    assert codes(report([])) == [Code.UNANCHORED]


def test_a_line_that_cannot_be_read_is_named_by_its_number() -> None:
    found = verify([b"", three()[0].to_bytes()], trust())
    assert found.findings[0] == Finding(Code.UNREADABLE, None, "line 1: not_json")
    assert found.records == 1

"""OCSP answers (S24): who may give them, of whom they speak, how long they count."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from certlogin.pki.certificate import read_certificate
from certlogin.pki.judge import judge_certificate
from certlogin.pki.ocsp import Status, verify_response
from certlogin.pki.ocsp_reader import UnusableAnswer
from certlogin.pki.path import Trust
from certlogin.pki.revocation import CertificateRevoked, RevocationUnknown, Settled, add_evidence
from tests.companions import without
from tests.factory import CLIENT_AUTH, DAY, NOW, PKI, Authority, Issued, key, make_pki, self_signed, sm2
from tests.factory_keys import any_key
from tests.pki import raw
from tests.pki.answers import (
    GOOD,
    HOUR,
    UNKNOWN,
    Plan,
    algorithm_of,
    answer,
    basic_of,
    certificate_id,
    critical,
    delegate,
    response,
    revoked,
    single,
)
from tests.pki.raw import NULL, OID, SEQUENCE, oid, parts, tlv

SERIAL = 0x0C5B
MAX_AGE = timedelta(days=1)
SECOND = timedelta(seconds=1)
TYPES = pytest.mark.parametrize("key_type", ["P-256", "RSA-2048", "SM2"])


def pki(key_type: str = "P-256") -> PKI:
    return make_pki(key_type)


def leaf(key_type: str = "P-256", **changes: Any) -> Issued:
    return pki(key_type).issuing.issue(serial=SERIAL, **changes)


def trust(key_type: str = "P-256", **changes: object) -> Trust:
    """The root's list says that the issuing CA is good; of the leaf nobody has spoken."""
    return pki(key_type).trust(**({"crls_der": (pki(key_type).root.crl(),)} | changes))


def told(der: bytes, key_type: str = "P-256", now: datetime = NOW) -> tuple[Trust, list[str]]:
    return add_evidence(trust(key_type), [], [der], now)


def settled(der: bytes, key_type: str = "P-256", now: datetime = NOW) -> Settled:
    """The leaf judged by this answer, which must be used."""
    found, problems = told(der, key_type)
    assert problems == []
    return judge_certificate(read_certificate(leaf(key_type).der), (), found, now).revocation


def unknown(der: bytes, now: datetime = NOW) -> str:
    with pytest.raises(RevocationUnknown) as refusal:
        settled(der, now=now)
    return refusal.value.problem


def unused(der: bytes, key_type: str = "P-256") -> str:
    """Why the answer is left out."""
    before = trust(key_type)
    with pytest.raises(UnusableAnswer) as reason:
        verify_response(der, [read_certificate(pki(key_type).issuing.der)], NOW, MAX_AGE, before.sm2)
    return str(reason.value)


# --- what an answer says


@TYPES
def test_a_good_answer_of_the_issuer_settles(key_type: str) -> None:
    assert settled(answer(SERIAL, pki(key_type).issuing), key_type) is Settled.OCSP


@TYPES
@pytest.mark.parametrize("by_key", [False, True])
@pytest.mark.parametrize("delegate_type", ["P-256", "RSA-2048", "SM2"])
def test_a_good_answer_of_a_delegate_settles(key_type: str, delegate_type: str, by_key: bool) -> None:
    ca = pki(key_type).issuing
    der = answer(SERIAL, ca, signer=delegate(ca, key_type=delegate_type), by_key=by_key)
    if "SM2" in (key_type, delegate_type):
        found = verify_response(der, [read_certificate(ca.der)], NOW, MAX_AGE, sm2())
    else:
        found = verify_response(der, [read_certificate(ca.der)], NOW, MAX_AGE)
    assert [one.answer.status for one in found] == [Status.GOOD]


@pytest.mark.parametrize("name", ["sha1", "sha256", "sm3"])
def test_the_issuer_may_be_named_by_three_hashes(name: str) -> None:
    assert settled(answer(SERIAL, pki().issuing, hash=name)) is Settled.OCSP


@without(
    {"certlogin.pki.revocation._revoked_at": lambda *_: None, "certlogin.pki.revocation._settle_one": lambda *_: 0}
)
@TYPES
def test_s24_a_certificate_revoked_by_ocsp_is_refused(key_type: str) -> None:
    assert settled(answer(SERIAL, pki(key_type).issuing), key_type) is not None
    with pytest.raises(CertificateRevoked) as refusal:
        settled(answer(SERIAL, pki(key_type).issuing, status=revoked(NOW - DAY, 1)), key_type)
    assert refusal.value.revoked_at == NOW - DAY


def test_unknown_is_not_revoked() -> None:
    assert unknown(answer(SERIAL, pki().issuing, status=UNKNOWN)) == "unknown_to_responder"
    assert unknown(answer(SERIAL, pki().issuing, status=UNKNOWN), NOW + 2 * HOUR) == "missing"


def test_who_is_unknown_to_the_responder_may_be_on_no_list() -> None:
    """RFC 6960 2.2: another source may be asked; a list that speaks of all certificates is one."""
    found, _ = add_evidence(trust(), [pki().issuing.crl()], [answer(SERIAL, pki().issuing, status=UNKNOWN)], NOW)
    assert judge_certificate(read_certificate(leaf().der), (), found, NOW).revocation is Settled.CRL


# --- how long it counts


@without({"certlogin.pki.revocation._by_whom": lambda goods, *_: goods[0].by})
@pytest.mark.parametrize(
    ("moment", "problem"),
    [
        (NOW - HOUR - SECOND, "from_the_future"),
        (NOW + HOUR, "stale"),
        (NOW + 30 * DAY, "stale"),
    ],
)
def test_s24_an_answer_of_another_time_settles_nothing(moment: datetime, problem: str) -> None:
    assert unknown(answer(SERIAL, pki().issuing), moment) == problem


@pytest.mark.parametrize("moment", [NOW - HOUR, NOW, NOW + HOUR - SECOND])
def test_an_answer_counts_between_its_two_dates(moment: datetime) -> None:
    found, _ = told(answer(SERIAL, pki().issuing))
    assert judge_certificate(read_certificate(leaf().der), (), found, moment).revocation is Settled.OCSP


@without({"certlogin.pki.ocsp._until": lambda *_: NOW + 100 * DAY}, sees="DID NOT RAISE")
def test_s24_an_answer_without_an_end_counts_for_the_maximum_age() -> None:
    der = answer(SERIAL, pki().issuing, next_update=None, this_update=NOW - MAX_AGE + SECOND)
    assert settled(der) is Settled.OCSP
    assert unknown(der, NOW + SECOND) == "stale"
    short, _ = add_evidence(trust(), [], [answer(SERIAL, pki().issuing, next_update=None)], NOW)
    assert judge_certificate(read_certificate(leaf().der), (), short, NOW).revocation is Settled.OCSP


def test_an_answer_of_the_last_day_of_the_calendar_is_of_another_time() -> None:
    last = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert unknown(answer(SERIAL, pki().issuing, this_update=last, next_update=None)) == "from_the_future"
    assert settled(answer(SERIAL, pki().issuing, next_update=last)) is Settled.OCSP


@without({"certlogin.pki.ocsp._until": lambda single, *_: single.next_update}, sees="DID NOT RAISE")
def test_s24_an_answer_ends_with_the_delegate_that_signed_it() -> None:
    ending = delegate(pki().issuing, not_after=NOW + timedelta(minutes=10))
    der = answer(SERIAL, pki().issuing, signer=ending)
    assert settled(der) is Settled.OCSP
    assert unknown(der, NOW + timedelta(minutes=10)) == "stale"


# --- whose answer it is


UNAUTHORISED = "its signature is of nobody whom the issuer authorised"


def stranger() -> Issued:
    """Another authority with our names makes the responder."""
    evil = make_pki("P-256", " evil").root.issue_ca("Issuing P-256", key_name="evil issuing")
    return delegate(evil, key_name="evil responder")


ANY_SIGNER = {"certlogin.pki.ocsp._has_signed": lambda *_: True}
ANY_ISSUER = {"certlogin.pki.ocsp._is_issued_by": lambda *_: True}
ANY_USAGE = {"certlogin.pki.ocsp._is_for_answers": lambda _: True}
ANY_NAMED = {"certlogin.pki.ocsp._is_named_by": lambda *_: True}
ANY_RESPONDER = {"certlogin.pki.ocsp._is_responder": lambda *_: True}


@without(ANY_SIGNER)
@TYPES
def test_s24_an_answer_signed_with_another_key_is_not_used(key_type: str) -> None:
    assert unused(answer(SERIAL, pki(key_type).issuing, key=any_key("somebody", key_type)), key_type) == UNAUTHORISED


@without(ANY_SIGNER)
@TYPES
def test_s24_an_answer_changed_after_its_signature_is_not_used(key_type: str) -> None:
    ca = pki(key_type).issuing
    bad, good = (answer(SERIAL, ca, status=status) for status in (revoked(NOW), GOOD))
    _, *rest = parts(basic_of(bad))
    assert unused(response(tlv(SEQUENCE, parts(basic_of(good))[0], *rest)), key_type) == UNAUTHORISED


@without(ANY_ISSUER)
def test_s24_a_responder_of_another_authority_is_not_used() -> None:
    assert settled(answer(SERIAL, pki().issuing, signer=delegate(pki().issuing))) is Settled.OCSP
    assert unused(answer(SERIAL, pki().issuing, signer=stranger())) == UNAUTHORISED


@without({**ANY_ISSUER, **ANY_NAMED})
def test_s24_a_responder_of_the_root_does_not_answer_for_the_issuing_ca() -> None:
    """RFC 6960 4.2.2.2: directly by the CA that issued the certificate in question."""
    above = delegate(pki().root)
    assert unused(answer(SERIAL, pki().issuing, signer=above)) == UNAUTHORISED


@without({**ANY_ISSUER, **ANY_NAMED})
def test_s24_a_responder_that_a_responder_made_is_not_used() -> None:
    made = delegate(pki().issuing)
    second = delegate(Authority(made.certificate, made.key), common_name="second", key_name="second")
    der = answer(SERIAL, pki().issuing, signer=second, certificates=(second.der, made.der))
    assert unused(der) == UNAUTHORISED


@without(ANY_USAGE)
@pytest.mark.parametrize(
    ("extended", "usages"),
    [
        (None, ("digital_signature",)),
        (CLIENT_AUTH, ("digital_signature",)),
        ((ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,), ("digital_signature",)),
        ((ExtendedKeyUsageOID.OCSP_SIGNING,), ("key_encipherment",)),
        ((ExtendedKeyUsageOID.OCSP_SIGNING,), None),
    ],
)
def test_s24_a_certificate_for_another_use_does_not_answer(
    extended: tuple[x509.ObjectIdentifier, ...] | None, usages: tuple[str, ...] | None
) -> None:
    other = delegate(pki().issuing, extended=extended, usages=usages)
    assert unused(answer(SERIAL, pki().issuing, signer=other)) == UNAUTHORISED


@without(ANY_USAGE)
def test_s24_a_login_certificate_does_not_answer_for_itself() -> None:
    own = leaf()
    assert unused(answer(SERIAL, pki().issuing, signer=own)) == UNAUTHORISED


@without({"certlogin.pki.ocsp.guard_any": lambda *_: None})
@pytest.mark.parametrize(
    "changes",
    [
        {"not_after": NOW - SECOND},
        {"not_before": NOW + SECOND},
        {"extra": ((x509.UnrecognizedExtension(x509.ObjectIdentifier("2.25.7"), b"\x05\x00"), True),)},
    ],
    ids=["expired", "not yet valid", "critical extension"],
)
def test_s24_a_responder_that_is_not_good_now_is_not_used(changes: dict[str, object]) -> None:
    assert unused(answer(SERIAL, pki().issuing, signer=delegate(pki().issuing, **changes))) == UNAUTHORISED


@without({"certlogin.pki.revocation._is_of_revoked_delegate": lambda *_: False})
@pytest.mark.parametrize("by", ["list", "answer"])
@pytest.mark.parametrize("extra", [((x509.OCSPNoCheck(), False),), ()], ids=["nocheck", "without"])
def test_s24_a_revoked_responder_says_nothing_good(by: str, extra: tuple[tuple[x509.ExtensionType, bool], ...]) -> None:
    signer = delegate(pki().issuing, extra=extra)
    der = answer(SERIAL, pki().issuing, signer=signer)
    assert settled(der) is Settled.OCSP
    lists = [pki().issuing.crl([signer.serial], next_update=NOW - HOUR)] if by == "list" else []
    answers = [answer(signer.serial, pki().issuing, status=revoked())] if by == "answer" else []
    found, problems = add_evidence(trust(), lists, [der, *answers], NOW)
    assert problems == []
    with pytest.raises(RevocationUnknown):
        judge_certificate(read_certificate(leaf().der), (), found, NOW)


def test_what_a_revoked_responder_calls_revoked_stays_refused() -> None:
    signer = delegate(pki().issuing)
    der = answer(SERIAL, pki().issuing, signer=signer, status=revoked())
    found, _ = add_evidence(trust(), [pki().issuing.crl([signer.serial])], [der], NOW)
    with pytest.raises(CertificateRevoked):
        judge_certificate(read_certificate(leaf().der), (), found, NOW)


@without(ANY_RESPONDER)
@pytest.mark.parametrize("by_key", [False, True])
def test_s24_an_answer_that_names_another_responder_is_not_used(by_key: bool) -> None:
    other = delegate(pki().issuing, common_name="other", key_name="other responder")
    own = delegate(pki().issuing)
    assert settled(answer(SERIAL, pki().issuing, signer=own, by_key=by_key)) is Settled.OCSP
    assert unused(answer(SERIAL, pki().issuing, signer=other, by_key=by_key, key=own.key, certificates=(own.der,)))


def test_certificates_that_cannot_be_read_or_judge_nothing_are_passed_over() -> None:
    own = delegate(pki().issuing)
    brought = (tlv(SEQUENCE), self_signed().der, pki().issuing.der, own.der)
    assert settled(answer(SERIAL, pki().issuing, signer=own, certificates=brought)) is Settled.OCSP
    assert unused(answer(SERIAL, pki().issuing, signer=own, certificates=())) == UNAUTHORISED


@without({"certlogin.pki.signed._hash_of": lambda algorithm, known: known["1.2.840.10045.4.3.2"]})
def test_s24_an_answer_signed_under_another_algorithm_is_not_used() -> None:
    for wrong in (
        tlv(SEQUENCE, tlv(OID, oid("1.2.840.10045.4.1"))),
        tlv(SEQUENCE, tlv(OID, oid("1.2.840.10045.4.3.2")), tlv(NULL)),
        algorithm_of(key("x", "RSA-2048")),
    ):
        assert unused(answer(SERIAL, pki().issuing, algorithm=wrong)) == UNAUTHORISED


def test_an_sm2_answer_is_not_used_without_a_library() -> None:
    with pytest.raises(UnusableAnswer):
        verify_response(
            answer(SERIAL, pki("SM2").issuing), [read_certificate(pki("SM2").issuing.der)], NOW, MAX_AGE, None
        )


# --- of whom it speaks


ANY_NAME = {"certlogin.pki.ocsp._issuer": lambda _, authorities: authorities[-1]}


@without({"certlogin.pki.ocsp._serial": lambda _: SERIAL})
def test_s24_an_answer_for_another_certificate_settles_nothing() -> None:
    assert unknown(answer(SERIAL + 1, pki().issuing)) == "missing"


@without(ANY_NAME)
@pytest.mark.parametrize("name_of_hash", ["sha1", "sha256", "sm3", "md5"])
def test_s24_an_answer_about_another_issuer_is_not_used(name_of_hash: str) -> None:
    other = make_pki("P-256", " other").issuing
    for part in (0, 1):
        elements = parts(certificate_id(SERIAL, pki().issuing, name_of_hash))
        elements[1 + part] = parts(certificate_id(SERIAL, other, name_of_hash))[1 + part]
        assert unused(answer(SERIAL, pki().issuing, certificate_id=tlv(SEQUENCE, *elements)))


@without(ANY_NAME)
def test_s24_an_issuer_named_by_md5_is_none() -> None:
    assert "1.2.840.113549.2.5" in unused(answer(SERIAL, pki().issuing, hash="md5"))


def test_an_answer_speaks_of_all_that_it_names() -> None:
    more = single(SERIAL, pki().issuing, Plan())
    assert settled(answer(SERIAL + 1, pki().issuing, others=[more])) is Settled.OCSP


# --- the form


@without({"certlogin.pki.ocsp_reader._refuse_critical": lambda _: None})
@pytest.mark.parametrize("by", ["response_extensions", "single_extensions"])
def test_s24_an_answer_with_a_critical_extension_is_not_used(by: str) -> None:
    plain = raw.extension(oid("1.3.6.1.5.5.7.48.1.2"), tlv(NULL))
    assert settled(answer(SERIAL, pki().issuing, **{by: [plain]})) is Settled.OCSP  # type: ignore[arg-type]
    assert unused(answer(SERIAL, pki().issuing, **{by: [critical()]})) == "a critical extension"  # type: ignore[arg-type]

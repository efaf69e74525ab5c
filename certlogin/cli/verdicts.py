"""Answers whether one certificate is good, from what a command was given: the judge of logins, without a site.

Three verdicts: accepted; refused, with the code of the refusal; unusable, where the question itself cannot be answered
because an anchor cannot be used or none is given. An unreadable certificate is refused: that is what a login does.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from certlogin.errors import CertloginError, ConfigurationError
from certlogin.pki.certificate import CLIENT_CERTIFICATES_MAX, UnverifiedCertificate, read_certificate
from certlogin.pki.judge import judge_certificate, judge_path
from certlogin.pki.path import INTERMEDIATES_MAX, AnchorMaterial, CertificateUntrusted, Trust, build_trust, is_ca
from certlogin.pki.profile import PathTooLong
from certlogin.pki.revocation import Mode, add_evidence
from certlogin.pki.sm2 import SM2
from certlogin.settings.trust import Anchor


class Purpose(StrEnum):
    #: The whole judgement of a login, identity included.
    LOGIN = "login"
    #: Limits, algorithms, path and revocation.
    ANY = "any"


class Answer(StrEnum):
    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNUSABLE = "unusable"


@dataclass(frozen=True, slots=True)
class Question:
    """Everything in DER."""

    leaf: bytes
    anchors: tuple[bytes, ...]
    at: datetime
    intermediates: tuple[bytes, ...] = ()
    crls: tuple[bytes, ...] = ()
    ocsp: tuple[bytes, ...] = ()
    revocation: Mode = Mode.REQUIRE
    purpose: Purpose = Purpose.LOGIN
    max_intermediates: int = INTERMEDIATES_MAX
    #: Object identifiers; for logins.
    forbidden_policies: tuple[str, ...] = ()


#: What has the certificate inside, with what came along: a proof, whose signature it verifies first. Raises refusals.
Open = Callable[[Trust], tuple[UnverifiedCertificate, Sequence[UnverifiedCertificate]]]


@dataclass(frozen=True, slots=True)
class Verdict:
    answer: Answer
    code: str = ""
    detail: str = ""
    #: Names, leaf first; empty without a path.
    path: tuple[str, ...] = ()
    #: What was checked and how it ended, in order: `ok`, a code, `not asked`.
    checks: tuple[tuple[str, str], ...] = ()
    #: Evidence that was left out, and why.
    notes: tuple[str, ...] = ()


#: The checks in their order, and the modules whose refusals end them.
_CHECKS: Final = {
    "form and key": ("certificate", "keys"),
    "profile": ("profile",),
    "path": ("path",),
    "revocation": ("revocation", "crl", "ocsp"),
    "identity": ("identity",),
}


def judge(question: Question, sm2: SM2 | None, opened: Open | None = None) -> Verdict:
    """Of the leaf, or of what is `opened` instead. Never raises for what is in the question."""
    try:
        trust, others, unreadable, notes = _prepare(question, sm2)
    except ConfigurationError as error:
        return unusable(error.code, "; ".join(error.problems))
    try:
        leaf, beside = opened(trust) if opened else (read_certificate(question.leaf), ())
        # What is no CA leads nowhere, and only says why; a login would refuse so many before it looks at them.
        room = max(0, CLIENT_CERTIFICATES_MAX - 1 - len(beside))
        path, settled = _judged(question, leaf, [*others[:room], *beside], trust)
    except CertloginError as refusal:
        told = unreadable[0] if unreadable and isinstance(refusal, CertificateUntrusted) else refusal
        return Verdict(Answer.REFUSED, told.code, detail(told), checks=_checks(question, told), notes=notes)
    checks = tuple((name, settled if name == "revocation" else "ok") for name in _asked(question))
    return Verdict(Answer.ACCEPTED, detail=" <- ".join(path), path=path, checks=checks, notes=notes)


def unusable(code: str, problem: str) -> Verdict:
    return Verdict(Answer.UNUSABLE, code, problem)


def detail(error: CertloginError) -> str:
    """The facts of an error on one line."""
    return str(error).removeprefix(error.code).removeprefix(": ")


def _prepare(
    question: Question, sm2: SM2 | None
) -> tuple[Trust, list[UnverifiedCertificate], list[CertloginError], tuple[str, ...]]:
    """The trust; what is no CA among the intermediates; why others cannot be read; which evidence is not used.

    Raises ConfigurationError. What cannot be read can be on no path: it is the answer only where there is none.
    """
    readable: list[UnverifiedCertificate] = []
    unreadable: list[CertloginError] = []
    for der in dict.fromkeys(question.intermediates):
        try:
            readable.append(read_certificate(der))
        except CertloginError as problem:
            unreadable.append(problem)
    below = tuple(one.der for one in readable if is_ca(one))
    trust = build_trust(
        # What lies below one anchor lies below all: once is enough, or many times many would be read.
        [
            _material(place, der, below if place == 1 else (), question)
            for place, der in enumerate(dict.fromkeys(question.anchors), 1)
        ],
        forbidden_policies=question.forbidden_policies,
        max_intermediates=question.max_intermediates,
        sm2=sm2,
    )
    trust, left_out = add_evidence(trust, question.crls, question.ocsp, question.at)
    others = [one for one in readable if not is_ca(one)]
    return trust, others, unreadable, (*trust.problems, *left_out)


def _material(place: int, der: bytes, below: tuple[bytes, ...], question: Question) -> AnchorMaterial:
    standard = Anchor(name="", file="").table
    return AnchorMaterial(
        name=f"anchor {place}",
        anchor_der=der,
        intermediates_der=below,
        revocation=question.revocation,
        unit_code_oids=standard.unit_code,
        unique_id_oids=standard.unique_id,
    )


def _judged(
    question: Question, leaf: UnverifiedCertificate, others: Sequence[UnverifiedCertificate], trust: Trust
) -> tuple[tuple[str, ...], str]:
    """The names on the path, and how revocation was settled. Raises the refusals of `pki`."""
    if question.purpose is Purpose.ANY:
        found = judge_path(leaf, others, trust, question.at)
        return tuple(_name(one) for one in found.path.certificates), found.revocation.value
    trusted = judge_certificate(leaf, others, trust, question.at)
    return tuple(_name(read_certificate(der)) for der in trusted.path), trusted.revocation.value


def _name(certificate: UnverifiedCertificate) -> str:
    return certificate.x509.subject.rfc4514_string()


def _checks(question: Question, refusal: CertloginError) -> tuple[tuple[str, str], ...]:
    """Each check up to the one that refused."""
    # The length of a path is a rule of the profile, and known once there is a path.
    module = "path" if isinstance(refusal, PathTooLong) else type(refusal).__module__.rpartition(".")[2]
    found: list[tuple[str, str]] = []
    for name in _asked(question):
        if module in _CHECKS[name]:
            return (*found, (name, refusal.code))
        found.append((name, "ok"))
    return ((module, refusal.code),)


def _asked(question: Question) -> list[str]:
    return [name for name in _CHECKS if name != "identity" or question.purpose is Purpose.LOGIN]

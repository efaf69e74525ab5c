"""Revocation from memory: what the verified lists (CRLs) and answers (OCSP) say of the certificates on a path.

It decides whether a certificate on a proven path is revoked, or that nobody knows: then it is refused. Evidence counts
for one issuer name and key. It must not know where evidence comes from, and it never waits for anybody.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar, Final

from cryptography.x509 import ReasonFlags

from certlogin.errors import Refusal
from certlogin.pki.certificate import UnverifiedCertificate
from certlogin.pki.crl import RevocationList as RevocationList
from certlogin.pki.crl import UnusableList as UnusableList
from certlogin.pki.crl import check_signer
from certlogin.pki.crl import read_list as read_list
from certlogin.pki.evidence import Evidence, add_answers, add_lists
from certlogin.pki.evidence import RevocationIndex as RevocationIndex
from certlogin.pki.evidence import build_index as build_index
from certlogin.pki.ocsp import Answer, Question, Status, VerifiedAnswer, question_of, verify_response
from certlogin.pki.ocsp_reader import UnusableAnswer
from certlogin.pki.scope import ALL_REASONS
from certlogin.pki.serials import Pause, no_pause

if TYPE_CHECKING:
    from certlogin.pki.path import Trust


class Mode(StrEnum):
    """Per anchor; the words of the settings."""

    REQUIRE = "require"
    #: As `require`, but the last good evidence still counts for a while after it went stale.
    PREFER = "prefer"
    OFF = "off"


class Settled(StrEnum):
    """How revocation was settled for a trusted certificate."""

    CRL = "crl"
    OCSP = "ocsp"
    #: By good evidence that is stale, within the grace of the anchor. Written down at each use.
    GRACE = "grace"
    #: The settings of the anchor say that nobody asks.
    NOT_ASKED = "not_asked"


@dataclass(eq=False)
class CertificateRevoked(Refusal):
    """The certificate, or a CA above it, is revoked by its issuer's word."""

    code: ClassVar[str] = "certificate_revoked"
    subject: str
    serial: str
    issuer: str
    revoked_at: datetime


@dataclass(eq=False)
class RevocationUnknown(Refusal):
    """No usable evidence of the issuer. Nobody is let in on a guess. `problem` is the nearest that there is:

    `not_asked`: nothing of it is known, and the certificate names a responder; `question` is what to ask there.
    `missing`: nothing speaks of it. `stale`, `from_the_future`: what does is not of this time.
    `unknown_to_responder`: its issuer's responder says that it does not know it.
    """

    code: ClassVar[str] = "revocation_unknown"
    subject: str
    serial: str
    issuer: str
    problem: str
    #: Also beside the other problems, where the certificate names a responder.
    question: Question | None = field(default=None, repr=False)
    #: The proven path, leaf first, anchor last: whose word the addresses are that could be asked.
    path: tuple[UnverifiedCertificate, ...] = field(default=(), repr=False)

    def facts(self) -> dict[str, object]:
        return {name: value for name, value in super().facts().items() if name not in ("question", "path")}


@dataclass(frozen=True, slots=True)
class _Good:
    """Somebody says, for a time, that a certificate is not revoked for these reasons."""

    by: Settled
    reasons: frozenset[ReasonFlags]
    begins: datetime
    ends: datetime


#: How long it is still known, beyond any grace, that there was an answer and it is stale.
_REMEMBERED: Final = timedelta(days=1)

_Link = tuple[UnverifiedCertificate, UnverifiedCertificate, Evidence]


def add_evidence(
    trust: "Trust",
    lists: Iterable[bytes],
    answers: Iterable[bytes],
    now: datetime,
    authorities: Iterable[UnverifiedCertificate] = (),
    pause: Pause = no_pause,
) -> tuple["Trust", list[str]]:
    """The trust with more evidence, lists and OCSP responses in DER; and why some of it was left out.

    What the trust has is never replaced by something older. `authorities`: CAs of proven paths, beside the configured.
    `pause`: see `read_list`. Raises SM2Unavailable.
    """
    among = (*(anchor.certificate for anchor in trust.anchors), *trust.intermediates, *authorities)
    # Signatures first: whoever is on the way to an http address may have put anything there.
    read, problems = read_lists(lists, pause, lambda der: check_signer(der, among, trust.sm2))
    index, unplaced = add_lists(trust.index, read, among, trust.sm2)
    verified: list[VerifiedAnswer] = []
    for der in answers:
        try:
            verified += verify_response(der, among, now, trust.ocsp_max_age, trust.sm2)
        except UnusableAnswer as reason:
            problems.append(f"an OCSP answer is not used: {reason}")
    longest = max(anchor.grace for anchor in trust.anchors)
    index = add_answers(index, verified, now - longest - _REMEMBERED)
    return replace(trust, index=index), problems + unplaced


def read_lists(
    ders: Iterable[bytes], pause: Pause = no_pause, check: Callable[[bytes], None] = lambda der: None
) -> tuple[list[RevocationList], list[str]]:
    """Those that can be used, and why the others cannot. `check` comes before the reading; raises UnusableList."""
    read, problems = [], []
    for der in ders:
        try:
            check(der)
            read.append(read_list(der, pause))
        except UnusableList as reason:
            problems.append(f"a revocation list is not used: {reason}")
    return read, problems


def settle_revocation(
    path: Sequence[UnverifiedCertificate],
    index: RevocationIndex,
    now: datetime,
    grace: timedelta = timedelta(0),
) -> Settled:
    """Return only if no certificate below the anchor, which ends `path`, is revoked; says by what it was settled.

    That is what spoke of the leaf, or GRACE as soon as any certificate needed it. `grace`: how long good evidence still
    counts after it went stale; where there was none, it does not begin. Raises CertificateRevoked, RevocationUnknown.
    """
    links = [(certificate, issuer, index.of(issuer)) for certificate, issuer in pairwise(path)]
    # Of all of them first: that one is revoked is worth more than that another one is unknown.
    for link in links:
        _refuse_revoked(link)
    try:
        settled = [_settle_one(link, now, grace) for link in links]
    except RevocationUnknown as unknown:
        unknown.path = tuple(path)
        raise
    return Settled.GRACE if Settled.GRACE in settled else next(iter(settled), Settled.NOT_ASKED)


def _refuse_revoked(link: _Link) -> None:
    """A revocation holds however old its evidence is, and whoever says otherwise: only silence grows stale."""
    certificate, _, evidence = link
    at = _revoked_at(certificate, evidence)
    if at is not None:
        raise CertificateRevoked(*_names(certificate), at)


def _revoked_at(certificate: UnverifiedCertificate, evidence: Evidence) -> datetime | None:
    answer = evidence.answers.get(certificate.serial)
    if answer is not None and answer.status is Status.REVOKED:
        return answer.revoked_at
    found = (voice.revoked_at(certificate.serial) for voice in evidence.voices if voice.scope.reasons_for(certificate))
    return next((at for at in found if at is not None), None)


def _settle_one(link: _Link, now: datetime, grace: timedelta) -> Settled:
    """Of a certificate that nobody says to be revoked. Raises RevocationUnknown."""
    certificate, _, evidence = link
    goods = list(_goods(certificate, evidence, now))
    fresh = _by_whom(goods, now, timedelta(0))
    if fresh is not None:
        return fresh
    is_unknown = _is_unknown(certificate, evidence, now)
    if not is_unknown and _by_whom(goods, now, grace) is not None:
        return Settled.GRACE
    raise _unknown(link, "unknown_to_responder" if is_unknown else _problem(goods, now))


def _goods(certificate: UnverifiedCertificate, evidence: Evidence, now: datetime) -> Iterator[_Good]:
    answer = evidence.answers.get(certificate.serial)
    if answer is not None and answer.status is Status.GOOD and not _is_of_revoked_delegate(answer, evidence):
        yield _Good(Settled.OCSP, ALL_REASONS, answer.this_update, answer.until)
    for voice in evidence.voices:
        reasons, window = voice.scope.reasons_for(certificate), voice.window(certificate.serial, now)
        if reasons and window is not None:
            yield _Good(Settled.CRL, reasons, *window)


def _by_whom(goods: Sequence[_Good], now: datetime, grace: timedelta) -> Settled | None:
    """Who speaks now, or did within the grace, for all reasons together; None: nobody."""
    speaking = [one for one in goods if one.begins <= now < one.ends + grace]
    if not ALL_REASONS <= frozenset[ReasonFlags]().union(*(one.reasons for one in speaking)):
        return None
    return speaking[0].by


def _problem(goods: Sequence[_Good], now: datetime) -> str:
    if any(now >= one.ends for one in goods):
        return "stale"
    return "from_the_future" if any(now < one.begins for one in goods) else "missing"


def _is_unknown(certificate: UnverifiedCertificate, evidence: Evidence, now: datetime) -> bool:
    answer = evidence.answers.get(certificate.serial)
    return answer is not None and answer.status is Status.UNKNOWN and answer.this_update <= now < answer.until


def _is_of_revoked_delegate(answer: Answer, evidence: Evidence) -> bool:
    """Whether anything says that its signer was revoked (RFC 6960 4.2.2.2.1), with or without ocsp-nocheck."""
    if answer.delegate is None:
        return False
    own = evidence.answers.get(answer.delegate)
    revoked = own is not None and own.status is Status.REVOKED
    return revoked or any(voice.revoked_at(answer.delegate) is not None for voice in evidence.voices)


def _unknown(link: _Link, problem: str) -> RevocationUnknown:
    certificate, issuer, _ = link
    question = question_of(certificate, issuer)
    if problem == "missing" and question is not None:
        problem = "not_asked"
    return RevocationUnknown(*_names(certificate), problem, question)


def _names(certificate: UnverifiedCertificate) -> tuple[str, str, str]:
    return (
        certificate.x509.subject.rfc4514_string(),
        f"{certificate.serial:x}",
        certificate.x509.issuer.rfc4514_string(),
    )

"""Revocation from memory: what the verified lists (CRLs) and answers (OCSP) say of the certificates on a path.

It decides whether a certificate on a proven path is revoked, or that nobody knows: then it is refused. Evidence counts
for one issuer name and key. It must not know where evidence comes from, and it never waits for anybody.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

from certlogin.errors import Refusal
from certlogin.pki.certificate import UnverifiedCertificate
from certlogin.pki.crl import RevocationList as RevocationList
from certlogin.pki.crl import UnusableList as UnusableList
from certlogin.pki.crl import is_signed_by
from certlogin.pki.crl import read_list as read_list
from certlogin.pki.ocsp import Question, question_of
from certlogin.pki.sm2 import SM2

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

    def facts(self) -> dict[str, object]:
        return {name: value for name, value in super().facts().items() if name != "question"}


#: Issuer name (DER) and SHA-256 of its key: lists of a CA's old and new key live beside each other.
IssuerKey = tuple[bytes, str]


@dataclass(frozen=True, slots=True)
class RevocationIndex:
    """Verified lists by issuer name and key."""

    lists: Mapping[IssuerKey, RevocationList] = field(default_factory=dict)

    def find(self, issuer: UnverifiedCertificate) -> RevocationList | None:
        return self.lists.get(_key_of(issuer))


def build_index(
    lists: Iterable[RevocationList],
    authorities: Sequence[UnverifiedCertificate],
    previous: RevocationIndex,
    sm2: SM2 | None = None,
) -> tuple[RevocationIndex, list[str]]:
    """Place each list under the CAs whose key signed it, never a lower number over a higher one.

    Also returns why lists were left out. `previous` is the index in use: an old list put in the place of a newer one
    (a replay) does not make us forget.
    """
    placed = {key: found for key, found in previous.lists.items() if key in {_key_of(one) for one in authorities}}
    problems = []
    for one in lists:
        signers = [authority for authority in authorities if is_signed_by(one, authority, sm2)]
        if not signers:
            problems.append(f"number {one.number} of {one.issuer}: signed by no configured CA")
        for key in dict.fromkeys(_key_of(signer) for signer in signers):
            newest = placed.setdefault(key, one)
            if _order(one) >= _order(newest):
                placed[key] = one
            else:
                problems.append(f"number {one.number} of {one.issuer}: older than number {newest.number} in use")
    return RevocationIndex(MappingProxyType(placed)), problems


def add_evidence(
    trust: "Trust", lists: Iterable[bytes], answers: Iterable[bytes], now: datetime
) -> tuple["Trust", list[str]]:
    """The trust with more evidence, lists and OCSP responses in DER; and why some of it was left out.

    What the trust has is never replaced by something older.
    """
    read, problems = [], ["an answer is not used: not supported yet" for _ in answers]
    for der in lists:
        try:
            read.append(read_list(der))
        except UnusableList as reason:
            problems.append(f"a revocation list is not used: {reason}")
    authorities = (*(anchor.certificate for anchor in trust.anchors), *trust.intermediates)
    index, unplaced = build_index(read, authorities, trust.index, trust.sm2)
    return replace(trust, index=index), problems + unplaced


def settle_revocation(
    path: Sequence[UnverifiedCertificate],
    index: RevocationIndex,
    now: datetime,
    grace: timedelta = timedelta(0),
) -> Settled:
    """Return only if no certificate below the anchor, which ends `path`, is revoked; says by what it was settled.

    `grace`: how long good evidence still counts after it went stale. Raises CertificateRevoked, RevocationUnknown.
    """
    for certificate, issuer in pairwise(path):
        _settle_one(certificate, issuer, index.find(issuer), now)
    return Settled.CRL


def _settle_one(
    certificate: UnverifiedCertificate, authority: UnverifiedCertificate, found: RevocationList | None, now: datetime
) -> None:
    subject = certificate.x509.subject.rfc4514_string()
    issuer = certificate.x509.issuer.rfc4514_string()
    serial = f"{certificate.serial:x}"
    question = question_of(certificate, authority)
    if found is None:
        raise RevocationUnknown(subject, serial, issuer, "missing" if question is None else "not_asked", question)
    # A revocation holds however old the list is; only its silence grows stale.
    if certificate.serial in found.revoked:
        raise CertificateRevoked(subject, serial, issuer, found.revoked[certificate.serial])
    if now < found.this_update:
        raise RevocationUnknown(subject, serial, issuer, "from_the_future", question)
    if now >= found.next_update:
        raise RevocationUnknown(subject, serial, issuer, "stale", question)


def _order(one: RevocationList) -> tuple[int, datetime]:
    return one.number, one.this_update


def _key_of(issuer: UnverifiedCertificate) -> IssuerKey:
    return issuer.subject_der, issuer.spki_sha256

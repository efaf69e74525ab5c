"""What the issuers have said of their certificates, by issuer name and key: lists (CRLs) and answers (OCSP).

It decides what is newer, and that nothing older takes its place. All of it is verified when it gets here. It must not
know the time of a judgement or the settings of an anchor.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Final

from certlogin.pki.certificate import UnverifiedCertificate
from certlogin.pki.crl import RevocationList, is_signed_by
from certlogin.pki.delta import Voice
from certlogin.pki.ocsp import Answer, Status, VerifiedAnswer
from certlogin.pki.scope import EVERYTHING, Scope
from certlogin.pki.sm2 import SM2

#: Issuer name (DER) and SHA-256 of its key: lists of a CA's old and new key live beside each other.
IssuerKey = tuple[bytes, str]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Of one issuer: the newest lists of each scope, the newest answer on each serial number."""

    voices: tuple[Voice, ...] = ()
    answers: Mapping[int, Answer] = field(default_factory=dict)


NOTHING: Final = Evidence()


@dataclass(frozen=True, slots=True)
class RevocationIndex:
    """Immutable: threads share it, and whoever adds to it gets another one."""

    issuers: Mapping[IssuerKey, Evidence] = field(default_factory=dict)

    @property
    def lists(self) -> tuple[RevocationList, ...]:
        """Every list in use."""
        voices = (voice for evidence in self.issuers.values() for voice in evidence.voices)
        return tuple(one for voice in voices for one in (voice.complete, voice.delta) if one is not None)

    def of(self, issuer: UnverifiedCertificate) -> Evidence:
        return self.issuers.get(_key_of(issuer), NOTHING)

    def find(self, issuer: UnverifiedCertificate) -> RevocationList | None:
        """The complete list of all its certificates."""
        voices = self.of(issuer).voices
        return next((voice.complete for voice in voices if voice.scope == EVERYTHING), None)


def build_index(
    lists: Iterable[RevocationList],
    authorities: Sequence[UnverifiedCertificate],
    previous: RevocationIndex,
    sm2: SM2 | None = None,
) -> tuple[RevocationIndex, list[str]]:
    """Place each list under the CAs whose key signed it, never a lower number over a higher one.

    Also returns why lists were left out. `previous` is the index in use: an old list put in the place of a newer one
    (a replay) does not make us forget. What is known of CAs that are no longer among the authorities is dropped.
    """
    own = {_key_of(one) for one in authorities}
    kept = {key: found for key, found in previous.issuers.items() if key in own}
    return add_lists(RevocationIndex(kept), lists, authorities, sm2)


def add_lists(
    index: RevocationIndex,
    lists: Iterable[RevocationList],
    authorities: Sequence[UnverifiedCertificate],
    sm2: SM2 | None = None,
) -> tuple[RevocationIndex, list[str]]:
    """As `build_index`, and nothing is dropped."""
    placed, problems = dict(index.issuers), []
    for one in lists:
        signers = [authority for authority in authorities if is_signed_by(one, authority, sm2)]
        if not signers:
            problems.append(f"number {one.number} of {one.issuer}: signed by no configured CA")
        for key in dict.fromkeys(_key_of(signer) for signer in signers):
            placed[key], newer = _with_list(placed.get(key, NOTHING), one)
            if newer is not None:
                problems.append(f"number {one.number} of {one.issuer}: older than number {newer.number} in use")
    return RevocationIndex(MappingProxyType(placed)), problems


def add_answers(index: RevocationIndex, answers: Iterable[VerifiedAnswer], before: datetime) -> RevocationIndex:
    """The index with these answers, where they are newer than what it has.

    What went stale before that moment is forgotten, or not even taken, unless it says that something is revoked.
    """
    placed = dict(index.issuers)
    changed: dict[IssuerKey, dict[int, Answer]] = {}
    for one in answers:
        key = _key_of(one.issuer)
        if not _is_worth_keeping(one.answer, before):
            continue
        known = changed.setdefault(key, dict(placed.get(key, NOTHING).answers))
        known[one.serial] = _newer(known.get(one.serial), one.answer)
    for key, known in changed.items():
        placed[key] = replace(placed.get(key, NOTHING), answers=known)
    return RevocationIndex(MappingProxyType({key: _without_old(one, before) for key, one in placed.items()}))


def _without_old(evidence: Evidence, before: datetime) -> Evidence:
    kept = {serial: one for serial, one in evidence.answers.items() if _is_worth_keeping(one, before)}
    return replace(evidence, answers=MappingProxyType(kept))


def _is_worth_keeping(answer: Answer, before: datetime) -> bool:
    return answer.until > before or _is_revoked(answer)


def _is_revoked(answer: Answer) -> bool:
    return answer.status is Status.REVOKED


def _with_list(evidence: Evidence, one: RevocationList) -> tuple[Evidence, RevocationList | None]:
    """Also the newer list for whose sake this one was left out."""
    scope = _scope_of(one)
    voice = next((voice for voice in evidence.voices if voice.scope == scope), Voice(scope))
    newest = voice.complete if one.base is None else voice.delta
    if newest is not None and _order(one) < _order(newest):
        return evidence, newest
    kept = replace(one, der=b"")
    changed = replace(voice, complete=kept) if one.base is None else replace(voice, delta=kept)
    others = (other for other in evidence.voices if other is not voice)
    return replace(evidence, voices=(*others, changed)), None


def _scope_of(one: RevocationList) -> Scope:
    """RFC 5280 5.2.4 b: numbers are compared, and deltas fit, within one scope only."""
    return one.scope


def _order(one: RevocationList) -> tuple[int, datetime, int]:
    """RFC 5280 5.2.3: of one number and time there is one list. Should there be two, the one that revokes more counts,
    whichever comes first.
    """
    return one.number, one.this_update, len(one.revoked)


def _newer(known: Answer | None, given: Answer) -> Answer:
    """The later one; but what was revoked and not only put on hold stays so, whatever is said later."""
    if known is None or _is_final(given):
        return given
    if _is_final(known) or _age(given) < _age(known):
        return known
    return given


def _age(answer: Answer) -> tuple[datetime, bool]:
    """Of the same second, the one that revokes counts, whichever comes first."""
    return answer.this_update, _is_revoked(answer)


def _is_final(answer: Answer) -> bool:
    return _is_revoked(answer) and not answer.on_hold


def _key_of(issuer: UnverifiedCertificate) -> IssuerKey:
    return issuer.subject_der, issuer.spki_sha256

"""Whatever is known, and in whatever order it came: the same judgement, and no good one without a fresh word (S24).

Beside the judgement stands a model that looks at all evidence at once, so that neither forgets what the other knows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st

from certlogin.pki.certificate import read_certificate
from certlogin.pki.path import Trust
from certlogin.pki.revocation import CertificateRevoked, RevocationUnknown, add_evidence, settle_revocation
from tests.companions import without
from tests.factory import NOW, make_pki
from tests.pki.answers import GOOD, UNKNOWN, answer, revoked
from tests.pki.scopes import delta

CA: Final = make_pki().issuing
SERIAL: Final = 0x0DE2
PATH: Final = (read_certificate(CA.issue(serial=SERIAL).der), read_certificate(CA.der))
HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True)
class Word:
    """One thing that the issuer said; an hour is when, and until when it counts."""

    #: `complete`, `delta` or `answer`.
    kind: str
    #: Of lists: the number, which grows with the time. Of a delta: its base is the number before.
    since: int
    until: int
    #: `silent`, `revoked`, `removed` (deltas), `unknown` (answers).
    says: str

    @property
    def der(self) -> bytes:
        begins, ends = NOW + self.since * HOUR, NOW + self.until * HOUR
        named = [SERIAL] if self.says == "revoked" else []
        if self.kind == "complete":
            return CA.crl(named, 100 + self.since, begins, ends)
        if self.kind == "delta":
            removed = [SERIAL] if self.says == "removed" else []
            return delta(CA, 97 + self.since, 100 + self.since, named, removed, (), begins, ends)
        status = {"silent": GOOD, "revoked": revoked(), "unknown": UNKNOWN}[self.says]
        return answer(SERIAL, CA, status=status, this_update=begins, next_update=ends)


SAYS: Final = {
    "complete": ("silent", "silent", "revoked"),
    "delta": ("silent", "revoked", "removed"),
    "answer": ("silent", "silent", "revoked", "unknown"),
}


@st.composite
def words(draw: st.DrawFn) -> Word:
    kind = draw(st.sampled_from(sorted(SAYS)))
    since = draw(st.integers(-6, 1))
    return Word(kind, since, since + draw(st.integers(1, 6)), draw(st.sampled_from(SAYS[kind])))


#: One word of a kind at a time: nobody publishes two lists of one number.
EVIDENCE: Final = st.lists(words(), max_size=6, unique_by=lambda word: (word.kind, word.since))


def verdict(evidence: Sequence[Word]) -> str:
    trust: Trust = make_pki().trust(crls_der=())
    for word in evidence:
        lists, answers = ([], [word.der]) if word.kind == "answer" else ([word.der], [])
        trust, _ = add_evidence(trust, lists, answers, NOW)
    try:
        settle_revocation(PATH, trust.index, NOW)
    except CertificateRevoked:
        return "revoked"
    except RevocationUnknown:
        return "unknown"
    return "good"


def newest(evidence: Sequence[Word], kind: str) -> Word | None:
    return max((word for word in evidence if word.kind == kind), key=lambda word: word.since, default=None)


def is_fresh(word: Word | None) -> bool:
    return word is not None and word.since <= 0 < word.until


def by_model(evidence: Sequence[Word]) -> str:
    complete, change, said = (newest(evidence, kind) for kind in ("complete", "delta", "answer"))
    if any(word.kind == "answer" and word.says == "revoked" for word in evidence):
        return "revoked"
    later = change is not None and (complete is None or complete.since < change.since)
    fits = later and complete is not None and change is not None and change.since - 3 <= complete.since
    removed = fits and change is not None and change.says == "removed"
    if later and change is not None and change.says == "revoked":
        return "revoked"
    if complete is not None and complete.says == "revoked" and not removed:
        return "revoked"
    if is_fresh(said) and said is not None and said.says == "silent":
        return "good"
    listed = (not removed and is_fresh(complete)) or (fits and is_fresh(change))
    # A delta of the future hides nothing, and makes nothing current.
    return "good" if listed else "unknown"


@without({"certlogin.pki.evidence._order": lambda _: 0}, sees="assert")
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_s24_the_order_in_which_evidence_comes_changes_nothing(data: st.DataObject) -> None:
    evidence = data.draw(EVIDENCE)
    assert verdict(evidence) == verdict(data.draw(st.permutations(evidence)))


@without({"certlogin.pki.delta.Voice._fits": lambda _: True}, sees="assert")
@settings(max_examples=200, deadline=None)
@given(evidence=EVIDENCE)
def test_s24_the_judgement_is_that_of_the_model(evidence: list[Word]) -> None:
    assert verdict(evidence) == by_model(evidence)

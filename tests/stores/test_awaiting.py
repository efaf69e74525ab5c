"""What is kept beside the held response counts as held, too."""

import pytest

from certlogin.records.attempt import Awaiting
from certlogin.stores.base import AttemptCaps, TooManyAttempts
from certlogin.stores.memory import MemoryStore
from tests.factory import NOW
from tests.stores.values import LATER, attempt


def test_a_kept_proof_counts_against_what_is_held_in_all() -> None:
    store = MemoryStore(bytes)
    caps = AttemptCaps(per_unit=8, per_address=64, held_total=100)
    first = attempt("first", sealed_response=b"x" * 40)
    store.open(first, caps, LATER, NOW)
    waiting = attempt("first", sealed_response=b"x" * 40, awaiting=Awaiting(b"y" * 41, NOW))
    assert store.replace(first, waiting, LATER)
    second = attempt("second", sealed_response=b"x" * 20)
    with pytest.raises(TooManyAttempts):
        store.open(second, caps, LATER, NOW)
    assert store.replace(waiting, first, LATER)
    store.open(second, caps, LATER, NOW)
    assert store.take("first") == first

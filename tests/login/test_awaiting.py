"""A proof that is kept while its certificate is asked about: who reads or writes the store can do nothing with it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certlogin.login.attempt import AttemptCookie, AttemptMissing, seal_response
from certlogin.login.awaiting import KeptProof, open_proof, seal_proof
from certlogin.records.attempt import HeldResponse
from tests.companions import companion
from tests.login.test_attempt import _Unencrypted

COOKIE = AttemptCookie(b"s" * 16, b"k" * 32)
NONCE = b"n" * 12
KEPT = KeptProof("native", b"\x30certificate", (b"\x30one", b"\x30two"), (1, 5, 1, 0), -3)


@given(
    st.builds(
        KeptProof,
        st.text(),
        st.binary(),
        st.lists(st.binary()).map(tuple),
        st.none() | st.tuples(*[st.integers(0, 65535)] * 4),
        st.none() | st.integers(),
    )
)
def test_what_is_kept_comes_back(kept: KeptProof) -> None:
    assert open_proof(seal_proof(kept, COOKIE, NONCE), COOKIE) == kept


@pytest.mark.parametrize(
    "cookie", [replace(COOKIE, key=b"x" * 32), replace(COOKIE, secret=b"x" * 16)], ids=["key", "attempt"]
)
def test_s7_a_kept_proof_opens_for_its_own_browser_only(cookie: AttemptCookie) -> None:
    with pytest.raises(AttemptMissing):
        open_proof(seal_proof(KEPT, COOKIE, NONCE), cookie)


@given(st.binary() | st.builds(lambda at, bit: _changed(at, bit), st.integers(0), st.integers(0, 7)))
def test_s7_whoever_writes_into_the_store_makes_no_proof(sealed: bytes) -> None:
    with pytest.raises(AttemptMissing):
        open_proof(sealed, COOKIE)


def test_s7_a_held_response_is_no_proof() -> None:
    """Sealed by the same key, for another use."""
    held = seal_response(HeldResponse(200, (), b""), COOKIE, NONCE)
    with pytest.raises(AttemptMissing):
        open_proof(held, COOKIE)


@companion(
    "test_s7_a_kept_proof_opens_for_its_own_browser_only",
    "test_s7_whoever_writes_into_the_store_makes_no_proof",
    "test_s7_a_held_response_is_no_proof",
)
def test_s7_without_the_seal_a_kept_proof_is_read_and_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("certlogin.login.awaiting.AESGCM", _Unencrypted)
    sealed = seal_proof(KEPT, COOKIE, NONCE)
    assert open_proof(sealed, replace(COOKIE, key=b"x" * 32, secret=b"x" * 16)) == KEPT
    assert open_proof(sealed.replace(b"native", b"forged"), COOKIE).format == "forged"


def _changed(at: int, bit: int) -> bytes:
    sealed = bytearray(seal_proof(KEPT, COOKIE, NONCE))
    sealed[at % len(sealed)] ^= 1 << bit
    return bytes(sealed)

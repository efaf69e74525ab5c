"""The attempt's cookie, its ends, and S7: what the store holds opens no host session."""

import hashlib
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from certlogin.login.attempt import (
    AttemptCookie,
    AttemptExpired,
    AttemptMissing,
    HoldExpired,
    check_alive,
    check_held,
    ends_at,
    open_response,
    seal_response,
)
from certlogin.login.keys import Keyring, Use, mac
from certlogin.records.attempt import Attempt, HeldResponse, LoginKind, Release
from certlogin.records.unit import UnitId
from certlogin.settings.login import Attempts
from certlogin.wire.b64 import encode
from tests.companions import without
from tests.factory import NOW
from tests.login.tampering import accepted, any_text


class _Unencrypted:
    """A cipher that hides and binds nothing."""

    def __init__(self, key: bytes) -> None: ...

    def encrypt(self, nonce: bytes, plain: bytes, bound_to: bytes) -> bytes:
        return plain

    decrypt = encrypt


class _Unbound:
    """The cipher itself, bound to no attempt."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def encrypt(self, nonce: bytes, plain: bytes, bound_to: bytes) -> bytes:
        return self._cipher.encrypt(nonce, plain, None)

    def decrypt(self, nonce: bytes, octets: bytes, bound_to: bytes) -> bytes:
        return self._cipher.decrypt(nonce, octets, None)


FORGED = {"certlogin.login.attempt.holds": lambda *_: True}
IN_THE_CLEAR = {"certlogin.login.attempt.AESGCM": _Unencrypted}
UNHASHED = {"certlogin.login.attempt.AttemptCookie.store_key": property(lambda cookie: cookie.secret.hex())}
UNBOUND = {"certlogin.login.attempt.AESGCM": _Unbound}

SECOND = timedelta(seconds=1)
KEYS, OTHER = Keyring((b"k" * 32,)).keys(Use.ATTEMPT), Keyring((b"o" * 32,)).keys(Use.ATTEMPT)
COOKIE = AttemptCookie.from_random(bytes(range(48)))
ANOTHER = AttemptCookie.from_random(bytes(range(100, 148)))
TEXT = COOKIE.to_text(KEYS)
LIMITS = Attempts()
HELD = HeldResponse(
    302, (("Location", "/home"), ("Set-Cookie", "session=s3cr3t; Path=/"), ("X", "\xe9")), b"\x00body\xff"
)
NONCE = b"n" * 12
SEALED = seal_response(HELD, COOKIE, NONCE)


# --- the cookie


def test_the_cookie_is_read_as_it_was_written() -> None:
    assert AttemptCookie.from_text(TEXT, KEYS) == COOKIE
    assert (len(COOKIE.secret), len(COOKIE.key)) == (16, 32)


def test_keys_may_be_rotated() -> None:
    assert AttemptCookie.from_text(TEXT, OTHER + KEYS) == COOKIE
    with pytest.raises(AttemptMissing):
        AttemptCookie.from_text(TEXT, OTHER)


@without(FORGED, sees="other character")
def test_s2_a_bent_attempt_cookie_is_none() -> None:
    assert accepted(TEXT, lambda text: AttemptCookie.from_text(text, KEYS), AttemptMissing) == []


@given(any_text)
def test_any_text_is_no_attempt_cookie(text: str) -> None:
    with pytest.raises(AttemptMissing):
        AttemptCookie.from_text(text, KEYS)


@without(FORGED)
def test_s7_secret_and_key_of_two_attempts_make_no_cookie() -> None:
    (secret, _, seal), (_, key, other_seal) = TEXT.split("."), ANOTHER.to_text(KEYS).split(".")
    for mark in (seal, other_seal):
        with pytest.raises(AttemptMissing):
            AttemptCookie.from_text(f"{secret}.{key}.{mark}", KEYS)


@pytest.mark.parametrize(("secret", "key"), [(15, 32), (17, 32), (16, 31), (16, 33), (0, 48), (48, 0)])
def test_no_other_lengths_are_taken_even_under_our_key(secret: int, key: int) -> None:
    parts = bytes(secret), bytes(key)
    with pytest.raises(AttemptMissing):
        AttemptCookie.from_text(f"{encode(parts[0])}.{encode(parts[1])}.{mac(KEYS[0], *parts)}", KEYS)
    good = bytes(16), bytes(32)
    assert AttemptCookie.from_text(f"{encode(good[0])}.{encode(good[1])}.{mac(KEYS[0], *good)}", KEYS)


def test_the_key_of_another_use_makes_no_attempt_cookie() -> None:
    with pytest.raises(AttemptMissing):
        AttemptCookie.from_text(COOKIE.to_text(Keyring((b"k" * 32,)).keys(Use.TICKET)), KEYS)


@without(
    {"certlogin.login.attempt.AttemptCookie.store_key": property(lambda cookie: cookie.secret.hex())},
    sees="is contained",
)
def test_s7_the_store_s_key_tells_nothing_of_the_cookie() -> None:
    assert COOKIE.secret.hex() not in COOKIE.store_key
    assert COOKIE.store_key == hashlib.sha256(b"certlogin attempt\x00" + COOKIE.secret).hexdigest()
    assert COOKIE.store_key != hashlib.sha256(COOKIE.secret).hexdigest()
    assert replace(COOKIE, key=bytes(32)).store_key == COOKIE.store_key


def test_the_cookie_is_not_shown() -> None:
    assert repr(COOKIE) == "AttemptCookie()"


# --- the held response


def test_the_held_response_comes_back_whole() -> None:
    assert open_response(SEALED, COOKIE) == HELD


@given(
    st.integers(200, 599),
    st.lists(st.tuples(st.text(max_size=9), st.text(st.characters(), max_size=9)), max_size=4).map(tuple),
    st.binary(max_size=64),
)
def test_any_response_comes_back_whole(status: int, headers: tuple[tuple[str, str], ...], body: bytes) -> None:
    held = HeldResponse(status, headers, body)
    assert open_response(seal_response(held, COOKIE, NONCE), COOKIE) == held


@without(IN_THE_CLEAR, sees="assert b'session' not in b'")
def test_s7_a_dump_of_the_store_shows_nothing_of_the_response() -> None:
    sealed = seal_response(HELD, COOKIE, NONCE)
    for word in (b"session", b"s3cr3t", b"Location", b"/home", b"body", COOKIE.key, COOKIE.secret):
        assert word not in sealed


@without(IN_THE_CLEAR)
def test_s7_a_dump_of_the_store_opens_nothing() -> None:
    """All the store knows of an attempt are its key and the sealed octets."""
    known, sealed = bytes.fromhex(COOKIE.store_key), seal_response(HELD, COOKIE, NONCE)
    for key in (known, hashlib.sha256(known).digest(), bytes(32), sealed[:32]):
        with pytest.raises(AttemptMissing):
            open_response(sealed, replace(COOKIE, key=key))
    # The key of the cookie is the only obstacle.
    assert open_response(sealed, replace(ANOTHER, secret=COOKIE.secret, key=COOKIE.key)) == HELD


@pytest.mark.parametrize(
    "cookie",
    [
        pytest.param(ANOTHER, marks=without(IN_THE_CLEAR), id="another"),
        pytest.param(replace(ANOTHER, key=COOKIE.key), marks=without(UNBOUND), id="another with the key"),
    ],
)
def test_s7_a_response_swapped_between_attempts_is_not_opened(cookie: AttemptCookie) -> None:
    sealed = seal_response(HELD, COOKIE, NONCE)
    with pytest.raises(AttemptMissing):
        open_response(sealed, cookie)


@pytest.mark.parametrize("cut", [0, 1, 7, 8, 11, 12, 13, 27, 28, len(SEALED) - 1])
def test_a_truncated_response_is_not_opened(cut: int) -> None:
    with pytest.raises(AttemptMissing):
        open_response(SEALED[:cut], COOKIE)


@given(st.integers(0, len(SEALED) - 1), st.integers(1, 255))
def test_no_octet_of_a_sealed_response_may_change(place: int, change: int) -> None:
    bent_octets = bytearray(SEALED)
    bent_octets[place] ^= change
    with pytest.raises(AttemptMissing):
        open_response(bytes(bent_octets), COOKIE)


# --- its ends


def attempt(opened: int = 0, touched: int = 0, fetched: int | None = None, *, allowed: bool = False) -> Attempt:
    """Seconds after NOW."""
    release = Release("00" * 32, "id", None if fetched is None else NOW + fetched * SECOND)
    return Attempt(
        key=COOKIE.store_key,
        public_id="A" * 16,
        unit_id=UnitId("u"),
        kind=LoginKind.FORM,
        login_path="/login",
        address="192.0.2.1",
        opened_at=NOW + opened * SECOND,
        touched_at=NOW + touched * SECOND,
        sealed_response=b"",
        release=release if allowed or fetched is not None else None,
    )


@pytest.mark.parametrize(
    ("found", "end"),
    [
        (attempt(), LIMITS.idle),
        (attempt(touched=100), 100 + LIMITS.idle),
        (attempt(touched=LIMITS.total - LIMITS.idle), LIMITS.total),
        (attempt(touched=LIMITS.total - LIMITS.idle + 1), LIMITS.total),
        (attempt(touched=LIMITS.total - 1), LIMITS.total),
        (attempt(allowed=True), LIMITS.idle),
        (attempt(fetched=10), 10 + LIMITS.repeat),
        (attempt(fetched=LIMITS.total), LIMITS.total + LIMITS.repeat),
    ],
)
def test_an_attempt_ends_idle_in_all_or_after_its_release(found: Attempt, end: int) -> None:
    moment = NOW + end * SECOND
    assert ends_at(found, LIMITS) == moment
    check_alive(found, LIMITS, moment - SECOND)
    for late in (moment, moment + SECOND):
        with pytest.raises(AttemptExpired) as refusal:
            check_alive(found, LIMITS, late)
        assert (refusal.value.code, refusal.value.status) == ("attempt_expired", 410)


@pytest.mark.parametrize("seconds", [0, LIMITS.hold_max - 1])
def test_a_response_is_held_for_its_time(seconds: int) -> None:
    check_held(attempt(touched=seconds), LIMITS, NOW + seconds * SECOND)


@without({"tests.login.test_attempt.LIMITS": Attempts(hold_max=10**6)})
@pytest.mark.parametrize("seconds", [LIMITS.hold_max, LIMITS.hold_max + 1])
def test_s7_no_use_prolongs_the_time_of_a_held_response(seconds: int) -> None:
    with pytest.raises(HoldExpired) as refusal:
        check_held(attempt(touched=seconds), LIMITS, NOW + seconds * SECOND)
    assert (refusal.value.code, refusal.value.status) == ("hold_expired", 410)

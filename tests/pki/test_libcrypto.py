"""A library that cannot do SM2 is refused with the reason; nothing is left behind on any path."""

import ctypes
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature

from certlogin.pki import libcrypto
from certlogin.pki import sm2 as module
from certlogin.pki.sm2 import SM2, SM2Unavailable
from tests.companions import companion, without
from tests.pki import sm2_reference as reference
from tests.pki.test_sm2 import KEY, MESSAGE, SIGNATURE
from tests.pki.test_sm2_reference import D

#: What makes an object, and what must free it.
FREED_BY = {
    "EVP_PKEY_CTX_new_from_name": "EVP_PKEY_CTX_free",
    "EVP_PKEY_fromdata": "EVP_PKEY_free",
    "EVP_PKEY_generate": "EVP_PKEY_free",
    "EVP_PKEY_get_bn_param": "BN_clear_free",
    "EVP_MD_CTX_new": "EVP_MD_CTX_free",
}
FUNCTIONS = tuple(libcrypto._PROTOTYPES)


class Spy:
    """The real library; calls are counted, and one function can be made to fail or to answer something else."""

    def __init__(self, real: Any) -> None:
        self._real = real
        self.calls: dict[str, int] = {}
        self.made: dict[str, int] = {}
        self.broken: dict[str, object] = {}

    def __getattr__(self, name: str) -> Callable[..., Any]:
        function = getattr(self._real, name)

        def call(*arguments: Any) -> Any:
            self.calls[name] = self.calls.get(name, 0) + 1
            if name in self.broken:
                return self.broken[name]
            answer = function(*arguments)
            if answer:
                self.made[name] = self.made.get(name, 0) + 1
            return answer

        return call

    def is_balanced(self) -> bool:
        """Everything that was made was freed, and nothing twice."""
        made: dict[str, int] = {}
        for maker, free in FREED_BY.items():
            made[free] = made.get(free, 0) + self.made.get(maker, 0)
        return all(self.calls.get(free, 0) == count for free, count in made.items())


@pytest.fixture
def spy() -> Spy:
    return Spy(libcrypto.load_library(""))


@pytest.fixture
def sm2(spy: Spy) -> SM2:
    return SM2(spy)


def reason(library: str = "") -> str:
    with pytest.raises(SM2Unavailable) as refusal:
        SM2.load(library)
    return refusal.value.what


# --- which library


def test_a_library_that_is_not_there_is_named() -> None:
    assert reason("/nowhere/libcrypto.so.3").startswith("/nowhere/libcrypto.so.3 cannot be loaded: ")


def test_a_library_that_is_no_libcrypto_is_named() -> None:
    assert reason("libc.so.6").startswith("libc.so.6 is not OpenSSL 3.0 or later: ")


class Old:
    """OpenSSL 1.1.1, or LibreSSL: it has its version and nothing of what is needed."""

    def __init__(self, version: int) -> None:
        self.OpenSSL_version_num = lambda: version


@pytest.mark.parametrize("version", [0x1010117F, 0x20000000])
def test_an_old_library_is_refused_before_it_is_used(monkeypatch: pytest.MonkeyPatch, version: int) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: Old(version))
    assert reason("libcrypto.so.1.1") == (
        f"libcrypto.so.1.1 is too old: version {version:#x}, OpenSSL 3.0 or later is needed"
    )


def test_a_library_without_the_functions_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: Old(libcrypto.VERSION_MIN))
    assert "is not OpenSSL 3.0 or later: " in reason("libcrypto.so.3")


def test_without_a_name_the_first_good_library_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    real, asked = ctypes.CDLL, []

    def open_last(name: str) -> Any:
        asked.append(name)
        return real("libcrypto.so.3") if len(asked) == 3 else Old(0x1010117F)

    monkeypatch.setattr(ctypes, "CDLL", open_last)
    SM2.load()
    assert asked == list(libcrypto.NAMES[:3])


def test_without_any_library_every_reason_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(name: str) -> Any:
        raise OSError("no such file")

    monkeypatch.setattr(ctypes, "CDLL", nothing)
    said = reason()
    assert all(name in said for name in libcrypto.NAMES)


def test_every_function_has_full_prototypes() -> None:
    """Without them ctypes guesses int, and cuts pointers to 32 bits."""
    found = libcrypto.load_library("")
    for name in FUNCTIONS:
        assert isinstance(getattr(found, name).argtypes, tuple)
        assert getattr(found, name).restype is libcrypto._PROTOTYPES[name][0]


# --- the self-test


def load_with(monkeypatch: pytest.MonkeyPatch, spy: Spy) -> str:
    monkeypatch.setattr(module, "load_library", lambda library: spy)
    return reason()


def test_a_library_without_sm2_says_so(monkeypatch: pytest.MonkeyPatch, spy: Spy) -> None:
    spy.broken["EVP_PKEY_CTX_new_from_name"] = None
    assert load_with(monkeypatch, spy).startswith("SM2 is not built into this libcrypto")


@pytest.mark.parametrize("answer", [1, 0, -1])
def test_a_library_that_does_not_judge_is_refused(monkeypatch: pytest.MonkeyPatch, spy: Spy, answer: int) -> None:
    """Whether it accepts everything or nothing."""
    spy.broken["EVP_DigestVerify"] = answer
    assert load_with(monkeypatch, spy).startswith("the self-test failed: the known signature")


def test_a_library_whose_own_signatures_do_not_fit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SM2, "sign", lambda self, key, message: bytes(31) + b"\x01" + bytes(31) + b"\x01")
    assert reason() == "the self-test failed: a signature made here does not fit"


# --- every path


def acts(sm2: SM2) -> Iterator[Callable[[], object]]:
    yield sm2.generate
    yield lambda: sm2.sign(KEY, MESSAGE)
    yield lambda: sm2.verify(KEY.point, MESSAGE, SIGNATURE)


def test_everything_that_is_made_is_freed(spy: Spy, sm2: SM2) -> None:
    for act in acts(sm2):
        act()
    with pytest.raises(InvalidSignature):
        sm2.verify(KEY.point, b"other", SIGNATURE)
    with pytest.raises(ValueError, match="out of range"):
        sm2.verify(KEY.point, MESSAGE, bytes(64))
    assert spy.is_balanced()
    assert spy.calls["EVP_MD_CTX_free"] == 3
    assert spy.calls["BN_clear_free"] == 3
    assert spy.calls["ERR_clear_error"] == 4


@pytest.mark.parametrize("broken", [name for name in FUNCTIONS if "free" not in name and "clear" not in name])
def test_s20_a_function_that_fails_is_unavailable_never_a_yes(spy: Spy, sm2: SM2, broken: str) -> None:
    spy.broken[broken] = None if broken.endswith(("_new", "_from_name")) else 0
    failures = []
    for act in acts(sm2):
        try:
            act()
        except (SM2Unavailable, InvalidSignature) as refusal:
            failures.append(refusal)
    assert failures
    assert all(isinstance(one, SM2Unavailable) or broken == "EVP_DigestVerify" for one in failures)
    assert spy.is_balanced()
    assert spy.calls["ERR_clear_error"] == 3


@companion("test_s20_a_function_that_fails_is_unavailable_never_a_yes")
def test_s20_without_a_look_at_its_result_an_id_that_was_not_set_goes_unnoticed(
    spy: Spy, sm2: SM2, monkeypatch: pytest.MonkeyPatch
) -> None:
    spy.broken["EVP_PKEY_CTX_set1_id"] = 0
    other = reference.sign(D, MESSAGE, b"")
    with pytest.raises(SM2Unavailable):
        sm2.verify(KEY.point, MESSAGE, other)
    monkeypatch.setattr(module, "expect", lambda *_: None)
    sm2.verify(KEY.point, MESSAGE, other)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(answer, marks=without({"certlogin.pki.sm2._says_yes": judge}))
        for answer, judge in ((0, lambda answer: answer >= 0), (-1, bool), (2, bool))
    ],
)
def test_s20_only_one_is_a_yes(spy: Spy, sm2: SM2, answer: int) -> None:
    spy.broken["EVP_DigestVerify"] = answer
    with pytest.raises(InvalidSignature):
        sm2.verify(KEY.point, MESSAGE, SIGNATURE)
    spy.broken["EVP_DigestVerify"] = 1
    sm2.verify(KEY.point, b"other", SIGNATURE)


def test_the_error_queue_is_left_empty(sm2: SM2) -> None:
    """Else the next user of this thread reads our errors as its own."""
    library = libcrypto.load_library("")
    library.ERR_peek_error.restype, library.ERR_peek_error.argtypes = ctypes.c_ulong, ()
    with pytest.raises(InvalidSignature):
        sm2.verify(KEY.point, b"other", SIGNATURE)
    assert library.ERR_peek_error() == 0
    library.EVP_PKEY_CTX_new_from_name(None, b"no such algorithm", None)
    assert library.ERR_peek_error() != 0
    library.ERR_clear_error()

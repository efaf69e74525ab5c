"""The system's libcrypto (OpenSSL 3.0 or later) through ctypes: what SM2 needs of it, with full prototypes.

It decides whether a library can be used at all. `ctypes.CDLL` releases the GIL during each call. It must not know what
is signed. The copy of OpenSSL inside `cryptography` offers no SM2 signatures, which is why a second one is asked.
"""

import ctypes
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import IntEnum
from types import MappingProxyType
from typing import Any, Final

#: Where no library is named: the sonames of OpenSSL 3 and 4 on Linux, macOS and Windows.
NAMES: Final = (
    "libcrypto.so.3",
    "libcrypto.so.4",
    "libcrypto.3.dylib",
    "libcrypto.4.dylib",
    "libcrypto-3-x64.dll",
    "libcrypto-4-x64.dll",
    "libcrypto.so",
)
#: OPENSSL_VERSION_NUMBER is 0xMNN00PP0L; LibreSSL answers 0x20000000 for ever.
VERSION_MIN: Final = 0x30000000


class UnusableLibrary(Exception):
    """Why the library cannot do what is asked; `sm2.py` turns it into an error of the tree."""


class Param(ctypes.Structure):
    """OSSL_PARAM, openssl/core.h."""

    _fields_ = (
        ("key", ctypes.c_char_p),
        ("data_type", ctypes.c_uint),
        ("data", ctypes.c_void_p),
        ("data_size", ctypes.c_size_t),
        ("return_size", ctypes.c_size_t),
    )


class Kind(IntEnum):
    """OSSL_PARAM_* of openssl/core.h."""

    UNSIGNED_INTEGER = 2
    UTF8_STRING = 4
    OCTET_STRING = 5


_POINTER: Final = ctypes.c_void_p
_OUT: Final = ctypes.POINTER(ctypes.c_void_p)
_SIZE_OUT: Final = ctypes.POINTER(ctypes.c_size_t)
_INIT: Final = (_POINTER, _OUT, ctypes.c_char_p, _POINTER, ctypes.c_char_p, _POINTER, ctypes.POINTER(Param))

#: Result and arguments of every function that is called; ctypes would guess int and cut pointers otherwise.
_PROTOTYPES: Final[Mapping[str, tuple[Any, tuple[Any, ...]]]] = MappingProxyType(
    {
        "ERR_clear_error": (None, ()),
        "EVP_PKEY_CTX_new_from_name": (_POINTER, (_POINTER, ctypes.c_char_p, ctypes.c_char_p)),
        "EVP_PKEY_CTX_free": (None, (_POINTER,)),
        "EVP_PKEY_CTX_set1_id": (ctypes.c_int, (_POINTER, ctypes.c_char_p, ctypes.c_size_t)),
        "EVP_PKEY_fromdata_init": (ctypes.c_int, (_POINTER,)),
        "EVP_PKEY_fromdata": (ctypes.c_int, (_POINTER, _OUT, ctypes.c_int, ctypes.POINTER(Param))),
        "EVP_PKEY_keygen_init": (ctypes.c_int, (_POINTER,)),
        "EVP_PKEY_generate": (ctypes.c_int, (_POINTER, _OUT)),
        "EVP_PKEY_get_bn_param": (ctypes.c_int, (_POINTER, ctypes.c_char_p, _OUT)),
        "EVP_PKEY_free": (None, (_POINTER,)),
        "BN_bn2binpad": (ctypes.c_int, (_POINTER, ctypes.c_char_p, ctypes.c_int)),
        "BN_clear_free": (None, (_POINTER,)),
        "EVP_MD_CTX_new": (_POINTER, ()),
        "EVP_MD_CTX_free": (None, (_POINTER,)),
        "EVP_DigestSignInit_ex": (ctypes.c_int, _INIT),
        "EVP_DigestSign": (
            ctypes.c_int,
            (_POINTER, ctypes.c_char_p, _SIZE_OUT, ctypes.c_char_p, ctypes.c_size_t),
        ),
        "EVP_DigestVerifyInit_ex": (ctypes.c_int, _INIT),
        "EVP_DigestVerify": (
            ctypes.c_int,
            (_POINTER, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t),
        ),
    }
)


def load_library(library: str) -> Any:
    """The named library, or the first of `NAMES` that is good enough. Raises UnusableLibrary with every reason."""
    reasons = []
    for name in (library,) if library else NAMES:
        try:
            return _declare(_open(name), name)
        except UnusableLibrary as reason:
            reasons.append(str(reason))
    raise UnusableLibrary("; ".join(dict.fromkeys(reasons)))


def _open(name: str) -> Any:
    try:
        return ctypes.CDLL(name)
    except OSError as error:
        raise UnusableLibrary(f"{name} cannot be loaded: {error}") from None


def _declare(found: Any, name: str) -> Any:
    """Give every function its prototype; an older library is refused before any of them is called."""
    try:
        found.OpenSSL_version_num.restype, found.OpenSSL_version_num.argtypes = ctypes.c_ulong, ()
        version = found.OpenSSL_version_num()
        if version < VERSION_MIN:
            raise UnusableLibrary(f"{name} is too old: version {version:#x}, OpenSSL 3.0 or later is needed")
        for function, (result, arguments) in _PROTOTYPES.items():
            getattr(found, function).restype = result
            getattr(found, function).argtypes = arguments
    except AttributeError as error:
        raise UnusableLibrary(f"{name} is not OpenSSL 3.0 or later: {error}") from None
    return found


@contextmanager
def owned(pointer: Any, free: Callable[[Any], object], what: str) -> Iterator[Any]:
    """An object of the library, freed on every path. Raises UnusableLibrary if there is none."""
    if not pointer:
        raise UnusableLibrary(f"{what} failed")
    try:
        yield pointer
    finally:
        free(pointer)


def expect(result: int, what: str) -> None:
    """Every function here returns 1 for success and anything else for a failure."""
    if result != 1:
        raise UnusableLibrary(f"{what} failed")

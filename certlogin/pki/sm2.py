"""SM2 signatures over SM3 (GB/T 32918.2) by the system's libcrypto, and how keys and signatures are written down.

It decides whether a signature fits a public key, with the default ID of GM/T 0009 and no other. It must not know what
is signed. libcrypto draws keys and nonces itself. There is no global instance: who needs one loads it.
"""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from cryptography.exceptions import InvalidSignature

from certlogin.errors import Unavailable
from certlogin.pki.der import (
    BIT_STRING,
    INTEGER,
    OCTET_STRING,
    SEQUENCE,
    Element,
    children,
    only_element,
    unsigned,
    whole_bits,
)
from certlogin.pki.libcrypto import Kind, Param, UnusableLibrary, expect, load_library, owned

#: GM/T 0009: who has not agreed on another one signs as this. Fixed: with a free ID, another's signature might fit.
SM2_ID: Final = b"1234567812345678"

#: The recommended curve, GB/T 32918.5: y^2 = x^3 - 3x + b modulo the prime.
PRIME: Final = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
_B: Final = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
ORDER: Final = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123

#: id-ecPublicKey with the named curve 1.2.156.10197.1.301.
_ALGORITHM: Final = bytes.fromhex("301306072a8648ce3d020106082a811ccf5501822d")
_CURVE: Final = _ALGORITHM[-10:]
_SPKI: Final = bytes.fromhex("3059") + _ALGORITHM + bytes.fromhex("034200")

#: AlgorithmIdentifier of SM2 over SM3, 1.2.156.10197.1.501, as it is written here and as some write it.
SIGNATURE_ALGORITHM: Final = bytes.fromhex("300a06082a811ccf55018375")
_SIGNED_WITH: Final = (SIGNATURE_ALGORITHM, bytes.fromhex("300c06082a811ccf550183750500"))

#: openssl/evp.h, EVP_PKEY_PUBLIC_KEY and EVP_PKEY_KEYPAIR.
_PUBLIC: Final = 0x86
_KEY_PAIR: Final = 0x87
#: Longest DER of two positive numbers of 32 octets.
_DER_MAX: Final = 72


@dataclass(eq=False)
class SM2Unavailable(Unavailable):
    """No libcrypto of this machine computes SM2 signatures; `what` says why."""

    code: ClassVar[str] = "sm2_unavailable"


@dataclass(frozen=True, slots=True)
class SM2Key:
    """A private key with its public point."""

    #: 32 octets, big-endian.
    d: bytes = field(repr=False)
    #: 04 || x || y.
    point: bytes


class SM2:
    """One loaded libcrypto. Threads may share it: each call has contexts of its own."""

    def __init__(self, library: Any) -> None:
        self._lib = library

    @classmethod
    def load(cls, library: str = "") -> "SM2":
        """The named library, or the system's; tried with a known answer. Raises SM2Unavailable with the reason."""
        try:
            sm2 = cls(load_library(library))
        except UnusableLibrary as reason:
            raise SM2Unavailable(str(reason)) from None
        sm2._try_known_answer()
        return sm2

    def generate(self) -> SM2Key:
        """A new key. Raises SM2Unavailable."""
        with self._calls(), self._context() as context:
            expect(self._lib.EVP_PKEY_keygen_init(context), "EVP_PKEY_keygen_init")
            pair = ctypes.c_void_p()
            expect(self._lib.EVP_PKEY_generate(context, ctypes.byref(pair)), "EVP_PKEY_generate")
            with owned(pair, self._lib.EVP_PKEY_free, "EVP_PKEY_generate"):
                # By coordinates: before 3.0.8 the encoded point came out compressed.
                x, y, d = (self._number(pair, name) for name in (b"qx", b"qy", b"priv"))
        return SM2Key(d, b"\x04" + x + y)

    def sign(self, key: SM2Key, message: bytes) -> bytes:
        """r || s, 64 octets, over SM3(Z || message). Raises SM2Unavailable; ValueError for a wrong key."""
        _check_point(key.point)
        _check_private(key.d)
        with self._calls(), self._key(key.point, key.d) as pair, self._digest(pair, "Sign") as context:
            der = ctypes.create_string_buffer(_DER_MAX)
            size = ctypes.c_size_t(_DER_MAX)
            made = self._lib.EVP_DigestSign(context, der, ctypes.byref(size), message, len(message))
            expect(made, "EVP_DigestSign")
        return from_der(der.raw[: size.value])

    def verify(self, point: bytes, message: bytes, signature: bytes) -> None:
        """Return only if r || s fits. Raises InvalidSignature; ValueError for a wrong form; SM2Unavailable."""
        _check_point(point)
        der = to_der(signature)
        with self._calls(), self._key(point) as key, self._digest(key, "Verify") as context:
            answer = self._lib.EVP_DigestVerify(context, der, len(der), message, len(message))
        if not _says_yes(answer):
            raise InvalidSignature

    def _try_known_answer(self) -> None:
        tampered = self._accepts(_ANSWER_MESSAGE + b"!", _ANSWER_SIGNATURE)
        if tampered or not self._accepts(_ANSWER_MESSAGE, _ANSWER_SIGNATURE):
            raise SM2Unavailable("the self-test failed: the known signature is not judged as it must be")
        if not self._accepts(_ANSWER_MESSAGE, self.sign(_ANSWER_KEY, _ANSWER_MESSAGE)):
            raise SM2Unavailable("the self-test failed: a signature made here does not fit")

    def _accepts(self, message: bytes, signature: bytes) -> bool:
        try:
            self.verify(_ANSWER_KEY.point, message, signature)
        except InvalidSignature:
            return False
        return True

    @contextmanager
    def _calls(self) -> Iterator[None]:
        """Around all calls: failures become errors of the tree, and the thread's error queue is left empty."""
        try:
            yield
        except UnusableLibrary as reason:
            raise SM2Unavailable(str(reason)) from None
        finally:
            self._lib.ERR_clear_error()

    def _context(self) -> AbstractContextManager[Any]:
        found = self._lib.EVP_PKEY_CTX_new_from_name(None, b"SM2", None)
        return owned(found, self._lib.EVP_PKEY_CTX_free, "SM2 is not built into this libcrypto: its key context")

    @contextmanager
    def _key(self, point: bytes, d: bytes | None = None) -> Iterator[Any]:
        with self._context() as context, _params(point, d) as params:
            expect(self._lib.EVP_PKEY_fromdata_init(context), "EVP_PKEY_fromdata_init")
            key = ctypes.c_void_p()
            made = self._lib.EVP_PKEY_fromdata(context, ctypes.byref(key), _PUBLIC if d is None else _KEY_PAIR, params)
            expect(made, "EVP_PKEY_fromdata")
            with owned(key, self._lib.EVP_PKEY_free, "EVP_PKEY_fromdata"):
                yield key

    @contextmanager
    def _digest(self, key: Any, act: str) -> Iterator[Any]:
        """A context that signs or verifies (`act`) SM3(Z || message); it owns its key context."""
        with owned(self._lib.EVP_MD_CTX_new(), self._lib.EVP_MD_CTX_free, "EVP_MD_CTX_new") as context:
            inner = ctypes.c_void_p()
            begin = getattr(self._lib, f"EVP_Digest{act}Init_ex")
            expect(begin(context, ctypes.byref(inner), b"SM3", None, None, key, None), f"EVP_Digest{act}Init_ex")
            expect(self._lib.EVP_PKEY_CTX_set1_id(inner, SM2_ID, len(SM2_ID)), "EVP_PKEY_CTX_set1_id")
            yield context

    def _number(self, key: Any, name: bytes) -> bytes:
        """A number of the key, as 32 octets."""
        number = ctypes.c_void_p()
        what = f"EVP_PKEY_get_bn_param of {name.decode()}"
        expect(self._lib.EVP_PKEY_get_bn_param(key, name, ctypes.byref(number)), what)
        with owned(number, self._lib.BN_clear_free, what):
            octets = ctypes.create_string_buffer(32)
            if self._lib.BN_bn2binpad(number, octets, 32) != 32:
                raise UnusableLibrary("BN_bn2binpad failed")
            return octets.raw


def spki(point: bytes) -> bytes:
    """The SubjectPublicKeyInfo, DER. Raises ValueError."""
    _check_point(point)
    return _SPKI + point


def point_of(spki: bytes) -> bytes:
    """The point of a SubjectPublicKeyInfo of SM2. Raises ValueError: another form or key, no point of the curve."""
    _check_spki(spki)
    point = spki[len(_SPKI) :]
    _check_point(point)
    return point


def pkcs8(key: SM2Key) -> bytes:
    """The private key as PrivateKeyInfo (RFC 5208) with the ECPrivateKey of RFC 5915, DER, not encrypted."""
    inside = bytes.fromhex("306b0201010420") + key.d + bytes.fromhex("a144034200") + key.point
    return bytes.fromhex("308187020100") + _ALGORITHM + bytes.fromhex("046d") + inside


def read_pkcs8(der: bytes) -> SM2Key:
    """What `pkcs8` writes; the curve may be named again inside. Raises ValueError, also without the public key."""
    version, algorithm, octets = _exactly(only_element(der, SEQUENCE), 3)
    if version.encoded != bytes.fromhex("020100") or algorithm.encoded != _ALGORITHM or octets.tag != OCTET_STRING:
        raise ValueError("no private key of SM2")
    number, private, *named, public = children(only_element(octets.value, SEQUENCE))
    if number.encoded != bytes.fromhex("020101") or private.tag != OCTET_STRING or public.tag != 0xA1:
        raise ValueError("no private key with its public key")
    if named and (len(named) > 1 or named[0].tag != 0xA0 or named[0].value != _CURVE):
        raise ValueError("another curve inside")
    point = whole_bits(only_element(public.value, BIT_STRING))
    _check_point(point)
    _check_private(private.value)
    return SM2Key(private.value, point)


def to_der(raw: bytes) -> bytes:
    """SEQUENCE { r, s } of r || s. Raises ValueError: another length, or a number that is not in 1..n-1."""
    if len(raw) != 64:
        raise ValueError("a signature is r and s of 32 octets each")
    both = b"".join(_integer(_in_range(int.from_bytes(half, "big"))) for half in (raw[:32], raw[32:]))
    return bytes((SEQUENCE, len(both))) + both


def from_der(der: bytes) -> bytes:
    """r || s of SEQUENCE { r, s }. Raises ValueError: not DER, or a number that is not in 1..n-1."""
    r, s = (_in_range(unsigned(number)) for number in _exactly(only_element(der, SEQUENCE), 2))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def verify_signed(issuer_spki: bytes, der: bytes, sm2: SM2) -> None:
    """A certificate, request or revocation list (X.509 `SIGNED`) that must be signed by this key with SM2 over SM3.

    Raises InvalidSignature; ValueError: another form, key or algorithm; SM2Unavailable.
    """
    signed, algorithm, signature = _exactly(only_element(der, SEQUENCE), 3)
    # Real ones carry NULL or nothing beside the identifier; anything else would want to say something.
    if algorithm.encoded not in _SIGNED_WITH:
        raise ValueError("not signed with SM2 over SM3")
    sm2.verify(point_of(issuer_spki), signed.encoded, from_der(whole_bits(signature)))


def _says_yes(answer: int) -> bool:
    """1 is the only yes; 0 and the negative numbers of an error are none."""
    return answer == 1


def _in_range(number: int) -> int:
    if not 1 <= number < ORDER:
        raise ValueError("a number of the signature is out of range")
    return number


def _integer(number: int) -> bytes:
    value = number.to_bytes(number.bit_length() // 8 + 1, "big")
    return bytes((INTEGER, len(value))) + value


def _check_spki(spki: bytes) -> None:
    """What stands before the point has one form only."""
    if spki[: len(_SPKI)] != _SPKI:
        raise ValueError("no SubjectPublicKeyInfo of an SM2 key")


def _check_point(point: bytes) -> None:
    """A point of the curve in its uncompressed form, so never the one at infinity. The cofactor is 1."""
    if len(point) != 65 or point[0] != 4:
        raise ValueError("not the uncompressed form of a point")
    x, y = int.from_bytes(point[1:33], "big"), int.from_bytes(point[33:], "big")
    if x >= PRIME or y >= PRIME or (y * y - (x * x * x - 3 * x + _B)) % PRIME:
        raise ValueError("no point of the curve")


def _check_private(d: bytes) -> None:
    # GB/T 32918.1, 6.1: n - 1 has no inverse of 1 + d.
    if len(d) != 32 or not 1 <= int.from_bytes(d, "big") < ORDER - 1:
        raise ValueError("the private key is no number in 1..n-2")


def _exactly(parent: Element, count: int) -> list[Element]:
    found = list(children(parent))
    if len(found) != count:
        raise ValueError(f"not exactly {count} elements")
    return found


@contextmanager
def _params(point: bytes, d: bytes | None) -> Iterator[Any]:
    """OSSL_PARAM array of a key; what libcrypto read of the private key is wiped, Python's own copy cannot be."""
    private = ctypes.create_string_buffer(b"" if d is None else _native(d), 32)
    group, public = ctypes.create_string_buffer(b"SM2", 3), ctypes.create_string_buffer(point, len(point))
    rows = [(b"group", Kind.UTF8_STRING, group), (b"pub", Kind.OCTET_STRING, public)]
    if d is not None:
        rows.append((b"priv", Kind.UNSIGNED_INTEGER, private))
    array = (Param * (len(rows) + 1))()
    for row, (key, kind, data) in zip(array, rows, strict=False):
        row.key, row.data_type, row.data, row.data_size = key, kind, ctypes.addressof(data), len(data)
    try:
        yield array
    finally:
        ctypes.memset(private, 0, len(private))


def _native(d: bytes) -> bytes:
    """OSSL_PARAM holds numbers in the machine's own order."""
    return d if sys.byteorder == "big" else d[::-1]


#: GB/T 32918.5, annex A.
_ANSWER_MESSAGE: Final = b"message digest"
_ANSWER_KEY: Final = SM2Key(
    bytes.fromhex("3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8"),
    bytes.fromhex(
        "0409f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020"
        "ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13"
    ),
)
_ANSWER_SIGNATURE: Final = bytes.fromhex(
    "f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3"
    "b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa"
)

"""What stands in the place of the verification of signatures, for the runs without their defence."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from hashlib import sha256
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding

from certlogin.pki import signature as module
from certlogin.pki.certificate import UnverifiedCertificate
from certlogin.pki.signature import Algorithm
from certlogin.pki.sm2 import SM2, from_der
from certlogin.records.certificate import KeyType
from tests.pki import sm2_reference as reference

Replaced = Mapping[str, object]
Verify = Callable[[bytes, bytes], None]

_verifier: Final = module._verifier
_verify_rsa: Final = module._verify_rsa
_verify_ecdsa: Final = module._verify_ecdsa
_sm2_verify: Final = SM2.verify

_VERIFIER: Final = "certlogin.pki.signature._verifier"
_RSA: Final = "certlogin.pki.signature._verify_rsa"
_ECDSA: Final = "certlogin.pki.signature._verify_ecdsa"
_SM2: Final = "certlogin.pki.sm2.SM2.verify"


def _first_that_fits(verify: Verify, signed: bytes, signatures: Iterator[bytes]) -> None:
    for signature in signatures:
        with suppress(InvalidSignature, ValueError):
            return verify(signed, signature)
    raise InvalidSignature


def _by_the_key(certificate: UnverifiedCertificate, _: Algorithm, sm2: SM2 | None) -> Verify:
    fitting = [one for one, kind in module._KEY_TYPES.items() if kind is certificate.key.key_type]

    def verify(signed: bytes, signature: bytes) -> None:
        for algorithm in fitting:
            with suppress(InvalidSignature, ValueError):
                return _verifier(certificate, algorithm, sm2)(signed, signature)
        raise InvalidSignature

    return verify


def _pieces(signature: bytes, size: int) -> Iterator[bytes]:
    yield signature[:size]
    yield signature[-size:]
    yield signature[: size // 2] + signature[-size // 2 :]


def _cut_to_size(certificate: UnverifiedCertificate, algorithm: Algorithm, sm2: SM2 | None) -> Verify:
    key = certificate.key
    size = key.bits // 8 * (1 if key.key_type is KeyType.RSA else 2)
    verify = _verifier(certificate, algorithm, sm2)
    return lambda signed, signature: _first_that_fits(verify, signed, _pieces(signature, size))


def _sm2_cut_to_size(sm2: SM2, point: bytes, message: bytes, signature: bytes) -> None:
    _first_that_fits(lambda signed, one: _sm2_verify(sm2, point, signed, one), message, _pieces(signature, 64))


def _takes_der(key: Any, order: int, digest: hashes.HashAlgorithm, signed: bytes, signature: bytes) -> None:
    key.verify(signature, signed, ec.ECDSA(digest))


def _swaps(key: Any, order: int, digest: hashes.HashAlgorithm, signed: bytes, signature: bytes) -> None:
    half = len(signature) // 2
    _verify_ecdsa(key, order, digest, signed, signature[half:] + signature[:half])


def _reduces(key: Any, how: padding.AsymmetricPadding, signed: bytes, signature: bytes) -> None:
    number = int.from_bytes(signature, "big") % key.public_numbers().n
    _verify_rsa(key, how, signed, number.to_bytes(len(signature), "big"))


def _hashes_twice(key: Any, how: padding.AsymmetricPadding, signed: bytes, signature: bytes) -> None:
    _verify_rsa(key, how, sha256(signed).digest(), signature)


def sm2_over(digest: Callable[[bytes, bytes], bytes], *, ecdsa: bool = False) -> Replaced:
    """SM2 (or ECDSA on its curve) over another digest, of point and message."""
    fits = reference.ecdsa_fits if ecdsa else reference.fits_digest

    def verify(_: SM2, point: bytes, message: bytes, signature: bytes) -> None:
        r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
        if not fits(reference.decoded(point), int.from_bytes(digest(point, message), "big"), r, s):
            raise InvalidSignature

    return {_SM2: verify}


#: Nobody looks at signatures, and nobody at the kind of key either.
UNVERIFIED: Final[Replaced] = {_VERIFIER: lambda *_: lambda signed, signature: None}
ANY_KEY: Final[Replaced] = {"certlogin.pki.signature._check_key": lambda *_: None}
#: The key says what it was signed with, not the server.
BY_THE_KEY: Final[Replaced] = {**ANY_KEY, _VERIFIER: _by_the_key}
#: What is too long is cut, in front, behind or in the middle.
CUT_TO_SIZE: Final[Replaced] = {_VERIFIER: _cut_to_size}
SM2_CUT_TO_SIZE: Final[Replaced] = {_SM2: _sm2_cut_to_size}
#: The library's own form of r and s is taken in.
TAKES_DER: Final[Replaced] = {_ECDSA: _takes_der}
SM2_TAKES_DER: Final[Replaced] = {
    _SM2: lambda sm2, point, message, signature: _sm2_verify(sm2, point, message, from_der(signature))
}
SWAPPED: Final[Replaced] = {_ECDSA: _swaps}
MODULO_N: Final[Replaced] = {_RSA: _reduces}
HASHED_TWICE: Final[Replaced] = {_RSA: _hashes_twice}
#: Whatever libcrypto answers is a yes.
ANY_ANSWER: Final[Replaced] = {"certlogin.pki.sm2._says_yes": lambda _: True}
#: Neither the form of a signature is looked at, nor whether it fits.
SM2_UNVERIFIED: Final[Replaced] = {_SM2: lambda *_: None}
ANOTHER_ID: Final[Replaced] = {"certlogin.pki.sm2.SM2_ID": b"ALICE123@YAHOO.COM"}
ANY_POINT: Final[Replaced] = {"certlogin.pki.sm2._check_point": lambda _: None}


def padded_with(algorithm: Algorithm, how: padding.AsymmetricPadding) -> Replaced:
    return {"certlogin.pki.signature._PADDINGS": {algorithm: how}}


def rsa_over(digest: hashes.HashAlgorithm) -> Replaced:
    return {"certlogin.pki.signature._RSA_DIGEST": digest}


def ecdsa_over(algorithm: Algorithm, digest: hashes.HashAlgorithm) -> Replaced:
    return {"certlogin.pki.signature._CURVES": {algorithm: (module._CURVES[algorithm][0], digest)}}

"""Whether what a card's module returned is the signature that was asked for.

A module is a vendor's code: one that hands out another length, another key's signature or DER must not get as far as a
page, where nobody could tell it from a forgery.
"""

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import load_der_public_key


def check_signature(spki: bytes, algorithm: str, octets: bytes, signature: bytes) -> None:
    """Raises InvalidSignature; ValueError for another length than the key's, or an algorithm that is not its own."""
    try:
        key = load_der_public_key(spki)
    except UnsupportedAlgorithm as error:
        raise ValueError(str(error)) from None
    if isinstance(key, rsa.RSAPublicKey):
        _check_rsa(key, algorithm, octets, signature)
    elif isinstance(key, ec.EllipticCurvePublicKey):
        _check_curve(key, algorithm, octets, signature)
    else:
        raise ValueError("a kind of key that is not used here")


def _check_rsa(key: rsa.RSAPublicKey, algorithm: str, octets: bytes, signature: bytes) -> None:
    if len(signature) != (key.key_size + 7) // 8:
        raise ValueError("length")
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), hashes.SHA256.digest_size)
    key.verify(signature, octets, padding.PKCS1v15() if algorithm == "RS256" else pss, hashes.SHA256())


def _check_curve(key: ec.EllipticCurvePublicKey, algorithm: str, octets: bytes, signature: bytes) -> None:
    half = len(signature) // 2
    curve, digest = (ec.SECP384R1, hashes.SHA384()) if algorithm == "ES384" else (ec.SECP256R1, hashes.SHA256())
    if not isinstance(key.curve, curve) or len(signature) != 2 * ((key.key_size + 7) // 8):
        raise ValueError("length")
    r, s = int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big")
    try:
        key.verify(encode_dss_signature(r, s), octets, ec.ECDSA(digest))
    except ValueError:
        raise InvalidSignature from None

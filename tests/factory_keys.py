"""Keys of the test PKI and what they sign: RSA, P-256, P-384 and SM2. `factory.py` hands it all on.

Keys are made once per process and name: RSA keys are slow to make.
"""

from functools import cache

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from certlogin.pki.sm2 import SM2, SM2Key, spki, to_der

#: What `cryptography` knows.
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
AnyKey = PrivateKey | SM2Key
Hash = hashes.SHA256 | hashes.SHA384 | hashes.SHA512

SM2_SM3 = "1.2.156.10197.1.501"


@cache
def sm2() -> SM2:
    """The system's libcrypto, loaded once."""
    return SM2.load()


@cache
def key(name: str, key_type: str = "P-256") -> PrivateKey:
    """One key per (name, type): RSA-1024, RSA-2048, RSA-3072, P-256, P-384, P-521, secp256k1."""
    if key_type.startswith("RSA-"):
        return rsa.generate_private_key(65537, int(key_type[4:]))
    curves: dict[str, ec.EllipticCurve] = {
        "P-256": ec.SECP256R1(),
        "P-384": ec.SECP384R1(),
        "P-521": ec.SECP521R1(),
        "secp256k1": ec.SECP256K1(),
    }
    return ec.generate_private_key(curves[key_type])


@cache
def sm2_key(name: str) -> SM2Key:
    """One key per name, which keeps the names apart only."""
    return sm2().generate()


def any_key(name: str, key_type: str = "P-256") -> AnyKey:
    """The same, and SM2."""
    return sm2_key(name) if key_type == "SM2" else key(name, key_type)


def spki_of(private_key: AnyKey) -> bytes:
    if isinstance(private_key, SM2Key):
        return spki(private_key.point)
    return private_key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def algorithm_of(private_key: AnyKey) -> str:
    """What a helper with this key signs with, if it may."""
    if isinstance(private_key, SM2Key):
        return "SM2-SM3"
    if isinstance(private_key, rsa.RSAPrivateKey):
        return "RS256"
    return "ES384" if private_key.key_size == 384 else "ES256"


def sign(private_key: AnyKey, message: bytes, algorithm: str = "") -> bytes:
    """As the helper does; `algorithm` is what fits the key unless PS256 or a wrong one is asked for.

    PKCS#1 v1.5 or PSS with SHA-256; ECDSA with SHA-256 or SHA-384 and SM2 as fixed r||s.
    """
    chosen = algorithm or algorithm_of(private_key)
    if isinstance(private_key, SM2Key):
        return sm2().sign(private_key, message)
    if isinstance(private_key, rsa.RSAPrivateKey):
        how = padding.PSS(padding.MGF1(hashes.SHA256()), 32) if chosen == "PS256" else padding.PKCS1v15()
        return private_key.sign(message, how, hashes.SHA256())
    digest = hashes.SHA384() if chosen == "ES384" else hashes.SHA256()
    r, s = decode_dss_signature(private_key.sign(message, ec.ECDSA(digest)))
    size = (private_key.key_size + 7) // 8
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def sign_der(private_key: AnyKey, message: bytes, digest: hashes.HashAlgorithm | None = None) -> bytes:
    """A signature as X.509 has it: PKCS#1 v1.5, or a DER SEQUENCE of r and s."""
    chosen = digest or hashes.SHA256()
    if isinstance(private_key, SM2Key):
        return to_der(sm2().sign(private_key, message))
    if isinstance(private_key, rsa.RSAPrivateKey):
        return private_key.sign(message, padding.PKCS1v15(), chosen)
    return private_key.sign(message, ec.ECDSA(chosen))

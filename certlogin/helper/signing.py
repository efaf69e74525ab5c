"""The only two things a key of the user ever signs: a payload and a certificate request, both built here.

Pure but for the randomness inside ECDSA. There is no function that takes a hash or bytes from outside (1).
"""

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import CertificateSigningRequestBuilder, Name
from cryptography.x509.oid import AttributeOID

from certlogin.helper.origins import Origin
from certlogin.wire.helper import helper_proof_bytes
from certlogin.wire.payload import SignedPayload, signed_bytes

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def sign_payload(key: PrivateKey, payload: SignedPayload) -> bytes:
    """Prefix 0x00 payload, hashed here; the prefix follows from the payload's own purpose."""
    message = signed_bytes(payload.to_bytes(), payload.purpose)
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(message, padding.PKCS1v15(), hashes.SHA256())
    return _sign_p256(key, message)


def sign_helper_proof(key: ec.EllipticCurvePrivateKey, origin: Origin, challenge: bytes) -> bytes:
    """Proves to the page that this is the helper it paired with. `key` is the helper's, never the user's."""
    return _sign_p256(key, helper_proof_bytes(origin.text, challenge))


def build_request(key: PrivateKey, challenge: str) -> bytes:
    """PKCS#10 with the challenge in challengePassword and no subject: who the certificate is for, the CA knows."""
    builder = CertificateSigningRequestBuilder().subject_name(Name([]))
    builder = builder.add_attribute(AttributeOID.CHALLENGE_PASSWORD, challenge.encode("ascii"))
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def public_bytes(key: PrivateKey) -> bytes:
    """SubjectPublicKeyInfo, DER."""
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _sign_p256(key: ec.EllipticCurvePrivateKey, message: bytes) -> bytes:
    r, s = decode_dss_signature(key.sign(message, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")

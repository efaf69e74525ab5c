"""The only two things a key of the user ever signs: a payload and a certificate request, both built here.

Whatever holds the key (a file, a card) is handed a `Built` and the name of an algorithm; nothing else makes a `Built`.
There is no function that takes a hash or bytes from outside (1).
"""

from dataclasses import dataclass
from typing import Final, Protocol

from asn1crypto import algos, core, csr, keys, x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from certlogin.helper.origins import Origin
from certlogin.wire.helper import helper_proof_bytes
from certlogin.wire.payload import SignedPayload, signed_bytes

#: SignatureAlgorithm of a request, by the algorithm that signed it: RFC 4055 5, RFC 5758 3.2, GM/T 0006. The parameters
#: are NULL for RSA and absent for the others.
_REQUEST_ALGORITHMS: Final = {
    "RS256": "1.2.840.113549.1.1.11",
    "ES256": "1.2.840.10045.4.3.2",
    "ES384": "1.2.840.10045.4.3.3",
    "SM2-SM3": "1.2.156.10197.1.501",
}


@dataclass(frozen=True, slots=True)
class Built:
    """Octets to be signed that were built in this module."""

    octets: bytes


class Signer(Protocol):
    """A private key, wherever it is."""

    @property
    def public_key(self) -> bytes:
        """SubjectPublicKeyInfo, DER."""
        ...

    @property
    def request_algorithm(self) -> str:
        """What it signs requests with: one of RS256, ES256, ES384, SM2-SM3."""
        ...

    def sign(self, built: Built, algorithm: str) -> bytes:
        """PKCS#1 v1.5 or PSS for RSA, fixed r‖s else. Raises NoCertificate when it cannot do the algorithm."""
        ...


def sign_payload(key: Signer, payload: SignedPayload) -> bytes:
    """Prefix 0x00 payload; prefix and algorithm follow from the payload itself."""
    return key.sign(Built(signed_bytes(payload.to_bytes(), payload.purpose)), payload.alg)


def build_request(key: Signer, challenge: str) -> bytes:
    """PKCS#10 with the challenge in challengePassword and no subject: who the certificate is for, the CA knows."""
    information = _request_information(key.public_key, challenge)
    algorithm = key.request_algorithm
    signature = key.sign(Built(information.dump()), algorithm)
    request = csr.CertificationRequest(
        {
            "certification_request_info": information,
            "signature_algorithm": _request_algorithm(algorithm),
            "signature": signature if algorithm == "RS256" else to_der(signature),
        }
    )
    return bytes(request.dump())


def sign_helper_proof(key: ec.EllipticCurvePrivateKey, origin: Origin, challenge: bytes) -> bytes:
    """Proves to the page that this is the helper it paired with. `key` is the helper's, never the user's."""
    r, s = decode_dss_signature(key.sign(helper_proof_bytes(origin.text, challenge), ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def to_der(signature: bytes) -> bytes:
    """SEQUENCE { r, s } of r‖s: how X.509 writes it (RFC 5480; GM/T 0009 for SM2)."""
    half = len(signature) // 2
    return encode_dss_signature(int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big"))


def _request_information(public_key: bytes, challenge: str) -> csr.CertificationRequestInfo:
    text = x509.DirectoryString(name="utf8_string", value=core.UTF8String(challenge))
    attribute = csr.CRIAttribute({"type": "challenge_password", "values": [text]})
    return csr.CertificationRequestInfo(
        {
            "version": "v1",
            "subject": x509.Name(name="", value=x509.RDNSequence([])),
            "subject_pk_info": keys.PublicKeyInfo.load(public_key),
            "attributes": [attribute],
        }
    )


def _request_algorithm(algorithm: str) -> algos.SignedDigestAlgorithm:
    oid = algos.SignedDigestAlgorithmId(_REQUEST_ALGORITHMS[algorithm])
    parameters = {"parameters": core.Null()} if algorithm == "RS256" else {}
    return algos.SignedDigestAlgorithm({"algorithm": oid, **parameters})

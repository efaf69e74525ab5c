"""What it costs to judge a proof: signature, path, revocation from memory. `python -m benchmarks.verification`

For each kind of key: the raw signature check alone; all raw checks that a certificate never seen needs (proof, leaf,
issuing CA); the proof as a login judges it; and, where it can, pyhanko-certvalidator on the same path and lists.
"""

import asyncio
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from asn1crypto import x509
from pyhanko_certvalidator import CertificateValidator, ValidationContext
from pyhanko_certvalidator.errors import PathBuildingError, ValidationError

from benchmarks.measure import Row, measured, refuse_if, say
from certlogin.errors import Refusal
from certlogin.login.proof import UnverifiedProof, accept_proof, check_proof
from certlogin.pki.certificate import read_certificate
from certlogin.pki.path import Trust
from certlogin.pki.signature import Algorithm, offered, verify_signature
from tests.factory import NOW, PKI, Issued, make_pki, sign, sm2
from tests.login.signing import BINDING, EXPECTED, KEYS, challenge, payload_of, sign_proof

#: Kind of key, of authorities and unit; the algorithm of the proof.
KINDS = (("P-256", "ES256"), ("RSA-2048", "RS256"), ("SM2", "SM2-SM3"))
MESSAGE = b"message"


def main() -> int:
    for key_type, algorithm in KINDS:
        say(_verification(key_type, algorithm))
    return 0


def _verification(key_type: str, algorithm: str) -> Row:
    pki = make_pki(key_type)
    leaf = pki.issuing.issue(key_type=key_type)
    trust = replace(pki.trust(), sm2=sm2())
    proof = _proof(leaf, algorithm)
    judge = _judging(proof, trust)
    _controls(pki, leaf, proof, trust)
    raw = _raw(leaf, algorithm)
    paths: dict[str, Callable[[], object]] = {
        "raw signature check": raw,
        "raw checks of proof, leaf and issuing CA": lambda: (raw(), raw(), raw()),
        "proof: signature, path, revocation, identity": judge,
    }
    if key_type != "SM2":
        paths["pyhanko-certvalidator: path and revocation"] = _pyhanko(pki, leaf.der)
    return measured(f"a proof with {key_type}", paths, calls=30)


def _proof(leaf: Issued, algorithm: str) -> UnverifiedProof:
    binding = replace(BINDING, algorithms=offered(sm2()))
    return sign_proof(payload_of(leaf, nonce=challenge(binding), alg=algorithm), leaf)


def _judging(proof: UnverifiedProof, trust: Trust) -> Callable[[], object]:
    expected = replace(EXPECTED, binding=replace(BINDING, algorithms=offered(sm2())))
    return lambda: accept_proof(check_proof(proof, expected, NOW, KEYS), trust, NOW)


def _raw(leaf: Issued, algorithm: str) -> Callable[[], object]:
    """The check as the login calls it, on a certificate that was read: no proof, no path."""
    read, signature, verifier = read_certificate(leaf.der), sign(leaf.key, MESSAGE, algorithm), sm2()
    return lambda: verify_signature(read, Algorithm(algorithm), MESSAGE, signature, verifier)


def _pyhanko(pki: PKI, leaf: bytes) -> Callable[[], None]:
    """Everything read once, as far as it allows: a context keeps what it has found, so each run has a new one."""
    lists = list(pki.crls())

    def validate() -> None:
        context = ValidationContext(
            trust_roots=[x509.Certificate.load(pki.root.der)],
            other_certs=[x509.Certificate.load(pki.issuing.der)],
            moment=NOW,
            crls=lists,
            revocation_mode="require",
            time_tolerance=timedelta(0),
        )
        validator = CertificateValidator(x509.Certificate.load(leaf), [], context)
        asyncio.run(validator.async_validate_usage({"digital_signature"}, {"client_auth"}, extended_optional=True))  # type: ignore[no-untyped-call]

    return validate


def _controls(pki: PKI, leaf: Issued, proof: UnverifiedProof, trust: Trust) -> None:
    forged = replace(proof, signature=proof.signature[:-1] + bytes([proof.signature[-1] ^ 1]))
    revoked = pki.crls([read_certificate(leaf.der).serial])
    refuse_if(_accepts(_judging(forged, trust)), "a changed signature was accepted")
    told = replace(pki.trust(crls_der=revoked), sm2=sm2())
    refuse_if(_accepts(_judging(proof, told)), "a revoked certificate was accepted")
    _judging(proof, trust)()


def _accepts(judge: Callable[[], Any]) -> bool:
    try:
        judge()
    except (Refusal, ValidationError, PathBuildingError):
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())

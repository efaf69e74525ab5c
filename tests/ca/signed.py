"""Whose signature stands under a certificate, request or list, judged without the code that made it."""

import subprocess
from pathlib import Path
from shutil import which

import pytest
from asn1crypto.keys import PublicKeyInfo
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from certlogin.pki.der import children, only_element
from tests.pki import sm2_reference

#: DER of the three algorithm identifiers; NULL stands beside RSA's only (RFC 4055 5, RFC 5758 3.2).
ALGORITHMS = {
    "RSA-2048": bytes.fromhex("300d06092a864886f70d01010b0500"),
    "P-256": bytes.fromhex("300a06082a8648ce3d040302"),
    "SM2": bytes.fromhex("300a06082a811ccf55018375"),
}


def algorithms(der: bytes) -> tuple[bytes, bytes]:
    """Of a certificate or list: inside and outside the signed part."""
    body, algorithm, _ = children(only_element(der, 0x30))
    inner = next(one for one in children(body) if one.tag == 0x30)
    return inner.encoded, algorithm.encoded


def is_signed_by(der: bytes, spki: bytes) -> bool:
    body, algorithm, signature = children(only_element(der, 0x30))
    octets = signature.value[1:]
    if algorithm.encoded == ALGORITHMS["SM2"]:
        r, s = (int.from_bytes(number.value) for number in children(only_element(octets, 0x30)))
        point = bytes(PublicKeyInfo.load(spki)["public_key"])
        return sm2_reference.fits(point, body.encoded, sm2_reference.raw(r, s))
    key = load_der_public_key(spki)
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(octets, body.encoded, padding.PKCS1v15(), hashes.SHA256())
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(octets, body.encoded, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def openssl(*arguments: str | Path) -> str:
    """What the command prints; it fails the test with its complaint, or skips it where there is no OpenSSL 3."""
    program = which("openssl")
    if program is None:
        pytest.skip("openssl is not installed")
    name, version = subprocess.run([program, "version"], capture_output=True, check=True, text=True).stdout.split()[:2]
    if name != "OpenSSL" or int(version.split(".")[0]) < 3:
        pytest.skip(f"{name} {version} cannot verify SM2; OpenSSL 3 is needed")
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout

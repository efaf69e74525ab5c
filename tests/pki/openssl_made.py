"""Certificates that `cryptography` does not build, made by the `openssl` command: SHA-1, MD5, RSA-1024, odd curves."""

import subprocess
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.factory import DAY, NOW, Authority, Issued
from tests.factory_keys import PrivateKey, key

_CONFIGURATION: Final = """
[ca]
default_ca = made
[made]
new_certs_dir = .
database = index
rand_serial = yes
policy = anything
unique_subject = no
x509_extensions = extensions
[anything]
commonName = supplied
[extensions]
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""
LEAF: Final = "keyUsage = critical, digitalSignature\nextendedKeyUsage = clientAuth\n"
CA: Final = "basicConstraints = critical, CA:TRUE\nkeyUsage = critical, keyCertSign, cRLSign\n"


def issue(
    directory: Path,
    issuer: Authority,
    subject_key: PrivateKey | Path,
    *,
    digest: str = "sha256",
    extensions: str = LEAF,
) -> bytes:
    """The DER of a certificate below `issuer`, whatever key and digest. A path names a key file that is there."""
    names = {"issuer.pem": issuer.pem, "issuer.key": _pem(issuer.key), "index": b""}
    names["ca.cnf"] = (_CONFIGURATION + extensions).encode()
    if not isinstance(subject_key, Path):
        names["subject.key"] = _pem(subject_key)
    for name, content in names.items():
        (directory / name).write_bytes(content)
    own = subject_key.name if isinstance(subject_key, Path) else "subject.key"
    run(directory, "req", "-new", "-key", own, "-subj", "/CN=made by openssl", "-out", "request.pem")
    run(
        directory, "ca", "-batch", "-notext", "-config", "ca.cnf", "-cert", "issuer.pem", "-keyfile", "issuer.key",
        "-md", digest, "-in", "request.pem", "-out", "made.pem",
        "-startdate", _time(NOW - 30 * DAY), "-enddate", _time(NOW + 335 * DAY),
    )  # fmt: skip
    return x509.load_pem_x509_certificate((directory / "made.pem").read_bytes()).public_bytes(Encoding.DER)


def authority(directory: Path, issuer: Authority, *, digest: str) -> Authority:
    """A CA below `issuer`."""
    own = key(f"authority {digest}", "RSA-2048")
    der = issue(directory, issuer, own, digest=digest, extensions=CA)
    return Authority(x509.load_der_x509_certificate(der), own)


def leaf(directory: Path, issuer: Authority, subject_key: PrivateKey, **changes: str) -> Issued:
    return Issued(x509.load_der_x509_certificate(issue(directory, issuer, subject_key, **changes)), subject_key)


def run(directory: Path, *arguments: str) -> None:
    done = subprocess.run(["openssl", *arguments], cwd=directory, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _pem(private_key: object) -> bytes:
    assert hasattr(private_key, "private_bytes")
    pem: bytes = private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem


def _time(moment: datetime) -> str:
    return moment.strftime("%y%m%d%H%M%SZ")

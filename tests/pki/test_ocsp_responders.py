"""Answers of real responders: the `openssl` command, SM2 with SM3 included, and the one of `cryptography` (S24)."""

import base64
import subprocess
import textwrap
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import ocsp

from certlogin.pki.certificate import read_certificate
from certlogin.pki.ocsp import Answer, Status, ocsp_request, verify_response
from certlogin.pki.ocsp_reader import UnusableAnswer, read_response
from certlogin.pki.sm2 import SM2Key, pkcs8
from tests.factory import NOW, Authority, Issued, make_pki, root, sm2
from tests.pki.answers import delegate

#: The command reads the machine's clock; these are good whatever it says.
FIRST, LAST = datetime(2020, 1, 1, tzinfo=UTC), datetime(2120, 1, 1, tzinfo=UTC)
MAX_AGE = timedelta(days=1)
TYPES = ["P-256", "RSA-2048", "SM2"]


def authority(key_type: str) -> Authority:
    return root(f"Real {key_type}", key_type, not_before=FIRST, not_after=LAST)


def pem(label: str, der: bytes) -> bytes:
    lines = "\n".join(textwrap.wrap(base64.b64encode(der).decode(), 64))
    return f"-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n".encode()


def private(issued: Issued) -> bytes:
    if isinstance(issued.key, SM2Key):
        return pem("PRIVATE KEY", pkcs8(issued.key))
    return issued.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def ask(folder: Path, ca: Authority, signer: Issued, request: bytes, line: str, *options: str) -> bytes:
    """What the `openssl` command answers from this line of its database."""
    files = {"ca.pem": ca.pem, "signer.pem": signer.pem, "signer.key": private(signer), "request.der": request}
    for name, content in files.items():
        (folder / name).write_bytes(content)
    (folder / "index.txt").write_text(line)
    sm3 = ("-rmd", "sm3", "-rsigopt", "distid:1234567812345678") if isinstance(signer.key, SM2Key) else ()
    command = [
        "openssl", "ocsp", "-index", "index.txt", "-CA", "ca.pem", "-rsigner", "signer.pem", "-rkey", "signer.key",
        "-reqin", "request.der", "-respout", "response.der", *sm3, *options,
    ]  # fmt: skip
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=60)
    return (folder / "response.der").read_bytes()


def judged(der: bytes, ca: Authority) -> Answer:
    """The only answer, at its own time."""
    (single,) = read_response(der).singles
    (found,) = verify_response(der, [read_certificate(ca.der)], single.this_update, MAX_AGE, sm2())
    assert found.serial == single.certificate.serial
    return found.answer


LINES = {
    Status.GOOD: "V\t210101000000Z\t\t{serial}\tunknown\t/CN=leaf\n",
    Status.REVOKED: "R\t210101000000Z\t200301000000Z,keyCompromise\t{serial}\tunknown\t/CN=leaf\n",
    Status.UNKNOWN: "V\t210101000000Z\t\t{serial}00\tunknown\t/CN=leaf\n",
}


@pytest.mark.parametrize("key_type", TYPES)
@pytest.mark.parametrize("status", LINES)
def test_the_openssl_command_answers(tmp_path: Path, key_type: str, status: Status) -> None:
    ca = authority(key_type)
    leaf = ca.issue(key_type=key_type, not_before=FIRST, not_after=LAST)
    request = ocsp_request(read_certificate(leaf.der), read_certificate(ca.der))
    line = LINES[status].format(serial=f"{leaf.serial:040X}")
    found = judged(ask(tmp_path, ca, ca, request, line, "-ndays", "1"), ca)
    assert (found.status, found.delegate, found.until - found.this_update) == (status, None, timedelta(days=1))
    if status is Status.REVOKED:
        assert found.revoked_at == datetime(2020, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize("key_type", TYPES)
@pytest.mark.parametrize("by_key", [False, True])
def test_a_delegate_answers_by_the_openssl_command(tmp_path: Path, key_type: str, by_key: bool) -> None:
    ca = authority(key_type)
    leaf = ca.issue(key_type=key_type, not_before=FIRST, not_after=LAST)
    signer = delegate(ca, key_type=key_type, not_before=FIRST, not_after=LAST)
    request = ocsp_request(read_certificate(leaf.der), read_certificate(ca.der))
    line = LINES[Status.GOOD].format(serial=f"{leaf.serial:040X}")
    options = ("-resp_key_id",) if by_key else ()
    der = ask(tmp_path, ca, signer, request, line, *options)
    found = judged(der, ca)
    # Without -ndays it gives no nextUpdate.
    assert (found.status, found.delegate, found.until - found.this_update) == (Status.GOOD, signer.serial, MAX_AGE)
    with pytest.raises(UnusableAnswer):
        judged(ask(tmp_path, ca, signer, request, line, "-badsig", *options), ca)


@pytest.mark.parametrize("status", ocsp.OCSPCertStatus)
@pytest.mark.parametrize("key_type", ["P-256", "RSA-2048"])
def test_the_builder_of_cryptography_answers(key_type: str, status: ocsp.OCSPCertStatus) -> None:
    ca = make_pki(key_type).issuing
    leaf, signer = ca.issue(), delegate(ca, key_type=key_type)
    is_revoked = status is ocsp.OCSPCertStatus.REVOKED
    builder = ocsp.OCSPResponseBuilder().add_response(
        leaf.certificate, ca.certificate, hashes.SHA256(), status, NOW, NOW + MAX_AGE,
        NOW - MAX_AGE if is_revoked else None, x509.ReasonFlags.key_compromise if is_revoked else None,
    )  # fmt: skip
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, signer.certificate)
    assert not isinstance(signer.key, SM2Key)
    built = builder.certificates([signer.certificate]).sign(signer.key, hashes.SHA384())
    assert judged(built.public_bytes(Encoding.DER), ca).status.name == status.name

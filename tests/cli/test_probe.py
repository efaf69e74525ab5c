"""`certlogin probe-signature`: one sample in, what fits out, and the exit code for scripts."""

import base64
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from certlogin.cli.main import main
from certlogin.pki.sm2 import to_der
from tests.factory import Issued, make_pki
from tests.pki.cms_writer import CFCA, Message
from tests.probe import samples
from tests.probe.samples import TEXT, leaf


@dataclass
class Bench:
    folder: Path
    capsys: pytest.CaptureFixture[str]

    def run(self, signer: Issued, signature: str, text: str, *more: str) -> tuple[int, str, str]:
        (self.folder / "leaf.pem").write_bytes(signer.pem)
        words = ["--certificate", str(self.folder / "leaf.pem"), "--signature", signature, "--text", text, *more]
        code = main(["probe-signature", *words])
        captured = self.capsys.readouterr()
        return code, captured.out, captured.err

    def file(self, name: str, data: bytes) -> str:
        (self.folder / name).write_bytes(data)
        return str(self.folder / name)


@pytest.fixture
def bench(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Bench:
    return Bench(tmp_path, capsys)


def text_of(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


def test_what_fits_is_named_with_what_to_configure(bench: Bench) -> None:
    """As BJCA's helper gives it: base64 of DER, over the text of a base64 random, which nobody decoded."""
    code, out, err = bench.run(leaf("SM2"), text_of(to_der(samples.sm2_signed(TEXT))), TEXT.decode())
    assert (code, err) == (0, "")
    assert out.splitlines()[1:] == [
        "",
        "signature    base64: DER",
        "signed       the text as given",
        "hash         SM3; with Z and the user id 1234567812345678",
        'certlogin    a login may accept it: format "text", algorithm "SM2-SM3"',
    ]
    assert out.startswith("certificate  SM2; ")


def test_what_no_login_accepts_is_named_with_what_to_ask_for(bench: Bench) -> None:
    code, out, _ = bench.run(leaf("SM2"), samples.sm2_without_z(samples.DECODED).hex(), TEXT.decode())
    assert code == 0
    assert "hash         SM3; no Z" in out
    assert "signed       the octets that the text stands for as base64" in out
    assert "certlogin    a login does not accept SM3, no Z: have the helper sign SM3 with Z" in out
    assert "certlogin    a login verifies the text itself" in out


def test_signature_and_text_may_be_files(bench: Bench) -> None:
    signature = bench.file("signature.bin", samples.pkcs1(TEXT)[::-1])
    code, out, _ = bench.run(leaf("RSA-2048"), signature, bench.file("text.txt", TEXT + b"\n"))
    assert code == 0
    assert "in reverse, as CryptoAPI gives them" in out
    assert "the text without the line end at its end" in out


def test_a_message_is_recognised(bench: Bench) -> None:
    message = Message(leaf("SM2"), TEXT, attached=False, **CFCA).der
    code, out, _ = bench.run(leaf("SM2"), bench.file("message.p7s", message), TEXT.decode())
    assert code == 0
    assert "CMS SignedData, detached, without signed attributes" in out
    assert 'format "cms", algorithm "SM2-SM3"' in out


def test_a_user_id_is_tried_where_it_is_given(bench: Bench) -> None:
    signature = samples.sm2_signed(TEXT, b"ALICE123@YAHOO.COM").hex()
    assert bench.run(leaf("SM2"), signature, TEXT.decode())[0] == 1
    code, out, _ = bench.run(leaf("SM2"), signature, TEXT.decode(), "--id", "bob", "--id", "ALICE123@YAHOO.COM")
    assert code == 0
    assert "with Z and the user id ALICE123@YAHOO.COM" in out
    assert "a login does not accept" in out


def test_json_says_the_same(bench: Bench) -> None:
    code, out, _ = bench.run(leaf("P-256"), text_of(samples.ecdsa_over(bytes(32))), bytes(32).hex(), "--json")
    assert code == 0
    found = json.loads(out)
    assert (found["found"], found["key"], found["hints"]) == (True, "ECDSA, secp256r1", [])
    (finding,) = found["findings"]
    assert finding["accepted"] is False
    assert finding["algorithm"] is None
    assert finding["digest"] == "none: the octets themselves are the digest"
    assert len(finding["advice"]) == 2


def test_where_nothing_fits_the_exit_code_is_1(bench: Bench) -> None:
    code, out, err = bench.run(leaf("RSA-2048"), text_of(samples.pkcs1(b"other")), TEXT.decode())
    assert (code, err) == (1, "")
    assert "nothing fits" in out
    assert "hint         base64, 256 octets: this key made it" in out
    code, out, _ = bench.run(leaf("RSA-2048"), text_of(samples.pkcs1(b"other")), TEXT.decode(), "--json")
    assert code == 1
    assert json.loads(out)["found"] is False


@pytest.mark.parametrize("signature", ["", "not base64!", "签名"])
def test_a_signature_that_stands_for_nothing_is_unusable(bench: Bench, signature: str) -> None:
    code, out, err = bench.run(leaf("SM2"), signature, TEXT.decode())
    assert (code, out) == (2, "")
    assert err.startswith("certlogin: configuration_error: the signature is ")


def test_a_certificate_that_is_none_is_unusable(bench: Bench) -> None:
    given = ["--signature", "00", "--text", "x"]
    assert main(["probe-signature", "--certificate", bench.file("x.pem", b"none"), *given]) == 2
    assert main(["probe-signature", "--certificate", str(bench.folder / "missing.pem"), *given]) == 2
    assert main(["probe-signature", "--certificate", bench.file("large.pem", bytes(1 << 20) + b"x"), *given]) == 2
    assert len(bench.capsys.readouterr().err.splitlines()) == 3


def test_a_library_that_cannot_be_loaded_is_told(bench: Bench) -> None:
    library = bench.file("libcrypto.so", b"none")
    code, _, err = bench.run(leaf("SM2"), "00", TEXT.decode(), "--sm2-library", library)
    assert code == 1
    assert "sm2_unavailable" in err


def test_without_libcrypto_signatures_are_probed_all_the_same(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("certlogin.pki.libcrypto.NAMES", ("libcrypto-missing.so",))
    assert bench.run(leaf("SM2"), samples.sm2_signed(TEXT).hex(), TEXT.decode())[0] == 0


def test_an_argument_that_is_no_name_of_a_file_is_text(bench: Bench) -> None:
    for text in ("a" * 5000, "a\0b"):
        assert bench.run(leaf("SM2"), samples.sm2_signed(text.encode()).hex(), text)[0] == 0


def test_a_certificates_text_cannot_write_to_the_terminal(bench: Bench) -> None:
    signer = make_pki().issuing.issue(common_name="\x1b[2J", key_type="SM2", key_name="probed")
    _, out, _ = bench.run(signer, samples.sm2_signed(TEXT).hex(), TEXT.decode())
    assert "\x1b" not in out


#: All that a site and its helper load.
_ROOMS = "certlogin.app, certlogin.portal.routes, certlogin.helper.service, certlogin.ca.server"


def test_no_room_of_a_login_loads_the_probe() -> None:
    """An import contract says so for each file; this is what is loaded."""
    script = f"import sys, {_ROOMS}\nprint([name for name in sys.modules if name.startswith('certlogin.probe')])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

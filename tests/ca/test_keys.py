"""The CA's key at rest."""

from pathlib import Path
from secrets import token_bytes

import pytest
from asn1crypto import keys, pem
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from certlogin.ca.embedded import open_signer
from certlogin.ca.keys import ITERATIONS, check_passphrase, open_key, seal_key
from certlogin.ca.signing import KEY_TYPES
from certlogin.errors import ConfigurationError
from tests.ca.house import ITERATIONS as FEW
from tests.ca.house import PASSPHRASE, House, ca_key
from tests.ca.signed import openssl
from tests.factory import key, make_pki


@pytest.mark.parametrize("key_type", KEY_TYPES)
@pytest.mark.parametrize("passphrase", [PASSPHRASE, "中文口令，十二个字以上才可以", "x" * 1023])
def test_a_key_is_opened_with_its_passphrase_only(tmp_path: Path, key_type: str, passphrase: str) -> None:
    file = tmp_path / "key"
    file.write_bytes(seal_key(ca_key("ca", key_type), passphrase, token_bytes, FEW))
    assert open_key(file, passphrase).spki == ca_key("ca", key_type).spki
    for wrong in (passphrase + " ", passphrase[:-1], "x"):
        with pytest.raises(ConfigurationError, match="passphrase is wrong"):
            open_key(file, wrong)


def test_a_guess_at_the_passphrase_costs_what_is_said() -> None:
    _, _, der = pem.unarmor(seal_key(ca_key("ca", "P-256"), PASSPHRASE, token_bytes))
    algorithm = keys.EncryptedPrivateKeyInfo.load(der)["encryption_algorithm"]
    assert algorithm.kdf == "pbkdf2"
    assert algorithm.kdf_hmac == "sha256"
    assert algorithm.kdf_iterations == ITERATIONS >= 600_000
    assert algorithm.encryption_cipher == "aes"
    assert algorithm.key_length == 32


def test_salt_and_start_are_random(tmp_path: Path) -> None:
    asked: list[int] = []

    def random(count: int) -> bytes:
        asked.append(count)
        return bytes([len(asked)]) * count

    first, second = (seal_key(ca_key("ca", "P-256"), PASSPHRASE, random, FEW) for _ in range(2))
    assert asked == [16, 16, 16, 16]
    assert first != second


@pytest.mark.parametrize("key_type", KEY_TYPES)
def test_openssl_opens_it(tmp_path: Path, key_type: str) -> None:
    file = tmp_path / "key"
    file.write_bytes(seal_key(ca_key("ca", key_type), PASSPHRASE, token_bytes, FEW))
    printed = openssl("pkey", "-in", file, "-passin", f"pass:{PASSPHRASE}", "-pubout")
    assert pem.unarmor(printed.encode())[2] == ca_key("ca", key_type).spki


@pytest.mark.parametrize("key_type", KEY_TYPES)
@pytest.mark.parametrize("how", [["-v2prf", "hmacWithSHA1"], ["-v2", "aes-128-cbc", "-v2prf", "hmacWithSHA512"]])
def test_what_openssl_encrypts_is_opened(tmp_path: Path, key_type: str, how: list[str]) -> None:
    clear, file = tmp_path / "clear", tmp_path / "key"
    clear.write_bytes(pem.armor("PRIVATE KEY", ca_key("ca", key_type).pkcs8()))
    openssl("pkcs8", "-topk8", "-in", clear, "-passout", f"pass:{PASSPHRASE}", "-iter", "7", "-out", file, *how)
    assert open_key(file, PASSPHRASE).spki == ca_key("ca", key_type).spki


@pytest.mark.parametrize("how", [["-v2", "des3"], ["-v1", "PBE-SHA1-3DES"], ["-scrypt", "-scrypt_N", "16"]])
def test_another_encryption_is_refused(tmp_path: Path, how: list[str]) -> None:
    clear, file = tmp_path / "clear", tmp_path / "key"
    clear.write_bytes(pem.armor("PRIVATE KEY", ca_key("ca", "P-256").pkcs8()))
    openssl("pkcs8", "-topk8", "-in", clear, "-passout", f"pass:{PASSPHRASE}", "-out", file, *how)
    with pytest.raises(ConfigurationError, match="no encrypted PKCS#8 key"):
        open_key(file, PASSPHRASE)


@pytest.mark.parametrize("key_type", ["P-256", "SM2"])
@settings(deadline=None)
@given(place=st.integers(0), octet=st.integers(1, 255))
def test_a_damaged_key_is_not_used(
    tmp_path_factory: pytest.TempPathFactory, key_type: str, place: int, octet: int
) -> None:
    sealed = seal_key(ca_key("ca", key_type), PASSPHRASE, lambda count: b"\xa5" * count, FEW)
    changed = bytearray(pem.unarmor(sealed)[2])
    place %= len(changed)
    # More iterations would only take longer.
    assume(changed[place] != FEW)
    changed[place] ^= octet
    file = tmp_path_factory.mktemp("ca") / "key"
    file.write_bytes(pem.armor("ENCRYPTED PRIVATE KEY", bytes(changed)))
    with pytest.raises(ConfigurationError):
        open_key(file, PASSPHRASE)


def test_a_key_in_the_clear_is_not_used(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(key("ca").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(ConfigurationError, match="is not encrypted"):
        open_key(file, PASSPHRASE)


def test_what_is_no_such_key_is_named(tmp_path: Path) -> None:
    file = tmp_path / "key"
    with pytest.raises(ConfigurationError, match="No such file"):
        open_key(file, PASSPHRASE)
    file.write_bytes(b"garbage")
    with pytest.raises(ConfigurationError, match="no encrypted PKCS#8 key"):
        open_key(file, PASSPHRASE)
    with pytest.raises(ConfigurationError, match="CERTLOGIN_CA_PASSPHRASE"):
        open_key(file, "")
    sealing = BestAvailableEncryption(PASSPHRASE.encode())
    file.write_bytes(ed25519.Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, sealing))
    with pytest.raises(ConfigurationError, match="no SM2, RSA or EC key"):
        open_key(file, PASSPHRASE)


@pytest.mark.parametrize("passphrase", ["", "x" * 11, "x" * 1024, "中" * 342, "x" * 12 + "\udcff"])
def test_a_new_passphrase_has_bounds(passphrase: str) -> None:
    with pytest.raises(ConfigurationError):
        check_passphrase(passphrase)


def test_the_key_of_another_certificate_is_refused(house: House) -> None:
    files = house.files
    with pytest.raises(ConfigurationError, match="is not the key of"):
        open_signer(files.root, files.issuing_key, PASSPHRASE)


@pytest.mark.parametrize("content", [b"", b"garbage", b"\x30\x00"])
def test_a_certificate_file_holds_one_certificate(house: House, content: bytes) -> None:
    house.files.issuing.write_bytes(content)
    with pytest.raises(ConfigurationError, match="is not one certificate"):
        house.open()
    house.files.issuing.write_bytes(make_pki().root.der)
    with pytest.raises(ConfigurationError, match="is not the key of"):
        house.open()
    house.files.issuing.unlink()
    with pytest.raises(ConfigurationError, match="No such file"):
        house.open()

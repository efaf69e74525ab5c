"""A CA's private key at rest: PKCS#8, encrypted under a passphrase (PKCS#5 v2: PBKDF2 and AES-256-CBC).

`cryptography` writes this form with 2048 iterations, which is little for a passphrase that people chose, and knows no
SM2. So it is put together here; any program that reads PKCS#8 opens it.
"""

from hashlib import pbkdf2_hmac
from pathlib import Path
from typing import Final

from asn1crypto import algos, core, keys, pem
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from certlogin.ca.certificates import Random
from certlogin.ca.signing import CAKey, read_key
from certlogin.errors import ConfigurationError

_LABEL: Final = "ENCRYPTED PRIVATE KEY"
_IN_THE_CLEAR: Final = "PRIVATE KEY"
#: What a guess at the passphrase costs; about a quarter of a second when the CA starts.
ITERATIONS: Final = 600_000
#: Characters of a new passphrase.
PASSPHRASE_MIN: Final = 12
#: Octets; OpenSSL refuses longer ones.
PASSPHRASE_MAX: Final = 1023


def check_passphrase(passphrase: str) -> str:
    """One that a new key may be encrypted under. Raises ConfigurationError."""
    if len(passphrase) < PASSPHRASE_MIN or len(_octets(passphrase)) > PASSPHRASE_MAX:
        raise ConfigurationError((f"the passphrase must have {PASSPHRASE_MIN} characters or more",))
    return passphrase


def seal_key(key: CAKey, passphrase: str, random: Random, iterations: int = ITERATIONS) -> bytes:
    """PEM of the encrypted key."""
    return seal_pkcs8(key.pkcs8(), passphrase, random, iterations)


def seal_pkcs8(pkcs8: bytes, passphrase: str, random: Random, iterations: int = ITERATIONS) -> bytes:
    """The same of any key in PKCS#8."""
    salt, start = random(16), random(16)
    padder = PKCS7(AES.block_size).padder()
    padded = padder.update(pkcs8) + padder.finalize()
    encryptor = Cipher(AES(pbkdf2_hmac("sha256", _octets(passphrase), salt, iterations, 32)), CBC(start)).encryptor()
    sealed = encryptor.update(padded) + encryptor.finalize()
    chosen_salt = algos.Pbkdf2Salt("specified", core.OctetString(salt))
    derivation = {"salt": chosen_salt, "iteration_count": iterations, "prf": {"algorithm": "sha256"}}
    parameters = {
        "key_derivation_func": {"algorithm": "pbkdf2", "parameters": derivation},
        "encryption_scheme": {"algorithm": "aes256_cbc", "parameters": start},
    }
    algorithm = {"algorithm": "pbes2", "parameters": parameters}
    info = keys.EncryptedPrivateKeyInfo({"encryption_algorithm": algorithm, "encrypted_data": sealed})
    return bytes(pem.armor(_LABEL, info.dump()))


def open_key(file: Path, passphrase: str, sm2_library: str = "") -> CAKey:
    """Raises ConfigurationError when the file, the passphrase or the kind of key is wrong; SM2Unavailable."""
    if not passphrase:
        raise ConfigurationError((f"{file}: needs a passphrase; set CERTLOGIN_CA_PASSPHRASE",))
    try:
        label, _, der = pem.unarmor(file.read_bytes())
        plain = der if label == _IN_THE_CLEAR else _unseal(der, _octets(passphrase))
        key = read_key(plain, sm2_library)
    except OSError as error:
        raise ConfigurationError((f"{file}: {error.strerror}",)) from None
    except (ValueError, TypeError, LookupError):
        # A wrong passphrase is noticed by the padding or, once in 256 times, by what is no key then.
        raise ConfigurationError((f"{file}: the passphrase is wrong, or this is no encrypted PKCS#8 key",)) from None
    if label == _IN_THE_CLEAR:
        raise ConfigurationError((f"{file}: is not encrypted, so it is not used",))
    if key is None:
        raise ConfigurationError((f"{file}: is no SM2, RSA or EC key",))
    return key


def _unseal(der: bytes, passphrase: bytes) -> bytes:
    """The PKCS#8 key. Raises ValueError, TypeError, LookupError: what asn1crypto says of odd structures."""
    info = keys.EncryptedPrivateKeyInfo.load(der, strict=True)
    algorithm = info["encryption_algorithm"]
    if (algorithm.kdf, algorithm.encryption_cipher, algorithm.encryption_mode) != ("pbkdf2", "aes", "cbc"):
        raise ValueError("another encryption")
    octets = pbkdf2_hmac(
        algorithm.kdf_hmac, passphrase, algorithm.kdf_salt, algorithm.kdf_iterations, algorithm.key_length
    )
    decryptor = Cipher(AES(octets), CBC(algorithm.encryption_iv)).decryptor()
    unpadder = PKCS7(AES.block_size).unpadder()
    padded = decryptor.update(info["encrypted_data"].native) + decryptor.finalize()
    return bytes(unpadder.update(padded) + unpadder.finalize())


def _octets(passphrase: str) -> bytes:
    try:
        return passphrase.encode()
    except UnicodeEncodeError:
        # So Python shows what the environment holds and is no UTF-8.
        raise ConfigurationError(("the passphrase is not UTF-8",)) from None

"""A CA's private key at rest: PKCS#8, encrypted under a passphrase (PKCS#5 v2: PBKDF2 and AES-256-CBC).

`cryptography` writes this form with 2048 iterations, which is little for a passphrase that people chose. So it is put
together here; any program that reads PKCS#8 opens it.
"""

from hashlib import pbkdf2_hmac
from pathlib import Path
from typing import Final

from asn1crypto import algos, core, keys, pem
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from certlogin.ca.certificates import CAKey, Random
from certlogin.errors import ConfigurationError

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
    salt, start = random(16), random(16)
    padder = PKCS7(AES256.block_size).padder()
    plain = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    encryptor = Cipher(AES256(pbkdf2_hmac("sha256", _octets(passphrase), salt, iterations, 32)), CBC(start)).encryptor()
    sealed = encryptor.update(padder.update(plain) + padder.finalize()) + encryptor.finalize()
    chosen_salt = algos.Pbkdf2Salt("specified", core.OctetString(salt))
    derivation = {"salt": chosen_salt, "iteration_count": iterations, "prf": {"algorithm": "sha256"}}
    parameters = {
        "key_derivation_func": {"algorithm": "pbkdf2", "parameters": derivation},
        "encryption_scheme": {"algorithm": "aes256_cbc", "parameters": start},
    }
    algorithm = {"algorithm": "pbes2", "parameters": parameters}
    info = keys.EncryptedPrivateKeyInfo({"encryption_algorithm": algorithm, "encrypted_data": sealed})
    return bytes(pem.armor("ENCRYPTED PRIVATE KEY", info.dump()))


def open_key(file: Path, passphrase: str) -> CAKey:
    """Raises ConfigurationError when the file, the passphrase or the kind of key is wrong."""
    if not passphrase:
        raise ConfigurationError((f"{file}: needs a passphrase; set CERTLOGIN_CA_PASSPHRASE",))
    try:
        key = load_pem_private_key(file.read_bytes(), _octets(passphrase))
    except OSError as error:
        raise ConfigurationError((f"{file}: {error.strerror}",)) from None
    except TypeError:
        # Said by `cryptography` of a key that lies there in the clear.
        raise ConfigurationError((f"{file}: is not encrypted, so it is not used",)) from None
    except (ValueError, UnsupportedAlgorithm):
        raise ConfigurationError((f"{file}: the passphrase is wrong, or this is no encrypted PKCS#8 key",)) from None
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise ConfigurationError((f"{file}: is no RSA or EC key",))
    return key


def _octets(passphrase: str) -> bytes:
    try:
        return passphrase.encode()
    except UnicodeEncodeError:
        # So Python shows what the environment holds and is no UTF-8.
        raise ConfigurationError(("the passphrase is not UTF-8",)) from None

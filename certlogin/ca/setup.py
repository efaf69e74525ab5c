"""Makes a certificate authority: keys, certificates, first lists, database. `ca.toml` is written last."""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding

from certlogin.ca.certificates import NAME_MAX, Random, make_issuing, make_root
from certlogin.ca.database import Database
from certlogin.ca.files import CAFiles, create_private, replace_public
from certlogin.ca.keys import ITERATIONS, check_passphrase, seal_key
from certlogin.ca.lists import Signer, add_issuing_list, add_root_list, publish
from certlogin.ca.profile import CAProfile, write_profile
from certlogin.ca.signing import KEY_TYPES, CAKey, new_key
from certlogin.errors import ConfigurationError

#: What follows the name in the certificates: " Issuing".
_SUFFIX_MAX: Final = 8


@dataclass(frozen=True, slots=True)
class NewCA:
    name: str
    key_type: str
    passphrase: str = field(repr=False)
    #: Of the root key; better another one than that which the running CA is given.
    root_passphrase: str = field(repr=False)
    #: None: into the directory, from where it must be taken away.
    root_key_out: Path | None = None
    profile: CAProfile = field(default_factory=CAProfile)
    iterations: int = ITERATIONS


def make_ca(directory: Path, new: NewCA, now: datetime, random: Random) -> Path:
    """Make it in an empty or missing directory; returns the file with the root key.

    Raises ConfigurationError, SM2Unavailable, OSError (FileExistsError: a root key is never written over): then nothing
    is left.
    """
    _check(new)
    files = CAFiles(directory)
    root_key, root_key_file = new_key(new.key_type, new.profile.sm2_library), new.root_key_out or files.root_key
    was_there = _make_directory(directory)
    # Before anything else: when it cannot be written, or another key lies there, nothing has to be undone.
    create_private(root_key_file, seal_key(root_key, new.root_passphrase, random, new.iterations))
    try:
        _fill(files, root_key, new, now, random)
    except BaseException:
        root_key_file.unlink()
        _empty(directory, keep=was_there)
        raise
    return root_key_file


def _check(new: NewCA) -> None:
    if not new.name.strip() or not new.name.isprintable() or len(new.name.encode()) > NAME_MAX - _SUFFIX_MAX:
        raise ConfigurationError((f"the name must be 1 to {NAME_MAX - _SUFFIX_MAX} printable octets of UTF-8",))
    if new.key_type not in KEY_TYPES:
        raise ConfigurationError((f"the key type must be one of {', '.join(KEY_TYPES)}",))
    if not new.profile.sm2_library.isprintable():
        raise ConfigurationError(("the name of the libcrypto must be printable",))
    check_passphrase(new.passphrase)
    check_passphrase(new.root_passphrase)


def _make_directory(directory: Path) -> bool:
    """Whether it was there before. Sites read certificates and lists in it; what is secret has its own permissions."""
    try:
        directory.mkdir(parents=True)
    except FileExistsError:
        if not directory.is_dir() or any(directory.iterdir()):
            raise ConfigurationError((f"{directory} is there already and not an empty directory",)) from None
        return True
    directory.chmod(0o755)
    return False


def _fill(files: CAFiles, root_key: CAKey, new: NewCA, now: datetime, random: Random) -> None:
    issuing_key = new_key(new.key_type, new.profile.sm2_library)
    root = Signer(make_root(root_key, new.name, now, random), root_key)
    issuing = Signer(make_issuing(issuing_key, new.name, root.certificate, root_key, now, random), issuing_key)
    create_private(files.issuing_key, seal_key(issuing_key, new.passphrase, random, new.iterations))
    for file, signer in ((files.root, root), (files.issuing, issuing)):
        replace_public(file, signer.certificate.public_bytes(Encoding.PEM))
    database = Database(files.database)
    database.create()
    with database.change() as rows:
        add_root_list(rows, root, new.profile.root_crl_days, now)
        add_issuing_list(rows, issuing, new.profile.crl_days, now)
    publish(files, database)
    replace_public(files.profile, write_profile(new.profile).encode())


def _empty(directory: Path, *, keep: bool) -> None:
    """Undo: everything in the directory is ours, for it was empty."""
    for path in directory.iterdir():
        path.unlink()
    if not keep:
        directory.rmdir()

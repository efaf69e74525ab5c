"""What a CA issues: `ca.toml` in its directory, written by `certlogin ca init` and read by nothing else."""

import json
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from cryptography import x509

from certlogin.errors import ConfigurationError

FILE: Final = "ca.toml"
#: 企业组织机构代码 (GM/T 0015); CAs write the USCC there as well.
UNIT_CODE_OID: Final = "1.2.156.10260.4.1.4"
#: Where this CA writes the 证书唯一码: an OID made from a UUID (ITU-T X.667), so that it is nobody else's.
UNIQUE_ID_OID: Final = "2.25.20094988646605500440730656503632765366"
KEY_TYPES: Final = ("SM2", "P-256", "RSA-2048", "RSA-3072", "RSA-4096", "P-384")


@dataclass(frozen=True, slots=True)
class CAProfile:
    """Names as in `ca.toml`."""

    validity_days: int = 365
    crl_days: int = 7
    root_crl_days: int = 730
    #: Whatever the CA's own keys are. Without a libcrypto that knows SM2, its requests are refused.
    key_types: tuple[str, ...] = ("SM2", "P-256", "RSA-2048")
    unit_code: str = UNIT_CODE_OID
    unique_id: str = UNIQUE_ID_OID
    #: The libcrypto for SM2; empty: the system's.
    sm2_library: str = ""


def write_profile(profile: CAProfile) -> str:
    """The text of `ca.toml`."""
    kinds = ", ".join(f'"{name}"' for name in profile.key_types)
    return f"""\
# What this certificate authority issues. Read at its start.
validity_days = {profile.validity_days}
# The revocation list is published again at half of this, and at each revocation.
crl_days = {profile.crl_days}
# The root's list is renewed by hand: certlogin ca publish DIR --root-key FILE
root_crl_days = {profile.root_crl_days}
key_types = [{kinds}]
# Where the unit's code and the certificate's unique id are written.
unit_code = "{profile.unit_code}"
unique_id = "{profile.unique_id}"
# The libcrypto (OpenSSL 3.0 or later) for SM2; empty: the system's.
sm2_library = {json.dumps(profile.sm2_library, ensure_ascii=False)}
"""


def read_profile(directory: Path) -> CAProfile:
    """Raises ConfigurationError, with one line per mistake."""
    file = directory / FILE
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError:
        raise ConfigurationError((f"{directory} is no CA directory: make one with: certlogin ca init",)) from None
    except (ValueError, RecursionError) as error:
        raise ConfigurationError((f"{file}: {error}",)) from None
    problems = [problem for name, value in data.items() for problem in _problems(name, value)]
    if problems:
        raise ConfigurationError(tuple(f"{file}: {problem}" for problem in problems))
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in data.items()}
    profile = CAProfile(**values)
    # X.509 has each extension once.
    if profile.unit_code == profile.unique_id:
        raise ConfigurationError((f"{file}: unit_code and unique_id must differ",))
    return profile


def _problems(name: str, value: Any) -> list[str]:
    known = {field.name: field.default for field in fields(CAProfile)}
    if name not in known:
        return [f"unknown key {name!r}; known keys: {', '.join(known)}"]
    if isinstance(known[name], int):
        right = type(value) is int and 1 <= value <= 3650
        return [] if right else [f"{name} must be a number of days from 1 to 3650"]
    if name == "key_types":
        right = isinstance(value, list) and bool(value) and all(kind in KEY_TYPES for kind in value)
        return [] if right else [f"key_types must list some of {', '.join(KEY_TYPES)}"]
    if name == "sm2_library":
        return [] if isinstance(value, str) else ["sm2_library must be the name of a file"]
    return [] if isinstance(value, str) and _is_identifier(value) else [f"{name} must be an own object identifier"]


def _is_identifier(text: str) -> bool:
    try:
        x509.ObjectIdentifier(text)
    except ValueError:
        return False
    # X.509's own extensions say what they say.
    return not text.startswith("2.5.29.")

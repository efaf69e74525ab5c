"""Takes the DER out of PEM text (RFC 7468), or passes DER through.

It decides only that; what is inside is read elsewhere.
"""

import binascii
import re
from base64 import b64decode
from typing import Final

from certlogin.errors import ConfigurationError

CERTIFICATE: Final = "CERTIFICATE"
REVOCATION_LIST: Final = "X509 CRL"


def read_pem(data: bytes, label: str) -> tuple[bytes, ...]:
    """Each block with this label, in order; a file that begins like DER is one block. Raises ConfigurationError."""
    begin, end = f"-----BEGIN {label}-----".encode(), f"-----END {label}-----".encode()
    if data.startswith(b"\x30") and begin not in data:
        return (data,)
    bodies = re.findall(begin + b"(.*?)" + end, data, re.DOTALL)
    # A file that was cut off must not pass as a shorter one.
    if not bodies or len(bodies) != data.count(begin):
        raise ConfigurationError((f"neither DER nor whole PEM blocks {label!r}",))
    try:
        return tuple(b64decode(b"".join(body.split()), validate=True) for body in bodies)
    except binascii.Error:
        raise ConfigurationError((f"a PEM block {label!r} is not base64",)) from None

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
    if data.startswith(b"\x30"):
        return (data,)
    name = label.encode()
    block = re.compile(b"-----BEGIN " + name + b"-----(.*?)-----END " + name + b"-----", re.DOTALL)
    try:
        found = tuple(b64decode(b"".join(body.split()), validate=True) for body in block.findall(data))
    except binascii.Error:
        found = ()
    if not found:
        raise ConfigurationError((f"neither DER nor a PEM block {label!r}",))
    return found

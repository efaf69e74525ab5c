"""base64url without padding, and the standard base64 of others' messages; canonical: one byte string has one text.

PURE. Python's decoder skips foreign characters and ignores stray bits at the end, so two texts could carry one
signature; here every text that does not encode back to itself is refused.
"""

import base64
import binascii

from certlogin.wire.bad_request import BadRequest


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode(text: str, member: str = "") -> bytes:
    """Raises BadRequest `not_base64url` with the member's name."""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise BadRequest("not_base64url", member) from None
    if encode(data) != text:
        raise BadRequest("not_base64url", member)
    return data


def encode_standard(data: bytes) -> str:
    """RFC 4648 4: with `+`, `/` and padding."""
    return base64.b64encode(data).decode("ascii")


def decode_standard(text: str, member: str = "") -> bytes:
    """Raises BadRequest `not_base64` with the member's name."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BadRequest("not_base64", member) from None
    if encode_standard(data) != text:
        raise BadRequest("not_base64", member)
    return data

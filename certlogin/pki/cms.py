"""Whether a CMS SignedData signs exactly the content that the server expects.

It decides by the message, that content, and the key of the signer's certificate. It must not know what the content
means: attached content is only ever compared with the server's own. The certificate stays unverified until `judge.py`
has judged it.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from certlogin.errors import Refusal
from certlogin.pki.cms_algorithms import verify_scheme
from certlogin.pki.cms_reader import CMSAttributes, UnverifiedSignedData, read_signed_data
from certlogin.pki.der import SET, DERError, children, dotted, exactly, only_element
from certlogin.pki.sm2 import SM2

__all__ = ["Attributes", "CMSContentMismatch", "UnverifiedSignedData", "read_signed_data", "verify_signed_data"]


@dataclass(eq=False)
class CMSContentMismatch(Refusal):
    """The message signs something else than was expected: `content` or `digest` names what differs."""

    code: ClassVar[str] = "cms_content_mismatch"
    where: str


class Attributes(StrEnum):
    """Whether a message has signed attributes.

    What is signed does not say so (RFC 5652 11; the signature over a content that looks like attributes fits a message
    with those attributes), so where the helper is known, the server names the one form it makes.
    """

    EITHER = "either"
    REQUIRED = "required"
    FORBIDDEN = "forbidden"


def verify_signed_data(
    message: UnverifiedSignedData, content: bytes, sm2: SM2 | None = None, *, attributes: Attributes
) -> None:
    """Return only if the signer's key has signed `content`, the server's own octets, by this message.

    Raises CMSAttributes, CMSContentMismatch; KeyMismatch, CertificateUnreadable, SignatureMalformed, SignatureMismatch;
    SM2Unavailable without `sm2`.
    """
    _check_form(message, content, attributes)
    verify_scheme(message.signer, message.scheme, _signed(message, content), message.signature, sm2)


def _signed(message: UnverifiedSignedData, content: bytes) -> bytes:
    """What the signature is over, if the message says what is expected."""
    if message.unverified_content not in (None, content):
        raise CMSContentMismatch("content")
    if message.attributes is None:
        return content
    if message.attributes.message_digest != message.scheme.digest.of(content):
        raise CMSContentMismatch("digest")
    return message.attributes.der


def _check_form(message: UnverifiedSignedData, content: bytes, attributes: Attributes) -> None:
    has_attributes = message.attributes is not None
    if attributes is not Attributes.EITHER and has_attributes is not (attributes is Attributes.REQUIRED):
        raise CMSAttributes(attributes)
    # Else the signature over a message's attributes would be a message without any, whose content they are.
    if _could_be_attributes(content):
        raise CMSAttributes("content")


def _could_be_attributes(content: bytes) -> bool:
    try:
        for attribute in children(only_element(content, SET)):
            kind, values = exactly(attribute, 2)
            dotted(kind)
            if values.tag != SET:
                return False
    except DERError:
        return False
    return True

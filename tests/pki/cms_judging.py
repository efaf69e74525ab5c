"""What the CMS tests hold messages against: one content, signers, and acceptance as a login goes."""

from functools import cache
from typing import Any

from certlogin.pki.cms import Attributes, read_signed_data, verify_signed_data
from certlogin.pki.cms_reader import UnverifiedSignedData
from tests.factory import Issued, Plan, make_pki
from tests.factory_keys import sm2
from tests.pki.cms_writer import CONTENT_TYPE, PKCS7_DATA, Message, attribute, oid

CONTENT = b"certlogin login\nunit: U1\nchallenge: NDYxMjM0"
OTHER = b"certlogin login\nunit: U2\nchallenge: NDYxMjM0"
DATA_TYPE = attribute(CONTENT_TYPE, oid(PKCS7_DATA))


@cache
def leaf(key_type: str = "P-256", name: str = "cms") -> Issued:
    return make_pki().issuing.issue(Plan(key_type=key_type, key_name=name, serial=7))


def accept(
    message: bytes, content: bytes = CONTENT, attributes: Attributes = Attributes.EITHER
) -> UnverifiedSignedData:
    found = read_signed_data(message)
    verify_signed_data(found, content, sm2(), attributes=attributes)
    return found


def bare(signer: Issued, content: bytes, **more: Any) -> Message:
    return Message(signer, content, with_attributes=False, **more)


@cache
def namesake(key_type: str = "P-256") -> Issued:
    """The same issuer and serial number, another key: only its issuer's signature would tell them apart."""
    return make_pki().issuing.issue(Plan(key_type=key_type, key_name="namesake", serial=7))

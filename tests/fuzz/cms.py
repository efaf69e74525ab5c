"""CMS messages, and the BER they may come in: whatever is changed, no other content and no other signer is accepted."""

from functools import cache

from certlogin.pki import ber
from certlogin.pki.certificate import read_certificate
from certlogin.pki.cms import Attributes, read_signed_data, verify_signed_data
from certlogin.pki.der import DERError, check_outline
from tests.factory import Issued, Plan, make_pki
from tests.factory_keys import sm2
from tests.fuzz.target import Target
from tests.pki.cms_writer import CFCA, GM_STRICT, Message, indefinite
from tests.pki.raw import SEQUENCE, tlv

_CONTENT = b"certlogin login\nunit: U1\nchallenge: NDYxMjM0"


@cache
def _leaf(key_type: str) -> Issued:
    return make_pki().issuing.issue(Plan(key_type=key_type, serial=7))


_KEY_TYPES = ("P-256", "RSA-2048", "SM2")


def _seeds() -> tuple[bytes, ...]:
    attached = [Message(_leaf(key_type), _CONTENT).der for key_type in _KEY_TYPES]
    bare = Message(_leaf("P-256"), _CONTENT, attached=False, with_attributes=False).der
    gm = [Message(_leaf("SM2"), _CONTENT, **producer).der for producer in (GM_STRICT, CFCA)]
    return (*attached, bare, indefinite(bare), *gm)


def _read_message(data: bytes) -> None:
    """One of the seeds' keys has signed exactly the content, or nobody is said to have (S20)."""
    found = read_signed_data(data)
    verify_signed_data(found, _CONTENT, sm2(), attributes=Attributes.EITHER)
    assert found.unverified_content in (None, _CONTENT), "accepted another content"
    # A certificate with its own signature changed has the same key still, and is judged by its path.
    known = {read_certificate(_leaf(key_type).der).spki for key_type in _KEY_TYPES}
    assert found.signer.spki in known, "accepted another signer"


def _rewrite(data: bytes) -> None:
    der = ber.der_of(data, 32)
    assert check_outline(der, 32).encoded == der
    assert ber.der_of(der, 32) == der


MESSAGES_OF_VENDORS = (
    Target("cms", _read_message, _seeds()),
    Target("ber", _rewrite, (indefinite(tlv(SEQUENCE, tlv(4, b"content"), tlv(SEQUENCE))), _seeds()[-1]), (DERError,)),
)

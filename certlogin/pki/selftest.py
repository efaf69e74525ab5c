"""Whether paths are judged and lists read as they must be by the libraries below: tried at every start.

A newer or rebuilt OpenSSL might lack SM2, or take a flag and do nothing; then nothing must be accepted in silence. It
uses the very functions that judge logins, on certificates made for this. It must not know the settings.
"""

from base64 import b64decode
from datetime import UTC, datetime
from typing import Final

from certlogin.errors import ConfigurationError
from certlogin.pki import selftest_data as data
from certlogin.pki.certificate import read_certificate
from certlogin.pki.path import AnchorMaterial, CertificateUntrusted, build_trust, find_path
from certlogin.pki.revocation import CertificateRevoked, RevocationUnknown, settle_revocation
from certlogin.pki.sm2 import SM2Unavailable

#: Within the validity of the certificates.
_MOMENT: Final = datetime(2026, 1, 1, tzinfo=UTC)
#: X509_V_ERR_CERT_SIGNATURE_FAILURE, X509_V_ERR_NO_EXPLICIT_POLICY.
_SIGNATURE: Final = 7
_NO_POLICY: Final = 43


def check_path_validation() -> None:
    """Anchors that are not self-signed, policies and signatures. Raises ConfigurationError: no login may be judged."""
    expected = {
        "partial chains": (_der(data.LEAF), None),
        "policies": (_der(data.POLICY_LEAF), _NO_POLICY),
        "signatures": (_tampered(_der(data.LEAF)), _SIGNATURE),
    }
    for what, (leaf, error) in expected.items():
        if _refused(data.ANCHOR, leaf) != error:
            raise ConfigurationError((f"the OpenSSL inside the package cryptography fails the self-test: {what}",))


def check_revocation_lists() -> None:
    """A certificate that the delta alone revokes. Raises ConfigurationError: no login may be judged."""
    base, delta = _der(data.BASE_LIST), _der(data.DELTA_LIST)
    judged = [_is_revoked(lists) for lists in ((base,), (base, delta), (base, _tampered(delta)))]
    if judged != [False, True, False]:
        raise ConfigurationError(("the package cryptography fails the self-test: revocation lists",))


def check_sm2_paths() -> None:
    """A certificate signed with SM2, good and tampered with. Raises SM2Unavailable."""
    leaf = _der(data.SM2_LEAF)
    if _refused(data.SM2_ANCHOR, leaf) is not None or _refused(data.SM2_ANCHOR, _tampered(leaf)) is None:
        raise SM2Unavailable("the OpenSSL inside the package cryptography fails the self-test with SM2 certificates")


def _refused(anchor: str, leaf: bytes) -> int | None:
    """OpenSSL's number of the refusal; None: there is a path."""
    try:
        trust = build_trust([AnchorMaterial("self-test", _der(anchor), (_der(data.DEMANDING),))])
        find_path(read_certificate(leaf), (), trust, _MOMENT)
    except CertificateUntrusted as refusal:
        return refusal.error
    except ConfigurationError:
        # OpenSSL cannot read the anchor: an SM2 key where SM2 is not built in.
        return -1
    return None


def _is_revoked(lists: tuple[bytes, ...]) -> bool | None:
    """By these lists of the anchor; None: nobody knows."""
    trust = build_trust([AnchorMaterial("self-test", _der(data.ANCHOR), crls_der=lists)])
    path = (read_certificate(_der(data.LEAF)), trust.anchors[0].certificate)
    try:
        settle_revocation(path, trust.index, _MOMENT)
    except CertificateRevoked:
        return True
    except RevocationUnknown:
        return None
    return False


def _der(text: str) -> bytes:
    return b64decode(text)


def _tampered(der: bytes) -> bytes:
    """Another last bit of the signature, which is still one of the right form."""
    return der[:-1] + bytes((der[-1] ^ 1,))

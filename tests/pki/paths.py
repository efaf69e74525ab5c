"""Short forms for asking whether there is a path, and why not."""

from datetime import datetime
from typing import Any

import pytest
from cryptography import x509

from certlogin.pki.certificate import read_certificate
from certlogin.pki.path import CertificateUntrusted, Path, Trust, build_trust, find_path
from tests.factory import NOW, PKI, Authority, Issued, make_pki

#: X509_V_ERR_*.
NO_ISSUER, BAD_SIGNATURE, NOT_YET, EXPIRED = 20, 7, 9, 10
SELF_SIGNED_LEAF, SELF_SIGNED_IN_CHAIN, INVALID_CA, PATH_LENGTH, NO_CERTIFICATE_SIGNING = 18, 19, 79, 25, 32
PERMITTED_VIOLATION, NO_POLICY, NO_AKI = 47, 43, 85


def path(leaf: Issued, trust: Trust, *chain: Issued, now: datetime = NOW) -> Path:
    return find_path(read_certificate(leaf.der), [read_certificate(one.der) for one in chain], trust, now)


def names(found: Path) -> list[str]:
    return [
        str(one.x509.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value) for one in found.certificates
    ]


def refused(leaf: Issued, trust: Trust, *chain: Issued, now: datetime = NOW) -> int:
    """OpenSSL's number of the refusal."""
    with pytest.raises(CertificateUntrusted) as refusal:
        path(leaf, trust, *chain, now=now)
    assert refusal.value.problem
    return refusal.value.error


def anchored(*anchors: Authority, intermediates: tuple[Issued, ...] = (), **changes: Any) -> Trust:
    """Trust in these anchors by the names a0, a1, …; `strict` and `revocation` in `changes`."""
    below = tuple(one.der for one in intermediates)
    return build_trust(
        [
            make_pki().material(name=f"a{place}", anchor_der=one.der, intermediates_der=below, crls_der=(), **changes)
            for place, one in enumerate(anchors)
        ]
    )


def evil_pki() -> PKI:
    """The attacker's own PKI: other keys, other names."""
    return make_pki("P-256", " evil")

"""Short forms for lists of the usual test PKI."""

from collections.abc import Sequence

from certlogin.pki.certificate import UnverifiedCertificate, read_certificate
from certlogin.pki.revocation import RevocationIndex, build_index, read_list
from tests.factory import PKI, make_pki

SERIAL = 0x5A17


def pki() -> PKI:
    return make_pki()


def authorities() -> list[UnverifiedCertificate]:
    return [read_certificate(pki().root.der), read_certificate(pki().issuing.der)]


def placed(der: bytes, among: Sequence[UnverifiedCertificate] | None = None) -> bool:
    index, problems = build_index([read_list(der)], among or authorities(), RevocationIndex())
    assert bool(index.lists) is not bool(problems)
    return bool(index.lists)

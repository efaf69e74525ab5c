"""What a revocation list of a million entries costs, measured here. `python -m benchmarks.crl [ENTRIES]`

A look-up is compared with one P-256 verification within one interleaved run. Nothing is printed unless a revoked
certificate is refused, one that is not revoked passes, and a list with one changed octet is not used.
"""

import gc
import random
import statistics
import sys
import time
import tracemalloc
from datetime import timedelta
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from benchmarks.measure import Row, measured, refuse_if, say
from certlogin.pki.certificate import UnverifiedCertificate, read_certificate
from certlogin.pki.revocation import (
    CertificateRevoked,
    RevocationIndex,
    UnusableList,
    build_index,
    read_list,
    settle_revocation,
)
from tests import factory
from tests.pki.raw import INTEGER, SEQUENCE, rebuilt, tlv

ENTRIES: Final = 1_000_000
REBUILDS: Final = 5
_CA: Final = factory.make_pki().issuing
#: An entry's reason, keyCompromise (RFC 5280 5.3.1): every third entry has one.
_REASON: Final = bytes.fromhex("300c300a0603551d1504030a0101")
_UTC_TIME: Final = 0x17


def main(arguments: list[str]) -> int:
    entries = int(arguments[0]) if arguments else ENTRIES
    numbers = random.Random(2026)  # noqa: S311
    serials = [numbers.getrandbits(159) | 1 << 152 for _ in range(entries)]
    der = make_list(serials)
    index = build(der)
    control(index, der, serials[len(serials) // 2])
    print(f"a revocation list of {entries} entries, {len(der) / 1e6:.1f} MB in DER")
    print(f"  read, verified, indexed     {rebuild(der):8.2f} s (median of {REBUILDS})")
    print(f"  held in each worker         {held(der):8.1f} MB")
    say(look_ups(index, serials))
    return 0


def make_list(serials: list[int]) -> bytes:
    """A list of these, signed with P-256; dates all over six years."""
    entries = b"".join(_entry(number, serial) for number, serial in enumerate(serials))

    def edit(elements: list[bytes]) -> None:
        elements.insert(5, tlv(SEQUENCE, entries))

    return rebuilt(_CA.crl(), _CA.key, edit)


def _entry(number: int, serial: int) -> bytes:
    date = factory.NOW - timedelta(seconds=number * 7919 % (6 * 365 * 86400))
    octets = serial.to_bytes(serial.bit_length() // 8 + 1, "big")
    reason = b"" if number % 3 else _REASON
    return tlv(SEQUENCE, tlv(INTEGER, octets), tlv(_UTC_TIME, f"{date:%y%m%d%H%M%SZ}".encode()), reason)


def build(der: bytes) -> RevocationIndex:
    index, problems = build_index([read_list(der)], [read_certificate(_CA.der)], RevocationIndex())
    refuse_if(bool(problems), "the list is not used")
    return index


def control(index: RevocationIndex, der: bytes, revoked: int) -> None:
    refuse_if(not _is_revoked(index, revoked), "a revoked certificate was accepted")
    refuse_if(_is_revoked(index, revoked + 1), "a certificate that is not revoked was refused")
    changed = bytearray(der)
    changed[len(der) // 2] ^= 1
    try:
        problems = build_index([read_list(bytes(changed))], [read_certificate(_CA.der)], RevocationIndex())[1]
    except UnusableList:
        return
    refuse_if(not problems, "a changed list was accepted")


def _is_revoked(index: RevocationIndex, serial: int) -> bool:
    try:
        settle_revocation(_path(serial), index, factory.NOW)
    except CertificateRevoked:
        return True
    return False


def _path(serial: int) -> tuple[UnverifiedCertificate, UnverifiedCertificate]:
    return read_certificate(_CA.issue(serial=serial).der), read_certificate(_CA.der)


def rebuild(der: bytes) -> float:
    """Seconds from the octets to the index."""
    taken = []
    for _ in range(REBUILDS):
        gc.collect()
        begun = time.perf_counter()
        build(der)
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)


def held(der: bytes) -> float:
    """Megabytes that are there because of the index, once everything else is gone."""
    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    index = build(der)
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    refuse_if(not index.lists, "nothing was built")
    return (after - before) / 1e6


def look_ups(index: RevocationIndex, serials: list[int]) -> Row:
    (found,) = index.lists
    key = ec.generate_private_key(ec.SECP256R1())
    signature, public = key.sign(b"message", ec.ECDSA(hashes.SHA256())), key.public_key()
    numbers = random.Random(7)  # noqa: S311
    revoked = iter(numbers.choices(serials, k=100_000))
    others = iter([numbers.getrandbits(159) for _ in range(100_000)])
    path = _path(1)
    return measured(
        "one look-up",
        {
            "raw P-256 verification": lambda: public.verify(signature, b"message", ec.ECDSA(hashes.SHA256())),
            "a revoked serial number": lambda: next(revoked) in found.revoked,
            "one that is not revoked": lambda: next(others) in found.revoked,
            "revocation of a certificate": lambda: settle_revocation(path, index, factory.NOW),
        },
        calls=2000,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""How the certificates in `certlogin/pki/selftest_data.py` were made: run this file to print new ones.

    python -m tests.pki.selftest_material > certlogin/pki/selftest_data.py

Their private keys are thrown away. A test looks whether the file has this form.
"""

import base64
import sys
import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime

from cryptography import x509

from tests.factory import Authority, Issued, root

HEAD = '''"""Certificates and lists for the self-test at the start, DER in base64, made once. Their keys are gone.

ANCHOR              not self-signed, so it is an anchor only with partial chains
├── BASE_LIST       a revocation list of nobody
├── DELTA_LIST      revokes LEAF
├── LEAF
└── DEMANDING       asks for an explicit policy below it (RFC 5280 4.2.1.11)
    └── POLICY_LEAF without one
SM2_ANCHOR          not self-signed either
└── SM2_LEAF
"""

from typing import Final
'''
FIRST, LAST = datetime(2020, 1, 1, tzinfo=UTC), datetime(2120, 1, 1, tzinfo=UTC)
POLICY = x509.PolicyInformation(x509.ObjectIdentifier("2.25.1"), None)


def _authority(above: Authority, name: str, key_type: str, *extra: tuple[x509.ExtensionType, bool]) -> Authority:
    return above.issue_ca(name, key_type, not_before=FIRST, not_after=LAST, extra=extra)


def _leaf(above: Authority, key_type: str) -> Issued:
    return above.issue(
        common_name="leaf", key_type=key_type, key_name="self-test leaf", unit_code=None,
        not_before=FIRST, not_after=LAST,
    )  # fmt: skip


def material() -> Iterator[tuple[str, bytes]]:
    """Name and DER."""
    policies = (x509.CertificatePolicies([POLICY]), False)
    explicit = (x509.PolicyConstraints(0, None), True)
    anchor = _authority(root("thrown away", not_before=FIRST, not_after=LAST), "anchor", "P-256")
    demanding = _authority(anchor, "demanding", "P-256", policies, explicit)
    sm2_anchor = _authority(root("thrown away", "SM2", not_before=FIRST, not_after=LAST), "SM2 anchor", "SM2")
    yield "ANCHOR", anchor.der
    leaf = _leaf(anchor, "P-256")
    yield "BASE_LIST", anchor.crl((), 1, FIRST, LAST)
    yield "DELTA_LIST", anchor.crl((leaf.serial,), 2, FIRST, LAST, extra=((x509.DeltaCRLIndicator(1), True),))
    yield "LEAF", leaf.der
    yield "DEMANDING", demanding.der
    yield "POLICY_LEAF", _leaf(demanding, "P-256").der
    yield "SM2_ANCHOR", sm2_anchor.der
    yield "SM2_LEAF", _leaf(sm2_anchor, "SM2").der


def source() -> str:
    parts = [HEAD]
    for name, der in material():
        lines = textwrap.wrap(base64.b64encode(der).decode(), 108)
        parts.append(f"{name}: Final = (\n" + "".join(f'    "{line}"\n' for line in lines) + ")")
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    sys.stdout.write(source())

"""A validator of the tests' own for SM2 chains: nothing of ours, nothing of OpenSSL.

It builds every chain that the names allow, and verifies with the formulas of `sm2_reference`. It knows as much of
RFC 5280 as the circumstances of these tests ask for, and refuses whatever else is critical.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any, Final

from asn1crypto import core, crl, x509

from tests.pki import raw
from tests.pki.circumstances import World
from tests.pki.sm2_reference import fits

#: sm2-with-sm3, parameters absent or NULL.
_IDENTIFIER: Final = raw.tlv(raw.OID, raw.oid("1.2.156.10197.1.501"))
ALGORITHMS: Final = tuple(raw.tlv(raw.SEQUENCE, _IDENTIFIER, end) for end in (b"", raw.NO_PARAMETERS))
KNOWN: Final = {
    "basic_constraints", "key_usage", "extended_key_usage", "name_constraints", "certificate_policies",
    "policy_constraints",
}  # fmt: skip


class Bad(Exception):
    """Why not."""


def accepts(found: World, now: datetime) -> bool:
    for chain in _chains(found):
        try:
            _check_chain(chain, now)
            for certificate, issuer in pairwise(chain):
                _check_revocation(certificate, issuer, found.lists, now)
        except Bad:
            continue
        return True
    return False


def _chains(found: World) -> Iterator[list[x509.Certificate]]:
    """Leaf first, anchor last."""
    anchor = x509.Certificate.load(found.anchor)
    others = [x509.Certificate.load(der) for der in found.chain]
    pending = [[x509.Certificate.load(found.leaf)]]
    while pending:
        chain = pending.pop()
        if chain[-1].issuer == anchor.subject:
            yield [*chain, anchor]
        pending += [[*chain, one] for one in others if one not in chain and one.subject == chain[-1].issuer]


def _check_chain(chain: Sequence[x509.Certificate], now: datetime) -> None:
    for certificate in chain:
        _check_form(certificate, now)
    for certificate, issuer in pairwise(chain):
        _check_signature(certificate.dump(), issuer)
    for depth, authority in enumerate(chain[1:]):
        _check_authority(authority, depth, chain[: depth + 1])
    usage, extended = chain[0].key_usage_value, chain[0].extended_key_usage_value
    _demand(usage is not None and "digital_signature" in usage.native, "usage of the leaf")
    _demand(extended is None or "client_auth" in extended.native, "purpose of the leaf")


def _check_form(certificate: x509.Certificate, now: datetime) -> None:
    _demand(certificate.not_valid_before <= now <= certificate.not_valid_after, "validity")
    _demand(0 < certificate.serial_number < 2**159, "serial number")
    extensions = certificate["tbs_certificate"]["extensions"]
    names = [one["extn_id"].native for one in extensions]
    _demand(len(set(names)) == len(names), "an extension twice")
    _demand(all(one["extn_id"].native in KNOWN for one in extensions if one["critical"].native), "critical extension")


def _check_authority(authority: x509.Certificate, depth: int, below: Iterable[x509.Certificate]) -> None:
    basic, usage = authority.basic_constraints_value, authority.key_usage_value
    _demand(basic is not None and basic["ca"].native, "no CA")
    _demand(usage is not None and "key_cert_sign" in usage.native, "usage of a CA")
    length = basic["path_len_constraint"].native
    _demand(length is None or depth <= length, "path length")
    # As the judge of logins: a policy that is required is never there.
    _demand(authority.policy_constraints_value is None, "policies")
    constraints = authority.name_constraints_value
    if constraints is not None:
        bases = [one["base"].chosen.untag().dump() for one in constraints["permitted_subtrees"]]
        for certificate in below:
            _demand(any(_is_inside(certificate.subject.dump(), base) for base in bases), "name")


def _is_inside(name: bytes, base: bytes) -> bool:
    return raw.parts(name)[: len(raw.parts(base))] == raw.parts(base)


def _check_signature(signed: bytes, issuer: x509.Certificate) -> None:
    """Of a certificate or a list."""
    content, algorithm, signature = raw.parts(signed)
    _demand(algorithm in ALGORITHMS and algorithm in raw.parts(content)[:3], "algorithm")
    numbers = core.SequenceOf.load(raw.content(signature)[1:], spec=core.Integer)
    r, s = (number.native for number in numbers)
    _demand(0 < r < 2**256 and 0 < s < 2**256, "numbers of the signature")
    octets = bytes(issuer["tbs_certificate"]["subject_public_key_info"]["public_key"])[-65:]
    _demand(fits(octets, content, r.to_bytes(32, "big") + s.to_bytes(32, "big")), "signature")


def _check_revocation(
    certificate: x509.Certificate, issuer: x509.Certificate, lists: Iterable[bytes], now: datetime
) -> None:
    usable = [found for found in map(_read_list, lists) if _is_usable(found, issuer)]
    _demand(usable != [], "no list")
    newest = max(usable, key=_number)["tbs_cert_list"]
    revoked = newest["revoked_certificates"]
    _demand(all(one["user_certificate"].native != certificate.serial_number for one in revoked or ()), "revoked")
    _demand(newest["this_update"].native <= now < newest["next_update"].native, "age of the list")


def _read_list(der: bytes) -> Any:
    return crl.CertificateList.load(der)


def _is_usable(found: Any, issuer: x509.Certificate) -> bool:
    content = found["tbs_cert_list"]
    if content["issuer"] != issuer.subject or any(one["critical"].native for one in content["crl_extensions"]):
        return False
    try:
        _demand("crl_sign" in issuer.key_usage_value.native, "usage")
        _check_signature(found.dump(), issuer)
    except Bad:
        return False
    return True


def _number(found: Any) -> int:
    return int(found.crl_number_value.native)


def _demand(holds: object, problem: str) -> None:
    if not holds:
        raise Bad(problem)

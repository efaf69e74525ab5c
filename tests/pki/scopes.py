"""Distribution points, in lists and in certificates, and deltas."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from cryptography import x509
from cryptography.x509 import ReasonFlags

from tests.factory import DAY, NOW, Authority

ONE, OTHER = "http://ca.test/1.crl", "http://ca.test/2.crl"

Extra = tuple[x509.ExtensionType, bool]


def uri(*addresses: str) -> list[x509.GeneralName]:
    return [x509.UniformResourceIdentifier(one) for one in addresses]


def partition(
    *names: x509.GeneralName,
    relative: x509.RelativeDistinguishedName | None = None,
    users: bool = False,
    cas: bool = False,
    reasons: Iterable[ReasonFlags] | None = None,
) -> Extra:
    """What a list says of its part."""
    point = x509.IssuingDistributionPoint(
        full_name=list(names) or None,
        relative_name=relative,
        only_contains_user_certs=users,
        only_contains_ca_certs=cas,
        only_some_reasons=None if reasons is None else frozenset(reasons),
        indirect_crl=False,
        only_contains_attribute_certs=False,
    )
    return point, True


def named(
    *points: Sequence[x509.GeneralName],
    relative: x509.RelativeDistinguishedName | None = None,
    issuer: x509.Name | None = None,
    reasons: Iterable[ReasonFlags] | None = None,
) -> Extra:
    """What a certificate says of where its lists are: one distribution point for each of `points`."""
    crl_issuer = None if issuer is None else [x509.DirectoryName(issuer)]
    chosen = None if reasons is None else frozenset(reasons)
    found = [x509.DistributionPoint(list(names), None, chosen, crl_issuer) for names in points]
    if relative is not None:
        found.append(x509.DistributionPoint(None, relative, chosen, crl_issuer))
    return x509.CRLDistributionPoints(found), False


def delta(
    ca: Authority,
    base: int,
    number: int,
    revoked: Iterable[int] = (),
    removed: Iterable[int] = (),
    extra: Sequence[Extra] = (),
    this_update: datetime = NOW - DAY / 2,
    next_update: datetime = NOW + DAY / 2,
) -> bytes:
    """DER of a delta."""
    return ca.crl(
        revoked,
        number,
        this_update,
        next_update,
        extra=((x509.DeltaCRLIndicator(base), True), *extra),
        removed=removed,
    )

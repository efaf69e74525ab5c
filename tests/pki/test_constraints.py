"""Name constraints that OpenSSL would take though RFC 5280 does not, and names that are none below them (S25)."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, ip_address, ip_network
from typing import Any

import pytest
from cryptography import x509

from certlogin.errors import CertloginError
from certlogin.pki.certificate import CertificateUnreadable, read_certificate
from certlogin.pki.judge import judge_path
from certlogin.pki.path import CertificateUntrusted
from certlogin.pki.profile import CertificateUsage
from tests.companions import without
from tests.factory import NOW, make_pki, root

UNGUARDED = {"certlogin.pki.judge.guard_constraints": lambda path, *, strict: None}
DNS, Mail, Web = x509.DNSName, x509.RFC822Name, x509.UniformResourceIdentifier
HOST = DNS("example.com")


def constrained(
    permitted: Sequence[x509.GeneralName] | None = None,
    excluded: Sequence[x509.GeneralName] | None = None,
    *,
    critical: bool = True,
    unchecked: Sequence[x509.GeneralName] | None = None,
) -> dict[str, Any]:
    """A plan of a CA; `unchecked` are permitted, though `cryptography` would not write them."""
    found = x509.NameConstraints([DNS("nobody.test")] if unchecked else permitted, excluded)
    if unchecked:
        # The only way past its checks.
        found._permitted_subtrees = list(unchecked)
    return {"extra": ((found, critical),)}


def named(*names: x509.GeneralName) -> dict[str, Any]:
    return {"extra": ((x509.SubjectAlternativeName(list(names)), False),)}


def mail(text: str) -> x509.RFC822Name:
    """Without the checks of `cryptography`."""
    return x509.RFC822Name._init_without_validation(text)


def judge(ca: dict[str, Any], leaf: dict[str, Any], *, at: str = "authority", strict: bool = True) -> None:
    """A leaf below a CA that is constrained itself, or by the anchor above it."""
    top = root("Constraining root", **(ca if at == "anchor" else {}))
    authority = top.issue_ca("Constrained", **(ca if at == "authority" else {}))
    trust = make_pki().trust(anchor_der=top.der, revocation="off", strict=strict)
    judge_path(read_certificate(authority.issue(**leaf).der), [read_certificate(authority.der)], trust, NOW)


def refused(ca: dict[str, Any], leaf: dict[str, Any], **where: Any) -> CertloginError:
    with pytest.raises(CertloginError) as refusal:
        judge(ca, leaf, **where)
    return refusal.value


@without(UNGUARDED)
@pytest.mark.parametrize("at", ["authority", "anchor"])
@pytest.mark.parametrize(
    "extension", [x509.NameConstraints([HOST], None), x509.PolicyConstraints(3, None), x509.InhibitAnyPolicy(3)]
)
def test_s25_constraints_that_are_not_critical_are_refused(at: str, extension: x509.ExtensionType) -> None:
    """Who does not know them would pass over them."""
    with pytest.raises(CertificateUsage) as refusal:
        judge({"extra": ((extension, False),)}, named(HOST), at=at)
    assert refusal.value.problem == "name_constraints"


def test_an_anchor_that_is_not_strict_may_have_them() -> None:
    judge(constrained([HOST], critical=False), named(HOST), strict=False)


@without(UNGUARDED)
@pytest.mark.parametrize("strict", [True, False])
def test_s25_a_host_with_a_period_in_front_is_no_constraint(strict: bool) -> None:
    with pytest.raises(CertificateUsage):
        judge(constrained(unchecked=[DNS(".example.com")]), named(DNS("a.example.com")), strict=strict)


@without(UNGUARDED)
@pytest.mark.parametrize(
    ("permitted", "names"),
    [
        (HOST, [DNS(".example.com"), DNS("a.example.com")]),
        (HOST, [DNS("a..example.com")]),
        (HOST, [DNS("a b.example.com")]),
        (HOST, [DNS("*.*.example.com")]),
        (Mail("example.com"), [Mail("a@example.com"), mail("a@b@example.com")]),
    ],
)
def test_s25_what_is_no_name_is_not_within_constraints(
    permitted: x509.GeneralName, names: list[x509.GeneralName]
) -> None:
    with pytest.raises(CertificateUsage):
        judge(constrained([permitted]), named(*names))


@without(UNGUARDED)
@pytest.mark.parametrize("excluded", ["b.example.com", "c.b.example.com", "B.EXAMPLE.com"])
def test_s25_a_wildcard_must_not_stand_for_what_is_excluded(excluded: str) -> None:
    with pytest.raises(CertificateUsage):
        judge(constrained([HOST], [DNS(excluded)]), named(DNS("*.example.com")))


IP = x509.IPAddress
GOOD: list[tuple[dict[str, Any], list[x509.GeneralName]]] = [
    (constrained([HOST]), [HOST]),
    (constrained([HOST]), [DNS("a.b.example.com"), DNS("a_b.example.com")]),
    (constrained([HOST]), [DNS("*.example.com")]),
    (constrained([HOST], [DNS("b.example.org")]), [DNS("*.example.com")]),
    (constrained([Mail("example.com")]), [Mail("a@example.com")]),
    (constrained([Mail("a@example.com")]), [Mail("a@example.com")]),
    (constrained([Web(".example.com")]), [Web("https://a.example.com/b")]),
    (constrained([IP(IPv4Network("192.0.2.0/24"))]), [IP(IPv4Address("192.0.2.1")), HOST]),
    (constrained(None, [DNS("example.org")]), [HOST]),
]


@pytest.mark.parametrize("place", range(len(GOOD)))
def test_names_within_constraints_pass(place: int) -> None:
    judge(GOOD[place][0], named(*GOOD[place][1]))


BAD: list[tuple[dict[str, Any], list[x509.GeneralName]]] = [
    (constrained([HOST]), [DNS("notexample.com")]),
    (constrained([HOST], [HOST]), [HOST]),
    (constrained([Mail("example.com")]), [Mail("a@b.example.com")]),
    (constrained([Web(".example.com")]), [Web("https://example.org/b")]),
    (constrained(None, [IP(ip_network("192.0.2.0/24"))]), [IP(ip_address("192.0.2.1"))]),
    (constrained([IP(ip_network("192.0.2.0/24"))]), [IP(ip_network("192.0.2.0/24"))]),
    (constrained(None, [x509.RegisteredID(x509.ObjectIdentifier("1.2.3"))]),
     [x509.RegisteredID(x509.ObjectIdentifier("1.2.3"))]),
    (constrained([HOST], [x509.OtherName(x509.ObjectIdentifier("1.2.3"), b"\5\0")]),
     [HOST, x509.OtherName(x509.ObjectIdentifier("1.2.3"), b"\5\0")]),
]  # fmt: skip


@pytest.mark.parametrize("at", ["authority", "anchor"])
@pytest.mark.parametrize("place", range(len(BAD)))
def test_names_outside_constraints_are_refused_by_openssl(place: int, at: str) -> None:
    """Of an anchor too: it may say for whom it speaks."""
    assert isinstance(refused(BAD[place][0], named(*BAD[place][1]), at=at), CertificateUntrusted)


@pytest.mark.parametrize("malformed", [DNS("*.example.com"), IP(ip_address("192.0.2.1"))])
def test_malformed_constraints_are_refused_as_unreadable(malformed: x509.GeneralName) -> None:
    assert isinstance(refused(constrained(unchecked=[malformed]), named(HOST)), CertificateUnreadable)


def test_constraints_bind_the_cas_between_as_well() -> None:
    top = root("Constraining root")
    upper = top.issue_ca("Upper", **constrained([DNS("a.example.com")], [DNS("b.example.com")]))
    lower = upper.issue_ca("Lower", **named(DNS("b.example.com")))
    leaf = read_certificate(lower.issue(**named(DNS("a.example.com"))).der)
    trust = make_pki().trust(anchor_der=top.der, revocation="off")
    with pytest.raises(CertificateUntrusted):
        judge_path(leaf, [read_certificate(one.der) for one in (upper, lower)], trust, NOW)

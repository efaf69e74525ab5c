"""Lists of a part of the certificates (RFC 5280 5.2.5, 6.3.3): they speak of their own part only (S24)."""

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from certlogin.pki import scope as module
from certlogin.pki.certificate import read_certificate
from certlogin.pki.judge import judge_certificate
from certlogin.pki.revocation import CertificateRevoked, RevocationUnknown, Settled, UnusableList, read_list
from certlogin.pki.scope import ALL_REASONS, Scope
from tests.companions import without
from tests.factory import NOW, Issued, make_pki, name
from tests.pki import raw
from tests.pki.scopes import ONE, OTHER, Extra, named, partition, uri
from tests.pki.undefended import NOBODY_LISTED

CA, ROOT = make_pki().issuing, make_pki().root
SERIAL = 0x9A27
HALF = frozenset(sorted(ALL_REASONS, key=lambda one: one.name)[:4])
REST = ALL_REASONS - HALF


def leaf(*points: Extra) -> Issued:
    return CA.issue(serial=SERIAL, extra=points)


def settled(own: Issued, *lists: bytes) -> Settled:
    trust = make_pki().trust(crls_der=(*lists, ROOT.crl()))
    assert trust.problems == ()
    return judge_certificate(read_certificate(own.der), (), trust, NOW).revocation


def unknown(own: Issued, *lists: bytes) -> str:
    with pytest.raises(RevocationUnknown) as refusal:
        settled(own, *lists)
    return refusal.value.problem


def refused(own: Issued, *lists: bytes) -> None:
    with pytest.raises(CertificateRevoked):
        settled(own, *lists)


def part(*extra: Extra, revoked: tuple[int, ...] = (), number: int = 1) -> bytes:
    return CA.crl(revoked, number, extra=extra)


EVERY = {"certlogin.pki.scope.Scope.reasons_for": lambda *_: ALL_REASONS}


@without(NOBODY_LISTED)
@pytest.mark.parametrize("own", [leaf(), leaf(named(uri(ONE)))], ids=["no distribution point", "one"])
def test_s24_a_complete_list_speaks_of_every_certificate(own: Issued) -> None:
    assert settled(own, part()) is Settled.CRL
    refused(own, part(revoked=(SERIAL,)))


@pytest.mark.parametrize("point", [named(uri(ONE)), named(uri(OTHER), uri("ldap://x", ONE))], ids=["one", "several"])
def test_a_list_of_a_named_point_speaks_of_certificates_that_name_it(point: Extra) -> None:
    assert settled(leaf(point), part(partition(*uri(ONE)))) is Settled.CRL
    refused(leaf(point), part(partition(*uri("http://alias.test", ONE)), revoked=(SERIAL,)))


@without(EVERY)
@pytest.mark.parametrize(
    "own",
    [
        leaf(),
        leaf(named(uri(OTHER))),
        leaf(named(uri(ONE.upper()))),
        leaf(named([x509.DNSName("ca.test")])),
        leaf(named(uri(ONE), issuer=CA.certificate.subject)),
        leaf(named([x509.DirectoryName(name("1"))])),
    ],
    ids=["none", "another", "another spelling", "another kind", "of an indirect list", "directory"],
)
def test_s24_a_list_of_a_point_that_the_certificate_does_not_name_says_nothing(own: Issued) -> None:
    assert settled(leaf(named(uri(ONE))), part(partition(*uri(ONE)))) is Settled.CRL
    assert unknown(own, part(partition(*uri(ONE)))) == "missing"
    assert unknown(own, part(partition(*uri(ONE)), revoked=(SERIAL,))) == "missing"


def test_names_may_be_those_of_a_directory_whole_or_relative_to_the_issuer() -> None:
    relative = x509.RelativeDistinguishedName([x509.NameAttribute(NameOID.COMMON_NAME, "1")])
    whole = x509.DirectoryName(x509.Name([*CA.certificate.subject.rdns, relative]))
    points = named([whole]), named(relative=relative)
    parts = partition(whole), partition(relative=relative)
    for point in points:
        for one in parts:
            assert settled(leaf(point), part(one)) is Settled.CRL
            refused(leaf(point), part(one, revoked=(SERIAL,)))


@without({"certlogin.pki.scope._check_names": lambda *_: None})
@pytest.mark.parametrize("kind", [x509.DNSName("ca.test"), x509.RFC822Name("a@ca.test")])
def test_s24_a_list_of_a_point_of_another_kind_is_not_used(kind: x509.GeneralName) -> None:
    assert read_list(part(partition(*uri(ONE), kind))).scope.names == read_list(part(partition(*uri(ONE)))).scope.names
    with pytest.raises(UnusableList, match="names of other kinds"):
        read_list(part(partition(kind)))


@without(EVERY)
def test_s24_a_list_of_cas_says_nothing_of_users() -> None:
    assert settled(leaf(), part(partition(users=True))) is Settled.CRL
    refused(leaf(), part(partition(users=True), revoked=(SERIAL,)))
    assert unknown(leaf(), part(partition(cas=True))) == "missing"


@without(EVERY)
def test_s24_a_list_of_users_says_nothing_of_cas() -> None:
    own = read_certificate(leaf().der)
    for top, problem in ((partition(cas=True), None), (partition(users=True), "missing")):
        trust = make_pki().trust(crls_der=(CA.crl(), ROOT.crl(extra=(top,))))
        if problem is None:
            assert judge_certificate(own, (), trust, NOW).revocation is Settled.CRL
            continue
        with pytest.raises(RevocationUnknown) as refusal:
            judge_certificate(own, (), trust, NOW)
        assert refusal.value.problem == problem


def test_who_has_no_basic_constraints_is_no_ca() -> None:
    plain = leaf()
    kept = [one for one in raw.extensions(plain.der) if raw.oid("2.5.29.19") not in one]
    assert len(kept) < len(raw.extensions(plain.der))
    stripped = read_certificate(raw.with_extensions(plain.der, CA.key, kept))
    assert Scope(users_only=True).reasons_for(stripped) == ALL_REASONS
    assert Scope(cas_only=True).reasons_for(stripped) == frozenset()


# --- reasons


@without({"certlogin.pki.revocation.ALL_REASONS": frozenset()})
def test_s24_lists_of_some_reasons_count_when_together_they_have_all() -> None:
    half, rest = partition(reasons=HALF), partition(reasons=REST)
    assert settled(leaf(), part(half), part(rest)) is Settled.CRL
    assert unknown(leaf(), part(half)) == "missing"
    assert unknown(leaf(), part(half), part(partition(reasons=list(REST)[1:]))) == "missing"


def test_a_list_of_some_reasons_revokes_by_itself() -> None:
    refused(leaf(), part(partition(reasons=HALF), revoked=(SERIAL,)))


@without({"certlogin.pki.scope._reasons": lambda _: ALL_REASONS})
def test_s24_a_point_of_some_reasons_promises_those_only() -> None:
    both = named(uri(ONE), reasons=HALF)
    assert settled(leaf(named(uri(ONE))), part(partition(*uri(ONE)))) is Settled.CRL
    assert unknown(leaf(both), part(partition(*uri(ONE)))) == "missing"
    more = x509.CRLDistributionPoints(
        [x509.DistributionPoint(uri(ONE), None, HALF, None), x509.DistributionPoint(uri(OTHER), None, REST, None)]
    )
    own = leaf((more, False))
    assert settled(own, part(partition(*uri(ONE))), part(partition(*uri(OTHER)))) is Settled.CRL
    assert settled(own, part(partition(*uri(ONE, OTHER)))) is Settled.CRL


# --- side by side


@without({"certlogin.pki.evidence._scope_of": lambda _: module.EVERYTHING}, sees="older than")
def test_each_part_has_numbers_of_its_own() -> None:
    own = leaf(named(uri(ONE)))
    lists = part(partition(*uri(ONE)), number=1), part(partition(*uri(OTHER)), number=9)
    assert settled(own, *lists) is Settled.CRL
    assert settled(own, *reversed(lists)) is Settled.CRL


def test_one_list_that_revokes_outweighs_others_that_do_not() -> None:
    own = leaf(named(uri(ONE)))
    listed, silent = part(partition(*uri(ONE)), revoked=(SERIAL,)), part(number=9)
    assert settled(own, silent) is Settled.CRL
    refused(own, silent, listed)
    refused(own, listed, silent)

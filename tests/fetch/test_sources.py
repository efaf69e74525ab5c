"""Which addresses are sources: those of the settings, and those of proven paths on allowed hosts (S26)."""

import logging
from typing import Any

import pytest
from cryptography import x509

from certlogin.fetch.sources import ListSource, SourceRules, StatusSource
from certlogin.flows.trust import TrustSource
from certlogin.pki.certificate import read_certificate
from certlogin.settings.trust import Revocation
from tests.companions import without
from tests.factory import NOW, Issued, make_pki
from tests.fetch.world import CRL, HOSTS, OCSP, World, with_responder


def sources(
    world: World, leaf: Issued, hosts: tuple[str, ...] = HOSTS, trust: TrustSource | None = None, **changes: Any
) -> list[str]:
    rules = SourceRules((world.anchor(**changes),), hosts)
    found = rules.of_path(world.path(leaf), (trust or world.trust()).current(), NOW)
    return [one.address.url if isinstance(one, ListSource) else one.addresses[0].url for one in found]


def test_the_settings_own_lists_are_sources(world: World) -> None:
    rules = SourceRules((world.anchor(crl_urls=(CRL, "HTTP://CRL.example.cn:80/issuing.crl", OCSP)),), ())
    assert [source.address.url for source in rules.configured()] == [CRL, OCSP]


def test_a_list_on_an_allowed_host_is_a_source(world: World) -> None:
    assert sources(world, world.pki.issuing.issue(crl_url=CRL)) == [CRL]


@without({"certlogin.fetch.sources.may_be_asked": lambda address, hosts: True}, sees="assert ['")
@pytest.mark.parametrize(
    "url",
    [
        "http://evil.example/x.crl",
        "http://crl.example.cn:8080/x.crl",
        "http://crl.example.cn.evil.example/x.crl",
        "http://sub.crl.example.cn/x.crl",
        "http://169.254.169.254/latest",
        "http://localhost/x",
    ],
)
def test_s26_a_list_on_another_host_is_none(world: World, url: str) -> None:
    assert sources(world, world.pki.issuing.issue(crl_url=url)) == []


@without({"certlogin.fetch.sources.may_be_asked": lambda address, hosts: True}, sees="assert ['")
def test_s26_without_hosts_no_certificate_says_where_to_ask(world: World) -> None:
    assert sources(world, world.pki.issuing.issue(crl_url=CRL), hosts=()) == []
    assert sources(world, with_responder(world.pki, OCSP), hosts=(), ocsp=True) == []


def test_other_schemes_are_passed_over_and_said_once(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "certlogin")
    leaf = with_responder(world.pki, "OCSP://vendor.example/", "ldap://crl.example.cn/x", OCSP)
    rules = SourceRules((world.anchor(ocsp=True),), HOSTS)
    for _ in range(2):
        (found,) = rules.of_path(world.path(leaf), world.trust().current(), NOW)
        assert isinstance(found, StatusSource)
        assert [address.url for address in found.addresses] == [OCSP]
    assert [record.message for record in caplog.records] == [
        "revocation: the address 'OCSP://vendor.example/' of a certificate nothing is fetched by 'ocsp', "
        "only by http and https",
        "revocation: the address 'ldap://crl.example.cn/x' of a certificate nothing is fetched by 'ldap', "
        "only by http and https",
    ]


def test_a_responder_is_asked_only_where_its_anchor_says_so(world: World) -> None:
    leaf = with_responder(world.pki, OCSP)
    assert sources(world, leaf) == []
    assert sources(world, leaf, ocsp=True) == [OCSP]
    assert sources(world, leaf, ocsp=True, revocation=Revocation.OFF) == []


def test_the_settings_own_responder_is_asked_about_what_configured_authorities_issued(world: World) -> None:
    """Not about what an authority issued that a client sent along: its responder is another one."""
    leaf = world.pki.issuing.issue()
    own = "http://own.example.cn/"
    assert sources(world, leaf, ocsp_urls=(own,)) == []
    (world.folder / "issuing.pem").write_bytes(world.pki.issuing.pem)
    trust = world.trust(intermediates=(str(world.folder / "issuing.pem"),))
    assert sources(world, leaf, trust=trust, ocsp_urls=(own,)) == [own]


def test_what_a_list_speaks_of_is_not_asked_about(world: World) -> None:
    leaf, trust = with_responder(world.pki, OCSP), world.trust()
    assert sources(world, leaf, trust=trust, ocsp=True) == [OCSP]
    stale = world.pki.issuing.crl(
        number=1, this_update=NOW - (NOW - leaf.certificate.not_valid_before_utc), next_update=NOW
    )
    authorities = [read_certificate(world.pki.issuing.der)]
    trust.add([stale], [], authorities)
    assert sources(world, leaf, trust=trust, ocsp=True) == [OCSP]
    trust.add([world.pki.issuing.crl(number=2)], [], authorities)
    assert sources(world, leaf, trust=trust, ocsp=True) == []


def test_a_list_of_some_reasons_does_not_make_asking_needless(world: World) -> None:
    leaf, trust = with_responder(world.pki, OCSP), world.trust()
    some = x509.IssuingDistributionPoint(
        None, None, False, False, frozenset({x509.ReasonFlags.key_compromise}), False, False
    )
    trust.add([world.pki.issuing.crl(extra=[(some, True)])], [], [read_certificate(world.pki.issuing.der)])
    assert sources(world, leaf, trust=trust, ocsp=True) == [OCSP]


def test_deltas_and_every_link_of_the_path_count(world: World) -> None:
    delta = x509.FreshestCRL(
        [x509.DistributionPoint([x509.UniformResourceIdentifier("http://crl.example.cn/delta")], None, None, None)]
    )
    named = x509.DistributionPoint(
        [x509.DirectoryName(x509.Name([])), x509.UniformResourceIdentifier(CRL)], None, None, None
    )
    indirect = x509.DistributionPoint(
        [x509.UniformResourceIdentifier("http://crl.example.cn/indirect")],
        None,
        None,
        [x509.DirectoryName(x509.Name([]))],
    )
    issuing = world.pki.root.issue_ca("Below", crl_url="http://crl.example.cn/root.crl")
    leaf = issuing.issue(extra=((x509.CRLDistributionPoints([named, indirect]), False), (delta, False)))
    path = [read_certificate(one.der) for one in (leaf, issuing, world.pki.root)]
    rules = SourceRules((world.anchor(),), HOSTS)
    found = rules.of_path(path, world.trust().current(), NOW)
    assert [one.name for one in found] == [CRL, "http://crl.example.cn/delta", "http://crl.example.cn/root.crl"]
    assert [one.authorities[0].der for one in found] == [issuing.der, issuing.der, world.pki.root.der]


def test_a_path_to_nobody_we_know_leads_nowhere(world: World) -> None:
    other = make_pki(label=" other")
    path = [read_certificate(one.der) for one in (other.issuing.issue(crl_url=CRL), other.issuing, other.root)]
    assert SourceRules((world.anchor(),), HOSTS).of_path(path, world.trust().current(), NOW) == []


def test_sources_are_told_apart(world: World) -> None:
    rules = SourceRules((world.anchor(ocsp=True),), HOSTS)
    trust = world.trust().current()
    leaves = [with_responder(world.pki, OCSP), with_responder(world.pki, OCSP), world.pki.issuing.issue(crl_url=CRL)]
    keys = [one.key for leaf in leaves for one in rules.of_path(world.path(leaf), trust, NOW)]
    assert len(set(keys)) == 3
    assert [key.rpartition(".")[2] for key in keys] == ["ocsp", "ocsp", "crl"]

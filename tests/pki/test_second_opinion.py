"""A second opinion: OpenSSL's own path and revocation in one step, and the path validation of `cryptography`.

Ours is two steps and an index: over every combination of these circumstances it must say what the others say.
"""

from dataclasses import dataclass
from itertools import product

import pytest
from cryptography import x509
from cryptography.x509.verification import ExtensionPolicy, PolicyBuilder, Store, VerificationError
from OpenSSL import crypto

from certlogin.errors import CertloginError
from certlogin.pki.certificate import read_certificate
from certlogin.pki.path import CertificateUntrusted, build_trust, find_path
from certlogin.pki.revocation import settle_revocation
from tests.companions import without
from tests.factory import DAY, NOW, Authority, Issued, key, make_pki
from tests.pki.undefended import ANY_PATH, UNSETTLED

CRL_FLAGS = crypto.X509StoreFlags.CRL_CHECK | crypto.X509StoreFlags.CRL_CHECK_ALL


@dataclass(frozen=True)
class World:
    leaf: Issued
    chain: tuple[Authority, ...]
    crls: tuple[bytes, ...]
    anchor: Authority


def a_list(kind: str, of: Authority, serial: int) -> tuple[bytes, ...]:
    match kind:
        case "revoked":
            return (of.crl([serial]),)
        case "another revoked":
            return (of.crl([serial + 1]),)
        case "stale":
            return (of.crl(this_update=NOW - 9 * DAY, next_update=NOW - DAY),)
        case "from the future":
            return (of.crl(this_update=NOW + DAY, next_update=NOW + 9 * DAY),)
        case "wrongly signed":
            return (of.crl(signed_by=key("somebody")),)
        case "missing":
            return ()
    return (of.crl(),)


def world(issuer: str, leaf_list: str, ca_list: str, anchor: str = "root") -> World:
    pki = make_pki()
    issuers = {
        "good": pki.issuing,
        "stranger": make_pki("P-256", " stranger").issuing,
        "expired": pki.root.issue_ca("Expired", not_after=NOW - DAY),
        "too deep": pki.issuing.issue_ca("Too deep"),
        "same name, other key": make_pki("P-256", " stranger").root.issue_ca("Issuing P-256", key_name="other"),
    }
    ca = issuers[issuer]
    leaf = ca.issue()
    crls = (*a_list(leaf_list, ca, leaf.serial), *a_list(ca_list, pki.root, ca.serial))
    chain = (ca, pki.issuing) if issuer == "too deep" else (ca,)
    return World(leaf, chain, crls, pki.issuing if anchor == "issuing" else pki.root)


def ours(found: World) -> bool:
    pki = make_pki()
    trust = build_trust(
        [
            pki.material(
                anchor_der=found.anchor.der, intermediates_der=tuple(ca.der for ca in found.chain), crls_der=found.crls
            )
        ]
    )
    try:
        path = find_path(read_certificate(found.leaf.der), [], trust, NOW)
        settle_revocation(path.certificates, trust.index, NOW)
    except CertloginError:
        return False
    return True


def openssl(found: World) -> bool:
    store = crypto.X509Store()
    store.add_cert(crypto.X509.from_cryptography(found.anchor.certificate))
    for crl in found.crls:
        store.add_crl(x509.load_der_x509_crl(crl))
    store.set_flags(CRL_FLAGS | crypto.X509StoreFlags.X509_STRICT)
    store.set_time(NOW)
    chain = [crypto.X509.from_cryptography(ca.certificate) for ca in found.chain]
    try:
        crypto.X509StoreContext(
            store, crypto.X509.from_cryptography(found.leaf.certificate), chain
        ).verify_certificate()
    except crypto.X509StoreContextError:
        return False
    return True


ISSUERS = ["good", "stranger", "expired", "too deep", "same name, other key"]
LISTS = ["empty", "revoked", "another revoked", "stale", "from the future", "wrongly signed", "missing"]


EVERYTHING = set(product(ISSUERS, LISTS, LISTS))
ADMITTED = set(product(["good"], ["empty", "another revoked"], ["empty", "another revoked"]))
#: Of these rows, only what is on the lists refuses.
LISTED = {row for row in EVERYTHING - ADMITTED if row[0] == "good"}


@pytest.mark.parametrize(("issuer", "leaf_list", "ca_list"), sorted(ADMITTED))
def test_path_and_index_admit_what_openssl_admits_in_one_step(issuer: str, leaf_list: str, ca_list: str) -> None:
    found = world(issuer, leaf_list, ca_list)
    assert ours(found)
    assert openssl(found)


@without(UNSETTLED, sees="assert not True")
@pytest.mark.parametrize(("issuer", "leaf_list", "ca_list"), sorted(LISTED))
def test_s24_the_index_refuses_what_openssl_refuses_in_one_step(issuer: str, leaf_list: str, ca_list: str) -> None:
    found = world(issuer, leaf_list, ca_list)
    assert not openssl(found)
    assert not ours(found)


@without({**ANY_PATH, **UNSETTLED}, sees="assert not True")
@pytest.mark.parametrize(("issuer", "leaf_list", "ca_list"), sorted(EVERYTHING - ADMITTED - LISTED))
def test_s24_path_and_index_refuse_what_openssl_refuses(issuer: str, leaf_list: str, ca_list: str) -> None:
    found = world(issuer, leaf_list, ca_list)
    assert not openssl(found)
    assert not ours(found)


def plain_path(found: World, anchor: Authority) -> bool:
    """The path validation of `cryptography`, without demands on extensions that are the profile's business here."""
    ca_policy, anything = ExtensionPolicy.webpki_defaults_ca(), ExtensionPolicy.permit_all()
    builder = PolicyBuilder().store(Store([anchor.certificate])).time(NOW)
    verifier = builder.extension_policies(ca_policy=ca_policy, ee_policy=anything).build_client_verifier()
    try:
        verifier.verify(found.leaf.certificate, [ca.certificate for ca in found.chain])
    except VerificationError:
        return False
    return True


def our_path(found: World) -> bool:
    trust = build_trust([make_pki().material(anchor_der=found.anchor.der, intermediates_der=(), crls_der=())])
    try:
        find_path(read_certificate(found.leaf.der), [read_certificate(ca.der) for ca in found.chain], trust, NOW)
    except CertificateUntrusted:
        return False
    return True


ANCHORS = pytest.mark.parametrize("anchor", ["root", "issuing"])


@ANCHORS
def test_the_path_that_cryptography_finds_is_found(anchor: str) -> None:
    found = world("good", "empty", "empty", anchor)
    assert our_path(found)
    assert plain_path(found, found.anchor)


@without(ANY_PATH, sees="assert not True")
@ANCHORS
@pytest.mark.parametrize("issuer", ISSUERS[1:])
def test_s23_where_cryptography_finds_no_path_there_is_none(issuer: str, anchor: str) -> None:
    found = world(issuer, "empty", "empty", anchor)
    assert not plain_path(found, found.anchor)
    assert not our_path(found)

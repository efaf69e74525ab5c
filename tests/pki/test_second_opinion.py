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
from tests.factory import DAY, NOW, Authority, Issued, key, make_pki

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


@pytest.mark.parametrize(("issuer", "leaf_list", "ca_list"), list(product(ISSUERS, LISTS, LISTS)))
def test_s24_path_and_index_say_what_openssl_says_in_one_step(issuer: str, leaf_list: str, ca_list: str) -> None:
    found = world(issuer, leaf_list, ca_list)
    assert ours(found) is openssl(found)
    assert ours(found) is (issuer == "good" and {leaf_list, ca_list} <= {"empty", "another revoked"})


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


@pytest.mark.parametrize("anchor", ["root", "issuing"])
@pytest.mark.parametrize("issuer", ISSUERS)
def test_s23_the_path_alone_is_what_cryptography_says(issuer: str, anchor: str) -> None:
    found = world(issuer, "empty", "empty", anchor)
    trust = build_trust([make_pki().material(anchor_der=found.anchor.der, intermediates_der=(), crls_der=())])
    chain = [read_certificate(ca.der) for ca in found.chain]
    try:
        find_path(read_certificate(found.leaf.der), chain, trust, NOW)
        verdict = True
    except CertificateUntrusted:
        verdict = False
    assert verdict is plain_path(found, found.anchor)
    assert verdict is (issuer == "good")

"""Paths: what becomes of certificates that a client sends (S23), and of every configuration of anchors.

Each attack has a companion: with the one thing that it lacks, the same certificates are accepted.
"""

import time
from collections.abc import Sequence

import pytest
from cryptography import x509

from certlogin.pki.path import CertificateUntrusted, Trust, build_trust
from tests.companions import allows, without
from tests.factory import DAY, NOW, Authority, Issued, Plan, make_pki, root, self_signed
from tests.pki import raw
from tests.pki.paths import (
    BAD_SIGNATURE,
    EXPIRED,
    INVALID_CA,
    NO_AKI,
    NO_ISSUER,
    SELF_SIGNED_IN_CHAIN,
    SELF_SIGNED_LEAF,
    anchored,
    evil_pki,
    names,
    path,
    refused,
)
from tests.pki.undefended import ANY_PATH, CLIENT_FIRST, CLIENT_IN_STORE, ROUND_AND_ROUND, SIGNATURES_ALONE, remembering

# --- the good path


@pytest.mark.parametrize("key_type", ["RSA-2048", "P-256", "P-384"])
def test_a_leaf_below_a_configured_intermediate_is_found(key_type: str) -> None:
    pki = make_pki(key_type)
    found = path(pki.issuing.issue(key_type=key_type), pki.trust())
    assert names(found) == ["测试单位", f"Issuing {key_type}", f"Root {key_type}"]
    assert found.anchor.name == "test"
    assert found.certificates[-1] == found.anchor.certificate


def test_an_intermediate_may_come_from_the_client() -> None:
    pki = make_pki()
    trust = pki.trust(intermediates_der=())
    leaf = pki.issuing.issue()
    assert len(path(leaf, trust, pki.issuing).certificates) == 3
    assert refused(leaf, trust) == NO_ISSUER


@without(remembering())
def test_s23_what_one_client_sent_is_forgotten_for_the_next() -> None:
    pki = make_pki()
    trust = pki.trust(intermediates_der=())
    path(pki.issuing.issue(), trust, pki.issuing)
    path(pki.issuing.issue(), trust, pki.issuing, pki.root)
    assert refused(pki.issuing.issue(), trust) == NO_ISSUER


# --- S23: what a client sends is never an anchor


@without(CLIENT_IN_STORE)
def test_s23_a_ca_of_the_client_is_no_anchor() -> None:
    evil = evil_pki()
    leaf = evil.issuing.issue()
    for chain in ((), (evil.issuing,), (evil.issuing, evil.root), (evil.root, evil.issuing, leaf)):
        assert refused(leaf, make_pki().trust(), *chain) in (NO_ISSUER, SELF_SIGNED_IN_CHAIN)
    # The only thing that was missing is the anchor.
    assert path(leaf, evil.trust()).anchor.name == "test"
    assert path(leaf, anchored(make_pki().root, evil.root), evil.issuing).anchor.name == "a1"


@without(CLIENT_IN_STORE)
def test_s23_a_self_signed_certificate_is_no_anchor() -> None:
    alone = self_signed()
    assert refused(alone, make_pki().trust()) == SELF_SIGNED_LEAF
    assert refused(alone, make_pki().trust(), alone) == SELF_SIGNED_LEAF
    # A self-signed certificate with the name of our issuing CA, too.
    impostor = self_signed(Plan(common_name="Issuing P-256"))
    assert refused(impostor, make_pki().trust(), impostor) in (SELF_SIGNED_LEAF, NO_ISSUER, BAD_SIGNATURE)


@without(SIGNATURES_ALONE)
def test_s23_the_holder_of_a_login_certificate_is_no_ca() -> None:
    pki = make_pki()
    mine = pki.issuing.issue(key_name="mine", common_name="Mine")
    forged = Authority(mine.certificate, mine.key).issue()
    assert refused(forged, pki.trust(), mine) == INVALID_CA
    # With cA in my certificate, and room for it, it works.
    roomy = pki.root.issue_ca("Roomy")
    ca = roomy.issue_ca("Mine")
    assert len(path(ca.issue(), pki.trust(), ca, roomy).certificates) == 4


@without(SIGNATURES_ALONE)
@pytest.mark.parametrize("strict", [True, False])
def test_s23_no_extension_at_all_makes_nobody_a_ca(strict: bool) -> None:
    """OpenSSL takes a certificate without basic constraints for a CA in some cases: not here."""
    pki = make_pki()

    def bare(usages: tuple[str, ...]) -> Authority:
        plain = pki.root.issue_ca("Bare", usages=usages)
        kept = [one for one in raw.extensions(plain.der) if raw.oid("2.5.29.19") not in one]
        der = raw.with_extensions(plain.der, pki.root.key, kept)
        return Authority(x509.load_der_x509_certificate(der), plain.key)

    ca = bare(("key_cert_sign", "crl_sign"))
    assert refused(ca.issue(), pki.trust(strict=strict), ca) == INVALID_CA
    good = pki.root.issue_ca("Bare")
    assert path(good.issue(), pki.trust(strict=strict), good)


@without(CLIENT_IN_STORE)
def test_s23_a_cross_certificate_of_the_client_is_no_anchor() -> None:
    """The attacker certifies our issuing CA, name and key, below its own root."""
    pki, evil = make_pki(), evil_pki()
    cross = evil.root.issue_ca("Issuing P-256")
    leaf = pki.issuing.issue()
    lonely = anchored(make_pki(label=" third").root)
    assert cross.certificate.subject == pki.issuing.certificate.subject
    assert refused(leaf, lonely, cross, evil.root) in (NO_ISSUER, SELF_SIGNED_IN_CHAIN)
    # What is configured comes first, so that the true path is found whatever else was sent.
    assert names(path(leaf, pki.trust(), cross, evil.root))[-1] == "Root P-256"
    # A client whose own chain leads elsewhere as well does not even harm itself.
    assert names(path(leaf, anchored(pki.root), evil.root, cross, pki.issuing))[-1] == "Root P-256"
    assert names(path(leaf, anchored(pki.root), pki.issuing, cross, evil.root))[-1] == "Root P-256"
    # The cross certificate was good: where the other root is an anchor, it leads there.
    assert names(path(leaf, anchored(evil.root), cross))[-1] == "Root P-256 evil"


@without(CLIENT_IN_STORE)
def test_s23_a_root_with_our_name_and_another_key_is_no_anchor() -> None:
    pki = make_pki()
    impostor = root("Root P-256", key_name="impostor root")
    issuing = impostor.issue_ca("Issuing P-256", key_name="impostor issuing")
    leaf = issuing.issue()
    assert refused(leaf, pki.trust(), issuing, impostor) in (BAD_SIGNATURE, NO_ISSUER, SELF_SIGNED_IN_CHAIN)
    assert refused(leaf, pki.trust(strict=False), issuing, impostor) in (BAD_SIGNATURE, NO_ISSUER, SELF_SIGNED_IN_CHAIN)
    assert path(leaf, anchored(impostor), issuing)


@without(CLIENT_IN_STORE, sees="'client' == 'test'")
def test_s23_another_certificate_of_the_root_key_is_no_anchor() -> None:
    """The same name and key, made anew: only the configured certificate counts, and the path still ends there."""
    pki = make_pki()
    renewed = root("Root P-256", not_after=NOW + 9999 * DAY)
    assert renewed.der != pki.root.der
    found = path(pki.issuing.issue(), pki.trust(), renewed)
    assert found.anchor.name == "test"
    assert found.certificates[-1].der == pki.root.der


@allows
def test_s23_a_leaf_that_is_sent_twice_is_still_one() -> None:
    leaf = make_pki().issuing.issue()
    assert len(path(leaf, make_pki().trust(), leaf, leaf).certificates) == 3


# --- anchors


@without(CLIENT_IN_STORE)
def test_s23_the_issuing_ca_alone_may_be_the_anchor() -> None:
    pki = make_pki()
    found = path(pki.issuing.issue(), anchored(pki.issuing))
    assert names(found) == ["测试单位", "Issuing P-256"]
    # Nothing of the other CAs below the root is trusted by that.
    sister = pki.root.issue_ca("Sister")
    assert refused(sister.issue(), anchored(pki.issuing), sister, pki.root) in (NO_ISSUER, SELF_SIGNED_IN_CHAIN)
    assert path(sister.issue(), anchored(pki.root), sister)


@allows
@pytest.mark.parametrize("order", [1, -1])
def test_s23_with_root_and_issuing_ca_as_anchors_the_path_ends_at_the_nearest(order: int) -> None:
    pki = make_pki()
    trust = anchored(*(pki.root, pki.issuing)[::order])
    assert names(path(pki.issuing.issue(), trust)) == ["测试单位", "Issuing P-256"]
    assert names(path(pki.issuing.issue(), trust, pki.issuing, pki.root)) == ["测试单位", "Issuing P-256"]


def test_each_anchor_has_its_own_certificates() -> None:
    one, other = make_pki(), evil_pki()
    trust = anchored(one.root, other.root, intermediates=(one.issuing, other.issuing))
    assert path(one.issuing.issue(), trust).anchor.name == "a0"
    assert path(other.issuing.issue(), trust).anchor.name == "a1"


def test_an_old_card_without_authority_key_identifier_needs_strict_off() -> None:
    pki = make_pki()
    old = pki.issuing.issue(aki=False)
    assert refused(old, pki.trust()) == NO_AKI
    assert path(old, pki.trust(strict=False)).anchor.strict is False
    assert path(pki.issuing.issue(), pki.trust(strict=False))


def test_strict_off_for_one_anchor_relaxes_no_other() -> None:
    old, new = make_pki(), evil_pki()
    trust = build_trust(
        [
            old.material(name="old", strict=False),
            new.material(name="new"),
        ]
    )
    assert path(old.issuing.issue(aki=False), trust).anchor.name == "old"
    assert path(new.issuing.issue(), trust).anchor.name == "new"
    assert refused(new.issuing.issue(aki=False), trust) == NO_AKI


def test_the_refusal_that_says_more_is_told() -> None:
    old, new = make_pki(), evil_pki()
    trust = build_trust([old.material(name="old", strict=False), new.material(name="new")])
    assert refused(old.issuing.issue(), trust, now=NOW + 400 * DAY) == EXPIRED
    assert refused(new.issuing.issue(), trust, now=NOW + 400 * DAY) == EXPIRED
    assert refused(make_pki(label=" third").issuing.issue(), trust) == NO_ISSUER


# --- many certificates of one name (S25)


def decoys(count: int, like: Authority) -> list[Authority]:
    """CAs with the name of `like` and keys of their own, each certified by the attacker's root."""
    common_name = like.certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value
    assert isinstance(common_name, str)
    return [evil_pki().root.issue_ca(common_name, key_name=f"decoy {number}") for number in range(count)]


def is_found(leaf: Issued, trust: Trust, chain: Sequence[Issued]) -> bool:
    """Whether the path goes through our issuing CA."""
    try:
        return path(leaf, trust, *chain).certificates[1].der == make_pki().issuing.der
    except CertificateUntrusted:
        return False


@without({**CLIENT_FIRST, "certlogin.pki.selections.SELECTIONS_MAX": 0}, sees="False = is_found(")
def test_s25_same_subject_sets_neither_hide_our_intermediate_nor_cost_much() -> None:
    pki = make_pki()
    chain = decoys(5, pki.issuing)
    leaf, old = pki.issuing.issue(), pki.issuing.issue(aki=False)
    began = time.perf_counter()
    # Nothing but order and signature says which of them made a card without key identifier.
    assert is_found(old, pki.trust(strict=False), chain)
    assert all(is_found(leaf, pki.trust(strict=strict), chain) for strict in (True, False))
    assert time.perf_counter() - began < 1


@without(ANY_PATH)
def test_s25_the_key_identifier_finds_the_right_one_among_those_sent() -> None:
    pki = make_pki()
    chain = [*decoys(4, pki.issuing), pki.issuing]
    leaf = pki.issuing.issue()
    assert path(leaf, pki.trust(intermediates_der=()), *chain)
    assert refused(leaf, pki.trust(intermediates_der=()), *chain[:-1]) in (NO_ISSUER, BAD_SIGNATURE)


@without(ROUND_AND_ROUND, sees=" < 1")
def test_s25_cas_that_certify_each_other_end() -> None:
    """A ring of cross certificates: one name after the other, and back."""
    evil = evil_pki()
    ring = [evil.root.issue_ca(f"Ring {number}") for number in range(5)]
    links = [ring[number - 1].issue_ca(f"Ring {number}") for number in range(5)]
    began = time.perf_counter()
    assert refused(links[0].issue(), make_pki().trust(), *links) > 0
    assert time.perf_counter() - began < 1

"""Sets of certificates made to cost much (S25): what a client may send is judged within milliseconds.

Measured on one core of a busy machine of 2026: 1 to 2 ms for each set below, 10 ms being what was promised. The bound
here is wider, and counts the processor's time only; how much is done is counted as well.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from OpenSSL import crypto

from certlogin.errors import CertloginError
from certlogin.pki.certificate import UnverifiedCertificate, read_certificate, read_chain
from certlogin.pki.judge import judge_certificate
from certlogin.pki.path import CertificateUntrusted, Trust, build_trust
from certlogin.pki.selections import SELECTIONS_MAX
from tests.companions import companion, without
from tests.factory import NOW, Authority, Issued, make_pki, root
from tests.pki.paths import BAD_SIGNATURE, evil_pki

BOUND: Final = 0.05
CHAIN: Final = 5


def decoys(count: int) -> list[Issued]:
    """CAs with the name of our issuing CA, each with a key of its own."""
    return [evil_pki().root.issue_ca("Issuing P-256", key_name=f"decoy {number}") for number in range(count)]


def twins(count: int) -> list[Issued]:
    """CAs with one name and one key: each may have issued each."""
    top = root("Loop", key_name="loop")
    return [top.issue_ca("Loop", key_name="loop", serial=100 + number) for number in range(count)]


def ring(count: int) -> list[Issued]:
    """Each certifies the next, and the last the first."""
    names = [f"Ring {number}" for number in range(count)]
    ring = [evil_pki().root.issue_ca(name) for name in names]
    return [ring[number - 1].issue_ca(name) for number, name in enumerate(names)]


@cache
def largest_key() -> rsa.RSAPrivateKey:
    text = files("tests.pki").joinpath("rsa_8192.txt").read_text(encoding="ascii")
    p, q = (int("".join(part.split()), 16) for part in text.partition("\n")[2].split("\n\n"))
    d = pow(65537, -1, (p - 1) * (q - 1))
    numbers = rsa.RSAPublicNumbers(65537, p * q)
    d_p, d_q, inverse = rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q)
    return rsa.RSAPrivateNumbers(p, q, d, d_p, d_q, inverse, numbers).private_key()


@cache
def huge() -> tuple[Issued, list[Issued]]:
    """A true chain of RSA keys of the largest size, up to a root with our name and the attacker's key."""
    with pytest.MonkeyPatch.context() as patches:
        patches.setattr("tests.factory.any_key", lambda name, key_type: largest_key())
        found: list[Authority] = [root("Root P-256", aki=False)]
        while len(found) <= CHAIN:
            found.append(found[-1].issue_ca(f"Huge {len(found)}", aki=False))
        return found[-1].issue(aki=False), [*found[1:]]


def under(issuer: Issued, **plan: Any) -> Issued:
    return Authority(issuer.certificate, issuer.key).issue(**plan)


SETS: Final[dict[str, Callable[[], tuple[Issued, list[Issued]]]]] = {
    "the name of our CA": lambda: (make_pki().issuing.issue(), decoys(CHAIN)),
    "the name of our CA, and no key identifier": lambda: (make_pki().issuing.issue(aki=False), decoys(CHAIN)),
    "a forged leaf below them": lambda: (under(decoys(CHAIN)[0], aki=False), decoys(CHAIN)),
    "one name, one key": lambda: (under(twins(CHAIN)[0]), twins(CHAIN)),
    "a ring": lambda: (under(ring(CHAIN)[0]), ring(CHAIN)),
    "large keys": huge,
}


def judged(leaf: Issued, chain: list[Issued], trust: Trust) -> type[CertloginError] | None:
    try:
        judge_certificate(read_certificate(leaf.der), read_chain([one.der for one in chain]), trust, NOW)
    except CertloginError as refusal:
        return type(refusal)
    return None


def cost(leaf: Issued, chain: list[Issued], trust: Trust) -> float:
    """The best of several: the others were disturbed."""
    found = []
    for _ in range(5):
        began = time.process_time()
        judged(leaf, chain, trust)
        found.append(time.process_time() - began)
    return min(found)


def both_kinds() -> Trust:
    """A strict anchor and one that is not: every certificate may be tried twice."""
    old = make_pki(label=" old")
    return build_trust([make_pki().material(), old.material(name="old", strict=False)])


@pytest.mark.parametrize("kind", SETS)
def test_s25_a_hostile_set_costs_milliseconds(kind: str) -> None:
    leaf, chain = SETS[kind]()
    assert cost(leaf, chain, both_kinds()) < BOUND


@companion("test_s25_a_hostile_set_costs_milliseconds")
def test_s25_without_the_limit_a_set_would_cost_what_the_client_wants(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("certlogin.pki.certificate.CLIENT_CERTIFICATES_MAX", 10_000)
    leaf, chain = SETS["one name, one key"]()
    few, many = cost(leaf, chain, both_kinds()), cost(leaf, twins(300), both_kinds())
    assert many > 5 * few


@contextmanager
def attempts(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """How many certificates each search of OpenSSL was given."""
    found: list[int] = []
    search = crypto.X509StoreContext.get_verified_chain

    def counted(context: crypto.X509StoreContext) -> list[crypto.X509]:
        found.append(1)
        return search(context)

    with monkeypatch.context() as patches:
        patches.setattr(crypto.X509StoreContext, "get_verified_chain", counted)
        yield found


@pytest.mark.parametrize("kind", SETS)
def test_s25_the_number_of_searches_is_bounded(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """For each kind of anchor one with everything, and a few with one certificate of each name."""
    leaf, chain = SETS[kind]()
    with attempts(monkeypatch) as found:
        judged(leaf, chain, both_kinds())
    assert len(found) <= 2 * (1 + SELECTIONS_MAX)


@companion("test_s25_the_number_of_searches_is_bounded")
def test_s25_without_the_bound_there_are_as_many_as_the_client_wants(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("certlogin.pki.selections.SELECTIONS_MAX", 10_000)
    monkeypatch.setattr("certlogin.pki.certificate.CLIENT_CERTIFICATES_MAX", 10_000)
    with attempts(monkeypatch) as found:
        judged(under(twins(30)[0]), twins(30), both_kinds())
    assert len(found) > 50


def forged() -> tuple[UnverifiedCertificate, list[UnverifiedCertificate]]:
    """A chain up to our anchor's name in which no signature is true below the first: each link may be verified."""
    top = root("Root P-256", key_name="forger")
    found = [top.issue_ca("Forged 0", aki=False)]
    while len(found) < CHAIN:
        # Each is signed by another key than that of its issuer.
        last = Authority(found[-1].certificate, top.key)
        found.append(last.issue_ca(f"Forged {len(found)}", aki=False))
    leaf = Authority(found[-1].certificate, top.key).issue(aki=False)
    return read_certificate(leaf.der), [read_certificate(one.der) for one in found]


def test_s25_the_first_signature_that_does_not_fit_is_the_last_one_verified() -> None:
    """From the anchor down: what the attacker's keys have signed is not looked at before ours has."""
    leaf, chain = forged()
    with pytest.raises(CertificateUntrusted) as refusal:
        judge_certificate(leaf, chain, make_pki().trust(strict=False), NOW)
    # Depth 0 is the leaf, so this is the link below the anchor.
    assert (refusal.value.error, refusal.value.depth) == (BAD_SIGNATURE, CHAIN)


@companion("test_s25_the_first_signature_that_does_not_fit_is_the_last_one_verified")
def test_s25_with_a_true_first_link_the_next_is_verified() -> None:
    leaf, chain = forged()
    first = make_pki().root.issue_ca("Forged 0", aki=False)
    with pytest.raises(CertificateUntrusted) as refusal:
        judge_certificate(leaf, [read_certificate(first.der), *chain[1:]], make_pki().trust(strict=False), NOW)
    assert (refusal.value.error, refusal.value.depth) == (BAD_SIGNATURE, CHAIN - 1)


@without({"certlogin.pki.judge.check_count": lambda chain: None}, sees="certificate_untrusted")
def test_s25_a_seventh_certificate_is_refused_before_any_path_is_sought() -> None:
    leaf = read_certificate(under(twins(CHAIN)[0]).der)
    refusal = refusal_of(leaf, [read_certificate(one.der) for one in twins(CHAIN + 1)])
    assert refusal.code == "certificate_too_large", refusal


def refusal_of(leaf: UnverifiedCertificate, chain: list[UnverifiedCertificate]) -> CertloginError:
    with pytest.raises(CertloginError) as refusal:
        judge_certificate(leaf, chain, make_pki().trust(), NOW)
    return refusal.value


def test_the_sets_are_refused_for_what_they_are() -> None:
    assert judged(*SETS["the name of our CA"](), both_kinds()) is None
    others = [kind for kind in SETS if kind != "the name of our CA"]
    assert {judged(*SETS[kind](), both_kinds()) for kind in others} == {CertificateUntrusted}

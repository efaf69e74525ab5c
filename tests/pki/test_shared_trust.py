"""One trust for every thread: what is loaded once is judged with by all at the same time."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from certlogin.errors import CertloginError
from certlogin.pki.certificate import read_certificate
from certlogin.pki.judge import judge_certificate
from certlogin.pki.path import Trust
from tests.factory import DAY, NOW, Issued, make_pki

THREADS = 8


@pytest.fixture
def restless() -> Iterator[None]:
    """Threads change places as often as they can."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(usual)


def verdict(leaf: Issued, trust: Trust) -> str:
    try:
        return judge_certificate(read_certificate(leaf.der), (), trust, NOW).anchor
    except CertloginError as refusal:
        return refusal.code


@pytest.mark.usefixtures("restless")
@pytest.mark.parametrize("key_type", ["P-256", "RSA-2048", "SM2"])
def test_threads_judge_with_one_trust(key_type: str) -> None:
    pki = make_pki(key_type)
    trust = pki.trust(crls_der=pki.crls(revoked=[77]))
    assert all(one.loaded for one in (*trust.intermediates, trust.anchors[0].certificate))
    stranger = make_pki(key_type, " stranger").issuing
    cases = [
        (pki.issuing.issue(key_type=key_type), "test"),
        (pki.issuing.issue(key_type=key_type, serial=77), "certificate_revoked"),
        (pki.issuing.issue(key_type=key_type, not_after=NOW - DAY), "certificate_expired"),
        (stranger.issue(key_type=key_type), "certificate_untrusted"),
    ] * 40
    with ThreadPoolExecutor(THREADS) as pool:
        verdicts = list(pool.map(lambda case: verdict(case[0], trust), cases))
    assert verdicts == [expected for _, expected in cases]

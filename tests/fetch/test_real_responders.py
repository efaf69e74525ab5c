"""The refresher, its client and real issuers over HTTP: the `openssl` command (SM2 included) and certomancer."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from certlogin.fetch.client import Client
from certlogin.fetch.refresher import Refresher, Surroundings
from certlogin.fetch.sources import SourceRules
from certlogin.flows.trust import TrustSource
from certlogin.pki.certificate import read_certificate
from certlogin.pki.judge import judge_path
from certlogin.pki.ocsp import Status
from certlogin.pki.revocation import CertificateRevoked, RevocationUnknown, Settled
from certlogin.settings.revocation import RevocationSettings
from certlogin.settings.trust import Anchor
from certlogin.settings.trust import Trust as TrustSettings
from tests.companions import companion
from tests.factory import PKI, sm2
from tests.fetch.certomancer import Certomancer
from tests.fetch.servers import Asked, Place, Reply
from tests.fetch.world import WITHIN, with_responder, work
from tests.pki.answers import delegate
from tests.pki.test_ocsp_responders import FIRST, LAST, LINES, TYPES, ask, authority

WIDE = {"not_before": FIRST, "not_after": LAST}


def now() -> datetime:
    return datetime.now(UTC)


class Site:
    """The trust in one root, kept fresh from this place alone."""

    def __init__(self, folder: Path, place: Place, root: bytes) -> None:
        (folder / "root.der").write_bytes(root)
        anchor = Anchor("test", str(folder / "root.der"), ocsp=True)
        self.trust = TrustSource(TrustSettings((anchor,)), now, sm2())
        client = Client(RevocationSettings(allow_private=True))
        around = Surroundings(self.trust, client, now, bytes)
        self.problems: list[str] = []
        self.refresher = Refresher(SourceRules((anchor,), (place.host,)), around, None, 30)

    def judged(self, *chain: bytes) -> Settled:
        """Leaf first; asks until everything is known."""
        leaf, *intermediates = (read_certificate(der) for der in chain)
        for _ in chain:
            try:
                return judge_path(leaf, intermediates, self.trust.current(), now()).revocation
            except RevocationUnknown as unknown:
                self.refresher.ask(unknown.path, WITHIN)
            self.problems += [outcome.problem for outcome in work(self.refresher) if outcome.problem]
        assert self.problems == []
        return judge_path(leaf, intermediates, self.trust.current(), now()).revocation


@pytest.mark.parametrize("key_type", TYPES)
@pytest.mark.parametrize("by_delegate", [False, True])
def test_the_openssl_command_is_asked_and_its_answer_counts(
    tmp_path: Path, place: Place, key_type: str, by_delegate: bool
) -> None:
    ca = authority(key_type)
    leaf = with_responder(PKI(ca, ca), place.url("/ocsp"), key_type=key_type, **WIDE)
    signer = delegate(ca, key_type=key_type, **WIDE) if by_delegate else ca
    status = Status.GOOD

    def answer(asked: Asked) -> Reply:
        line = LINES[status].format(serial=f"{leaf.serial:040X}")
        return 200, {}, ask(tmp_path, ca, signer, asked.body, line, "-ndays", "1")

    place.pages["/ocsp"] = answer
    site = Site(tmp_path, place, ca.der)
    assert site.judged(leaf.der) is Settled.OCSP
    assert len(place.asked) == 1
    status = Status.REVOKED
    with pytest.raises(CertificateRevoked):
        Site(tmp_path, place, ca.der).judged(leaf.der)


@pytest.mark.parametrize("key_type", ["P-256", "RSA-2048"])
def test_lists_and_answers_of_certomancer_count(tmp_path: Path, place: Place, key_type: str) -> None:
    issuer = Certomancer(tmp_path, place, key_type)
    site = Site(tmp_path, place, issuer.der("root"))
    assert site.judged(issuer.der("leaf"), issuer.der("issuing")) is Settled.OCSP
    assert sorted(place.paths()) == ["/test/crls/root/latest.crl", "/test/ocsp/issuing"]


def test_s24_certomancer_says_that_it_is_revoked(tmp_path: Path, place: Place) -> None:
    issuer = Certomancer(tmp_path, place, "P-256")
    site = Site(tmp_path, place, issuer.der("root"))
    with pytest.raises(CertificateRevoked):
        site.judged(issuer.der("gone"), issuer.der("issuing"))


@companion("test_s24_certomancer_says_that_it_is_revoked")
def test_s24_without_the_look_for_revocations_it_would_count(
    tmp_path: Path, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("certlogin.pki.revocation._refuse_revoked", lambda link: None)
    good = type("Status", (), {"GOOD": Status.REVOKED, "UNKNOWN": Status.UNKNOWN})
    monkeypatch.setattr("certlogin.pki.revocation.Status", good)
    issuer = Certomancer(tmp_path, place, "P-256")
    site = Site(tmp_path, place, issuer.der("root"))
    assert site.judged(issuer.der("gone"), issuer.der("issuing")) is Settled.OCSP


def test_an_answer_of_certomancer_is_asked_for_again_before_it_ends(tmp_path: Path, place: Place) -> None:
    issuer = Certomancer(tmp_path, place, "P-256")
    site = Site(tmp_path, place, issuer.der("root"))
    site.judged(issuer.der("leaf"), issuer.der("issuing"))
    for outcome in site.refresher.state():
        assert outcome.good_until is not None
        assert timedelta(0) < outcome.next_at - now() < outcome.good_until - now()

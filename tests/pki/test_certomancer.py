"""A PKI that certomancer made, with its lists of distribution points and its OCSP responder (S24)."""

from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import ocsp
from certomancer.registry import ArchLabel, CertLabel, CertomancerConfig, PKIArchitecture, ServiceLabel
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from certlogin.pki.certificate import UnverifiedCertificate, read_certificate
from certlogin.pki.judge import judge_path
from certlogin.pki.path import AnchorMaterial, Trust, build_trust
from certlogin.pki.revocation import CertificateRevoked, RevocationUnknown, Settled, add_evidence
from tests.factory import DAY, NOW, key

NAMES = ("root", "issuing", "responder", "good", "bad")
SPAN = {"valid-from": "2020-01-01T00:00:00+0000", "valid-to": "2100-01-01T00:00:00+0000"}
REVOKED_SINCE = NOW - 5 * DAY


def configuration(folder: Path) -> dict[str, Any]:
    services = {"crl-repo": "issuing", "ocsp-service": "issuing"}
    profiles = {
        "root": [{"id": "simple-ca", "params": {"crl-repo": "root"}}],
        "issuing": [{"id": "simple-ca", "params": {"max-path-len": 0, **services}}],
        "responder": ["ocsp-responder"],
    }
    issuers = {"root": "root", "issuing": "root"}
    certificates: dict[str, dict[str, Any]] = {
        name: {
            "issuer": issuers.get(name, "issuing"),
            "validity": SPAN,
            "profiles": profiles.get(name, ["digsig-commitment"]),
        }
        for name in NAMES
    }
    certificates["root"]["subject"] = "root"
    since = f"{REVOKED_SINCE:%Y-%m-%dT%H:%M:%S+0000}"
    certificates["bad"]["revocation"] = {"revoked-since": since, "reason": "key_compromise"}
    return {
        "keysets": {"keys": {"path-prefix": str(folder), "keys": {name: {"path": f"{name}.pem"} for name in NAMES}}},
        "pki-architectures": {
            "test": {
                "keyset": "keys",
                "entity-defaults": {"country-name": "CN", "organization-name": "certomancer"},
                "entities": {name: {"common-name": name} for name in NAMES},
                "certs": certificates,
                "services": {
                    "ocsp": {
                        "issuing": {"for-issuer": "issuing", "responder-cert": "responder", "signing-key": "responder"}
                    },
                    "crl-repo": {
                        name: {"for-issuer": name, "signing-key": name, "simulated-update-schedule": "P2D"}
                        for name in ("root", "issuing")
                    },
                },
            }
        },
    }


@dataclass(frozen=True)
class Made:
    pki: PKIArchitecture

    def certificate(self, name: str) -> UnverifiedCertificate:
        return read_certificate(self.pki.get_cert(CertLabel(name)).dump())

    def crl(self, name: str) -> bytes:
        return bytes(self.pki.service_registry.get_crl(ServiceLabel(name), NOW).dump())

    def trust(self, *lists: str) -> Trust:
        material = AnchorMaterial(
            "certomancer", self.certificate("root").der, (self.certificate("issuing").der,), tuple(map(self.crl, lists))
        )
        trust = build_trust([material])
        assert trust.problems == ()
        return trust

    def answered(self, trust: Trust, name: str) -> Trust:
        """The trust with what the responder says to the question that the judgement leaves open."""
        with pytest.raises(RevocationUnknown) as refusal:
            judge_path(self.certificate(name), (), trust, NOW)
        question = refusal.value.question
        assert question is not None
        assert refusal.value.problem == "not_asked"
        assert question.addresses == ("http://ca.example.com/test/ocsp/issuing",)
        responder = self.pki.service_registry.summon_responder(ServiceLabel("issuing"), at_time=NOW)
        answer = responder.build_ocsp_response(ocsp.OCSPRequest.load(question.request)).dump()
        told, problems = add_evidence(trust, [], [answer], NOW)
        assert problems == []
        return told


@pytest.fixture(scope="module", params=["P-256", "RSA-2048"])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("certomancer")
    for name in NAMES:
        own = key(f"certomancer {name}", request.param)
        (folder / f"{name}.pem").write_bytes(own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    config = CertomancerConfig(configuration(folder), key_search_dir=str(folder))
    return Made(config.get_pki_arch(ArchLabel("test")))


def test_its_lists_settle(made: Made) -> None:
    trust = made.trust("root", "issuing")
    assert all(one.scope.names for one in trust.index.lists)
    assert judge_path(made.certificate("good"), (), trust, NOW).revocation is Settled.CRL
    with pytest.raises(CertificateRevoked) as refusal:
        judge_path(made.certificate("bad"), (), trust, NOW)
    assert refusal.value.revoked_at == REVOKED_SINCE
    with pytest.raises(RevocationUnknown, match="stale"):
        judge_path(made.certificate("good"), (), trust, NOW + 3 * DAY)


def test_its_responder_settles(made: Made) -> None:
    trust = made.trust("root")
    told = made.answered(trust, "good")
    assert judge_path(made.certificate("good"), (), told, NOW).revocation is Settled.OCSP
    with pytest.raises(RevocationUnknown, match="stale"):
        judge_path(made.certificate("good"), (), told, NOW + timedelta(days=1))
    with pytest.raises(CertificateRevoked) as refusal:
        judge_path(made.certificate("bad"), (), made.answered(told, "bad"), NOW)
    assert refusal.value.revoked_at == REVOKED_SINCE


def test_the_list_of_its_root_does_not_speak_of_its_users(made: Made) -> None:
    trust = made.trust("root", "issuing")
    only = replace(trust, index=made.trust("root").index)
    with pytest.raises(RevocationUnknown, match="not_asked"):
        judge_path(made.certificate("bad"), (), only, NOW)

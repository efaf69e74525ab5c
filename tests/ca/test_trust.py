"""What the CA makes is judged like any other certificate: path, revocation required, identity."""

from pathlib import Path

import pytest

from certlogin.ca.base import IssuedCertificate
from certlogin.ca.profile import UNIQUE_ID_OID
from certlogin.ca.signing import KEY_TYPES
from certlogin.errors import Unavailable
from certlogin.flows.trust import load_trust
from certlogin.pki.certificate import read_certificate, read_chain
from certlogin.pki.judge import TrustedCertificate, judge_certificate
from certlogin.pki.profile import CertificateExpired, CertificateNotYetValid
from certlogin.pki.revocation import CertificateRevoked, RevocationUnknown, Settled
from certlogin.records.unit import Unit, UnitId
from certlogin.settings.trust import Anchor, Trust
from tests.ca.house import OTHER, UNIT, House, asked, found, names, parsed
from tests.factory import DAY, NOW, UNIT_CODE, key, request, sm2


def judge(house: House, issued: IssuedCertificate) -> TrustedCertificate:
    """As a site does whose settings name the files of the CA's directory; extended key usage is demanded too."""
    files = house.files
    anchor = Anchor(
        name="ca",
        file=str(files.root),
        intermediates=(str(files.issuing),),
        crls=(str(files.root_list), str(files.issuing_list)),
        unique_id=(UNIQUE_ID_OID,),
    )
    trust = load_trust(Trust((anchor,), require_client_auth=True), sm2=sm2())
    assert not trust.problems
    return judge_certificate(read_certificate(issued.certificate), read_chain(issued.chain), trust, house.clock())


@pytest.mark.parametrize("leaf_type", KEY_TYPES)
@pytest.mark.parametrize("ca_type", KEY_TYPES)
def test_an_issued_certificate_is_trusted_until_it_is_revoked(tmp_path: Path, ca_type: str, leaf_type: str) -> None:
    house = found(tmp_path / "ca", ca_type)
    ca = house.open()
    issued = ca.issue(UNIT, asked("leaf", leaf_type))
    trusted = judge(house, issued)
    assert trusted.revocation is Settled.CRL
    assert len(trusted.path) == 3
    assert trusted.facts.unit_code == UNIT_CODE
    assert trusted.facts.unique_id == f"{UNIT_CODE}@01"
    assert (trusted.facts.issuer_sha256, trusted.facts.serial) == names(issued)
    ca.revoke(trusted.facts.issuer_sha256, trusted.facts.serial, "lost", allow_reissue=False)
    with pytest.raises(CertificateRevoked):
        judge(house, issued)


def test_a_verifier_whose_clock_is_a_little_behind_accepts_what_was_just_made(house: House) -> None:
    ca = house.open()
    issued = ca.issue(UNIT, request(key("leaf")))
    ca.renew()
    house.clock.advance(minutes=-4)
    assert judge(house, issued)
    house.clock.advance(minutes=-2)
    with pytest.raises(CertificateNotYetValid):
        judge(house, issued)


def test_a_list_that_nobody_renews_locks_out_and_its_renewal_lets_in_again(house: House) -> None:
    ca = house.open()
    issued = ca.issue(UNIT, request(key("leaf")))
    house.clock.advance(days=8)
    with pytest.raises(RevocationUnknown):
        judge(house, issued)
    ca.refresh()
    assert judge(house, issued)


def test_a_certificate_never_outlives_the_issuing_ca(house: House) -> None:
    house.clock.now = NOW + 3600 * DAY
    ca = house.open()
    ca.renew_root_list(house.root)
    issued = ca.issue(UNIT, request(key("leaf")))
    end = house.issuing.certificate.not_valid_after_utc
    assert parsed(issued).not_valid_after_utc == end
    house.clock.now = end
    ca.refresh()
    assert judge(house, issued)
    house.clock.advance(seconds=1)
    with pytest.raises(CertificateExpired):
        judge(house, issued)
    with pytest.raises(Unavailable):
        ca.issue(OTHER, request(key("other")))


@pytest.mark.parametrize(
    "name", ["某" * 200, "a" * 200, "国家统计局某某省某某市某某县调查队综合业务和数据采集科（本级）", '=,+"\\<>;#']
)
def test_names_of_any_length_and_script_are_issued_for(house: House, name: str) -> None:
    unit = Unit(UnitId("u-3"), name, UNIT_CODE)
    house.entitle(unit)
    assert judge(house, house.open().issue(unit, request(key("leaf"))))

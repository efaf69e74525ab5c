"""The first certificate, from the password to the next login: C1, C2, A5, S12, S28, with a CA behind its own socket."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest

from certlogin.ca import embedded
from certlogin.ca.base import CertificateAuthority
from certlogin.errors import Unavailable
from certlogin.pki import keys
from certlogin.pki.sm2 import SM2Unavailable
from certlogin.records.certificate import KeyType, State
from certlogin.records.unit import UnitId
from certlogin.stores.base import AlreadyBound
from certlogin.stores.sql.registry import SqlRegistry
from certlogin.wire.b64 import encode
from tests.companions import without
from tests.factory import key, request
from tests.factory_keys import any_key
from tests.gate.browser import ATTEMPT, Browser
from tests.gate.conftest import MakeWorld
from tests.gate.downloads import (
    U1,
    Place,
    asking,
    at_the_download,
    download,
    log_in,
    place,
    revoke,
    served,
    short_tmp,
)
from tests.gate.undefended_proof import FORGOTTEN, OPEN_TO_OTHER_SITES, PASTLESS, UNBOUND
from tests.gate.world import UNITS

__all__ = ["place", "served", "short_tmp"]

#: In the answer to a request that was granted.
ISSUED = '"certificate":'

_inspect = embedded._inspect
_bind = SqlRegistry.bind


def _whatever_its_kind(der: bytes, profile: Any, *rest: Any) -> Any:
    kinds = ("P-256", "P-384", "RSA-1024", "RSA-3072")
    return _inspect(der, replace(profile, key_types=kinds), *rest)


def _bound_or_not(*binding: Any) -> None:
    try:
        _bind(*binding)
    except (AlreadyBound, Unavailable):
        return


#: Neither the site nor the CA has a list of kinds of keys.
ANY_KIND = {
    "certlogin.flows.enrol._check_key_type": lambda *_: None,
    "certlogin.ca.embedded._inspect": _whatever_its_kind,
}
SHORT_RSA = {"certlogin.pki.keys.RSA_BITS_MIN": 1024, "certlogin.pki.profile.RSA_BITS_MIN": 1024, **ANY_KIND}
SECP256K1 = bytes.fromhex("2b8104000a")
ANY_CURVE = {"certlogin.pki.keys._CURVES": {**keys._CURVES, SECP256K1: (KeyType.P256, 256)}, **ANY_KIND}
#: What the unit owes is not asked.
ALWAYS_OPEN = {"certlogin.flows.enrol._check_open": lambda context, attempt, now: context.units.find(attempt.unit_id)}
#: Nor do CA and registry count what the unit has.
UNCOUNTED = {
    **ALWAYS_OPEN,
    "certlogin.ca.embedded.check_new": lambda *_: None,
    "certlogin.stores.sql.registry.SqlRegistry.bind": _bound_or_not,
}
UNCHALLENGED = {"certlogin.flows.enrol.check_challenge": lambda text, *_: text}
UNSIGNED = {"certlogin.pki.request._check_signature": lambda *_: None}


@pytest.mark.parametrize(
    ("place", "key_type"),
    [("SM2", "SM2"), ("P-256", "SM2"), ("SM2", "P-256"), ("P-256", "RSA-2048")],
    indirect=["place"],
)
def test_c1_c2_a_unit_downloads_its_first_certificate_and_goes_on_at_once(served: Place, key_type: str) -> None:
    mine, private_key = at_the_download(served), any_key(f"enrol {key_type}", key_type)
    page = mine.get("/certlogin/enrol").text
    unit = served.world.directory.units[U1]
    assert unit.name in page
    assert unit.code not in page
    assert "下载证书" in page
    certificate = download(mine, private_key)
    assert "证书下载成功" in mine.last.text
    assert "返回报送系统" in mine.last.text
    assert log_in(mine, certificate, private_key) == "/home"
    assert mine.home()["identity"] == {"unit": "U1", "method": "certificate"}
    (row,) = served.world.store.of_unit(U1)
    assert (row.bound_by, row.facts.unit_code, row.facts.der) == ("enrol", unit.code, certificate)
    assert row.applied_on == served.world.clock.now


def test_sm2_is_offered_first(served: Place) -> None:
    page = at_the_download(served).get("/certlogin/enrol").text
    assert re.findall('name="key_type".*? value="([^"]+)"', page) == ["SM2", "P-256", "RSA-2048"]


@pytest.fixture
def without_sm2(monkeypatch: pytest.MonkeyPatch) -> None:
    """The libcrypto of the site's machine has none."""
    monkeypatch.setattr("certlogin.app.open_sm2", lambda settings: None)


@pytest.mark.usefixtures("without_sm2")
def test_a_site_that_cannot_verify_sm2_offers_and_takes_the_others(served: Place) -> None:
    mine = at_the_download(served)
    page = mine.get("/certlogin/enrol").text
    assert re.findall('name="key_type".*? value="([^"]+)"', page) == ["P-256", "RSA-2048"]
    assert mine.refused("enrol", **asking(mine, any_key("enrol blind", "SM2"))) == "sm2_unavailable"
    assert served.world.store.listing() == ()
    assert log_in(mine, download(mine, key("enrol seeing")), key("enrol seeing")) == "/home"


def test_a_site_may_offer_sm2_alone(make_world: MakeWorld) -> None:
    assert make_world(ca={"key_types": ["SM2"]})


@pytest.mark.usefixtures("without_sm2")
def test_a_site_that_can_offer_no_key_does_not_start(make_world: MakeWorld) -> None:
    with pytest.raises(SM2Unavailable, match="key_types"):
        make_world(ca={"key_types": ["SM2"]})


def test_a5_back_to_the_host_and_in_again_by_the_chooser(served: Place) -> None:
    mine, private_key = at_the_download(served), key("enrol a5")
    certificate = download(mine, private_key)
    answer = mine.post("/certlogin/leave", {"attempt": mine.attempt_id()})
    assert (answer.status, urlsplit(mine.where()).path) == (303, "/login")
    assert mine.jar.named(ATTEMPT) is None
    assert not mine.is_admitted()
    mine.log_in("U1")
    assert mine.report()["next"].startswith("/certlogin/login")
    assert log_in(mine, certificate, private_key) == "/home"


def test_the_success_page_comes_after_success(served: Place) -> None:
    mine = at_the_download(served)
    mine.get("/certlogin/enrol/done")
    assert mine.where().startswith("/certlogin/enrol?")


def test_a_lost_answer_is_given_again_to_the_same_key(served: Place) -> None:
    mine, private_key = at_the_download(served), key("enrol lost")
    first = mine.asked("enrol", **asking(mine, private_key))
    # The browser died before the certificate reached the token: a new login, the key is still there.
    again = Browser(served.world)
    again.log_in("U1")
    assert again.asked("enrol", **asking(again, private_key)) == first
    again.asked("enrol/installed", certificate_sha256=first["certificate_sha256"])
    assert again.refused("enrol", **asking(again, private_key)) == "enrolment_already_installed"
    assert len(served.world.store.of_unit(U1)) == 1


def test_the_report_of_the_installation_may_be_repeated(served: Place) -> None:
    mine, private_key = at_the_download(served), key("enrol twice")
    delivered = mine.asked("enrol", **asking(mine, private_key))
    for _ in range(2):
        assert mine.asked("enrol/installed", certificate_sha256=delivered["certificate_sha256"])["next"]


def test_nobody_reports_the_certificate_of_another_unit(served: Place) -> None:
    mine, other = at_the_download(served), at_the_download(served, "U2")
    delivered = mine.asked("enrol", **asking(mine, key("enrol other")))
    assert other.refused("enrol/installed", certificate_sha256=delivered["certificate_sha256"]) == "order_unknown"
    assert other.refused("enrol/installed", certificate_sha256="0" * 64) == "order_unknown"


@pytest.mark.parametrize(
    "purpose",
    [
        pytest.param("login", marks=without(UNBOUND, sees=ISSUED)),
        pytest.param("none", marks=without(UNCHALLENGED, sees=ISSUED)),
        pytest.param("used", marks=without(FORGOTTEN, sees=ISSUED)),
    ],
)
def test_s17_a_request_needs_a_challenge_made_for_it(served: Place, purpose: str) -> None:
    mine, private_key = at_the_download(served), key("enrol challenge")
    if purpose == "none":
        message = {"request": encode(request(private_key, None))}
    else:
        message = asking(mine, private_key, "login" if purpose == "login" else "enrol")
    if purpose == "used":
        mine.asked("enrol", **message)
    assert mine.refused("enrol", **message) == ("challenge_used" if purpose == "used" else "challenge_foreign")


@without(ANY_KIND, sees=ISSUED)
@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("P-384", "key_type_not_offered"),
        pytest.param("RSA-1024", "certificate_weak_key", marks=without(SHORT_RSA, sees=ISSUED)),
        ("RSA-3072", "key_type_not_offered"),
        pytest.param("secp256k1", "certificate_weak_key", marks=without(ANY_CURVE, sees=ISSUED)),
    ],
)
def test_s28_a_key_that_is_not_offered_gets_no_certificate(served: Place, kind: str, code: str) -> None:
    mine = at_the_download(served)
    assert mine.refused("enrol", **asking(mine, key("enrol kind", kind))) == code
    assert served.world.store.listing() == ()


@without(UNSIGNED, sees=ISSUED)
def test_s28_a_request_that_its_key_did_not_sign_gets_no_certificate(served: Place) -> None:
    mine = at_the_download(served)
    der = bytearray(request(key("enrol forged"), str(mine.challenge("enrol")["challenge"])))
    der[-1] ^= 1
    assert mine.refused("enrol", request=encode(bytes(der))) == "request_signature"


@without(ALWAYS_OPEN, sees=ISSUED)
def test_s12_without_the_helper_check_there_is_no_download(served: Place) -> None:
    mine = Browser(served.world)
    mine.log_in("U1")
    assert mine.refused("enrol", **asking(mine, key("enrol early"))) == "enrolment_not_open"


@without(UNCOUNTED, sees="[200, 200, 200, 200] == [200]")
def test_s12_two_browsers_with_two_keys_get_one_certificate(served: Place) -> None:
    """The password is known to both; the unit gets one certificate."""
    people = [at_the_download(served) for _ in range(4)]
    messages = [asking(mine, key(f"enrol race {number}")) for number, mine in enumerate(people)]
    attempts = [mine.attempt_id() for mine in people]

    def ask(number: int) -> int:
        return people[number].call("enrol", attempt=attempts[number], **messages[number]).status

    with ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(ask, range(4)))
    assert [status for status in statuses if status < 400] == [200]
    active = [row for row in served.world.store.of_unit(U1) if row.state is State.ACTIVE]
    assert len(active) == 1


@without(UNCOUNTED, sees=ISSUED)
def test_s12_a_unit_with_a_certificate_downloads_no_second_one(served: Place) -> None:
    mine = at_the_download(served)
    download(mine, key("enrol first"))
    other = Browser(served.world)
    other.log_in("U1")
    other.report()
    assert other.refused("enrol", **asking(other, key("enrol second"))) == "enrolment_not_open"


def test_after_a_revocation_by_an_operator_the_unit_downloads_again(served: Place) -> None:
    mine, old = at_the_download(served), key("enrol old")
    certificate = download(mine, old)
    revoke(served)
    served.world.clock.advance(2)
    mine.log_in("U1")
    assert mine.report()["next"].startswith("/certlogin/enrol")
    assert mine.refused("enrol", **asking(mine, old)) == "enrolment_key_withdrawn"
    new = key("enrol new")
    fresh = download(mine, new)
    assert fresh != certificate
    assert log_in(mine, fresh, new) == "/home"
    assert [row.state for row in served.world.store.of_unit(U1)] == [State.ACTIVE, State.REVOKED]
    # One permission, one certificate.
    served.world.set_state_of(fresh, State.REVOKED)
    assert "reissue_required" in Browser(served.world).log_in("U1").text


@without(PASTLESS, sees="assert 303 == 403")
def test_s12_without_an_operators_permission_a_revoked_unit_downloads_nothing(served: Place) -> None:
    mine = at_the_download(served)
    download(mine, key("enrol gone"))
    revoke(served, days=None)
    served.world.clock.advance(2)
    answer = Browser(served.world).log_in("U1")
    assert answer.status == 403
    assert "reissue_required" in answer.text
    assert "400-000-0000" in answer.text


def test_a_unit_the_ca_does_not_know_is_told_so_and_can_ask_again(served: Place) -> None:
    served.world.directory.units[UnitId("U3")] = UNITS[0].__class__(
        UnitId("U3"), "新单位", "911101085923662400", frozenset({"一套表"})
    )
    mine, private_key = at_the_download(served, "U3"), key("enrol unknown")
    answer = mine.call("enrol", **asking(mine, private_key))
    said = json.loads(answer.body)
    assert (answer.status, said["code"]) == (400, "request_refused")
    assert served.world.events("certificate_not_issued")[0].unit_id == "U3"
    served.house.entitle(served.world.directory.units[UnitId("U3")])
    download(mine, private_key)


def test_a_ca_that_is_down_loses_nothing(place: Place) -> None:
    mine, private_key = at_the_download(place), key("enrol down")
    answer = mine.call("enrol", **asking(mine, private_key))
    assert (answer.status, json.loads(answer.body)["code"]) == (503, "unavailable")
    assert place.world.store.listing() == ()
    with place.serve():
        download(mine, private_key)
    assert len(place.world.store.listing()) == 1


def test_a_certificate_of_another_unit_is_not_registered_whatever_the_ca_says(place: Place) -> None:
    """A CA that answers with somebody else's certificate: a mistake there must not let anybody in here."""

    class Confused:
        def __init__(self, real: CertificateAuthority) -> None:
            self._real = real

        def issue(self, unit: Any, request: bytes) -> Any:
            return self._real.issue(UNITS[1], request)

        def revoke(self, *_: Any, **__: Any) -> None:
            raise NotImplementedError

    with place.serve(Confused(place.house.open())):
        mine = at_the_download(place)
        assert mine.refused("enrol", **asking(mine, key("enrol confused"))) == "issued_for_another"
    assert place.world.store.listing() == ()


@without(OPEN_TO_OTHER_SITES, sees="assert 200 == 403")
@pytest.mark.parametrize("origin", ["https://evil.example", "null", ""])
def test_s8_another_site_asks_for_no_certificate(served: Place, origin: str) -> None:
    victim = at_the_download(served)
    message = {"attempt": victim.attempt_id(), **asking(victim, key("enrol forgery"))}
    assert victim.post_json("/certlogin/api/enrol", message, origin=origin).status == 403
    assert served.world.store.listing() == ()


@without(OPEN_TO_OTHER_SITES, sees="assert 200 == 403")
def test_s8_another_site_reports_no_installation(served: Place) -> None:
    victim = at_the_download(served)
    delivered = victim.asked("enrol", **asking(victim, key("enrol reported")))
    message = {"attempt": victim.attempt_id(), "certificate_sha256": delivered["certificate_sha256"]}
    answer = victim.post_json("/certlogin/api/enrol/installed", message, origin="https://evil.example")
    assert answer.status == 403

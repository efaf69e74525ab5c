"""Proofs of other forms wait like native ones, and what their issuer does not allow is refused in the end (S18)."""

from pathlib import Path

import pytest

from tests.companions import without
from tests.factory import make_pki
from tests.gate.browser import Browser
from tests.gate.forms import ALL, MAKERS
from tests.gate.responder import asking
from tests.gate.world import MakeWorld

ALLOWED = {"formats": list(ALL), "relay_risk": "accepted"}


@pytest.fixture
def host() -> str:
    """What is judged here is the same behind every host."""
    return "plain"


@pytest.mark.parametrize("form", MAKERS)
def test_a_proof_of_another_form_waits_too(make_world: MakeWorld, tmp_path: Path, form: str) -> None:
    with asking(make_world, tmp_path, anchor=ALLOWED) as responder:
        responder.issue("U1")
        issued = responder.world.bind("U1")
        mine = Browser(responder.world)
        mine.log_in("U1")
        mine.report()
        assert mine.asked("proof", **MAKERS[form](issued, mine.challenge()))["next"].startswith("/certlogin/revocation")
        responder.work()
        mine.get(mine.asked("revocation")["next"])
        assert mine.is_admitted()
        assert responder.world.events("proof_accepted")[0].facts["format"] == form


@without({"certlogin.flows.await_revocation.check_issuer": lambda *_: None}, sees="assert 200 == 403")
def test_s18_a_form_that_its_issuer_does_not_allow_is_refused_after_the_wait(
    make_world: MakeWorld, tmp_path: Path
) -> None:
    """It is on offer for the sake of another issuer, and was kept before anybody knew whose certificate it is."""
    (tmp_path / "other.pem").write_bytes(make_pki(label=" other").root.pem)
    other = {"name": "other", "file": str(tmp_path / "other.pem"), "revocation": "off", **ALLOWED}
    own = {
        "name": "test",
        "file": str(tmp_path / "ca" / "root.pem"),
        "intermediates": [str(tmp_path / "ca" / "issuing.pem")],
        "crls": [str(tmp_path / "ca" / "root.crl")],
        "ocsp": True,
    }
    with asking(make_world, tmp_path, trust={"anchors": [own, other]}) as responder:
        responder.issue("U1")
        issued = responder.world.bind("U1")
        mine = Browser(responder.world)
        mine.log_in("U1")
        mine.report()
        mine.asked("proof", **MAKERS["text"](issued, mine.challenge()))
        responder.work()
        assert mine.call("revocation").status == 403
        assert not mine.is_admitted()

"""`revocation = "prefer"`: stale evidence lets in for its grace, but nobody revoked; each use is written down (S24)."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.companions import allows, without
from tests.factory import NOW
from tests.gate.browser import Browser
from tests.gate.conftest import MakeWorld
from tests.gate.world import World
from tests.pki.undefended import NOBODY_LISTED

#: The lists of the test authority end six days after they were published.
STALE = timedelta(days=6)
HOUR = 3600


@pytest.fixture
def graceful(make_world: MakeWorld, tmp_path: Path) -> World:
    files = tmp_path / "ca"
    anchor: dict[str, Any] = {
        "name": "test", "file": str(files / "root.pem"), "intermediates": [str(files / "issuing.pem")],
        "crls": [str(files / "root.crl"), str(files / "issuing.crl")],
        "revocation": "prefer", "revocation_grace": 2 * HOUR,
    }  # fmt: skip
    return make_world(trust={"anchors": [anchor], "reload_seconds": 1})


def logged_in(world: World) -> Browser:
    mine = Browser(world)
    mine.log_in_with("U1", world.bind("U1"))
    return mine


def uses(world: World) -> list[dict[str, Any]]:
    return [dict(event.facts) for event in reversed(world.events("revocation_grace"))]


def test_with_fresh_lists_nobody_needs_grace(graceful: World) -> None:
    assert logged_in(graceful).is_admitted()
    assert uses(graceful) == []
    assert graceful.events("proof_accepted")[0].facts["revocation"] == "crl"


@allows
def test_s24_each_use_of_grace_is_written_down(graceful: World) -> None:
    graceful.clock.now = NOW + STALE
    mine = logged_in(graceful)
    assert mine.is_admitted()
    (at_proof, at_release) = uses(graceful)
    assert at_proof == at_release
    assert at_proof["anchor"] == "test"
    assert graceful.events("proof_accepted")[0].facts["revocation"] == "grace"
    assert graceful.events("revocation_grace")[1].unit_id == "U1"
    # A session that goes on is one use an hour.
    graceful.clock.advance(70)
    assert mine.is_admitted()
    assert len(uses(graceful)) == 2


@without({"certlogin.pki.path._grace_of": lambda _: timedelta(days=99)}, sees="assert not True", from_setup=True)
def test_s24_grace_ends_for_sessions_too(graceful: World) -> None:
    graceful.clock.now = NOW + STALE + timedelta(hours=2) - timedelta(seconds=30)
    mine = logged_in(graceful)
    assert mine.is_admitted()
    graceful.clock.advance(70)
    assert not mine.is_admitted()
    assert graceful.events("ticket_refused")[0].code == "revocation_unknown"


@without(NOBODY_LISTED, sees="assert not True")
def test_s24_grace_is_not_for_who_is_on_the_stale_list(graceful: World) -> None:
    graceful.authority.publish(graceful.certificate_of("U1"))
    graceful.clock.now = NOW + STALE
    mine = Browser(graceful)
    graceful.bind("U1")
    assert not logs_in(mine, graceful)


def logs_in(mine: Browser, world: World) -> bool:
    try:
        mine.log_in_with("U1", world.certificate_of("U1"))
    except AssertionError:
        return False
    return mine.is_admitted()

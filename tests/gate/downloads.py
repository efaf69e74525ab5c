"""A protected host with a CA of its own, and the units that download their certificates there."""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from certlogin.ca.base import CertificateAuthority
from certlogin.ca.client import RemoteCA
from certlogin.cli.registry import Desk, RevocationRequest, revoke_certificate
from certlogin.records.certificate import State
from certlogin.records.unit import UnitId
from certlogin.wire.b64 import encode
from certlogin.wire.payload import Purpose, SignedPayload, signed_bytes
from tests import factory
from tests.ca.conftest import short_tmp
from tests.ca.house import Clock as CAClock
from tests.ca.house import House, found
from tests.ca.serving import serving
from tests.factory import request, sign
from tests.factory_keys import AnyKey, algorithm_of
from tests.gate.browser import Browser, decoded
from tests.gate.conftest import MakeWorld
from tests.gate.world import ORIGIN, UNITS, World

#: The fixtures, for the modules that use them.
__all__ = ["place", "served", "short_tmp"]

U1 = UnitId("U1")


@dataclass
class Place:
    """A protected host whose certificates come from a CA of its own."""

    world: World
    house: House
    socket: Path

    def serve(self, ca: CertificateAuthority | None = None) -> Any:
        return serving(ca or self.house.open(), self.socket)


@pytest.fixture
def place(request: pytest.FixtureRequest, make_world: MakeWorld, tmp_path: Path, short_tmp: Path) -> Place:
    """`request.param`: what the keys of the CA are."""
    house = found(tmp_path / "authority", getattr(request, "param", "P-256"), clock=CAClock(factory.NOW))
    house.entitle(*UNITS[:2])
    files = house.files
    anchor = {
        "name": "own",
        "file": str(files.root),
        "intermediates": [str(files.issuing)],
        "crls": [str(files.root_list), str(files.issuing_list)],
    }
    socket = short_tmp / "s"
    house.open()
    world = make_world(trust={"anchors": [anchor]}, ca={"socket": str(socket)})
    house.clock = world.clock  # type: ignore[assignment]
    return Place(world, house, socket)


@pytest.fixture
def served(place: Place) -> Iterator[Place]:
    with place.serve():
        yield place


def at_the_download(place: Place, unit: str = "U1") -> Browser:
    mine = Browser(place.world)
    assert mine.log_in(unit).status == 303
    assert mine.report()["next"].startswith("/certlogin/enrol")
    return mine


def asking(mine: Browser, private_key: AnyKey, purpose: str = "enrol", **changes: Any) -> dict[str, str]:
    """What the page posts for a key that the helper has made."""
    challenge = str(mine.challenge(purpose)["challenge"])
    return {"request": encode(request(private_key, challenge, **changes))}


def download(mine: Browser, private_key: AnyKey) -> bytes:
    """The certificate onto the token, and the success page."""
    delivered = mine.asked("enrol", **asking(mine, private_key))
    mine.get(mine.asked("enrol/installed", certificate_sha256=delivered["certificate_sha256"])["next"])
    assert mine.last.status == 200
    return decoded(delivered["certificate"])


def log_in(mine: Browser, certificate: bytes, private_key: AnyKey) -> str:
    """Prove the certificate; where the release leads."""
    challenge = mine.challenge()
    payload = SignedPayload(
        purpose=Purpose.LOGIN,
        origin=ORIGIN,
        unit=challenge["unit"],
        nonce=challenge["challenge"],
        iat=0,
        cert_sha256=sha256(certificate).hexdigest(),
        alg=algorithm_of(private_key),
        sid=challenge["sid"],
        helper="1.0.0.0",
    ).to_bytes()
    proof = {
        "format": "native",
        "payload": encode(payload),
        "signature": encode(sign(private_key, signed_bytes(payload, Purpose.LOGIN))),
        "certificate": encode(certificate),
        "chain": [],
    }
    mine.get(mine.asked("proof", **proof)["next"])
    return mine.where()


def revoke(place: Place, days: int | None = 7) -> None:
    """What `certlogin certificates revoke` does."""
    world = place.world
    settings = world.certlogin._context.settings
    desk = Desk(settings, world.store, world.clock, "operator", lambda: RemoteCA(settings.ca.socket))
    (row,) = (row for row in world.store.of_unit(U1) if row.state is State.ACTIVE)
    revoke_certificate(desk, RevocationRequest(row.facts.sha256, "lost", days))

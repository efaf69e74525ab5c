"""A responder on 127.0.0.1 for the worlds of these tests, and settings that ask it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID

from certlogin.fetch.refresher import Outcome
from tests.factory import Issued
from tests.fetch.servers import Asked, Place, Reply, serving
from tests.gate.world import MakeWorld, World
from tests.pki.answers import GOOD, Plan, answer, revoked

HOUR = timedelta(hours=1)


@dataclass
class Responder:
    """Answers with `status` about every certificate; good for four hours."""

    place: Place
    world: World = field(init=False)
    status: bytes = GOOD

    @property
    def url(self) -> str:
        return self.place.url("/ocsp")

    def revoke(self) -> None:
        self.status = revoked(self.world.clock.now - HOUR)

    def asked_about(self) -> list[int]:
        """Serial numbers, in the order of the questions."""
        questions = (one.body for one in self.place.asked if one.path == "/ocsp")
        return [ocsp.load_der_ocsp_request(body).serial_number for body in questions]

    def reply(self, asked: Asked) -> Reply:
        now, serial = self.world.clock.now, ocsp.load_der_ocsp_request(asked.body).serial_number
        plan = Plan(status=self.status, this_update=now, next_update=now + 4 * HOUR)
        return 200, {}, answer(serial, self.world.pki.issuing, plan)

    def issue(self, unit: str, **changes: Any) -> Issued:
        """A certificate of that unit whose only source is this responder."""
        code = self.world.directory.units[unit].code  # type: ignore[index]
        kind = AuthorityInformationAccessOID.OCSP
        access = x509.AuthorityInformationAccess(
            [x509.AccessDescription(kind, x509.UniformResourceIdentifier(self.url))]
        )
        issued = self.world.authority.issue(code, f"key of {unit}", extra=((access, False),), **changes)
        self.world.issued[unit] = issued
        return issued

    def work(self) -> list[Outcome]:
        """What the threads in the background would do now."""
        refresher = self.world.certlogin._context.revocation
        assert refresher is not None
        done: list[Outcome] = []
        while (outcome := refresher.work_once()) is not None:
            done.append(outcome)
            assert len(done) < 20
        return done


@contextmanager
def asking(make_world: MakeWorld, folder: Path, **changes: Any) -> Iterator[Responder]:
    """A world whose issuing authority publishes no list: its certificates are asked about."""
    with serving() as place:
        responder = Responder(place)
        place.pages["/ocsp"] = responder.reply
        table = {"hosts": [place.host], "allow_private": True, "wait": 60} | changes.pop("revocation", {})
        anchor = {"ocsp": True, "crls": [str(folder / "ca" / "root.crl")]} | changes.pop("anchor", {})
        responder.world = make_world(revocation=table, anchor=anchor, **changes)
        refresher = responder.world.certlogin._context.revocation
        assert refresher is not None
        # Nothing is left to chance: every pause is the shortest.
        refresher._around = replace(refresher._around, random=bytes)
        yield responder

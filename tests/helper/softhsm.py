"""Cards that are none: SoftHSM, a PKCS#11 module that keeps its tokens in a folder of the test."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import pkcs11
import pytest
from asn1crypto.csr import CertificationRequest

from certlogin.helper.config import ModuleSettings
from certlogin.helper.origins import Grant
from certlogin.helper.tokens.base import KeyKind, Token
from certlogin.helper.tokens.modules import RESCAN
from certlogin.helper.tokens.pkcs11 import Card
from certlogin.wire.b64 import decode
from tests.factory import make_pki
from tests.helper.world import PIN, SITE, Page, Reply, World, issue_for, origin_of, running
from tests.needs import SOFTHSM, needs

NAME = "测试模块"


@dataclass
class SoftHSM:
    """The tokens of one folder."""

    configuration: Path
    made: list[str] = field(default_factory=list)

    def insert(self, label: str = "介质") -> None:
        """Make a token; a running helper sees it at the next re-scan."""
        self._run("--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", "12345678")

    def remove(self, token: Token) -> None:
        self._run("--delete-token", "--serial", token.serial)

    def _run(self, *arguments: str) -> None:
        environment = {**os.environ, "SOFTHSM2_CONF": str(self.configuration)}
        subprocess.run([needs("softhsm2-util"), *arguments], check=True, capture_output=True, env=environment)


@dataclass
class Reader:
    """A helper with a module, and the tokens behind it."""

    world: World
    hsm: SoftHSM

    def insert(self, label: str = "介质") -> Card:
        known = {card.serial for card in self.cards()}
        self.hsm.insert(label)
        return next(card for card in self.cards() if card.serial not in known)

    def remove(self, card: Card) -> None:
        self.hsm.remove(card)

    def cards(self) -> list[Card]:
        """After a re-scan."""
        self.world.clock.advance(RESCAN)
        return [token for token in self.world.media() if isinstance(token, Card)]

    def page(self) -> Page:
        page = self.world.page()
        page.pair()
        return page

    def enrolled(self, page: Page, card: Card, kind: str = "P-256", **changes: Any) -> tuple[str, bytes]:
        """Key id and certificate of a key that was made on the card and certified, through the helper's own socket."""
        self.world.person.pins.append(PIN)
        made = page.enroll(card, key_type=kind, **changes).json
        issuing = make_pki().issuing
        certificate = issue_for(issuing, public_key_in(made["request"]))
        assert page.install(made["key_id"], certificate, issuing.der).status == 200
        return made["key_id"], certificate

    def login(self, page: Page, certificate: bytes, *pins: str, **changes: Any) -> Reply:
        self.world.person.pins.extend(pins or (PIN,))
        return page.login(sha256(certificate).hexdigest(), **changes)

    @contextmanager
    def session(self, card: Card) -> Iterator[pkcs11.Session]:
        """As the vendor's tool: logged in, past the helper."""
        with card.module.session(card.identity, PIN, write=True) as session:
            yield session

    def key(self, card: Card, kind: KeyKind = KeyKind.P256) -> str:
        opened = card.unlock(bytearray(PIN.encode()))
        try:
            return opened.generate(kind, origin_of(SITE), "u-1")
        finally:
            opened.close()


def public_key_in(request: str) -> bytes:
    found = CertificationRequest.load(decode(request))
    return bytes(found["certification_request_info"]["subject_pk_info"].dump())


@contextmanager
def reader(folder: Path, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> Iterator[Reader]:
    """Every act is granted: no window but that of the PIN."""
    needs(SOFTHSM)
    (folder / "hsm").mkdir(exist_ok=True)
    configuration = folder / "softhsm2.conf"
    configuration.write_text(f"directories.tokendir = {folder}/hsm\nobjectstore.backend = file\nlog.level = ERROR\n")
    monkeypatch.setenv("SOFTHSM2_CONF", str(configuration))
    granted = (Grant(SITE, frozenset({"login", "certificates", "enroll"})),)
    usual = {"modules": (ModuleSettings(Path(SOFTHSM), NAME),), "origins": granted}
    with running(folder, **(usual | changes)) as world:
        yield Reader(world, SoftHSM(configuration))

"""A refresher with a network of its own: what each address gives is said by the test."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID

from certlogin.fetch.client import Fetched, Validators
from certlogin.fetch.peers import FetchFailed
from certlogin.fetch.refresher import Outcome, Refresher, Surroundings
from certlogin.fetch.shelf import Shelf
from certlogin.fetch.sources import SourceRules
from certlogin.flows.trust import TrustSource
from certlogin.pki.certificate import UnverifiedCertificate, read_certificate
from certlogin.pki.judge import judge_certificate
from certlogin.pki.revocation import RevocationUnknown, Settled
from certlogin.settings.addresses import Address
from certlogin.settings.trust import Anchor
from certlogin.settings.trust import Trust as TrustSettings
from tests.factory import DAY, NOW, PKI, Issued, make_pki
from tests.pki.answers import Plan, answer

CRL = "http://crl.example.cn/issuing.crl"
OCSP = "http://ocsp.example.cn/"
HOUR = timedelta(hours=1)
HOSTS = ("crl.example.cn", "ocsp.example.cn")
WITHIN = timedelta(seconds=60)


@dataclass
class Clock:
    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **parts: float) -> None:
        self.now += timedelta(**parts)


@dataclass
class Network:
    """A `Transport` without sockets."""

    #: By address: octets, a function of the question, or why nothing comes.
    pages: dict[str, bytes | str | Callable[[bytes], bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    #: The validator that is given out; asked with the same one, nothing has changed.
    etag: str = ""
    known: list[str] = field(default_factory=list)

    def get(self, address: Address, known: Validators) -> Fetched | None:
        self.asked.append(address.url)
        self.known.append(known.etag)
        if known.etag and known.etag == self.etag:
            return None
        return Fetched(self._page(address, b""), Validators(self.etag))

    def post(self, address: Address, body: bytes, content_type: str) -> bytes:
        assert content_type == "application/ocsp-request"
        self.asked.append(address.url)
        return self._page(address, body)

    def _page(self, address: Address, body: bytes) -> bytes:
        page = self.pages.get(address.url, "nobody is there")
        if isinstance(page, str):
            raise FetchFailed(page)
        return page if isinstance(page, bytes) else page(body)


@dataclass
class World:
    folder: Path
    pki: PKI = field(default_factory=make_pki)
    clock: Clock = field(default_factory=Clock)
    network: Network = field(default_factory=Network)
    registered: list[tuple[bytes, tuple[bytes, ...]]] = field(default_factory=list)
    alarms: list[Mapping[str, object]] = field(default_factory=list)
    random: Callable[[int], bytes] = bytes

    def __post_init__(self) -> None:
        (self.folder / "root.pem").write_bytes(self.pki.root.pem)
        (self.folder / "root.crl").write_bytes(self.pki.root.crl(next_update=NOW + timedelta(days=300)))

    def trust(self, **changes: Any) -> TrustSource:
        return TrustSource(TrustSettings((self.anchor(**changes),)), self.clock)

    def anchor(self, **changes: Any) -> Anchor:
        usual: dict[str, Any] = {"crls": (str(self.folder / "root.crl"),)}
        return Anchor("test", str(self.folder / "root.pem"), **(usual | changes))

    def refresher(
        self,
        trust: TrustSource,
        hosts: tuple[str, ...] = HOSTS,
        shelf: Path | None = None,
        *,
        fetches: bool = True,
        **changes: Any,
    ) -> Refresher:
        around = Surroundings(
            trust=trust,
            transport=self.network,
            clock=self.clock,
            random=self.random,
            registered=lambda: self.registered,
            alarm=lambda name, facts: self.alarms.append(facts),
        )
        rules = SourceRules((self.anchor(**changes),), hosts)
        on_shelf = None if shelf is None else Shelf(shelf, 1 << 20)
        return Refresher(rules, around, on_shelf, 30, fetches=fetches)

    def path(self, leaf: Issued) -> tuple[UnverifiedCertificate, ...]:
        return tuple(read_certificate(one.der) for one in (leaf, self.pki.issuing, self.pki.root))

    def judged(self, trust: TrustSource, leaf: Issued) -> Settled | str:
        """How its revocation is settled, or the problem."""
        chain = (read_certificate(self.pki.issuing.der),)
        try:
            return judge_certificate(read_certificate(leaf.der), chain, trust.current(), self.clock.now).revocation
        except RevocationUnknown as unknown:
            return unknown.problem


def with_responder(pki: PKI, *addresses: str, **changes: Any) -> Issued:
    """A leaf that names responders."""
    kind = AuthorityInformationAccessOID.OCSP
    named = [x509.AccessDescription(kind, x509.UniformResourceIdentifier(one)) for one in addresses]
    return pki.issuing.issue(extra=((x509.AuthorityInformationAccess(named), False),), **changes)


def work(refresher: Refresher) -> list[Outcome]:
    """Everything that is due now."""
    done: list[Outcome] = []
    while (outcome := refresher.work_once()) is not None:
        done.append(outcome)
        assert len(done) < 100
    return done


def crl(world: World, number: int = 1, *gone: Issued, days: int = 7) -> bytes:
    """Of the issuing authority, as of now."""
    span: dict[str, Any] = {"this_update": world.clock.now, "next_update": world.clock.now + days * DAY}
    return world.pki.issuing.crl([one.serial for one in gone], number=number, **span)


def responding(world: World, leaf: Issued, **changes: Any) -> Any:
    """A responder that knows one certificate; its answers are good for four hours."""

    def respond(request: bytes) -> bytes:
        now = world.clock.now
        usual: dict[str, Any] = {"this_update": now, "next_update": now + 4 * HOUR}
        return answer(leaf, world.pki.issuing, Plan(**(usual | changes)))

    return respond

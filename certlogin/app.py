"""CertLogin: puts the rooms together. The only place that chooses implementations, and the only clock of the server."""

import logging
import os
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import anyio

from certlogin.ca.base import CertificateAuthority
from certlogin.flows.context import Context, RequirementOf
from certlogin.flows.enrol import offered_key_types
from certlogin.flows.revocation import registered_certificates, tell_stale
from certlogin.flows.trust import TrustSource, open_sm2
from certlogin.login.keys import Keyring
from certlogin.middleware.asgi import AsgiMiddleware
from certlogin.middleware.scope import ASGIApp
from certlogin.middleware.wsgi import WsgiMiddleware
from certlogin.pki.selftest import check_path_validation, check_revocation_lists
from certlogin.portal.routes import Portal
from certlogin.records.certificate import BoundCertificate
from certlogin.records.identity import Identity
from certlogin.records.unit import UnitDirectory
from certlogin.settings import Settings, load_settings
from certlogin.settings.checks import check_settings
from certlogin.settings.model import may_fetch
from certlogin.settings.relaxed import relaxed_switches
from certlogin.settings.site import Mode
from certlogin.stores.base import DurableStore, VolatileStore
from certlogin.stores.memory import MemoryStore
from certlogin.stores.sql import SqlStore
from certlogin.web.gate import CurrentUnit, Gate, Parts
from certlogin.web.guard import Guard
from certlogin.web.hold import Holder
from certlogin.web.pages import Pages
from certlogin.web.recheck import Rechecker
from certlogin.web.refusals import Refuser
from certlogin.web.resume import Resumer

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

    from certlogin.fetch.background import Background, Spawn
    from certlogin.fetch.refresher import Refresher

_log = logging.getLogger("certlogin")


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Host:
    """What the host gives besides its settings."""

    units: UnitDirectory
    #: The host's own word on whose session a request carries, from environ or scope; None: not compared (S10).
    current_unit: CurrentUnit | None = None
    #: The host's own word on who needs a certificate, with its reason; None: the rules of the settings.
    requirement: RequirementOf | None = None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Time and randomness; tests give their own."""

    #: Aware, UTC.
    clock: Callable[[], datetime] = _now
    #: `random(n)`: n octets fit for keys.
    random: Callable[[int], bytes] = secrets.token_bytes
    #: `wait(seconds)`, between two looks at the ticket of an open WebSocket.
    wait: Callable[[float], Awaitable[None]] = anyio.sleep
    #: `spawn(run, name)` begins a thread in the background; None: a usual one.
    spawn: "Spawn | None" = None


@dataclass(frozen=True, slots=True)
class StorePair:
    volatile: VolatileStore
    durable: DurableStore


class CertLogin:
    """One protected application. Make it once per process; `wsgi` or `asgi` wraps the host."""

    def __init__(
        self,
        settings: Settings,
        host: Host,
        surroundings: Surroundings | None = None,
        stores: StorePair | None = None,
    ) -> None:
        """`stores`: instead of those that the settings name. Raises ConfigurationError with one line per mistake,
        Unavailable when the durable store does not answer; SM2Unavailable when only SM2 keys are on offer and this
        machine cannot verify them.
        """
        check_settings(settings)
        for switch in relaxed_switches(settings):
            _log.warning("relaxed: %s", switch)
        around = surroundings or Surroundings()
        check_path_validation()
        check_revocation_lists()
        trust = TrustSource(settings.trust, around.clock, open_sm2(settings.sm2))
        # Now, and not on the page of the first unit that wants a certificate.
        offered_key_types(settings.ca, trust.sm2)
        pair = stores or _open_stores(settings, around)
        context = Context(
            settings=settings,
            units=host.units,
            volatile=pair.volatile,
            durable=pair.durable,
            trust=trust,
            ca=_authority(settings, around),
            clock=around.clock,
            random=around.random,
            keys=Keyring.from_settings(settings.site.secret_keys),
            requirement=host.requirement,
        )
        self._context = replace(context, revocation=_refresher(context))
        self._background = _background(self._context.revocation, around)
        self._gate = _gate(self._context, host.current_unit, self._background)
        self._wait = around.wait

    @classmethod
    def from_toml(
        cls,
        path: str | os.PathLike[str],
        units: UnitDirectory,
        *,
        current_unit: CurrentUnit | None = None,
        requirement: RequirementOf | None = None,
    ) -> "CertLogin":
        """The usual way: settings from the file, secrets from the environment. Raises as the constructor."""
        return cls(load_settings(path), Host(units, current_unit, requirement))

    def wsgi(self, app: "WSGIApplication") -> WsgiMiddleware:
        return WsgiMiddleware(app, self._gate)

    def asgi(self, app: ASGIApp) -> AsgiMiddleware:
        return AsgiMiddleware(app, self._gate, self._wait)

    def certificate(self, identity: Identity) -> BoundCertificate | None:
        """The registered certificate that proved a login; None for a password login. Raises Unavailable."""
        sha256 = identity.certificate_sha256
        return None if sha256 is None else self._context.durable.find(sha256)

    def close(self) -> None:
        """Give the stores back; the application must not be called afterwards."""
        if self._background is not None:
            self._background.stop()
        self._context.volatile.close()
        self._context.durable.close()


def _open_stores(settings: Settings, around: Surroundings) -> StorePair:
    volatile = MemoryStore(around.random, settings.stores.lock_file)
    try:
        return StorePair(volatile, SqlStore.open(settings.stores.durable))
    except BaseException:
        volatile.close()
        raise


def _authority(settings: Settings, around: Surroundings) -> CertificateAuthority | None:
    """The embedded CA runs in this process in development mode only; `check_settings` saw to that (S28)."""
    if settings.ca.socket:
        from certlogin.ca.client import RemoteCA

        return RemoteCA(settings.ca.socket)
    if settings.ca.directory:
        from certlogin.ca.embedded import EmbeddedCA

        return EmbeddedCA(settings.ca.directory, settings.ca.passphrase, around.clock)
    return None


def _refresher(context: Context) -> "Refresher | None":
    """What was fetched before is there from the start; nothing is fetched yet."""
    settings = context.settings.revocation
    if not (settings.directory or may_fetch(context.settings)):
        return None
    from certlogin.fetch.client import Client
    from certlogin.fetch.refresher import Surroundings as FetchSurroundings
    from certlogin.fetch.setup import make_refresher

    around = FetchSurroundings(
        trust=context.trust,
        transport=Client(settings),
        clock=context.clock,
        random=context.random,
        registered=lambda: registered_certificates(context.durable),
        alarm=lambda source, facts: tell_stale(context, source, facts),
    )
    refresher = make_refresher(context.settings, around, fetches=settings.background)
    refresher.load()
    return refresher


def _background(refresher: "Refresher | None", around: Surroundings) -> "Background | None":
    if refresher is None:
        return None
    from certlogin.fetch.background import Background, spawn_thread

    return Background(refresher, around.spawn or spawn_thread)


def _gate(context: Context, current_unit: CurrentUnit | None, background: "Background | None") -> Gate:
    settings = context.settings
    guard = Guard(settings, context.keys, context.clock)
    # A text that is missing stops a developer and never a user.
    pages = Pages(settings.site, settings.helper.ports, strict=settings.site.mode is Mode.DEVELOPMENT)
    refuser = Refuser(context, pages)
    rechecker = Rechecker(context)
    return Gate(
        Parts(
            context=context,
            guard=guard,
            rechecker=rechecker,
            holder=Holder(context, guard, rechecker),
            resumer=Resumer(context, guard),
            refuser=refuser,
            own=Portal(context, guard, pages, refuser).answer,
            current_unit=current_unit,
            begin=(lambda: None) if background is None else background.start,
        )
    )

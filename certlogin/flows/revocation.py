"""Between the room that fetches revocation and the rest: which certificates are registered, who is told what.

Nothing here waits for anybody.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Final

from certlogin.flows.audit import event_of, record
from certlogin.flows.context import Context
from certlogin.pki.judge import TrustedCertificate
from certlogin.pki.revocation import RevocationUnknown
from certlogin.records.certificate import State
from certlogin.stores.base import Registry

_PAGE: Final = 1000
_HOUR: Final = 3600
_DAY: Final = 24 * _HOUR


def registered_certificates(registry: Registry) -> Iterator[tuple[bytes, tuple[bytes, ...]]]:
    """Every active one with its chain, DER. Raises Unavailable."""
    offset = 0
    while rows := registry.listing(state=State.ACTIVE, limit=_PAGE, offset=offset):
        yield from ((row.facts.der, row.chain) for row in rows)
        offset += len(rows)


def tell_stale(context: Context, source: str, facts: Mapping[str, object]) -> None:
    """Write down that a source grows stale, once a day however many workers say so. Raises Unavailable."""
    now = context.clock()
    if context.volatile.count(f"stale:{source}", _DAY, now) == 1:
        record(context, event_of(context, "revocation_stale", "stale", now=now, facts=facts))


def learn(context: Context, certificate: TrustedCertificate) -> None:
    """A path was proven: what its certificates name is fetched from now on, before it goes stale."""
    if context.revocation is not None:
        context.revocation.learn(certificate.path)


def ask(context: Context, unknown: RevocationUnknown, within: timedelta | None = None) -> bool:
    """Have somebody asked, in the background; False: nobody may be, or nobody answers `within` the time of a login."""
    if context.revocation is None:
        return False
    wait = timedelta(seconds=context.settings.revocation.wait)
    return context.revocation.ask(unknown.path, wait if within is None else within)

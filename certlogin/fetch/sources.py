"""Which lists and answers may be fetched, and from where: the settings' own addresses, and those that certificates of
proven paths name on hosts that the settings allow (S26).

It decides what is a source. It must not know when one is due.
"""

import hashlib
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Final

from cryptography import x509

from certlogin.pki.certificate import UnverifiedCertificate
from certlogin.pki.ocsp import responders
from certlogin.pki.path import Trust
from certlogin.pki.scope import ALL_REASONS
from certlogin.settings.addresses import Address, read_address
from certlogin.settings.trust import Anchor, Revocation

_log = logging.getLogger("certlogin")
#: Addresses that were refused and said so once.
_REFUSED_MOST: Final = 1000


@dataclass(frozen=True, slots=True)
class ListSource:
    """A revocation list."""

    address: Address
    #: Who may have signed it, beside the configured authorities.
    authority: UnverifiedCertificate | None = field(default=None, compare=False)

    @property
    def key(self) -> str:
        """What names it, and its file: the hash of its address."""
        return f"{hashlib.sha256(self.address.url.encode()).hexdigest()[:40]}.crl"

    @property
    def name(self) -> str:
        return self.address.url

    @property
    def authorities(self) -> tuple[UnverifiedCertificate, ...]:
        return () if self.authority is None else (self.authority,)


@dataclass(frozen=True, slots=True)
class StatusSource:
    """What a responder says of one certificate. There may be many: it holds no more of it than is asked for."""

    serial: int
    #: notAfter.
    expires: datetime
    issuer: UnverifiedCertificate
    addresses: tuple[Address, ...]

    @property
    def key(self) -> str:
        what = self.issuer.subject_der + bytes.fromhex(self.issuer.spki_sha256) + str(self.serial).encode()
        return f"{hashlib.sha256(what).hexdigest()[:40]}.ocsp"

    @property
    def name(self) -> str:
        return f"{self.addresses[0].url} for serial {self.serial:x}"

    @property
    def authorities(self) -> tuple[UnverifiedCertificate, ...]:
        return (self.issuer,)


Source = ListSource | StatusSource


class SourceRules:
    """What the settings allow. Threads may share it."""

    def __init__(self, anchors: Sequence[Anchor], hosts: tuple[str, ...]) -> None:
        self._anchors = {anchor.name: anchor for anchor in anchors}
        self._hosts = hosts
        self._refused: set[str] = set()

    def configured(self) -> tuple[ListSource, ...]:
        """What the settings themselves name."""
        urls = (url for anchor in self._anchors.values() for url in anchor.crl_urls)
        return tuple(dict.fromkeys(ListSource(read_address(url)) for url in urls))

    def of_path(self, path: Sequence[UnverifiedCertificate], trust: Trust, now: datetime) -> list[Source]:
        """What a proven path leads to: leaf first, anchor last. Each certificate's addresses are its issuer's word."""
        named = next((one.name for one in trust.anchors if one.certificate.der == path[-1].der), "")
        anchor = self._anchors.get(named)
        if anchor is None or anchor.revocation is Revocation.OFF:
            return []
        found: list[Source] = []
        for certificate, issuer in pairwise(path):
            found += (ListSource(address, issuer) for address in self._allowed(list_addresses(certificate)))
            addresses = tuple(self._responders(anchor, certificate, issuer, trust))
            if addresses and not is_covered(certificate, issuer, trust, now):
                expires = certificate.x509.not_valid_after_utc
                found.append(StatusSource(certificate.serial, expires, issuer, addresses))
        return found

    def _responders(
        self, anchor: Anchor, certificate: UnverifiedCertificate, issuer: UnverifiedCertificate, trust: Trust
    ) -> Iterable[Address]:
        known = {one.der for one in (*(anchor.certificate for anchor in trust.anchors), *trust.intermediates)}
        own = [read_address(url) for url in anchor.ocsp_urls] if issuer.der in known else []
        named = self._allowed(responders(certificate)) if anchor.ocsp else ()
        return dict.fromkeys((*own, *named))

    def _allowed(self, texts: Iterable[str]) -> Iterator[Address]:
        for text in texts:
            try:
                address = read_address(text)
            except ValueError as reason:
                self._refuse(text, str(reason))
                continue
            if may_be_asked(address, self._hosts):
                yield address
            else:
                self._refuse(text, "is not on a host of [revocation] hosts")

    def _refuse(self, text: str, reason: str) -> None:
        """Said once an address, and not for ever more of them: whoever issues certificates chooses their addresses."""
        if text in self._refused or len(self._refused) >= _REFUSED_MOST:
            return
        self._refused.add(text)
        _log.info("revocation: the address %.200r of a certificate %s", text, reason)


def may_be_asked(address: Address, hosts: tuple[str, ...]) -> bool:
    """Whether an address that only a certificate names is on an allowed host."""
    return address.is_on(hosts)


def list_addresses(certificate: UnverifiedCertificate) -> tuple[str, ...]:
    """Where the certificate says that lists are to be had, complete ones and deltas (RFC 5280 4.2.1.13, 4.2.1.15)."""
    points = (point for point in _points(certificate) if point.crl_issuer is None)
    names = (name for point in points for name in point.full_name or ())
    return tuple(dict.fromkeys(name.value for name in names if isinstance(name, x509.UniformResourceIdentifier)))


def named_key(certificate: UnverifiedCertificate) -> bytes:
    """By what it tells its issuer's key from an older one of the same name; empty: by nothing."""
    try:
        found = certificate.x509.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    except x509.ExtensionNotFound:
        return b""
    return found.key_identifier or b""


def is_covered(certificate: UnverifiedCertificate, issuer: UnverifiedCertificate, trust: Trust, now: datetime) -> bool:
    """Whether a list speaks of it now: then nobody is asked about it alone."""
    for voice in trust.index.of(issuer).voices:
        window = voice.window(certificate.serial, now)
        if window is None or not window[0] <= now < window[1]:
            continue
        if voice.scope.reasons_for(certificate) >= ALL_REASONS:
            return True
    return False


def _points(certificate: UnverifiedCertificate) -> Iterator[x509.DistributionPoint]:
    for extension in certificate.x509.extensions:
        if isinstance(extension.value, x509.CRLDistributionPoints | x509.FreshestCRL):
            yield from extension.value

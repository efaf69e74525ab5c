"""Connections to strangers: the address that was checked is the one that is connected to (S26).

It decides to which machine a connection goes. It must not know what is asked there.
"""

import contextlib
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any, Final

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.util.connection import create_connection

#: `resolve(host, port)`: the addresses of a name, as text. Raises OSError.
Resolve = Callable[[str, int], Iterable[str]]

#: RFC 6052 2.1: the last four octets are an IPv4 address.
_NAT64: Final = IPv6Network("64:ff9b::/96")
#: RFC 9637 2, newer than what Python knows of such addresses.
_DOCUMENTATION: Final = IPv6Network("3fff::/20")


class FetchFailed(Exception):
    """Why nothing was fetched, in words for the log; never shown to a user."""


def system_addresses(host: str, port: int) -> list[str]:
    """What the system's resolver says. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def is_public(text: str) -> bool:
    """Whether anybody on the Internet could have this address, and the IPv4 address inside it."""
    address = ip_address(text.partition("%")[0])
    return all(_is_global(one) for one in _meant(address))


def is_single_machine(text: str) -> bool:
    """Not everybody's (multicast) and nobody's (0.0.0.0, which reaches the machine itself)."""
    address = ip_address(text.partition("%")[0])
    return not (address.is_multicast or address.is_unspecified)


def _meant(address: IPv4Address | IPv6Address) -> tuple[IPv4Address | IPv6Address, ...]:
    """Every machine that it leads to or through."""
    if isinstance(address, IPv4Address):
        return (address,)
    # Of these two the outer form says nothing: they stand for the IPv4 address.
    if address.ipv4_mapped is not None:
        return (address.ipv4_mapped,)
    if address in _NAT64:
        return (IPv4Address(int(address) & 0xFFFFFFFF),)
    return (address, *(address.teredo or ()), *((address.sixtofour,) if address.sixtofour is not None else ()))


def _is_global(address: IPv4Address | IPv6Address) -> bool:
    # Python takes the private networks of old (RFC 3879) for anybody's.
    if isinstance(address, IPv6Address) and (address.is_site_local or address in _DOCUMENTATION):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved)


@dataclass(slots=True)
class Peers:
    """The connections of one transfer."""

    resolve: Resolve
    allow_private: bool
    #: Its time was over.
    was_cut: bool = False
    #: Second handles: a connection gives its socket away as soon as it speaks TLS, and once the headers are read.
    _open: list[socket.socket] = field(default_factory=list)

    def check(self, address: str) -> None:
        """Raises FetchFailed."""
        if not is_single_machine(address):
            raise FetchFailed("its host is no single machine")
        if not self.allow_private and not is_public(address):
            raise FetchFailed("its host has a private address")

    def connect(self, connection: HTTPConnection, host: str, port: int) -> socket.socket:
        """To the first address of the host that may be used and answers. Raises FetchFailed."""
        problem = FetchFailed("its host has no address")
        for address in self._addresses(host, port):
            try:
                self.check(address)
                return create_connection((address, port), connection.timeout, socket_options=connection.socket_options)
            except FetchFailed as reason:
                problem = reason
            except OSError as reason:
                problem = FetchFailed(f"its host cannot be reached: {reason.strerror or type(reason).__name__}")
        raise problem

    def watch(self, opened: socket.socket) -> socket.socket:
        """So that `cut` ends it. Raises FetchFailed: the time was over before it was there."""
        self._open.append(opened.dup())
        if self.was_cut:
            opened.close()
            raise FetchFailed("its host is found and reached too late")
        return opened

    def cut(self) -> None:
        """End every connection, whoever reads from it meanwhile."""
        self.was_cut = True
        for opened in self._open:
            # Already closed by the other side.
            with contextlib.suppress(OSError):
                opened.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        for opened in self._open:
            opened.close()

    def _addresses(self, host: str, port: int) -> Iterable[str]:
        try:
            return self.resolve(host.strip("[]"), port)
        except (OSError, UnicodeError):
            raise FetchFailed("its host is not found") from None


class PinnedAdapter(HTTPAdapter):
    """Goes to checked addresses; through a proxy, which is the operator's own, to the proxy's."""

    def __init__(self, peers: Peers) -> None:
        self._peers = peers
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **keywords: Any) -> None:
        super().init_poolmanager(*args, **keywords)
        self.poolmanager.pool_classes_by_scheme = _pools(self._peers, pinned=True)

    def proxy_manager_for(self, proxy: str, **keywords: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **keywords)
        manager.pool_classes_by_scheme = _pools(self._peers, pinned=False)
        return manager


def _pools(peers: Peers, *, pinned: bool) -> dict[str, type[HTTPConnectionPool]]:
    def reach(connection: HTTPConnection, usual: Callable[[], socket.socket]) -> socket.socket:
        opened = peers.connect(connection, connection.host, connection.port or 0) if pinned else usual()
        return peers.watch(opened)

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return reach(self, super()._new_conn)

    class Secure(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return reach(self, super()._new_conn)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}

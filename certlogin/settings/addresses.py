"""Origins, hosts, and the addresses from which revocation may be fetched: one strict form, read in one way only.

It decides what an address looks like. Whether it may be used, and where its host really lies, is for `fetch/`.
"""

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Final

DEFAULT_PORTS: Final = {"https": 443, "http": 80}

_LONGEST: Final = 1024
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):", re.ASCII)
#: RFC 3986 3, and nothing that two readers could take in two ways: no user, no fragment, no backslash, no blank.
_ADDRESS: Final = re.compile(
    r"(https?)://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([1-9][0-9]{0,4}))?((?:[/?][!$%&'()*+,./0-9:;=?@A-Z_a-z~-]*)?)",
    re.ASCII,
)
_USER: Final = re.compile(r"[a-z]+://[^/?#]*@", re.ASCII)
_HOST_NAME: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9_-]{1,63}(?<!-))*", re.ASCII)
_ORIGIN: Final = re.compile(r"(https?)://(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::([1-9][0-9]{0,4}))?", re.ASCII)
_ENTRY: Final = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::([1-9][0-9]{0,4}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Address:
    """`http` or `https`; the host in lower case."""

    url: str
    scheme: str
    host: str
    port: int

    def is_on(self, hosts: tuple[str, ...]) -> bool:
        """`host` stands for the scheme's own port, `host:port` for that one."""
        plain = self.port == DEFAULT_PORTS[self.scheme] and self.host in hosts
        return plain or f"{self.host}:{self.port}" in hosts


def read_address(text: str) -> Address:
    """Raises ValueError, with the reason."""
    scheme = _SCHEME.match(text)
    if scheme is None or len(text) > _LONGEST:
        raise ValueError("is no address")
    if scheme[1].lower() not in DEFAULT_PORTS:
        raise ValueError(f"nothing is fetched by {scheme[1].lower()!r}, only by http and https")
    # RFC 3986 3.1: the scheme is the same in capitals.
    usual = scheme[1].lower() + text[len(scheme[1]) :]
    if _USER.match(usual):
        raise ValueError("carries a user name or password")
    found = _ADDRESS.fullmatch(usual)
    if found is None:
        raise ValueError("is no plain address: scheme://host[:port][/path][?query]")
    host, port = found[2].lower(), int(found[3] or DEFAULT_PORTS[found[1]])
    if not canonical_host(host) or port > 65535:
        raise ValueError("names no host")
    usual_port = "" if port == DEFAULT_PORTS[found[1]] else f":{port}"
    # The name of a cached file depends on it: one address, one spelling.
    path = found[4] if found[4].startswith("/") else f"/{found[4]}"
    return Address(f"{found[1]}://{host}{usual_port}{path}", found[1], host, port)


def is_host_entry(text: str) -> bool:
    """`host` or `host:port`, in lower case."""
    found = _ENTRY.fullmatch(text)
    return found is not None and canonical_host(found[1]) and int(found[2] or 1) <= 65535


def canonical_host(host: str) -> bool:
    """A name or an address as a browser writes it; in lower case."""
    try:
        if host.startswith("["):
            return str(IPv6Address(host[1:-1])) == host[1:-1]
        if is_literal(host):  # browsers read every such host as an IPv4 address
            return str(IPv4Address(host)) == host
    except AddressValueError:
        return False
    return len(host) <= 253 and _HOST_NAME.fullmatch(host) is not None


def is_literal(host: str) -> bool:
    """Whether a canonical host is an address and no name."""
    return host.startswith("[") or host.rsplit(".", 1)[-1].isdigit()


def canonical_origin(origin: str) -> bool:
    """scheme://host[:port] exactly as a browser writes it: lower case, without the scheme's own port."""
    match = _ORIGIN.fullmatch(origin)
    if match is None:
        return False
    scheme, host, port = match.groups()
    if port is not None and (int(port) > 65535 or int(port) == DEFAULT_PORTS[scheme]):
        return False
    return canonical_host(host)

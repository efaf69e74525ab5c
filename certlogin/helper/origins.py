"""Which web origins the helper talks to at all, and how they are shown.

Pure. An origin is accepted only in the one form a browser sends (RFC 6454, 6.2), so that two texts never mean one site.
"""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass

from certlogin.helper.refusals import OriginRefused

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_ORIGIN = re.compile(
    rf"(?P<scheme>https?)://(?P<host>\[[0-9a-f:.]{{2,45}}\]|{_LABEL}(?:\.{_LABEL})*)(?::(?P<port>[1-9][0-9]{{0,4}}))?",
    re.ASCII,
)
_ORIGIN_LIMIT = 270
_HOST_LIMIT = 253
_DEFAULT_PORTS = {"https": 443, "http": 80}

#: Second-level names below which strangers may register. A short list instead of the Public Suffix List: it chooses
#: what is emphasised in a window and how consent prompts are counted, never what is allowed.
_REGISTRIES = frozenset({"ac", "co", "com", "edu", "gov", "mil", "net", "org"})


@dataclass(frozen=True, slots=True)
class Origin:
    #: Exactly as the browser sent it.
    text: str
    host: str
    #: The part somebody registered: what a user should look at.
    registrable: str
    #: Accepted in development mode only.
    development: bool


def parse_origin(text: str, *, dev: bool) -> Origin:
    """Raises OriginRefused unless it is a canonical https origin (or, in development, http://127.0.0.1:PORT)."""
    found = _ORIGIN.fullmatch(text) if len(text) <= _ORIGIN_LIMIT else None
    if found is None or not _canonical_port(found["scheme"], found["port"]):
        raise OriginRefused
    host = found["host"]
    development = found["scheme"] == "http"
    if development and not (dev and host == "127.0.0.1" and found["port"]):
        raise OriginRefused
    return Origin(text, host, _registrable(host), development)


@dataclass(frozen=True, slots=True)
class Grant:
    """What an administrator allows an origin without asking the user."""

    #: An origin, or `https://*.example.cn` for every host below it.
    origin: str
    #: Of `login`, `certificates`, `enroll`, `agree`.
    may: frozenset[str]

    def covers(self, origin: Origin) -> bool:
        if "//*." not in self.origin:
            return self.origin == origin.text
        return origin.text.startswith("https://") and origin.text.endswith(self.origin.removeprefix("https://*"))


def granted(origin: Origin, grants: Iterable[Grant]) -> frozenset[str]:
    """Everything the administrator allows that origin; empty when it is not pre-seeded."""
    return frozenset().union(*(grant.may for grant in grants if grant.covers(origin)))


def _canonical_port(scheme: str, port: str | None) -> bool:
    # A browser leaves the default port out; an origin that names it was not written by a browser.
    return port is None or (int(port) <= 65535 and int(port) != _DEFAULT_PORTS[scheme])


def _registrable(host: str) -> str:
    if host.startswith("["):
        return _literal(host[1:-1], bracketed=host)
    labels = host.split(".")
    # URL Standard, "ends in a number": such a host is an IPv4 address or no host.
    if labels[-1].isdigit() or re.fullmatch(r"0x[0-9a-f]*", labels[-1]):
        return _literal(host, bracketed=host)
    if len(host) > _HOST_LIMIT:
        raise OriginRefused
    return ".".join(labels[-3:] if len(labels) > 2 and labels[-2] in _REGISTRIES else labels[-2:])


def _literal(address: str, *, bracketed: str) -> str:
    try:
        canonical = ipaddress.ip_address(address).compressed == address
    except ValueError:
        canonical = False
    if not canonical:
        raise OriginRefused
    return bracketed

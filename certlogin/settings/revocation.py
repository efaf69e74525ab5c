"""Fetching revocation lists and answers: from where, how much, how long."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class RevocationSettings:
    #: `host` or `host:port`. Addresses in certificates of proven paths are used on these only; empty: none are.
    hosts: tuple[str, ...] = ()
    #: True: also hosts on private, loopback and link-local addresses.
    allow_private: bool = False
    #: For http and https; may hold a password. Environment: CERTLOGIN_REVOCATION_PROXY. Empty: none.
    proxy: str = field(default="", repr=False)
    #: Where what was fetched is kept for other workers and the next start. Empty: in memory only.
    directory: str = ""
    #: False: workers fetch nothing; they read `directory`, which `certlogin refresh` fills.
    background: bool = True
    #: Seconds for which a login waits for the first answer on its certificate.
    wait: int = 60
    connect_timeout: int = 5
    read_timeout: int = 10
    #: All in all, from the first octet sent to the last received.
    total_timeout: int = 60
    #: The largest list.
    max_bytes: int = 64 * 1024 * 1024

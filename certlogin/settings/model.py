"""All settings together: one TOML file, the same names."""

from dataclasses import dataclass, field

from certlogin.settings.login import Attempts, HelperSettings, Stores, Tickets
from certlogin.settings.personal import PersonalSettings
from certlogin.settings.revocation import RevocationSettings
from certlogin.settings.rules import Rules
from certlogin.settings.site import Host, Site
from certlogin.settings.trust import CASettings, SM2Settings, Trust


@dataclass(frozen=True, slots=True)
class Settings:
    site: Site
    host: Host
    trust: Trust
    revocation: RevocationSettings = field(default_factory=RevocationSettings)
    sm2: SM2Settings = field(default_factory=SM2Settings)
    rules: Rules = field(default_factory=Rules)
    ca: CASettings = field(default_factory=CASettings)
    tickets: Tickets = field(default_factory=Tickets)
    attempts: Attempts = field(default_factory=Attempts)
    helper: HelperSettings = field(default_factory=HelperSettings)
    stores: Stores = field(default_factory=Stores)
    personal: PersonalSettings = field(default_factory=PersonalSettings)


def may_fetch(settings: Settings) -> bool:
    """Whether there can be any address from which revocation is fetched."""
    anchors = settings.trust.anchors
    return bool(settings.revocation.hosts) or any(anchor.crl_urls or anchor.ocsp_urls for anchor in anchors)

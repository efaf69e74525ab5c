"""All settings together: one TOML file, the same names."""

from dataclasses import dataclass

from certlogin.settings.login import Attempts, HelperSettings, Stores, Tickets
from certlogin.settings.rules import Rules
from certlogin.settings.site import Host, Site
from certlogin.settings.trust import CASettings, Trust


@dataclass(frozen=True, slots=True)
class Settings:
    site: Site
    host: Host
    trust: Trust
    rules: Rules = Rules()
    ca: CASettings = CASettings()
    tickets: Tickets = Tickets()
    attempts: Attempts = Attempts()
    helper: HelperSettings = HelperSettings()
    stores: Stores = Stores()

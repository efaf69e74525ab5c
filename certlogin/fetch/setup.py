"""Puts a refresher together from the settings, for web workers and for the command line alike."""

from pathlib import Path

from certlogin.fetch.refresher import Refresher, Surroundings
from certlogin.fetch.shelf import Shelf
from certlogin.fetch.sources import SourceRules
from certlogin.settings.model import Settings


def make_refresher(settings: Settings, around: Surroundings, *, fetches: bool) -> Refresher | None:
    """None: the settings name nothing that could be fetched, and no directory to read."""
    table = settings.revocation
    rules = SourceRules(settings.trust.anchors, table.hosts)
    if not (rules.may_fetch or table.directory):
        return None
    shelf = Shelf(Path(table.directory), table.max_bytes) if table.directory else None
    return Refresher(rules, around, shelf, settings.trust.reload_seconds, fetches=fetches)

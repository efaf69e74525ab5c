"""Puts a refresher together from the settings, for web workers and for the command line alike."""

from pathlib import Path

from certlogin.fetch.refresher import Refresher, Surroundings
from certlogin.fetch.shelf import Shelf
from certlogin.fetch.sources import SourceRules
from certlogin.settings.model import Settings


def make_refresher(settings: Settings, around: Surroundings, *, fetches: bool = True) -> Refresher:
    """`fetches` False: it only reads the directory, which somebody else fills."""
    table = settings.revocation
    rules = SourceRules(settings.trust.anchors, table.hosts)
    shelf = Shelf(Path(table.directory), table.max_bytes) if table.directory else None
    if shelf is not None:
        shelf.warn_of_others()
    return Refresher(rules, around, shelf, settings.trust.reload_seconds, fetches=fetches)

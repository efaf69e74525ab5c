"""`certlogin refresh`: fetches revocation into the directory that the workers read, from cron or as a service.

It is the same code that runs in the threads of a worker.
"""

import argparse
import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from certlogin.cli.printable import json_line, shown
from certlogin.errors import ConfigurationError
from certlogin.settings import Settings, load_settings
from certlogin.settings.model import may_fetch

if TYPE_CHECKING:
    from certlogin.fetch.refresher import Outcome, Refresher

#: Seconds between two looks around, at the most.
_LONGEST: Final = 30.0


def register(subcommands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = subcommands.add_parser(
        "refresh",
        help="fetch revocation lists and answers for the workers of a site",
        description="Fetches what is due into [revocation] directory. Exit code 0: everything is fresh; 1: something "
        "failed or grows stale; 2: the settings name nothing to fetch, or no directory.",
        allow_abbrev=False,
    )
    parser.add_argument("--config", default="certlogin.toml", metavar="FILE", help="the site's settings")
    parser.add_argument("--once", action="store_true", help="what is due now, and end; without it until it is stopped")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.set_defaults(run=run_refresh)


def run_refresh(arguments: argparse.Namespace) -> int:
    settings = load_settings(arguments.config)
    _check(settings)
    with _refresher(settings) as refresher:
        if arguments.once:
            return _once(refresher, as_json=arguments.json)
        while True:
            _work(refresher, as_json=arguments.json)
            refresher.wait(_LONGEST)


def _check(settings: Settings) -> None:
    """Raises ConfigurationError."""
    if not settings.revocation.directory:
        raise ConfigurationError(("[revocation] directory: is missing; nobody would get what is fetched",))
    if not may_fetch(settings):
        raise ConfigurationError(
            ("[revocation] hosts: is missing, and no anchor has crl_urls or ocsp_urls: there is nothing to fetch",)
        )


@contextmanager
def _refresher(settings: Settings) -> Iterator["Refresher"]:
    """Raises ConfigurationError, Unavailable."""
    from certlogin.fetch.client import Client
    from certlogin.fetch.refresher import Surroundings
    from certlogin.fetch.setup import make_refresher
    from certlogin.flows.revocation import registered_certificates
    from certlogin.flows.trust import TrustSource, open_sm2
    from certlogin.stores.sql import SqlStore

    trust = TrustSource(settings.trust, now, open_sm2(settings.sm2))
    with closing(SqlStore.open(settings.stores.durable)) as store:
        around = Surroundings(
            trust=trust,
            transport=Client(settings.revocation),
            clock=now,
            random=secrets.token_bytes,
            registered=lambda: registered_certificates(store),
        )
        refresher = make_refresher(settings, around)
        refresher.load()
        yield refresher


def _once(refresher: "Refresher", *, as_json: bool) -> int:
    done = {outcome.name for outcome in _work(refresher, as_json=as_json)}
    state = refresher.state()
    for outcome in state:
        if outcome.name not in done:
            _print(outcome, as_json=as_json)
    return 1 if any(outcome.problem or outcome.is_stale for outcome in state) else 0


def _work(refresher: "Refresher", *, as_json: bool) -> "list[Outcome]":
    """Everything that is due, each said when it is done."""
    done = []
    while (outcome := refresher.work_once()) is not None:
        _print(outcome, as_json=as_json)
        done.append(outcome)
    return done


def _print(outcome: "Outcome", *, as_json: bool) -> None:
    facts: dict[str, object] = {
        "result": _result(outcome),
        "source": outcome.name,
        "good_until": None if outcome.good_until is None else outcome.good_until.isoformat(),
        "next_at": outcome.next_at.isoformat(),
        "problem": outcome.problem,
    }
    if as_json:
        print(json_line(facts), flush=True)
        return
    line = f"{facts['result']}  {shown(outcome.name)}  good until {shown(facts['good_until'])}"
    print(f"{line}: {shown(outcome.problem)}" if outcome.problem else line, flush=True)


def _result(outcome: "Outcome") -> str:
    if outcome.problem:
        return "failed"
    if outcome.is_stale:
        return "stale"
    return "fetched" if outcome.fetched else "fresh"


def now() -> datetime:
    return datetime.now(UTC)

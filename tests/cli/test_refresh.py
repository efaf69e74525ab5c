"""`certlogin refresh`: the refresher from the command line, with a real server on 127.0.0.1."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from certlogin.cli import refresh
from certlogin.cli.main import main
from certlogin.fetch.refresher import Refresher
from tests.cli.office import SETTINGS, Office
from tests.factory import DAY, NOW, make_pki
from tests.fetch.servers import Place, serving


@dataclass
class Site:
    office: Office
    place: Place
    folder: Path

    def run(self, *arguments: str) -> tuple[int, list[str], str]:
        self.office.capsys.readouterr()
        code = main(["refresh", "--config", str(self.office.config), *arguments])
        out, err = self.office.capsys.readouterr()
        return code, out.splitlines(), err

    def publish(self, number: int = 1, at: datetime = NOW) -> None:
        crl = make_pki().issuing.crl(number=number, this_update=at, next_update=at + 4 * DAY)
        self.place.pages["/issuing.crl"] = crl


@pytest.fixture
def site(office_without_ca: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr(refresh, "now", lambda: NOW)
    with serving() as place:
        url = place.url("/issuing.crl")
        text = SETTINGS.replace('crls = ["root.crl", "issuing.crl"]', f'crls = ["root.crl"]\ncrl_urls = ["{url}"]')
        table = '[revocation]\ndirectory = "shelf"\nallow_private = true\n[adoption]\nunregistered = "match"\n'
        (tmp_path / "certlogin.toml").write_text(text + table, encoding="utf-8")
        site = Site(office_without_ca, place, tmp_path)
        site.publish()
        yield site


def test_what_is_due_is_fetched_into_the_directory(site: Site) -> None:
    code, out, _ = site.run("--once")
    assert (code, out) == (0, [f"fetched  {site.place.url('/issuing.crl')}  good until 2026-03-06T08:00:00+00:00"])
    assert len(list((site.folder / "shelf").glob("*.crl"))) == 1
    # The next run finds it there.
    code, out, _ = site.run("--once", "--json")
    assert code == 0
    assert json.loads(out[0]) == {
        "result": "fresh",
        "source": site.place.url("/issuing.crl"),
        "good_until": "2026-03-06T08:00:00+00:00",
        "next_at": json.loads(out[0])["next_at"],
        "problem": "",
    }
    assert site.place.paths() == ["/issuing.crl"]


def test_what_failed_is_said_and_is_the_exit_code(site: Site) -> None:
    site.place.pages.clear()
    code, out, _ = site.run("--once")
    assert code == 1
    assert out == [f"failed  {site.place.url('/issuing.crl')}  good until -: the server answers 404"]


def test_what_grows_stale_is_the_exit_code_too(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.run("--once")
    monkeypatch.setattr(refresh, "now", lambda: NOW + 3 * DAY)
    code, out, _ = site.run("--once", "--json")
    assert (code, json.loads(out[0])["result"]) == (1, "stale")
    site.publish(2, NOW + 3 * DAY)
    # It was looked for a moment ago, by another process; a quarter of what is left has to pass.
    assert site.run("--once")[0] == 1
    monkeypatch.setattr(refresh, "now", lambda: NOW + 3.3 * DAY)
    code, out, _ = site.run("--once", "--json")
    assert (code, json.loads(out[0])["result"]) == (0, "fetched")


def test_without_once_it_goes_on_until_it_is_stopped(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def wait(refresher: Refresher, longest: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Refresher, "wait", wait)
    code, out, _ = site.run()
    assert code == 130
    assert out[0].startswith("fetched  ")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text.replace('directory = "shelf"\n', ""), "[revocation] directory: is missing"),
        (lambda text: "\n".join(line for line in text.splitlines() if "crl_urls" not in line), "nothing to fetch"),
    ],
)
def test_where_nothing_would_come_of_it_it_does_not_begin(site: Site, change: Callable[[str], str], said: str) -> None:
    file = site.folder / "certlogin.toml"
    file.write_text(change(file.read_text(encoding="utf-8")), encoding="utf-8")
    code, out, err = site.run("--once")
    assert (code, out) == (2, [])
    assert said in err


def test_the_clock_is_the_machines_own() -> None:
    found: Any = refresh.now()
    assert found.utcoffset().total_seconds() == 0

from collections.abc import Iterator
from pathlib import Path

import pytest

from demonstration.running.downloads import write_downloads
from demonstration.running.files import Handout, ZcqdDemoFiles, secret
from demonstration.running.prepare import UNIQUE_ID
from demonstration.running.settings import zcqd_settings
from demonstration.running.surroundings import free_ports
from demonstration.running.zcqd import ZcqdDemo
from demonstration.running.zcqd_site import ZcqdSite
from demonstration.walking.person import Desk
from demonstration.walking.world import ZcqdWorld
from host_parts.accounts import read_roster, write_hashes
from tests import factory
from tests.acceptance.conftest import FAST
from tests.gate.world import Authority
from zcqd_app.pages import PREFIX
from zcqd_app.state import ROSTER


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ZcqdWorld]:
    """The list system with the demonstration's own settings; only the rule that asks for certificates is off."""
    folder: Path = tmp_path_factory.mktemp("zcqd")
    files = ZcqdDemoFiles(folder / "zcqd")
    files.directory.mkdir()
    for ca, label in ((files.ca, "earlier"), (folder / "ca", "today")):
        Authority(ca, factory.make_pki(label=label))
    port, *ports = free_ports(4)
    roster = tuple(read_roster(ROSTER))
    passwords = {user: f"password of {user}" for user, _ in roster}
    demo = ZcqdDemo(files, f"http://127.0.0.1:{port}", tuple(ports), roster, Handout(passwords, {}))
    settings = zcqd_settings(demo.origin, ports, UNIQUE_ID)
    files.host.settings.write_text(settings.replace('stage = "enforce"', 'stage = "report"'), encoding="utf-8")
    write_hashes(files.host.hashes, passwords, FAST)
    secret(files.host.session_key)
    write_downloads(files.host.downloads, files.builds, f"{PREFIX}/downloads")
    site = ZcqdSite(demo, FAST)
    site.start()
    yield ZcqdWorld(demo, site, Desk(ports, folder / "pins"))
    site.stop()

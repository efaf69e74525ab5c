"""`make demo-walk`: the demonstration on free ports in a temporary directory, every journey walked and checked.

Exits 0 only if every step held and every ID was shown.
"""

import sys
import tempfile
from pathlib import Path

from demonstration.demo import scripted
from demonstration.running.assistant import HelperProcess
from demonstration.running.prepare import Origins, prepare
from demonstration.running.site import Site
from demonstration.running.softhsm import SoftHSM, find_softhsm
from demonstration.running.surroundings import free_ports
from demonstration.running.zcqd import prepare_zcqd
from demonstration.running.zcqd_site import ZcqdSite
from demonstration.walking import at_zcqd, before_certificates, on_a_card, with_certificates
from demonstration.walking.steps import IDS, Steps
from demonstration.walking.world import World, ZcqdWorld


def main() -> int:
    steps = Steps(_say)
    with tempfile.TemporaryDirectory(prefix="certlogin-walk-") as folder:
        try:
            _walk(Path(folder), steps)
        except Exception as reason:
            if not steps.failed:
                _say(f"FAILED  before the first step: {type(reason).__name__}: {reason}")
            return 1
    missing = steps.missing()
    if missing:
        _say(f"Not shown: {' '.join(missing)}")
        return 1
    _say(f"{len(steps.held)} steps held; shown: {' '.join(IDS)}")
    return 0


def _walk(folder: Path, steps: Steps) -> None:
    survey, zcqd, *ports = free_ports(5)
    answers = folder / "pins"
    origins = Origins(f"http://127.0.0.1:{survey}", f"http://127.0.0.1:{zcqd}")
    demo = prepare(folder / "demo", origins, ports, scripted(answers))
    card = find_softhsm(folder / "softhsm")
    site, helper = Site(demo), HelperProcess(demo, card.environment if card else None)
    world = World(demo, site, helper, answers)
    if card is not None:
        card.make_token(world.card_label, world.pin(world.fourth))
        card.configure(demo.files.helper_config)
    try:
        site.start()
        _at_survey(world, steps, card)
        _at_zcqd(world, steps)
    finally:
        helper.stop()
        site.stop()


def _at_survey(world: World, steps: Steps, card: SoftHSM | None) -> None:
    before_certificates.walk(world, steps)
    with_certificates.walk(world, steps)
    if card is None:
        _say("skipped      the walk with a PKCS#11 token: no SoftHSM here (Debian: apt-get install softhsm2)")
    else:
        on_a_card.walk(world, steps)


def _at_zcqd(world: World, steps: Steps) -> None:
    """The second host opens while the first one and the helper run; its units' keys are plugged in only now."""
    zcqd = prepare_zcqd(world.demo)
    site = ZcqdSite(zcqd)
    try:
        site.start()
        at_zcqd.walk(ZcqdWorld(zcqd, site, world.desk), world, steps)
    finally:
        site.stop()


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 a program's own output


if __name__ == "__main__":
    sys.exit(main())

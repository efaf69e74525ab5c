"""`make demo-walk` is the acceptance test of the demonstration; here it is run as its user runs it."""

import os
import subprocess
import sys
from pathlib import Path

from demonstration.walking.steps import IDS
from tests.needs import SOFTHSM, needs

EXAMPLES = Path(__file__).parents[2] / "examples"


def run_walk(*patches: str) -> subprocess.CompletedProcess[str]:
    """The walk in a process of its own, after Python statements that break something."""
    code = "; ".join([*patches, "import sys", "from demonstration.walk import main", "sys.exit(main())"])
    environment = {**os.environ, "PYTHONPATH": str(EXAMPLES)}
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=240)


def test_every_journey_of_the_demonstration_holds() -> None:
    done = run_walk()
    assert done.returncode == 0, done.stdout + done.stderr
    steps = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("ok ")]
    assert set(steps) == set(IDS)
    assert "FAILED" not in done.stdout
    needs(SOFTHSM)
    assert "onto 远山的 USBKey (RSA-2048)" in done.stdout
    for key_type in ("RSA-2048", "P-256", "SM2"):
        assert f"的证书介质 ({key_type})" in done.stdout


def test_a_walk_in_which_a_step_does_not_hold_fails() -> None:
    """The companion: a site that forgets whom it was told of lets a unit of the roster in by its password."""
    done = run_walk(
        "import certlogin.login.policy as policy",
        "policy._owed_without_certificate = lambda *a: policy.Decision("
        "policy.Step.ADMIT, (policy.Reason.NOT_REQUIRED,), policy.Method.PASSWORD)",
    )
    assert done.returncode == 1
    assert "FAILED  A3" in done.stdout

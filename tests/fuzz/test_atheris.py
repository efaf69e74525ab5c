"""The same table under coverage guidance: what random changes do not reach in time."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.fuzz.table import TARGETS

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(
    find_spec("atheris") is None, reason="atheris is not installed: there are wheels for Linux on x86-64 only"
)


def fuzz(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "examples")])},
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )


def test_twenty_seconds_break_no_promise() -> None:
    run = fuzz("-m", "tests.fuzz.harness", "20")
    assert run.returncode == 0, run.stderr[-4000:]


@pytest.mark.long
@pytest.mark.parametrize("name", [target.name for target in TARGETS])
def test_twenty_seconds_for_each_parser_break_no_promise(name: str) -> None:
    run = fuzz("-m", "tests.fuzz.harness", "20", name)
    assert run.returncode == 0, run.stderr[-4000:]


#: Reads wrongly what begins with `{"`, which nobody finds by chance.
BROKEN = """
from tests.fuzz import harness
def read(data):
    if data[:1] == b"{":
        if data[1:2] == b'"':
            raise KeyError("not ours")
harness.TARGETS = (harness.Target("broken reader", harness.atheris.instrument_func(read), (b"abc",)),)
harness.main("60")
"""


def test_a_reader_that_raises_something_else_is_found() -> None:
    """The companion."""
    run = fuzz("-c", BROKEN)
    assert run.returncode != 0
    assert "broken: broken reader: b'{\"" in run.stderr

"""The page of promises names real tests: each promise that is built has a row, each row tests with its number."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/explanation/security.md").read_text(encoding="utf-8")
ROWS = [(int(number), re.findall(r"`(tests/[^`]+)`", tests)) for number, tests in re.findall(
    r"^\| S(\d+) \|.*\|([^|]*)\|$", PAGE, re.MULTILINE)]  # fmt: skip
BUILT = {*range(1, 29), 30, 31, 36}


def test_every_promise_that_is_built_has_one_row() -> None:
    assert sorted(number for number, _ in ROWS) == sorted(BUILT)


@pytest.mark.parametrize(("number", "modules"), ROWS, ids=[f"S{number}" for number, _ in ROWS])
def test_a_row_names_tests_that_carry_its_number(number: int, modules: list[str]) -> None:
    assert modules
    for module in modules:
        assert re.search(rf"^def test_s{number}_", (ROOT / module).read_text(encoding="utf-8"), re.MULTILINE), module

"""Every attack of the suite has its companion, and a companion that shows nothing fails."""

import ast
import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent
_NUMBERED = re.compile(r"test_s\d+_")


def _attacks(path: Path) -> dict[str, str]:
    """The tests of promises in a file, each with its decorators."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {
        node.name: "\n".join(ast.unparse(each) for each in node.decorator_list)
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _NUMBERED.match(node.name)
    }


FILES = {
    str(path.relative_to(HERE)): attacks for path in sorted(HERE.rglob("test_*.py")) if (attacks := _attacks(path))
}
SERVED = {
    name
    for attacks in FILES.values()
    for decorators in attacks.values()
    for call in re.findall(r"^companion\((.*)\)$", decorators, re.MULTILINE)
    for name in re.findall(r"'(\w+)'", call)
}


@pytest.mark.parametrize("file", FILES)
def test_every_attack_has_a_companion(file: str) -> None:
    alone = [
        name
        for name, decorators in FILES[file].items()
        if name not in SERVED and not re.search(r"\bwithout\(|^companion\(|^allows$", decorators, re.MULTILINE)
    ]
    assert alone == []


def test_companions_name_attacks_that_exist() -> None:
    assert SERVED <= {name for attacks in FILES.values() for name in attacks}


_SUITE = """
import os.path
import pytest
from hypothesis import given, strategies as st
from tests.companions import without

OPEN = {"os.path.isabs": lambda path: True}

def gate(path):
    if not os.path.isabs(path):
        raise ValueError

%s
def test_it():
    with pytest.raises(ValueError):
        gate("a")
"""


@pytest.mark.parametrize(
    ("marker", "passed", "failed", "said"),
    [
        ("", 1, 0, ""),
        ("@without(OPEN)", 2, 0, ""),
        ("@without(OPEN, from_setup=True)", 2, 0, ""),
        ("@without({'os.path.isdir': lambda path: True})", 1, 1, "*the attack does not succeed without os.path.isdir*"),
        ("@without({'os.path.isabs': lambda path: 1 / 0})", 1, 1, "*ZeroDivisionError*"),
        ("@without(OPEN, sees='assert 200')", 1, 1, "*DID NOT RAISE*"),
    ],
)
def test_a_companion_fails_unless_the_attack_succeeds(
    pytester: pytest.Pytester, marker: str, passed: int, failed: int, said: str
) -> None:
    pytester.makeconftest("from tests.conftest import pytest_configure")
    pytester.makeini("[pytest]\nmarkers = without")
    pytester.makepyfile(_SUITE % marker)
    result = pytester.runpytest_inprocess("-p", "no:xdist")
    result.assert_outcomes(passed=passed, failed=failed)
    if said:
        result.stdout.fnmatch_lines([said])


def test_a_row_may_have_its_own(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("from tests.conftest import pytest_configure")
    pytester.makeini("[pytest]\nmarkers = without")
    row = "@pytest.mark.parametrize('row', ['a', pytest.param('b', marks=without({'os.path.isdir': lambda path: 1}))])"
    pytester.makepyfile((_SUITE % f"@without(OPEN)\n{row}").replace("test_it()", "test_it(row)").replace('"a"', "row"))
    result = pytester.runpytest_inprocess("-p", "no:xdist")
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(["*the attack does not succeed without os.path.isdir*"])


def test_a_companion_has_a_name_of_its_own(pytester: pytest.Pytester) -> None:
    """Runs that are spread over processes know tests by their ids: of two with the same one, only one is run."""
    pytester.makeconftest("from tests.conftest import pytest_configure")
    pytester.makeini("[pytest]\nmarkers = without")
    rows = "@pytest.mark.parametrize('row', ['a', 'b'])"
    pytester.makepyfile((_SUITE % f"@without(OPEN)\n{rows}").replace("test_it()", "test_it(row)"))
    result = pytester.runpytest_inprocess("-p", "no:xdist", "--collect-only", "-q")
    ids = [line for line in result.outlines if "::" in line]
    assert len(ids) == len(set(ids)) == 4
    assert sum("undefended" in each for each in ids) == 2

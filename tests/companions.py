"""A test of a promise, and what shows that it can fail.

A test whose name begins with `test_sN_` attacks (SN: a promise of docs/explanation/security.md). It carries one of

- `@without({target: replacement, …}, sees=…)`: the test runs a second time, as `…[undefended]`, with the defence taken
  away by monkeypatching. That run must fail as an attack that succeeds: on an assertion or a refusal that did not come,
  with `sees` in its words. Any other exception is another obstacle, and fails the run.
  On a `pytest.param(…, marks=without(…))` it holds for that row and comes before the function's own.
- `@companion("test_sN_attack", …)`: this is such a second run written by hand, of the attacks named.
- `@allows`: no attack; it shows what the defence must let through, or what it writes down.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import hypothesis
import pytest
from hypothesis import is_hypothesis_test

#: What a refusal that did not come says.
ACCEPTED = "DID NOT RAISE"


@dataclass(frozen=True, eq=False)
class Obstacle:
    """`targets`: dotted paths and what stands in their place; `from_setup`: before the fixtures, too."""

    targets: Mapping[str, object]
    sees: str
    from_setup: bool


_OBSTACLE = pytest.StashKey[Obstacle]()
_PATCHES = pytest.StashKey[pytest.MonkeyPatch]()


def without(targets: Mapping[str, object], *, sees: str = ACCEPTED, from_setup: bool = False) -> pytest.MarkDecorator:
    """The attack succeeds once `targets` are replaced; `sees` is in the words of the assertion that then fails."""
    if not (targets and sees):
        raise ValueError("a companion takes something away and says what is then seen")
    return pytest.mark.without(Obstacle(targets, sees, from_setup))


def companion(*attacks: str) -> pytest.MarkDecorator:
    """A hand-written run of `attacks` (names of test functions) without their defence."""
    return pytest.mark.companion(*attacks)


allows = pytest.mark.allows


class Companions:
    """The pytest plugin behind `without`."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [each for item in items for each in _with_companion(item)]

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        obstacle = item.stash.get(_OBSTACLE, None)
        if obstacle and obstacle.from_setup:
            item.stash[_PATCHES] = _taken_away(obstacle)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> Generator[None, object, object]:
        obstacle = pyfuncitem.stash.get(_OBSTACLE, None)
        if obstacle is None:
            return (yield)
        if _PATCHES not in pyfuncitem.stash:
            pyfuncitem.stash[_PATCHES] = _taken_away(obstacle)
        try:
            with _finding_it_again(pyfuncitem.obj):
                yield
        except (AssertionError, pytest.fail.Exception) as failure:
            if obstacle.sees not in str(failure):
                raise
            return True
        finally:
            pyfuncitem.stash[_PATCHES].undo()
        pytest.fail(f"the attack does not succeed without {', '.join(obstacle.targets)}")

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> None:
        if _PATCHES in item.stash:
            item.stash[_PATCHES].undo()


@contextmanager
def _finding_it_again(test: Callable[..., object]) -> Iterator[None]:
    """What finds the attack once finds it every time; the run with the defence goes on looking for new ones."""
    if not is_hypothesis_test(test):
        yield
        return
    hypothesis.seed(0)(test)
    try:
        yield
    finally:
        hypothesis.seed(None)(test)


def _with_companion(item: pytest.Item) -> Iterable[pytest.Item]:
    yield item
    # pytest puts the marks of a row behind those of its function.
    marker = next((each for each in reversed(item.own_markers) if each.name == "without"), None)
    if marker is None or not isinstance(item, pytest.Function):
        return
    name = f"{item.name[:-1]}-undefended]" if item.name.endswith("]") else f"{item.name}[undefended]"
    second = pytest.Function.from_parent(
        item.parent,
        name=name,
        callspec=getattr(item, "callspec", None),
        callobj=item.obj,
        fixtureinfo=item._fixtureinfo,
    )
    second.own_markers[:] = item.own_markers
    second.stash[_OBSTACLE] = marker.args[0]
    yield second


def _taken_away(obstacle: Obstacle) -> pytest.MonkeyPatch:
    patches = pytest.MonkeyPatch()
    for target, replacement in obstacle.targets.items():
        patches.setattr(target, replacement)
    return patches

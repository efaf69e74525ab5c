"""Rows of measurements: paths in turns within one run, medians, ratios, and what must not be accepted."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

ROUNDS = 7

Path = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    #: Seconds for one call, median of the rounds, by path; the first path is what the others are compared with.
    seconds: Mapping[str, float]
    #: The largest spread of a path: (slowest - fastest) / median of its rounds.
    spread: float


def measured(name: str, paths: Mapping[str, Path], calls: int) -> Row:
    taken: dict[str, list[float]] = {path: [] for path in paths}
    for _ in range(ROUNDS):
        for path, run in paths.items():
            begun = time.perf_counter()
            for _ in range(calls):
                run()
            taken[path].append((time.perf_counter() - begun) / calls)
    medians = {path: statistics.median(rounds) for path, rounds in taken.items()}
    spread = max((max(rounds) - min(rounds)) / medians[path] for path, rounds in taken.items())
    return Row(name, medians, spread)


def refuse_if(wrong: bool, what: str) -> None:
    """A negative control: ends the run, since the row would measure nothing."""
    if wrong:
        raise SystemExit(f"negative control: {what}; nothing measured")


def say(row: Row) -> None:
    first = next(iter(row.seconds.values()))
    print(f"{row.name}  (spread {row.spread:.0%})")
    for path, seconds in row.seconds.items():
        print(f"  {path:<44} {seconds * 1e6:10.1f} µs  {seconds / first:8.1f} x")

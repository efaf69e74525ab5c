"""Several threads at the same moment."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

T = TypeVar("T")

THREADS = 8
#: Seconds; only a store that hangs needs them.
PATIENCE = 60


def race(action: Callable[[int], T], threads: int = THREADS) -> list[T | Exception]:
    """What each of the threads got, or the exception it met; all start together."""
    start = Barrier(threads)

    def run(number: int) -> T | Exception:
        start.wait(PATIENCE)
        try:
            return action(number)
        except Exception as error:
            return error

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(run, range(threads), timeout=PATIENCE))

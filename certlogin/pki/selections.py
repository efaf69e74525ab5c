"""Which certificates a search for a path is given, where several have one name: OpenSSL takes the first that fits.

A CA that changed its key, or that two roots have certified, has several certificates. It decides only what is tried in
which order, and how often at most; it must not know whether anything is true.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice, product
from typing import Final, TypeVar

#: After the first search, with everything. Each costs a fraction of a millisecond.
SELECTIONS_MAX: Final = 8

_One = TypeVar("_One")
_Other = TypeVar("_Other")


def selections(
    ones: Sequence[_One],
    name_of_one: Callable[[_One], bytes],
    others: Sequence[_Other],
    name_of_other: Callable[[_Other], bytes],
) -> Iterator[tuple[Sequence[_One], Sequence[_Other]]]:
    """Everything; then, if any name occurs twice, one of each name: those in front first."""
    groups, other_groups = _groups(ones, name_of_one), _groups(others, name_of_other)
    everything = [(ones, others)]
    if len(groups) == len(ones) and len(other_groups) == len(others):
        return iter(everything)
    single = product(product(*groups), product(*other_groups))
    return chain(everything, islice(single, SELECTIONS_MAX))


def _groups(ones: Iterable[_One], name_of: Callable[[_One], bytes]) -> list[list[_One]]:
    found: dict[bytes, list[_One]] = {}
    for one in ones:
        found.setdefault(name_of(one), []).append(one)
    return list(found.values())

"""Which certificates a search for a path is given, where several have one name: OpenSSL takes the first that fits.

A CA that changed its key, or that two roots have certified, has several certificates. It decides only what is tried in
which order, and how often at most; it must not know whether anything is true.
"""

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from itertools import islice, product
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
    above: Container[bytes] = (),
) -> Iterator[tuple[Sequence[_One], Sequence[_Other]]]:
    """Everything; then, if any name occurs twice, one of each name: those in front first.

    The names in `above` change before all others do, for what is tried is cut off.
    """
    groups, other_groups = _groups(ones, name_of_one), _groups(others, name_of_other)
    yield ones, others
    if len(groups) == len(ones) and len(other_groups) == len(others):
        return
    sizes = [((0, name), len(group)) for name, group in groups.items()]
    sizes += [((1, name), len(group)) for name, group in other_groups.items()]
    # The last of a product changes first.
    sizes.sort(key=lambda size: size[0][1] in above)
    for places in islice(product(*(range(size) for _, size in sizes)), SELECTIONS_MAX):
        at = {key: place for (key, _), place in zip(sizes, places, strict=True)}
        yield (
            [group[at[0, name]] for name, group in groups.items()],
            [group[at[1, name]] for name, group in other_groups.items()],
        )


def _groups(ones: Iterable[_One], name_of: Callable[[_One], bytes]) -> dict[bytes, list[_One]]:
    found: dict[bytes, list[_One]] = {}
    for one in ones:
        found.setdefault(name_of(one), []).append(one)
    return found

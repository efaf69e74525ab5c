"""A long text cut into pages of a terminal.

Pure. It decides where lines break and pages end, so that nothing has left the screen before it was to be seen. It knows
no terminal. Where the width of a character depends on the font, the larger one counts: a page may be short, never long.
"""

import unicodedata
from collections.abc import Iterator
from itertools import islice

_WIDE = frozenset({"W", "F", "A"})
#: Of a terminal that does not tell, and the least that a page is made for.
USUAL = (80, 24)
_LEAST = (20, 8)
#: Rows for what is asked below a page: it must not push the page's first line out of sight.
_BELOW = 4


def pages(text: str, columns: int, rows: int) -> Iterator[str]:
    """Every line of the text, in order; each page ends in a line feed. Zero: the terminal does not tell."""
    width = max(columns or USUAL[0], _LEAST[0])
    height = max(rows or USUAL[1], _LEAST[1]) - _BELOW
    lines = (part for line in text.split("\n") for part in _broken(line, width))
    while page := tuple(islice(lines, height)):
        yield "".join(f"{line}\n" for line in page)


def _broken(line: str, width: int) -> Iterator[str]:
    """At any character: between ideographs there are no spaces, and none is dropped."""
    start = used = 0
    for at, character in enumerate(line):
        taken = 2 if unicodedata.east_asian_width(character) in _WIDE else 1
        if used + taken > width:
            yield line[start:at]
            start, used = at, 0
        used += taken
    yield line[start:]

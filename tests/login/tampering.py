"""Ways to bend a signed text of ours. Every one must be refused; the text itself is the companion that passes."""

from collections.abc import Callable, Iterator

from hypothesis import strategies as st

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def bent(text: str, separator: str = ".") -> Iterator[tuple[str, str]]:
    """(what was done, the bent text): truncated, changed, re-encoded, with something around it, its fields moved."""
    for cut in range(len(text)):
        yield f"cut at {cut}", text[:cut]
        yield f"without character {cut}", text[:cut] + text[cut + 1 :]
        yield f"other character {cut}", text[:cut] + _neighbour(text[cut]) + text[cut + 1 :]
    yield "last bits", text[:-1] + _stray_bits(text[-1])
    yield from _around(text)
    yield from _fields(text.split(separator), separator)


def accepted(text: str, read: Callable[[str], object], refusal: type[Exception], separator: str = ".") -> list[str]:
    """What may be done to the text without `read` raising the refusal; the text itself must be read."""
    found = []
    read(text)
    for what, changed in bent(text, separator):
        try:
            read(changed)
        except refusal:
            continue
        found.append(what)
    return found


def _around(text: str) -> Iterator[tuple[str, str]]:
    for more in ("=", "==", ".", "~", " ", "\t", "\n", "\x00", "A", "é", "\ud800", text, '"', "%3D"):
        yield f"{more!r} behind", text + more
        yield f"{more!r} in front", more + text
    yield "upper case", text.upper()
    yield "lower case", text.lower()
    yield "quoted", f'"{text}"'
    yield "standard alphabet", text.replace("-", "+").replace("_", "/") + "="
    yield "reversed", text[::-1]
    yield "full width", text.translate({code: code + 0xFEE0 for code in range(0x21, 0x7F)})


def _fields(fields: list[str], separator: str) -> Iterator[tuple[str, str]]:
    for one in range(len(fields)):
        yield f"without field {one}", separator.join(fields[:one] + fields[one + 1 :])
        yield f"field {one} twice", separator.join(fields[: one + 1] + fields[one:])
        yield f"field {one} empty", separator.join([*fields[:one], "", *fields[one + 1 :]])
        for other in range(one):
            if fields[one] != fields[other]:
                moved = list(fields)
                moved[one], moved[other] = fields[other], fields[one]
                yield f"fields {other} and {one} exchanged", separator.join(moved)


def _neighbour(character: str) -> str:
    return "A" if character != "A" else "B"


def _stray_bits(character: str) -> str:
    """The same 32 octets for a decoder that ignores the two bits which 43 characters have too many."""
    return _ALPHABET[_ALPHABET.index(character) ^ 1]


#: What a browser may send as a cookie's value, and what it may not.
any_text = st.one_of(st.text(), st.text(_ALPHABET + ".~"), st.lists(st.text(_ALPHABET), max_size=12).map(".".join))

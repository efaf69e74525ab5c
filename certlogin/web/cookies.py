"""The exact scanner of `Cookie` headers, and the writer of our own cookies.

No I/O. The scanner works on the raw text: a host's cookie must reach the host octet for octet, or not at all. Werkzeug,
Starlette and Django split at `;` as we do; readers that also split at white space, commas or quotes could find an
authentication cookie inside another one, so a piece that so much as contains the name of one is dropped.
"""

from dataclasses import dataclass

from werkzeug.http import dump_cookie


@dataclass(frozen=True, slots=True)
class Piece:
    """One `name=value` of the header, raw."""

    name: str
    value: str

    def text(self) -> str:
        return f"{self.name}={self.value}"


def scan(header: str) -> list[Piece]:
    """Every `name=value`, in order, white space around both removed; pieces without `=` are dropped."""
    pieces = []
    for part in header.split(";"):
        name, equals, value = part.partition("=")
        if equals:
            pieces.append(Piece(name.strip(" \t"), value.strip(" \t")))
    return pieces


def only(pieces: list[Piece], name: str) -> str | None:
    """The value of our own cookie; None when it is absent or stands there twice (S2)."""
    values = [piece.value for piece in pieces if piece.name == name]
    return values[0] if len(values) == 1 else None


def mentions(piece: Piece, names: frozenset[str]) -> bool:
    """Whether some reader could find one of the (case-folded) names in this piece."""
    text = piece.text().casefold()
    return any(name in text for name in names)


def own_cookie(name: str, value: str, max_age: int | None = None) -> tuple[str, str]:
    """A `Set-Cookie` header as `__Host-` demands: Secure, Path=/, no Domain (RFC 6265bis 4.1.3.2)."""
    text = dump_cookie(name, value, max_age=max_age, path="/", secure=True, httponly=True, samesite="Lax")
    return ("Set-Cookie", text)


def dropped_cookie(name: str) -> tuple[str, str]:
    return own_cookie(name, "", max_age=0)


def set_cookie_name(header: str) -> tuple[str, str, str]:
    """A `Set-Cookie` value as (name, raw value, `; attributes`)."""
    pair, semicolon, attributes = header.partition(";")
    name, _, value = pair.partition("=")
    return name.strip(" \t"), value.strip(" \t"), semicolon + attributes

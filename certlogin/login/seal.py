"""The seal: the mark that ties a host's session cookie to the ticket it was released with.

PURE: turns `value` into `value~seal` and back. A sealed value of another ticket, or an unsealed one, is not opened.
"""

from certlogin.login.keys import holds, mac

_MARK = "~"


def seal(value: str, name: str, ticket_id: str, keys: tuple[bytes, ...]) -> str:
    """The cookie's value as it leaves: `value~seal`; `value` is the raw text, quotes included."""
    return f"{value}{_MARK}{mac(keys[0], *_parts(value, name, ticket_id))}"


def unseal(sealed: str, name: str, ticket_id: str, keys: tuple[bytes, ...]) -> str | None:
    """The value as the host set it; None when the seal is missing or belongs to another ticket, name or value."""
    value, mark, candidate = sealed.rpartition(_MARK)
    if not mark or not holds(keys, candidate, *_parts(value, name, ticket_id)):
        return None
    return value


def looks_sealed(value: str) -> bool:
    """Whether a value has the shape of a sealed one, whoever sealed it: such a value is never a pre-login one.

    A MAC is 43 characters of base64url. A host value that ends alike is kept from the login page, nothing more.
    """
    _, mark, candidate = value.rpartition(_MARK)
    return bool(mark) and len(candidate) == 43


def _parts(value: str, name: str, ticket_id: str) -> tuple[bytes, bytes, bytes]:
    return ticket_id.encode(), name.encode("utf-8", "surrogatepass"), value.encode("utf-8", "surrogatepass")

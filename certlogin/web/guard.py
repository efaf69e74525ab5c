"""Whether a request may reach the host, and with which of its cookies.

No I/O: ticket, paths and seals are judged from the request alone. Whether a ticket was ended since is asked by
`recheck.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import ClassVar

from certlogin.errors import Refusal
from certlogin.login.keys import Keyring, Use
from certlogin.login.seal import looks_sealed, seal, unseal
from certlogin.login.ticket import Ticket, TicketExpired, TicketInvalid, mint, read
from certlogin.settings.model import Settings
from certlogin.web.cookies import Piece, dropped_cookie, mentions, only, own_cookie, scan, set_cookie_name
from certlogin.web.http import Headers, Request
from certlogin.web.paths import Kind, PathLists, is_canonical

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
#: A ticket is minted again when a sixth of its idle time has passed.
_REMINT_PART = 6


@dataclass(eq=False)
class TicketMissing(Refusal):
    """The path needs a ticket and the request has none."""

    code: ClassVar[str] = "ticket_missing"
    status: ClassVar[int] = 401


@dataclass(eq=False)
class ForeignOrigin(Refusal):
    """A request that changes something did not come from this site's own pages (S8)."""

    code: ClassVar[str] = "foreign_origin"


@dataclass(eq=False)
class SocketPathClosed(Refusal):
    """A WebSocket on a path that is listed, and so open without a ticket, or on one that is not canonical (S6)."""

    code: ClassVar[str] = "socket_path_closed"


@dataclass(frozen=True, slots=True)
class Pass:
    """A request that may reach the host, as the host may see it."""

    kind: Kind
    #: The `Cookie` header for the host; None: the header is removed.
    cookie: str | None
    #: The `Authorization` header is removed.
    drop_authorization: bool
    ticket: Ticket | None


class Guard:
    def __init__(self, settings: Settings, keys: Keyring, clock: Callable[[], datetime]) -> None:
        self._lists = PathLists.from_settings(settings.site.prefix, settings.host.paths)
        self._origin = settings.site.origin
        self._idle = timedelta(seconds=settings.tickets.idle)
        self._clock = clock
        self._ticket_keys = keys.keys(Use.TICKET)
        self._seal_keys = keys.keys(Use.SEAL)
        self._auth = frozenset(settings.host.auth_cookies)
        self._auth_folded = frozenset(name.casefold() for name in settings.host.auth_cookies)
        self.ticket_cookie = f"__Host-certlogin-{settings.site.label}"
        self.attempt_cookie = f"{self.ticket_cookie}-attempt"
        self._own = frozenset({self.ticket_cookie, self.attempt_cookie})

    def kind(self, request: Request) -> Kind:
        return self._lists.kind(request)

    def ticket_of(self, request: Request) -> Ticket | None:
        """The valid ticket of the request, not yet looked up anywhere."""
        return self._ticket(scan(request.header("cookie") or ""))

    def attempt_of(self, request: Request) -> str | None:
        """The raw value of the attempt cookie; None when it is absent or doubled."""
        return only(scan(request.header("cookie") or ""), self.attempt_cookie)

    def check(self, request: Request, kind: Kind, *, believe_ticket: bool = True) -> Pass:
        """Raises TicketMissing, ForeignOrigin."""
        pieces = scan(request.header("cookie") or "")
        if kind is Kind.MACHINE:
            return Pass(kind, None, drop_authorization=False, ticket=None)
        ticket = self._ticket(pieces) if believe_ticket else None
        if ticket is not None:
            self.check_origin(request)
            return Pass(kind, self._admitted(pieces, ticket), drop_authorization=False, ticket=ticket)
        if kind is Kind.LOGIN:
            self.check_origin(request)
            return Pass(kind, self._before_login(pieces), drop_authorization=False, ticket=None)
        if kind is Kind.PUBLIC:
            return Pass(kind, self._without_session(pieces), drop_authorization=True, ticket=None)
        raise TicketMissing

    def check_socket(self, request: Request) -> Pass:
        """A WebSocket's handshake. Raises ForeignOrigin, SocketPathClosed, TicketMissing."""
        # No same-origin policy covers WebSockets: the header is all there is, and browsers send it (RFC 6455 10.2).
        if request.header("origin") != self._origin:
            raise ForeignOrigin
        if not is_canonical(request.path, request.raw_path) or self.kind(request) is not Kind.PROTECTED:
            raise SocketPathClosed
        return self.check(request, Kind.PROTECTED)

    def without_session(self, request: Request, passed: Pass) -> Pass:
        """The same request without any authentication cookie."""
        return replace(passed, cookie=self._without_session(scan(request.header("cookie") or "")))

    def check_origin(self, request: Request) -> None:
        """Browsers send `Origin` with every request but GET and HEAD (Fetch standard, 3.2). Raises ForeignOrigin."""
        if request.method not in _SAFE_METHODS and request.header("origin") != self._origin:
            raise ForeignOrigin

    # --- on the way out

    def seal_cookies(self, headers: Headers, ticket: Ticket) -> Headers:
        """The host's answer with its authentication cookies sealed to the ticket."""
        return tuple(self._sealed(name, value, ticket) for name, value in headers)

    def with_ticket(self, headers: Headers, ticket: Ticket) -> Headers:
        """The host's login answer as it may go out: sealed, and with the ticket."""
        return (*self.seal_cookies(headers, ticket), self.ticket_header(ticket))

    def drop_cookies(self, headers: Headers) -> Headers:
        """The host's answer without authentication cookies, for paths on which nobody is recognised."""
        return tuple((name, value) for name, value in headers if not self._sets_auth(name, value))

    def ticket_header(self, ticket: Ticket) -> tuple[str, str]:
        """The `Set-Cookie` that gives the ticket; a session cookie, its end is inside."""
        return own_cookie(self.ticket_cookie, mint(ticket, self._ticket_keys))

    def drop_ticket_header(self) -> tuple[str, str]:
        return dropped_cookie(self.ticket_cookie)

    def wants_remint(self, ticket: Ticket, now: datetime) -> bool:
        return (now - ticket.issued) * _REMINT_PART >= self._idle

    # --- details

    def _ticket(self, pieces: list[Piece]) -> Ticket | None:
        text = only(pieces, self.ticket_cookie)
        if text is None:
            return None
        try:
            return read(text, self._ticket_keys, self._idle, self._clock())
        except (TicketInvalid, TicketExpired):
            return None

    def _admitted(self, pieces: list[Piece], ticket: Ticket) -> str | None:
        """Sealed values that belong to this ticket are opened; other authentication cookies are removed (S1)."""
        kept: list[str] = []
        seen: set[str] = set()
        for piece in pieces:
            if piece.name not in self._auth:
                self._keep(piece, kept)
                continue
            value = unseal(piece.value, piece.name, ticket.id, self._seal_keys)
            if value is not None and piece.name not in seen:
                seen.add(piece.name)
                kept.append(f"{piece.name}={value}")
        return "; ".join(kept) or None

    def _before_login(self, pieces: list[Piece]) -> str | None:
        """Before a login the host's cookies are its pre-login ones: unsealed, and once each."""
        kept: list[str] = []
        seen: set[str] = set()
        for piece in pieces:
            if piece.name not in self._auth:
                self._keep(piece, kept)
            elif piece.name not in seen and not looks_sealed(piece.value):
                seen.add(piece.name)
                kept.append(piece.text())
        return "; ".join(kept) or None

    def _without_session(self, pieces: list[Piece]) -> str | None:
        kept: list[str] = []
        for piece in pieces:
            self._keep(piece, kept)
        return "; ".join(kept) or None

    def _keep(self, piece: Piece, kept: list[str]) -> None:
        if piece.name not in self._own and not mentions(piece, self._auth_folded):
            kept.append(piece.text())

    def _sets_auth(self, name: str, value: str) -> bool:
        return name.lower() == "set-cookie" and set_cookie_name(value)[0] in self._auth

    def _sealed(self, name: str, value: str, ticket: Ticket) -> tuple[str, str]:
        if not self._sets_auth(name, value):
            return name, value
        cookie, raw, attributes = set_cookie_name(value)
        # An empty value only ends the cookie; there is nothing in it to tie to a ticket.
        sealed = seal(raw, cookie, ticket.id, self._seal_keys) if raw else raw
        return name, f"{cookie}={sealed}{attributes}"

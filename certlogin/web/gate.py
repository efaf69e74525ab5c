"""Everything the two adapters share: one request from its first line to the host, one response from the host out.

The adapters translate and nothing else. What may block comes back as `Work`, which the ASGI adapter runs in a thread.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from certlogin.errors import CertloginError, Refusal, Unavailable
from certlogin.flows.context import Context
from certlogin.login.ticket import Ticket
from certlogin.records.attempt import HeldResponse
from certlogin.web.guard import Guard, Pass, TicketMissing
from certlogin.web.hold import Admitted, Holder, MustHold
from certlogin.web.http import Headers, OwnBody, Request, Response, json_response
from certlogin.web.paths import Kind
from certlogin.web.recheck import Rechecker
from certlogin.web.refusals import Refuser
from certlogin.web.resume import Resumer
from certlogin.web.slot import Carrier, LoginSlot
from certlogin.web.watch import Watch

#: A request of ours to one of our own pages is never larger.
OWN_BODY_LIMIT = 64 * 1024

#: The host's own word on who a request belongs to, from environ or scope.
CurrentUnit = Callable[[Carrier], str | None]


_ONE_PROCESS = "the volatile store serves one process, and the server runs several"


@dataclass(eq=False)
class SessionOfAnotherUnit(Refusal):
    """The host's session belongs to another unit than the ticket (S10)."""

    code: ClassVar[str] = "session_of_another_unit"


@dataclass(frozen=True, slots=True)
class Work:
    """Something that may block; its result takes the place of this value."""

    run: Callable[[OwnBody], Response | Pass]
    #: The request's body is wanted, up to `OWN_BODY_LIMIT`.
    wants_body: bool = False


@dataclass(frozen=True, slots=True)
class Outgoing:
    """How a response that is not held leaves."""

    headers: Headers
    #: Blocks; to be called before the first octet leaves.
    first: Callable[[], None] | None = None
    #: What leaves later than at once leaves only while this ticket holds; None: nobody was recognised, or just left.
    ticket: Ticket | None = None


@dataclass(frozen=True, slots=True)
class Parts:
    """The rooms the gate opens onto."""

    context: Context
    guard: Guard
    rechecker: Rechecker
    holder: Holder
    resumer: Resumer
    refuser: Refuser
    #: Answers a request below our own prefix.
    own: Callable[[Request, OwnBody], Response]
    current_unit: CurrentUnit | None = None
    #: The volatile store is shared by several processes.
    serves_many: bool = False
    #: Called with each request: what runs in the background begins in the process that serves, not before the fork.
    begin: Callable[[], None] = lambda: None


class Gate:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._clock = parts.context.clock
        self.held_max = parts.context.settings.attempts.held_max
        self.watch = Watch(parts.context, parts.rechecker)

    # --- on the way in

    def enter(self, request: Request) -> Pass | Work:
        """What becomes of a request. Never raises, never blocks."""
        parts = self._parts
        parts.begin()
        if request.multiprocess and not parts.serves_many:
            return Work(lambda _: self._refused(request, Unavailable(_ONE_PROCESS)))
        kind = parts.guard.kind(request)
        if kind is Kind.OWN:
            return Work(lambda body: parts.own(request, body), wants_body=True)
        if kind is Kind.LOGIN and parts.resumer.wanted(request):
            return Work(lambda _: self._resume(request))
        try:
            passed = parts.guard.check(request, kind)
        except Refusal as error:
            refusal = error
            return Work(lambda _: self._refused(request, refusal))
        return self._unless_due(request, passed)

    def enter_socket(self, request: Request) -> Pass | Work:
        """What becomes of a WebSocket's handshake. Never raises, never blocks."""
        parts = self._parts
        parts.begin()
        try:
            passed = parts.guard.check_socket(request)
        except Refusal as error:
            refusal = error
            return Work(lambda _: self._refused_socket(request, refusal))
        return self._unless_due(request, passed)

    def compares_session(self, passed: Pass) -> bool:
        """Whether `check_session` has anything to ask for this request."""
        asked = passed.ticket is not None or (passed.kind is Kind.LOGIN and passed.cookie is not None)
        return asked and self._parts.current_unit is not None

    def check_session(self, request: Request, passed: Pass, carrier: Carrier) -> Response | Pass:
        """Ask the host whose session it sees in the request as forwarded, and compare it with the ticket. Blocks."""
        current = self._parts.current_unit
        if current is None:
            return passed
        try:
            found = current(carrier)
        except Exception as error:
            return self._parts.refuser.answer(request, _unavailable(error), "session_check")
        if passed.ticket is None:
            # A session from before the roll-out: without a ticket nobody is recognised, not even at the login (S1).
            return passed if found is None else self._parts.guard.without_session(request, passed)
        if found is None or found == passed.ticket.unit_id:
            return passed
        return self._end_foreign(request, passed.ticket)

    def _resume(self, request: Request) -> Response:
        try:
            return self._parts.resumer.resume(request)
        except Exception as error:
            return self._parts.refuser.answer(request, error, "release_refused")

    def _refused(self, request: Request, error: CertloginError) -> Response:
        """Somebody who is simply not logged in is shown the way and not written down; anything else is."""
        if isinstance(error, TicketMissing):
            return self._parts.refuser.to_login(request)
        return self._parts.refuser.answer(request, error, "request_refused")

    def _refused_socket(self, request: Request, error: CertloginError) -> Response:
        """A page left open knocks again and again once its user has left: not written down either."""
        if isinstance(error, TicketMissing):
            return json_response(error.status, {"code": error.code})
        return self._parts.refuser.answer(request, error, "request_refused", as_json=True)

    def _unless_due(self, request: Request, passed: Pass) -> Pass | Work:
        ticket = passed.ticket
        if ticket is not None and self._parts.rechecker.due(ticket, self._clock()):
            return Work(lambda _: self._checked(request, passed, ticket))
        return passed

    def _checked(self, request: Request, passed: Pass, ticket: Ticket) -> Response | Pass:
        """The ticket looked up; one that no longer holds is as good as none."""
        try:
            self._parts.rechecker.check(ticket, self._clock())
        except Unavailable as error:
            return self._parts.refuser.answer(request, error, "recheck_failed")
        except CertloginError as error:
            return self._without(request, passed.kind, ticket, error)
        except Exception as error:
            return self._parts.refuser.answer(request, error, "recheck_failed")
        return passed

    def _without(self, request: Request, kind: Kind, ticket: Ticket, error: CertloginError) -> Response | Pass:
        if kind in (Kind.LOGIN, Kind.PUBLIC):
            # As without a ticket; the origin was good already.
            return self._parts.guard.check(request, kind, believe_ticket=False)
        answer = self._parts.refuser.answer(request, error, "ticket_refused", unit_id=ticket.unit_id)
        return answer.with_headers(self._parts.guard.drop_ticket_header())

    def _end_foreign(self, request: Request, ticket: Ticket) -> Response:
        try:
            self._parts.rechecker.end(ticket)
        except Unavailable as error:
            return self._parts.refuser.answer(request, error, "session_check", unit_id=ticket.unit_id)
        return self._parts.refuser.answer(request, SessionOfAnotherUnit(), "session_check", unit_id=ticket.unit_id)

    # --- on the way out

    def leave(self, passed: Pass, slot: LoginSlot, status: int, headers: Headers) -> Outgoing | None:
        """How the host's response leaves; None: it is marked, and `judge` must be asked. Does not block."""
        slot.closed = True
        marked = slot.unit_id is not None or slot.conflict
        if marked and status < 400:
            return None
        if marked or (passed.ticket is None and passed.kind is not Kind.LOGIN):
            # An error answer to a verified password, or a path on which nobody is recognised.
            return Outgoing(self._parts.guard.drop_cookies(headers))
        if passed.ticket is None:
            return Outgoing(headers)
        return self._leave_admitted(passed.ticket, slot, headers)

    def leave_socket(self, ticket: Ticket, headers: Headers) -> Headers:
        """The headers with which the host answers an admitted handshake. Does not block."""
        return self._admitted(ticket, headers)

    def judge(
        self, request: Request, passed: Pass, slot: LoginSlot, headers: Headers
    ) -> Admitted | MustHold | Response:
        """Decide on a marked response before its body. Blocks."""
        try:
            return self._parts.holder.judge(request, passed, slot, headers)
        except Exception as error:
            return self._parts.refuser.answer(request, error, "login_refused", unit_id=slot.unit_id)

    def hold(self, request: Request, owed: MustHold, held: HeldResponse) -> Response:
        """Hold a marked response. Blocks. A body longer than `held_max` is refused, so it need not be collected on."""
        try:
            return self._parts.holder.hold(request, owed, held)
        except Exception as error:
            return self._parts.refuser.answer(request, error, "login_refused", unit_id=owed.unit_id)

    def failed(self, request: Request, error: Exception) -> Response:
        """Ending a ticket failed: nothing of the host's response has left. Blocks."""
        return self._parts.refuser.answer(request, error, "logout_failed")

    def _leave_admitted(self, ticket: Ticket, slot: LoginSlot, headers: Headers) -> Outgoing:
        guard, rechecker = self._parts.guard, self._parts.rechecker
        if slot.logout:
            dropped = guard.drop_ticket_header()
            return Outgoing((*guard.seal_cookies(headers, ticket), dropped), lambda: rechecker.end(ticket))
        return Outgoing(self._admitted(ticket, headers), ticket=ticket)

    def _admitted(self, ticket: Ticket, headers: Headers) -> Headers:
        """Sealed, and with a younger ticket when it is time."""
        guard = self._parts.guard
        sealed = guard.seal_cookies(headers, ticket)
        if guard.wants_remint(ticket, self._clock()):
            return (*sealed, guard.ticket_header(self._parts.rechecker.minted(ticket)))
        return sealed


def _unavailable(error: Exception) -> CertloginError:
    if isinstance(error, CertloginError):
        return error
    wrapped = Unavailable("current_unit")
    wrapped.__cause__ = error
    return wrapped

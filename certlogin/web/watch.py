"""What lasts longer than a moment, a streaming answer or a WebSocket, ends with the ticket it was admitted by (S6)."""

from datetime import timedelta

from certlogin.flows.audit import record_refusal
from certlogin.flows.context import Context
from certlogin.login.ticket import Ticket, judge_age
from certlogin.web.http import Request
from certlogin.web.recheck import Rechecker
from certlogin.web.refusals import as_error


class CutOff(ConnectionAbortedError):
    """The ticket no longer holds: nothing more of this answer leaves.

    Servers and frameworks take a ConnectionError for a connection that is gone, and that is how it shall end: cut,
    never as if it were complete.
    """


class Watch:
    def __init__(self, context: Context, rechecker: Rechecker) -> None:
        self._context = context
        self._rechecker = rechecker
        self._clock = context.clock
        self._idle = timedelta(seconds=context.settings.tickets.idle)

    def due(self, ticket: Ticket) -> bool:
        """Whether `look` must be asked before anything more leaves. No I/O; the clock is read once."""
        now = self._clock()
        return now >= ticket.expires or self._rechecker.due(ticket, now)

    def pause(self, ticket: Ticket) -> float:
        """Seconds until `look` must be asked again."""
        now = self._clock()
        return min(self._rechecker.pause(ticket, now), max((ticket.expires - now).total_seconds(), 0.0))

    def look(self, request: Request, ticket: Ticket, kind: str) -> None:
        """Look the ticket up; a refusal is written down as `kind`. Blocks. Raises CutOff."""
        try:
            self._judge(ticket)
        except Exception as error:
            problem = as_error(error)
            record_refusal(self._context, kind, problem, unit_id=ticket.unit_id, address=request.address)
            raise CutOff(problem.public_code()) from error

    def _judge(self, ticket: Ticket) -> None:
        """Raises TicketExpired and what `Rechecker.check` raises."""
        now = self._clock()
        judge_age(self._rechecker.youngest(ticket), self._idle, now)
        self._rechecker.check(ticket, now)

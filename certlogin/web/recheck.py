"""Looking again, every `recheck` seconds and per worker, whether a ticket still holds."""

import threading
from collections import OrderedDict
from dataclasses import replace
from datetime import datetime, timedelta

from certlogin.errors import Unavailable
from certlogin.flows import tickets
from certlogin.flows.context import Context
from certlogin.login.ticket import Ticket

#: Tickets remembered per worker; the oldest is forgotten and simply looked up again.
_MOST = 50_000
#: However often a look-up fails, the next one comes no sooner.
_LEAST = timedelta(seconds=1)


class Rechecker:
    def __init__(self, context: Context) -> None:
        self._context = context
        self._every = timedelta(seconds=context.settings.tickets.recheck)
        self._grace = timedelta(seconds=context.settings.tickets.recheck_grace)
        self._lock = threading.Lock()
        self._checked: OrderedDict[str, datetime] = OrderedDict()
        #: When a look-up that nobody answered was forgiven: not tried again with every request meanwhile.
        self._forgiven: OrderedDict[str, datetime] = OrderedDict()
        #: The youngest text minted here: who works with one lasting answer open is not idle.
        self._minted: OrderedDict[str, datetime] = OrderedDict()
        self._ended: OrderedDict[str, datetime] = OrderedDict()

    def due(self, ticket: Ticket, now: datetime) -> bool:
        """Whether it must be looked up before it is believed. No I/O."""
        with self._lock:
            if ticket.id in self._ended:
                return True
            checked = self._checked.get(ticket.id, ticket.issued)
            if now - checked < self._every:
                return False
            return now - self._forgiven.get(ticket.id, checked) >= self._every or now - checked >= self._grace

    def pause(self, ticket: Ticket, now: datetime) -> float:
        """Seconds until it must be looked up again; never more than `recheck`."""
        with self._lock:
            checked = self._checked.get(ticket.id, ticket.issued)
            tried = max(checked, self._forgiven.get(ticket.id, checked))
        return min(max(self._every - (now - tried), _LEAST), self._every).total_seconds()

    def check(self, ticket: Ticket, now: datetime) -> None:
        """Look it up. Raises TicketEnded, NoLongerAdmitted, the refusals of `pki`; Unavailable beyond the grace."""
        with self._lock:
            if ticket.id in self._ended:
                raise tickets.TicketEnded
            last = self._checked.get(ticket.id)
        try:
            tickets.recheck(self._context, ticket, now)
        except Unavailable:
            # A store that is away for a moment does not log everybody out: forgiven for a ticket this worker knows.
            if last is None or now - last >= self._grace:
                raise
            self._remember(self._forgiven, ticket.id, now)
            return
        self._remember(self._checked, ticket.id, now)

    def minted(self, ticket: Ticket) -> Ticket:
        """The ticket to be minted anew: as of its last look-up, so that another worker looks again just as soon."""
        with self._lock:
            last = self._checked.get(ticket.id, ticket.issued)
        self._remember(self._minted, ticket.id, last)
        return replace(ticket, issued=last)

    def youngest(self, ticket: Ticket) -> Ticket:
        """As last minted by this worker: what the browser carries meanwhile."""
        with self._lock:
            return replace(ticket, issued=max(ticket.issued, self._minted.get(ticket.id, ticket.issued)))

    def end(self, ticket: Ticket) -> None:
        """At once in this worker, in the others within `recheck`. Raises Unavailable."""
        now = self._context.clock()
        self._remember(self._ended, ticket.id, now)
        tickets.end_ticket(self._context, ticket, now)

    def _remember(self, table: OrderedDict[str, datetime], ticket_id: str, value: datetime) -> None:
        with self._lock:
            table[ticket_id] = value
            table.move_to_end(ticket_id)
            if len(table) > _MOST:
                table.popitem(last=False)

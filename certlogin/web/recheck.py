"""Looking again, every `recheck` seconds and per worker, whether a ticket still holds."""

import threading
from collections import OrderedDict
from datetime import datetime, timedelta

from certlogin.errors import Unavailable
from certlogin.flows import tickets
from certlogin.flows.context import Context
from certlogin.login.ticket import Ticket

#: Tickets remembered per worker; the oldest is forgotten and simply looked up again.
_MOST = 50_000


class Rechecker:
    def __init__(self, context: Context) -> None:
        self._context = context
        self._every = timedelta(seconds=context.settings.tickets.recheck)
        self._grace = timedelta(seconds=context.settings.tickets.recheck_grace)
        self._lock = threading.Lock()
        self._checked: OrderedDict[str, datetime] = OrderedDict()
        self._ended: OrderedDict[str, datetime] = OrderedDict()

    def due(self, ticket: Ticket, now: datetime) -> bool:
        """Whether it must be looked up before it is believed. No I/O."""
        with self._lock:
            if ticket.id in self._ended:
                return True
            return now - self._checked.get(ticket.id, ticket.issued) >= self._every

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
            return
        self._remember(self._checked, ticket.id, now)

    def last(self, ticket: Ticket) -> datetime:
        """When the ticket was last known to hold: a text minted anew must not look younger than that."""
        with self._lock:
            return self._checked.get(ticket.id, ticket.issued)

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

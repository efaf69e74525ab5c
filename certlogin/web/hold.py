"""A response that the host marked with `password_verified`: it goes out with a ticket, or is held for what is owed."""

from dataclasses import dataclass
from typing import ClassVar

from certlogin.errors import HostMistake
from certlogin.flows import login
from certlogin.flows.attempts import cookie_text, drop_attempt
from certlogin.flows.context import Context
from certlogin.login.policy import Decision
from certlogin.login.ticket import Ticket
from certlogin.records.attempt import HeldResponse, LoginKind
from certlogin.records.unit import UnitId
from certlogin.web.cookies import dropped_cookie, own_cookie
from certlogin.web.guard import Guard, Pass
from certlogin.web.http import Headers, Request, Response, json_response, redirect, wants_json
from certlogin.web.paths import Kind
from certlogin.web.recheck import Rechecker
from certlogin.web.slot import AnotherUnitNamed, LoginSlot
from certlogin.web.steps import page_of


@dataclass(eq=False)
class MarkedOutsideLogin(HostMistake):
    """`password_verified` on a path that is not listed as a login path."""

    code: ClassVar[str] = "marked_outside_login"


@dataclass(eq=False)
class HeldTooLarge(HostMistake):
    """The host's login response is larger than `held_max`; nothing was released."""

    code: ClassVar[str] = "held_too_large"
    limit: int


@dataclass(frozen=True, slots=True)
class Admitted:
    """Nothing is owed: the host's response goes out with these headers, under this new ticket."""

    headers: Headers
    ticket: Ticket


@dataclass(frozen=True, slots=True)
class MustHold:
    """The response must be collected whole and given to `hold`."""

    unit_id: UnitId
    decision: Decision


class Holder:
    def __init__(self, context: Context, guard: Guard, rechecker: Rechecker) -> None:
        self._context = context
        self._guard = guard
        self._rechecker = rechecker

    def judge(self, request: Request, passed: Pass, slot: LoginSlot, headers: Headers) -> Admitted | MustHold:
        """Decide on the marked response before its body. The ticket and the attempt before it end in any case.

        Raises AnotherUnitNamed, MarkedOutsideLogin, StepRefused, Unavailable.
        """
        if slot.conflict or slot.unit_id is None:
            raise AnotherUnitNamed
        if passed.kind is not Kind.LOGIN:
            raise MarkedOutsideLogin
        if passed.ticket is not None:
            self._rechecker.end(passed.ticket)
        drop_attempt(self._context, self._guard.attempt_of(request))
        decision, ticket = login.decide_login(self._context, slot.unit_id, request.address)
        if ticket is None:
            return MustHold(slot.unit_id, decision)
        return Admitted(self._guard.with_ticket(headers, ticket), ticket)

    def hold(self, request: Request, owed: MustHold, held: HeldResponse) -> Response:
        """Keep the response and send the browser to what is owed. Raises HeldTooLarge, TooManyAttempts, Unavailable."""
        limit = self._context.settings.attempts.held_max
        if len(held.body) > limit:
            raise HeldTooLarge(limit)
        kind = LoginKind.JSON if wants_json(request) else LoginKind.FORM
        wanted = login.LoginRequest(owed.unit_id, held, kind, request.full_path, request.address)
        found = login.hold_login(self._context, owed.decision, wanted)
        cookies = (
            own_cookie(self._guard.attempt_cookie, cookie_text(self._context, found.cookie)),
            dropped_cookie(self._guard.ticket_cookie),
        )
        page = request.root + self._context.settings.site.prefix + page_of(owed.decision)
        if kind is LoginKind.JSON:
            return json_response(403, {"code": "certificate_required", "next": page}, *cookies)
        return redirect(page, *cookies)

"""Every address of ours below the prefix, and what answers it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from certlogin.flows.context import Context
from certlogin.portal import await_revocation, dead_ends, enrol, helper
from certlogin.web import api
from certlogin.web.guard import Guard
from certlogin.web.http import OwnBody, Request, Response
from certlogin.web.own import MethodNotAllowed, NotFound, Visit
from certlogin.web.pages import Pages
from certlogin.web.refusals import Refuser
from certlogin.web.static import StaticFiles

View = Callable[[Visit], Response]

_READ: Final = frozenset({"GET", "HEAD"})
_WRITE: Final = frozenset({"POST"})
_STATIC: Final = "/static/"

#: What a person's browser is shown.
PAGES: Final[Mapping[str, View]] = {
    "": enrol.here,
    "/": enrol.here,
    "/helper": helper.check_page,
    "/helper/download": helper.download_page,
    "/enrol": enrol.page,
    "/enrol/done": enrol.done_page,
    "/login": enrol.login_page,
    "/revocation": await_revocation.page,
    "/refused": dead_ends.refused_page,
    "/help/lost": dead_ends.help_page,
    "/help/locked": dead_ends.help_page,
    "/help/expired": dead_ends.help_page,
}

#: Forms of our pages.
FORMS: Final[Mapping[str, View]] = {
    "/leave": enrol.leave,
    "/revocation/look": await_revocation.look_by_form,
}

#: What the scripts of our pages call.
CALLS: Final[Mapping[str, View]] = {
    "/api/report": api.report,
    "/api/challenge": api.challenge,
    "/api/proof": api.proof,
    "/api/fits": api.fits,
    "/api/revocation": await_revocation.look,
    "/api/skip": api.skip,
    "/api/leave": api.leave,
    "/api/enrol": enrol.request,
    "/api/enrol/installed": enrol.installed,
}


@dataclass(frozen=True, slots=True)
class _Route:
    view: View
    methods: frozenset[str]
    #: None: whatever the request asks for.
    as_json: bool | None


_ROUTES: Final[Mapping[str, _Route]] = (
    {path: _Route(view, _READ, None) for path, view in PAGES.items()}
    | {path: _Route(view, _WRITE, None) for path, view in FORMS.items()}
    | {path: _Route(view, _WRITE, True) for path, view in CALLS.items()}
)


class Portal:
    """Answers a request below the prefix; every error becomes a page or JSON."""

    def __init__(self, context: Context, guard: Guard, pages: Pages, refuser: Refuser) -> None:
        self._context = context
        self._guard = guard
        self._pages = pages
        self._refuser = refuser
        self._static = StaticFiles()

    def answer(self, request: Request, body: OwnBody) -> Response:
        path = request.path.removeprefix(self._context.settings.site.prefix)
        if path.startswith(_STATIC) and request.method in _READ:
            found = self._static_file(request, path.removeprefix(_STATIC))
            if found is not None:
                return found
        route = _ROUTES.get(path)
        as_json = None if route is None else route.as_json
        visit = Visit(self._context, self._guard, self._pages, self._refuser, request, body)
        try:
            return _view(route, request)(visit)
        except Exception as error:
            return self._refused(visit, error, as_json)

    def _refused(self, visit: Visit, error: Exception, as_json: bool | None) -> Response:
        kind = "page_refused" if as_json is None else "call_refused"
        attempt = visit.attempt_for_audit()
        return self._refuser.answer(visit.request, error, kind, attempt=attempt, as_json=as_json)

    def _static_file(self, request: Request, name: str) -> Response | None:
        file = self._static.find(name)
        if file is None:
            return None
        if file.is_known_to(request.header("if-none-match")):
            return Response(304, file.headers())
        return Response(200, file.headers(), file.body)


def _view(route: _Route | None, request: Request) -> View:
    """Raises NotFound, MethodNotAllowed."""
    if route is None:
        raise NotFound
    if request.method not in route.methods:
        raise MethodNotAllowed
    return route.view

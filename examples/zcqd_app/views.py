"""The pages of the list system. The two lines that certlogin asks for are marked."""

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

import certlogin
from certlogin import EXEMPT, IDENTITY_KEY, Unit, UnitId, password_verified
from host_parts.accounts import LoginRefused
from zcqd_app.forms import read_form
from zcqd_app.pages import PREFIX, language_query
from zcqd_app.products import GRADES, EntryInvalid, Product, read_entry
from zcqd_app.state import SESSION_UNIT, zcqd

#: Set on the login page, before anybody is logged in: binds a captcha to the browser it was shown to.
FORM_COOKIE = "zcqd_form"
_FORM_KEY = "form_key"
#: The text for each answer that is no page of ours.
_PROBLEMS = {403: "form_expired", 404: "not_found", 405: "not_found"}


def routes() -> list[BaseRoute]:
    pages: list[BaseRoute] = [
        Route("/welcome", welcome),
        Route("/login", login_form, methods=["GET"]),
        Route("/login", login, methods=["POST"]),
        Route("/logout", logout, methods=["POST"]),
        Route("/captcha/{captcha_id}.png", captcha),
        Route("/downloads/{name}", installer),
        Route("/products/{product_id}", entry_form, methods=["GET"]),
        Route("/products/{product_id}", change_entry, methods=["POST"]),
        Mount("/static", StaticFiles(directory=Path(__file__).with_name("static"))),
        Route("/", product_list),
    ]
    return [Mount(PREFIX, routes=pages)]


async def welcome(request: Request) -> Response:
    return zcqd(request).pages.answer(request, "welcome")


async def login_form(request: Request) -> Response:
    return _login_page(request, None)


async def login(request: Request) -> Response:
    form = await read_form(request)
    try:
        # argon2 takes its time.
        unit = await run_in_threadpool(_check_login, request, form)
    except LoginRefused as refusal:
        return _login_page(request, refusal.code)
    password_verified(request.scope, unit.id)  # certlogin, line 1: before our own login
    request.session.clear()
    request.session[SESSION_UNIT] = unit.id
    request.session[_FORM_KEY] = secrets.token_urlsafe(16)
    return _go(request, "/")


async def logout(request: Request) -> Response:
    _check_form_key(request, await read_form(request))
    request.session.clear()
    certlogin.logout(request.scope)  # certlogin, line 2: the pass ends with the session
    return _go(request, "/welcome")


def captcha(request: Request) -> Response:
    picture = zcqd(request).captchas.picture(request.path_params["captcha_id"])
    if picture is None:
        raise HTTPException(404)
    return Response(picture, media_type="image/png")


def installer(request: Request) -> Response:
    name = request.path_params["name"]
    # A name from the folder's own list is no path to elsewhere.
    if name not in {file.name for file in zcqd(request).downloads.iterdir()}:
        raise HTTPException(404)
    return FileResponse(zcqd(request).downloads / name, filename=name)


def product_list(request: Request) -> Response:
    if SESSION_UNIT not in request.session:
        return _go(request, "/login")
    host, unit = zcqd(request), _unit(request)
    operator = EXEMPT in unit.tags
    products = host.products.all() if operator else host.products.of(unit.id)
    return host.pages.answer(
        request,
        "products",
        unit=unit,
        operator=operator,
        products=products,
        owners={product.unit: _name_of(request, product.unit) for product in products},
        certificate=host.certlogin.certificate(request.scope[IDENTITY_KEY]),
        saved=request.query_params.get("saved", ""),
        form_key=request.session[_FORM_KEY],
    )


def entry_form(request: Request) -> Response:
    product = _own_product(request)
    entry = product.entry
    values = {"model": entry.model, "grade": entry.grade, "price": str(entry.price)}
    return _entry_page(request, product, values, {})


async def change_entry(request: Request) -> Response:
    form = await read_form(request)
    _check_form_key(request, form)
    return await run_in_threadpool(_change_entry, request, form)


def _change_entry(request: Request, form: Mapping[str, str]) -> Response:
    product = _own_product(request)
    try:
        entry = read_entry(form)
    except EntryInvalid as invalid:
        return _entry_page(request, product, form, invalid.problems)
    zcqd(request).products.change(product.unit, product.id, entry)
    return _go(request, "/", saved=product.id)


async def refused(request: Request, error: Exception) -> Response:
    """Starlette's refusals, in the words of our pages."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    return zcqd(request).pages.answer(request, "message", status, message=_PROBLEMS.get(status, "form_broken"))


# --- what several pages do


def _login_page(request: Request, problem: str | None) -> Response:
    """A login form always comes with a new captcha."""
    host = zcqd(request)
    browser = request.cookies.get(FORM_COOKIE) or secrets.token_urlsafe(16)
    response = host.pages.answer(request, "login", problem=problem, captcha_id=host.captchas.issue(browser))
    response.set_cookie(FORM_COOKIE, browser, path=PREFIX, httponly=True, samesite="strict")
    return response


def _check_login(request: Request, form: Mapping[str, str]) -> Unit:
    """The captcha before the password, used up whatever comes of it: guessing costs a new picture every time."""
    host, browser = zcqd(request), request.cookies.get(FORM_COOKIE, "")
    if not host.captchas.redeem(form.get("captcha_id", ""), form.get("captcha", ""), browser):
        raise LoginRefused("captcha_wrong")
    return host.accounts.check_password(form.get("user", ""), form.get("password", ""))


def _unit(request: Request) -> Unit:
    unit = zcqd(request).accounts.find(UnitId(request.session.get(SESSION_UNIT, "")))
    if unit is None:
        raise HTTPException(403)
    return unit


def _name_of(request: Request, unit_id: str) -> str:
    """A company may have left the roster while its products are still listed."""
    unit = zcqd(request).accounts.find(UnitId(unit_id))
    return unit.name if unit else unit_id


def _own_product(request: Request) -> Product:
    """Another unit's product is not there, as far as this one can tell."""
    product = zcqd(request).products.find(_unit(request).id, request.path_params["product_id"])
    if product is None:
        raise HTTPException(404)
    return product


def _entry_page(request: Request, product: Product, values: Mapping[str, str], problems: Mapping[str, str]) -> Response:
    return zcqd(request).pages.answer(
        request,
        "entry",
        422 if problems else 200,
        product=product,
        values={name: values.get(name, "") for name in ("model", "grade", "price")},
        problems=problems,
        grades=GRADES,
        form_key=request.session[_FORM_KEY],
    )


def _check_form_key(request: Request, form: Mapping[str, str]) -> None:
    """Our own forms only: another site cannot know the key."""
    key = str(request.session.get(_FORM_KEY, ""))
    if not key or not secrets.compare_digest(key.encode(), form.get(_FORM_KEY, "").encode()):
        raise HTTPException(403)


def _go(request: Request, path: str, **query: Any) -> Response:
    url = request.url.replace(path=f"{PREFIX}{path}", query=language_query(request).lstrip("?"))
    target = url.include_query_params(**query)
    return RedirectResponse(f"{target.path}?{target.query}" if target.query else target.path, 303)

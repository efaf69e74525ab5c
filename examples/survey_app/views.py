"""The pages of the reporting system. The two lines that certlogin asks for are marked."""

import secrets
from typing import Any

from flask import (
    Blueprint,
    Response,
    abort,
    make_response,
    redirect,
    render_template,
    request,
    send_from_directory,
    session,
    url_for,
)
from werkzeug.wrappers import Response as AnyResponse

import certlogin
from certlogin import IDENTITY_KEY, Identity, Unit, UnitId, password_verified
from host_parts.accounts import LoginRefused
from host_parts.languages import choose_language
from survey_app.reports import Report
from survey_app.state import PREFIX, SESSION_UNIT, survey

pages = Blueprint("pages", __name__)

#: Set on the login page, before anybody is logged in: binds a captcha to the browser it was shown to.
FORM_COOKIE = "survey_form"


@pages.get("/welcome")
def welcome() -> str:
    """The page everybody shares: no word of certificates, most units need none."""
    return _page("welcome")


@pages.get("/login")
def login_form() -> AnyResponse:
    return _login_page(None)


@pages.post("/login")
def login() -> AnyResponse:
    try:
        _check_captcha()
        unit = survey().accounts.check_password(request.form.get("user", ""), request.form.get("password", ""))
    except LoginRefused as refused:
        return _login_page(refused.code)
    password_verified(request.environ, unit.id)  # certlogin, line 1: before our own login
    session.clear()
    session[SESSION_UNIT] = unit.id
    session["form_key"] = secrets.token_urlsafe(16)
    return redirect(url_for("pages.home", **_language_argument()), 303)


@pages.post("/logout")
def logout() -> AnyResponse:
    _check_form_key()
    session.clear()
    certlogin.logout(request.environ)  # certlogin, line 2: the pass ends with the session
    return redirect(url_for("pages.welcome", **_language_argument()), 303)


@pages.get("/captcha/<captcha_id>.png")
def captcha(captcha_id: str) -> Response:
    picture = survey().captchas.picture(captcha_id)
    if picture is None:
        abort(404)
    return Response(picture, mimetype="image/png", headers={"Cache-Control": "no-store"})


@pages.get("/downloads/<name>")
def installer(name: str) -> AnyResponse:
    return send_from_directory(survey().downloads, name, as_attachment=True)


@pages.get("/")
def home() -> AnyResponse:
    if SESSION_UNIT not in session:
        return redirect(url_for("pages.login_form"), 303)
    return _home_page(None)


@pages.post("/report")
def report() -> AnyResponse:
    _check_form_key()
    try:
        figures = Report(_whole_number("employees"), _whole_number("turnover"))
    except ValueError:
        return _home_page("number_wrong")
    survey().reports.save(_unit().id, figures)
    return _home_page("saved")


def _login_page(problem: str | None) -> AnyResponse:
    """A login form always comes with a new captcha."""
    browser = request.cookies.get(FORM_COOKIE) or secrets.token_urlsafe(16)
    response = make_response(_page("login", problem=problem, captcha_id=survey().captchas.issue(browser)))
    response.set_cookie(FORM_COOKIE, browser, path=PREFIX, httponly=True, samesite="Strict")
    response.headers["Cache-Control"] = "no-store"
    return response


def _check_captcha() -> None:
    """Before the password, and used up whatever comes of it: guessing costs a new picture every time."""
    form, browser = request.form, request.cookies.get(FORM_COOKIE, "")
    if not survey().captchas.redeem(form.get("captcha_id", ""), form.get("captcha", ""), browser):
        raise LoginRefused("captcha_wrong")


def _home_page(message: str | None) -> AnyResponse:
    identity: Identity = request.environ[IDENTITY_KEY]
    unit = _unit()
    response = make_response(
        _page(
            "home",
            unit=unit,
            identity=identity,
            certificate=survey().certlogin.certificate(identity),
            report=survey().reports.of(unit.id),
            form_key=session["form_key"],
            message=message,
        )
    )
    response.headers["Cache-Control"] = "no-store"
    return response


def _unit() -> Unit:
    unit = survey().accounts.find(UnitId(session.get(SESSION_UNIT, "")))
    if unit is None:
        abort(403)
    return unit


def _check_form_key() -> None:
    """Our own forms only: another site cannot know the key."""
    key = session.get("form_key", "")
    if not key or not secrets.compare_digest(str(key).encode(), request.form.get("form_key", "").encode()):
        abort(make_response(_page("message", message="form_expired"), 403))


def _whole_number(field: str) -> int:
    text = request.form.get(field, "").strip()
    if not (text.isascii() and text.isdecimal() and len(text) <= 15):
        raise ValueError(field)
    return int(text)


def _page(name: str, **values: object) -> str:
    language = _language()
    texts = survey().texts[language]
    other = "en" if language == "zh-CN" else "zh-CN"
    # What was posted cannot be asked for again in the other language.
    here = url_for("pages.home") if request.endpoint in ("pages.report", "pages.logout") else request.path
    common = {
        "texts": texts,
        "language": language,
        "other": other,
        "other_url": f"{here}?lang={other}",
        "lang": _language_argument(),
    }
    return render_template(f"survey/{name}.html", **common, **values)


def _language_argument() -> dict[str, Any]:
    """A language chosen by link stays chosen on the next page."""
    return {"lang": _language()} if "lang" in request.args else {}


def _language() -> str:
    return choose_language(request.args.get("lang", ""), request.headers.get("Accept-Language", ""))

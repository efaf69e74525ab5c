"""Flask: whose session a request carries."""

from typing import Any

from flask import Flask

from certlogin.web.gate import CurrentUnit


def current_unit(app: Flask, key: str) -> CurrentUnit:
    """Reads `session[key]` before the application is called; give it to `CertLogin` as `current_unit`.

    Works with every session interface of Flask. A session that cannot be opened is nobody's.
    """

    def unit_of(environ: Any) -> str | None:
        request = app.request_class(environ, populate_request=False)
        session = app.session_interface.open_session(app, request)
        found = None if session is None else session.get(key)
        return None if found is None else str(found)

    return unit_of

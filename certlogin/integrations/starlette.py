"""Starlette and FastAPI: whose session a request carries."""

import json
from base64 import b64decode
from typing import Any

from itsdangerous import BadSignature, TimestampSigner
from starlette.requests import HTTPConnection

from certlogin.web.gate import CurrentUnit

_FORTNIGHT = 14 * 24 * 60 * 60


def current_unit(
    key: str, *, secret_key: str, session_cookie: str = "session", max_age: int | None = _FORTNIGHT
) -> CurrentUnit:
    """Reads `session[key]` before the application is called; give it to `CertLogin` as `current_unit`.

    For Starlette's `SessionMiddleware`; the other arguments are those that it was given. A session that it would not
    open is nobody's.
    """
    signer = TimestampSigner(secret_key)

    def unit_of(scope: Any) -> str | None:
        cookie = HTTPConnection(scope).cookies.get(session_cookie)
        if cookie is None:
            return None
        try:
            session = json.loads(b64decode(signer.unsign(cookie, max_age=max_age)))
        except BadSignature:
            return None
        found = session.get(key)
        return None if found is None else str(found)

    return unit_of

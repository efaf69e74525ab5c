"""A browser's cookie jar. Python's own does not send Secure cookies to http://127.0.0.1; browsers do."""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


@dataclass(frozen=True, slots=True)
class Cookie:
    name: str
    value: str
    path: str
    http_only: bool
    secure: bool
    same_site: str


class Jar:
    """The cookies of one host. Ports are ignored, as browsers do."""

    def __init__(self) -> None:
        self._cookies: dict[tuple[str, str], Cookie] = {}

    def receive(self, header: str, request_path: str) -> None:
        """One Set-Cookie header. What a browser would refuse is not kept."""
        pair, *attributes = (part.strip() for part in header.split(";"))
        name, _, value = pair.partition("=")
        given = {key.strip().lower(): text.strip() for key, _, text in (part.partition("=") for part in attributes)}
        path = given.get("path", "")
        cookie = Cookie(
            name=name.strip(),
            value=value.strip(),
            path=path if path.startswith("/") else _default_path(request_path),
            http_only="httponly" in given,
            secure="secure" in given,
            same_site=given.get("samesite", ""),
        )
        if cookie.name.startswith("__Host-") and not (cookie.secure and path == "/" and "domain" not in given):
            return
        if _is_over(given):
            self._cookies.pop((cookie.name, cookie.path), None)
        else:
            self._cookies[cookie.name, cookie.path] = cookie

    def header(self, request_path: str) -> str:
        """The Cookie header for a request: longer paths first."""
        fitting = [cookie for cookie in self._cookies.values() if _covers(cookie.path, request_path)]
        fitting.sort(key=lambda cookie: -len(cookie.path))
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in fitting)

    def named(self, name: str) -> Cookie | None:
        return next((cookie for cookie in self._cookies.values() if cookie.name == name), None)

    def all(self) -> list[Cookie]:
        return list(self._cookies.values())


def _default_path(request_path: str) -> str:
    return request_path.rpartition("/")[0] or "/"


def _covers(cookie_path: str, request_path: str) -> bool:
    if request_path == cookie_path:
        return True
    return request_path.startswith(cookie_path if cookie_path.endswith("/") else cookie_path + "/")


def _is_over(given: dict[str, str]) -> bool:
    if "max-age" in given:
        return given["max-age"].lstrip("-").isdigit() and int(given["max-age"]) <= 0
    if "expires" in given:
        return parsedate_to_datetime(given["expires"]) <= datetime.now(UTC)
    return False

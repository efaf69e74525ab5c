"""A small browser: keeps cookies, follows redirects, says where a request comes from, runs no scripts."""

import http.client
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

from demonstration.walking.cookies import Jar
from demonstration.walking.page import Form, Page, read_page

_LINUX = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
_REDIRECTS = {301, 302, 303, 307, 308}


class Browser:
    """One person's browser at one site."""

    def __init__(self, origin: str, language: str = "zh-CN", jar: Jar | None = None) -> None:
        """`jar`: that of another window of the same person."""
        self.origin = origin
        self.jar = jar or Jar()
        self.page: Page | None = None
        self._language = language

    def get(self, address: str) -> Page:
        """Go there, as by a link or a script's `location`."""
        return self._navigate("GET", address, None)

    def submit(self, form: Form, **values: str) -> Page:
        return self._navigate("POST", form.action, urlencode({**form.fields, **values}).encode())

    def call(self, address: str, message: Mapping[str, Any]) -> Page:
        """What a page's script does with fetch: a JSON POST to its own site. The page stays."""
        headers = {"Content-Type": "application/json", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}
        return self._request("POST", self._absolute(address), json.dumps(message).encode(), headers)

    def fetch(self, address: str) -> Page:
        """A picture, script or style of the page."""
        return self._request("GET", self._absolute(address), None, {"Sec-Fetch-Mode": "no-cors"})

    def _navigate(self, method: str, address: str, body: bytes | None) -> Page:
        trail: list[str] = []
        url = self._absolute(address)
        for _ in range(10):
            trail.append(url)
            headers = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
            if body is not None:
                headers["Content-Type"] = "application/x-www-form-urlencoded"
            answer = self._request(method, url, body, headers, tuple(trail))
            if answer.status not in _REDIRECTS:
                self.page = answer
                return answer
            url = urljoin(url, answer.headers["location"])
            if answer.status < 307:
                method, body = "GET", None
        raise RuntimeError(f"redirected without end: {' '.join(trail)}")

    def _request(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], trail: tuple[str, ...] = ()
    ) -> Page:
        parts = urlsplit(url)
        if f"{parts.scheme}://{parts.netloc}" != self.origin:
            raise RuntimeError(f"the walk never leaves its site, yet it is sent to {url}")
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
        try:
            connection.request(method, target, body, self._headers(method, parts.path, headers))
            response = connection.getresponse()
            for name, value in response.getheaders():
                if name.lower() == "set-cookie":
                    self.jar.receive(value, parts.path)
            found = {name.lower(): value for name, value in response.getheaders()}
            return read_page(url, response.status, found, response.read(), trail or (url,))
        finally:
            connection.close()

    def _headers(self, method: str, path: str, headers: dict[str, str]) -> dict[str, str]:
        sent = {
            "User-Agent": _LINUX,
            "Accept": "text/html,application/xhtml+xml,*/*;q=0.8",
            "Accept-Language": self._language,
            "Sec-Fetch-Site": "same-origin" if self.page else "none",
            **headers,
        }
        if self.page:
            sent["Referer"] = self.page.url
        if method == "POST":
            sent["Origin"] = self.origin
        cookies = self.jar.header(path)
        return {**sent, "Cookie": cookies} if cookies else sent

    def _absolute(self, address: str) -> str:
        return urljoin(self.page.url if self.page else self.origin, address)

"""Requests as values, for the rooms of `web` that are asked about one request at a time."""

from collections.abc import Mapping

from certlogin.web.http import Request


def request(
    method: str = "GET",
    path: str = "/home",
    headers: Mapping[str, str] | None = None,
    raw_path: str | None = None,
    root: str = "",
) -> Request:
    """`headers` by lower-case name."""
    return Request(method, root, path, raw_path, "", "192.0.2.1", (headers or {}).get)

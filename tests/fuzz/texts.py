"""Forms, heads, lines and files."""

import json
from collections.abc import Callable
from typing import Any

from certlogin.ca.entitlements import read_entitlements
from certlogin.helper.http import body_length, parse_head
from certlogin.helper.origins import parse_origin
from certlogin.helper.pin.assuan import data_line, error_line, read_reply
from certlogin.login.keys import Keyring
from certlogin.pki.codes import check_code
from certlogin.portal.builds import parse_builds
from certlogin.settings.loader import settings_from_mapping
from certlogin.web.cookies import only, scan
from certlogin.web.guard import Guard
from certlogin.web.http import OwnBody, Request
from certlogin.web.own import Visit
from certlogin.web.paths import is_canonical
from certlogin.wire.b64 import decode, encode
from tests import factory
from tests.fuzz.target import Target
from tests.settings.good import SMALLEST
from tests.web.test_cookies import NAME, werkzeug_reads

_SETTINGS = settings_from_mapping(SMALLEST, {})
_GUARD = Guard(_SETTINGS, Keyring.from_settings(_SETTINGS.site.secret_keys), lambda: factory.NOW)
_HEADERS = {"origin": _SETTINGS.site.origin, "content-type": "application/x-www-form-urlencoded"}
_ROOMS: Any = None


def _form(data: bytes) -> None:
    request = Request("POST", "", "/certlogin/enrol", None, "", "", _HEADERS.get)
    Visit(_ROOMS, _GUARD, _ROOMS, _ROOMS, request, OwnBody(data)).form()


def _text(read: Callable[[str], object]) -> Callable[[bytes], None]:
    def reader(data: bytes) -> None:
        read(data.decode("utf-8", "surrogateescape"))

    return reader


def _settings(data: bytes) -> None:
    """What a TOML file may hold, as far as JSON can say it."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return
    if isinstance(value, dict):
        settings_from_mapping(value, {}, "/srv/site")


def _head(data: bytes) -> None:
    head = parse_head(data)
    body_length(head)
    assert data.startswith(f"{head.method} {head.target} HTTP/1.1".encode("latin-1"))


def _cookie(data: bytes) -> None:
    """A value that could be a ticket of ours is the one that werkzeug finds (S2)."""
    header = "".join(character for character in data.decode("latin-1") if character >= " " and character not in '"\x7f')
    found = only(scan(header), NAME)
    if found is not None and found.isascii() and found.replace("-", "a").replace("_", "a").replace(".", "a").isalnum():
        assert [value for value in werkzeug_reads(header) if value] == [found]


def _path(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    if is_canonical(text, None):
        assert "//" not in text
        assert not {".", ".."} & set(text.split("/"))


def _base64url(text: str) -> None:
    assert encode(decode(text)) == text


TEXTS = (
    Target("form", _form, (b"attempt=abc&lang=zh-CN&name=%E4%B8%AD",)),
    Target("cookie scanner", _cookie, (f"a=b; {NAME}=abc; c".encode(),)),
    Target("path", _path, (b"/static/a.js",)),
    Target("base64url", _text(_base64url), (b"AAECAw",)),
    Target("helper head", _head, (b"POST /v1/pair HTTP/1.1\r\nHost: 127.0.0.1:17561\r\nContent-Length: 5",)),
    Target("origin", _text(lambda text: parse_origin(text, dev=True)), (b"https://a.cn:8443", b"http://127.0.0.1:8000")),
    Target("assuan", read_reply, (b"OK", data_line(b"1%2\n")[:-1], error_line(99, "cancelled")[:-1], b"S x", b"# c")),
    Target("settings", _settings, (json.dumps(SMALLEST).encode(),)),
    Target("entitlements.csv", _text(lambda text: read_entitlements(text, lines_of_json=False)),
           ("id,name,code,opens\nu-1,单位,91110000600037341L,2026-01-01\n".encode(),)),
    Target("entitlements.json", _text(lambda text: read_entitlements(text, lines_of_json=True)),
           (b'{"id": "u-1", "name": "x", "code": "91110000600037341L", "opens": "2026-01-01T00:00"}\n',)),
    Target("unit code", _text(check_code), (b"91110000600037341L", b"60003734-1")),
    Target("builds", _text(parse_builds), (b'{"product": "CertHelper", "builds": []}',)),
)  # fmt: skip

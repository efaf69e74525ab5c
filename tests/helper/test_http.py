"""The strict reader of request heads (18)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certlogin.helper.checks import Call, bearer
from certlogin.helper.http import RequestHead, body_length, parse_head, render
from certlogin.helper.refusals import NotPaired
from certlogin.wire.b64 import encode
from certlogin.wire.bad_request import BadRequest

_TOKEN = st.from_regex(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,12}", fullmatch=True)
_VALUE = st.from_regex(r"[!-~]([ -~]{0,20}[!-~])?", fullmatch=True) | st.just("")


@given(_TOKEN, st.from_regex(r"/[!-~]{0,20}", fullmatch=True), st.lists(st.tuples(_TOKEN, _VALUE), max_size=5))
def test_a_head_is_read_as_it_was_sent(method: str, target: str, headers: list[tuple[str, str]]) -> None:
    kept = [(name, value) for name, value in headers if name.lower() != "transfer-encoding"]
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: \t{value} " for name, value in kept)]
    head = parse_head("\r\n".join(lines).encode("latin-1"))
    assert (head.method, head.target) == (method, target)
    assert head.headers == tuple((name.lower(), value) for name, value in kept)


@given(st.binary(max_size=200))
def test_threat_18_any_bytes_are_a_head_or_refused(data: bytes) -> None:
    try:
        head = parse_head(data)
    except BadRequest:
        return
    assert data.startswith(f"{head.method} {head.target} HTTP/1.1".encode("latin-1"))


def test_a_header_counts_only_when_it_is_there_once() -> None:
    head = RequestHead("GET", "/", (("a", "1"), ("b", "2"), ("b", "2")))
    assert (head.one("a"), head.one("b"), head.one("c"), head.all("b")) == ("1", None, None, ["2", "2"])


@pytest.mark.parametrize(("headers", "length"), [((), 0), ((("content-length", "0017"),), 17)])
def test_a_length_is_digits(headers: tuple[tuple[str, str], ...], length: int) -> None:
    assert body_length(RequestHead("POST", "/", headers)) == length


def test_an_answer_is_whole_and_closes() -> None:
    assert (
        render(200, [("A", "b")], b"{}")
        == b"HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
    )
    assert render(204, [], b"") == b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"
    assert render(421, [], b"").startswith(b"HTTP/1.1 421 Misdirected Request\r\n")


def test_a_bearer_token_is_32_bytes_in_one_form() -> None:
    token = bytes(range(32))
    assert bearer(RequestHead("POST", "/", (("authorization", f"Bearer {encode(token)}"),))) == token
    for value in (
        f"Bearer {encode(token)}=",
        f"Bearer  {encode(token)}",
        f"Bearer {encode(token[:31])}",
        encode(token),
    ):
        with pytest.raises(NotPaired):
            bearer(RequestHead("POST", "/", (("authorization", value),)))
    twice = (("authorization", f"Bearer {encode(token)}"),) * 2
    with pytest.raises(NotPaired):
        bearer(RequestHead("POST", "/", twice))


def test_only_hello_is_read_by_get() -> None:
    assert [call for call in Call if call.method == "GET"] == [Call.HELLO]

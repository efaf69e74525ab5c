"""Origins in the one form a browser sends, and what is emphasised of them (19)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certlogin.helper.origins import Grant, granted, parse_origin
from certlogin.helper.refusals import OriginRefused

_LABEL = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
_HOST = st.lists(_LABEL, min_size=1, max_size=5).map(".".join)


@given(_HOST, st.integers(1, 65535) | st.none())
def test_a_canonical_origin_is_taken_as_it_is(host: str, port: int | None) -> None:
    text = f"https://{host}" + (f":{port}" if port else "")
    try:
        origin = parse_origin(text, dev=False)
    except OriginRefused:
        # A browser never sends the default port, and reads a host that ends in a number as an address.
        last = host.split(".")[-1]
        assert port == 443 or last.isdigit() or last.startswith("0x")
        return
    assert (origin.text, origin.host, origin.development) == (text, host, False)
    assert host == origin.registrable or host.endswith(f".{origin.registrable}")


@given(st.text(max_size=40) | st.text("htps:/.[]a1-@\\ ", max_size=30))
def test_any_text_is_an_origin_in_its_one_form_or_refused(text: str) -> None:
    try:
        origin = parse_origin(text, dev=True)
    except OriginRefused:
        return
    assert origin.text == text
    assert text.startswith(("https://", "http://127.0.0.1:"))
    assert text.isascii()


@pytest.mark.parametrize(
    ("host", "registrable"),
    [
        ("stats.gov.cn", "stats.gov.cn"),
        ("a.b.stats.gov.cn", "stats.gov.cn"),
        ("a.example.com", "example.com"),
        ("a.example.co.uk", "example.co.uk"),
        ("gov.cn", "gov.cn"),
        ("intranet", "intranet"),
        ("10.0.0.1", "10.0.0.1"),
        ("[2001:db8::1]", "[2001:db8::1]"),
    ],
)
def test_threat_19_what_somebody_registered_is_emphasised(host: str, registrable: str) -> None:
    assert parse_origin(f"https://{host}", dev=False).registrable == registrable


def test_local_pages_are_for_development_only() -> None:
    assert parse_origin("http://127.0.0.1:8000", dev=True).development
    with pytest.raises(OriginRefused):
        parse_origin("http://127.0.0.1:8000", dev=False)
    for text in ("http://127.0.0.1", "http://127.0.0.1:80", "http://127.0.0.2:8000", "http://[::1]:8000"):
        with pytest.raises(OriginRefused):
            parse_origin(text, dev=True)


def test_grants_add_up_and_cover_exactly_their_origin() -> None:
    origin = parse_origin("https://a.stats.gov.cn", dev=False)
    some = (
        Grant("https://a.stats.gov.cn", frozenset({"login"})),
        Grant("https://*.gov.cn", frozenset({"certificates"})),
        Grant("https://b.stats.gov.cn", frozenset({"enroll"})),
    )
    assert granted(origin, some) == {"login", "certificates"}
    assert granted(origin, ()) == frozenset()
    # A wildcard speaks of https: pages of this machine are named one by one.
    assert not Grant("https://*.0.0.1:8000", frozenset()).covers(parse_origin("http://127.0.0.1:8000", dev=True))

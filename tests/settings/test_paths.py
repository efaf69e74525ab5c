"""A path that the settings accept is one that the guard can find: S4."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from certlogin.settings.checks import canonical_path
from certlogin.web.paths import is_canonical
from tests.companions import without

PIECES = st.sampled_from(["/", ".", "..", "a", "A", "登录", ";x", "\\", "%2f", "%2e", "?", "#", " ", "\x00", "\x7f",
                          "\ufffd", "\u2028", "\u3000", "\x85", "\ud800", "~", "+", ":", "@"])  # fmt: skip


@without({"certlogin.settings.checks._is_visible": lambda _: True}, sees="a path that is never found")
@given(st.lists(PIECES, max_size=8).map("".join) | st.text().map(lambda text: f"/{text}"))
@example("/a./b")
@example("/a.")
@example("/\x7f")
@example("/\ufffd")
@example("/\ud800")
def test_s4_the_settings_accept_nothing_that_the_guard_would_never_find(path: str) -> None:
    if canonical_path(path):
        assert is_canonical(path, None), "a path that is never found"


@pytest.mark.parametrize("path", ["/", "/a", "/a/", "/a/b.html", "/.well-known/x", "/..a", "/登录/", "/a+b@c:d~"])
def test_ordinary_paths_are_accepted(path: str) -> None:
    assert canonical_path(path)

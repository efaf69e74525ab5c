"""The question which certificates on the user's tokens fit the account."""

import json
from typing import Any

import pytest

from certlogin.wire.bad_request import BadRequest
from certlogin.wire.browser import FitsWanted, read_fits

GOOD: dict[str, Any] = {"attempt": "A" * 16, "certificates": ["AQ", "Ag"], "chain": ["Aw"]}


def test_it_carries_certificates_and_what_stands_above_them() -> None:
    assert read_fits(json.dumps(GOOD).encode()) == FitsWanted("A" * 16, (b"\1", b"\2"), (b"\3",))
    assert read_fits(json.dumps(GOOD | {"certificates": ["AQ"] * 8, "chain": []}).encode()).chain == ()


@pytest.mark.parametrize(
    "changes",
    [{"certificates": ["AQ"] * 9}, {"chain": ["AQ"] * 7}, {"certificates": "AQ"}, {"chain": [""]}, {"more": 1}],
    ids=str,
)
def test_more_or_other_things_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        read_fits(json.dumps(GOOD | changes).encode())

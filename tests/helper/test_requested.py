"""Which site asked for a key on a card: kept beside the card, and never a reason to fail."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certlogin.helper.tokens.requested import Asked, Requested
from certlogin.wire.json import write_object
from tests.helper.world import OTHER_SITE, SITE

_ASKED = Asked("S1", "0" * 32, SITE, "u-1")


def test_what_is_added_is_known_after_a_restart(tmp_path: Path) -> None:
    other = Asked("S2", "1" * 32, OTHER_SITE, "u-2")
    for asked in (_ASKED, other, _ASKED):
        Requested(tmp_path / "state").add(asked)
    again = Requested(tmp_path / "state")
    assert again.on("S1") == {"0" * 32: _ASKED}
    assert again.on("S2") == {"1" * 32: other}
    assert again.on("S3") == {}


def test_the_oldest_are_forgotten(tmp_path: Path) -> None:
    requested = Requested(tmp_path)
    item = {"serial": "S1", "origin": SITE, "unit": "u"}
    keys = [{**item, "key_id": f"{number:032x}"} for number in range(512)]
    (tmp_path / "requested.json").write_bytes(write_object({"keys": keys}))  # type: ignore[dict-item]
    requested.add(_ASKED)
    known = requested.on("S1")
    assert len(known) == 512
    assert f"{0:032x}" in known
    assert known[f"{0:032x}"] == _ASKED
    assert f"{511:032x}" in known


@given(content=st.one_of(st.binary(max_size=64), st.just(b'{"keys":[{}]}'), st.just(b'{"keys":[],"v":1}')))
def test_a_damaged_file_is_an_empty_one(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.mktemp("state")
    (folder / "requested.json").write_bytes(content)
    requested = Requested(folder)
    assert requested.on("S1") == {}
    requested.add(_ASKED)
    assert requested.on("S1") == {"0" * 32: _ASKED}

"""What may stand in an entry of the product list, and whose it is."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zcqd_app.products import GRADES, Entry, EntryInvalid, Products, read_entry

_GOOD = {"model": "BC-TD-12W", "grade": "1", "price": "48"}


def test_an_entry_is_read_as_it_is_meant() -> None:
    assert read_entry(_GOOD) == Entry("BC-TD-12W", "1", 48)
    assert read_entry({**_GOOD, "model": " 甲-１２Ｗ ", "grade": "２", "price": "４８０"}) == Entry("甲-12W", "2", 480)


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("model", "", "model_wrong"),
        ("model", "  ", "model_wrong"),
        ("model", "x" * 41, "model_wrong"),
        ("model", "a\tb", "model_wrong"),
        ("model", "a\u202eb", "model_wrong"),
        ("grade", "", "grade_wrong"),
        ("grade", "4", "grade_wrong"),
        ("price", "", "price_wrong"),
        ("price", "0", "price_wrong"),
        ("price", "-1", "price_wrong"),
        ("price", "1.5", "price_wrong"),
        ("price", "123456789", "price_wrong"),
        ("price", "٣", "price_wrong"),
    ],
)
def test_a_wrong_field_is_named_and_alone(field: str, value: str, problem: str) -> None:
    with pytest.raises(EntryInvalid) as caught:
        read_entry({**_GOOD, field: value})
    assert caught.value.problems == {field: problem}


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(EntryInvalid) as caught:
        read_entry({})
    assert list(caught.value.problems) == ["model", "grade", "price"]


@given(st.fixed_dictionaries({name: st.sampled_from([_GOOD[name]]) | st.text() for name in _GOOD}))
def test_whatever_is_typed_is_an_entry_within_the_limits_or_refused(fields: dict[str, str]) -> None:
    with suppress(EntryInvalid):
        entry = read_entry(fields)
        assert entry.model.isprintable()
        assert 1 <= len(entry.model) <= 40
        assert entry.grade in GRADES
        assert 0 < entry.price < 10**8


def test_a_unit_sees_and_changes_its_own_rows_only(tmp_path: Path) -> None:
    products = Products(tmp_path / "products.db")
    own = products.of("Z1001")
    assert own
    assert {product.unit for product in own} == {"Z1001"}
    assert products.find("Z1002", own[0].id) is None
    assert not products.change("Z1002", own[0].id, Entry("theirs", "1", 1))
    assert products.find("Z1001", own[0].id) == own[0]
    assert products.change("Z1001", own[0].id, Entry("new", "3", 2))
    # What was changed stays changed when the host starts again.
    again = Products(tmp_path / "products.db")
    assert again.of("Z1001")[0].entry == Entry("new", "3", 2)
    assert len(again.all()) == len(products.all()) > len(own)

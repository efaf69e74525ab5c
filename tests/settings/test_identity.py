"""Which identity table an anchor has, and what replaces it."""

import pytest

from certlogin.records.identity_tables import STANDARD, TABLES, Strictness
from certlogin.settings.trust import Anchor
from tests.settings.good import changed, problems, read


def anchor(**values: object) -> Anchor:
    named = {"name": "root", "file": "root.pem", **values}
    return read(changed("trust.anchors.0", named)).trust.anchors[0]


def test_the_national_standards_table_is_the_default() -> None:
    assert anchor().table == TABLES[STANDARD]
    assert anchor().unit_code_check is Strictness.ANY


def test_a_shipped_table_is_named_and_each_half_can_be_replaced() -> None:
    assert anchor(identity="bjca-sm2").table == TABLES["bjca-sm2"]
    changed_half = anchor(identity="bjca-sm2", unit_code=["1.2.3 JJ*"]).table
    assert (changed_half.unit_code, changed_half.unique_id) == (("1.2.3 JJ*",), TABLES["bjca-sm2"].unique_id)
    other_half = anchor(identity="bjca-sm2", unique_id=["1.2.3"]).table
    assert (other_half.unit_code, other_half.unique_id) == (TABLES["bjca-sm2"].unit_code, ("1.2.3",))


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("identity", "bjca", f"identity: must be one of {', '.join(TABLES)}"),
        ("unit_code", ["1.2.3 JJ"], "unit_code: '1.2.3 JJ' is no object identifier"),
        ("unit_code", ["1.2.x JJ*"], "unit_code: '1.2.x JJ*' is no object identifier"),
        ("unique_id", ["1.2.3 JJ*"], "unique_id: '1.2.3 JJ*' is no object identifier"),
    ],
)
def test_a_mistake_is_said_in_one_line(key: str, value: object, problem: str) -> None:
    (said,) = problems(changed(f"trust.anchors.0.{key}", value))
    assert said.endswith(problem)

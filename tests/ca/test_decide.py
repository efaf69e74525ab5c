"""The decision over every history of a unit: written out a second time as a sentence, and compared."""

from dataclasses import replace
from datetime import datetime
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certlogin.ca.base import RequestRefused
from certlogin.ca.database import IssuedRow
from certlogin.ca.decide import check_again, check_entitled, check_new
from certlogin.ca.entitlements import Entitlement
from certlogin.records.unit import Unit, UnitId
from tests.companions import without
from tests.factory import DAY, NOW, OTHER_CODE, UNIT_CODE

LISTED = Entitlement(UnitId("u-1"), "测试单位", UNIT_CODE)
ROW = IssuedRow("1", LISTED.unit_id, UNIT_CODE, "0" * 64, b"", NOW - DAY, NOW + DAY, None, None, False)

ACTIVE = ROW
ENDED = replace(ROW, not_after=NOW - DAY)
REVOKED = replace(ROW, revoked_at=NOW, reason="lost")
REVOKED_REISSUE = replace(REVOKED, reissue=True)
ENDED_REISSUE = replace(REVOKED_REISSUE, not_after=NOW - DAY)
KINDS = (ACTIVE, ENDED, REVOKED, REVOKED_REISSUE, ENDED_REISSUE)


def answer(held: tuple[IssuedRow, ...], listed: Entitlement = LISTED) -> str:
    try:
        check_new(listed, held, NOW)
    except RequestRefused as refused:
        return refused.reason
    return "issue"


HISTORIES = [held for count in range(4) for held in product(KINDS, repeat=count)]
#: Every certificate so far was revoked with a permission, and each further one has used one of them.
PERMITTED = [held for held in HISTORIES if all(row.reissue for row in held)]
NO_RULE = {"tests.ca.test_decide.check_new": lambda *_: None}


@without(NO_RULE, sees="assert 'issue' == ")
@pytest.mark.parametrize("held", [held for held in HISTORIES if held not in PERMITTED])
def test_s12_a_further_certificate_needs_a_permission_of_its_own(held: tuple[IssuedRow, ...]) -> None:
    assert answer(held) == ("already_issued" if ACTIVE in held else "reissue_not_allowed")


@pytest.mark.parametrize("held", PERMITTED)
def test_each_permission_is_good_for_one_more(held: tuple[IssuedRow, ...]) -> None:
    assert answer(held) == "issue"


@pytest.mark.parametrize(
    ("opens", "closes", "expected"),
    [
        (None, None, "issue"),
        (NOW, None, "issue"),
        (NOW + DAY, None, "window_closed"),
        (None, NOW, "window_closed"),
        (None, NOW + DAY, "issue"),
        (NOW - DAY, NOW + DAY, "issue"),
    ],
)
def test_the_window_is_for_the_first_certificate(
    opens: datetime | None, closes: datetime | None, expected: str
) -> None:
    listed = replace(LISTED, opens=opens, closes=closes)
    assert answer((), listed) == expected
    assert answer((REVOKED_REISSUE,), listed) == "issue"


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (ACTIVE, None),
        (replace(ACTIVE, not_after=NOW), None),
        (ENDED, "key_expired"),
        (REVOKED, "key_revoked"),
        (REVOKED_REISSUE, "key_revoked"),
        (replace(ACTIVE, unit_id=UnitId("u-2")), "key_of_another_unit"),
        (replace(REVOKED, unit_id=UnitId("u-2")), "key_of_another_unit"),
    ],
)
def test_what_a_known_key_is_told(row: IssuedRow, expected: str | None) -> None:
    if expected is None:
        assert check_again(LISTED, row, NOW) is row
    else:
        with pytest.raises(RequestRefused) as refused:
            check_again(LISTED, row, NOW)
        assert refused.value.reason == expected


def test_the_unit_must_be_listed_under_the_same_code() -> None:
    unit = Unit(LISTED.unit_id, "", UNIT_CODE)
    assert check_entitled(unit, LISTED) is LISTED
    with pytest.raises(RequestRefused, match="unit_not_entitled"):
        check_entitled(unit, None)
    with pytest.raises(RequestRefused, match="unit_code_differs"):
        check_entitled(replace(unit, code=OTHER_CODE), LISTED)


@without(NO_RULE, sees="assert 1 <= 0")
@given(st.lists(st.sampled_from(KINDS), max_size=8))
def test_s12_never_more_certificates_than_permissions_and_one(held: list[IssuedRow]) -> None:
    if answer(tuple(held)) == "issue":
        assert len(held) <= sum(row.reissue for row in held)

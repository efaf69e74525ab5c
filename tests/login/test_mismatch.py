"""What is advised about a certificate that is not the account's: D6, D7."""

from dataclasses import replace

import pytest

from certlogin.login.mismatch import Advice, advise
from tests.factory import OTHER_CODE, UNIT_CODE
from tests.login.cases import UNITS, facts


@pytest.mark.parametrize(
    ("unit_code", "certificate_code", "advice"),
    [
        (UNIT_CODE, OTHER_CODE, Advice.COMPARE),
        (UNIT_CODE, UNIT_CODE, Advice.AUTHORISE),
        # The organisation code inside of the longer one.
        (UNIT_CODE, UNIT_CODE[8:17], Advice.AUTHORISE),
        ("", OTHER_CODE, Advice.AUTHORISE),
        (UNIT_CODE, None, Advice.CHANGE),
        ("", None, Advice.CHANGE),
    ],
)
def test_d7_the_advice_says_whom_to_turn_to(unit_code: str, certificate_code: str | None, advice: Advice) -> None:
    unit = UNITS["tag"]
    assert unit is not None
    assert advise(replace(unit, code=unit_code), facts("new", "new", certificate_code)) is advice

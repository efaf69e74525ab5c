"""A second opinion with SM2: the judge of logins against the validator that the tests have of their own."""

from typing import Final

import pytest

from certlogin.cli.verdicts import Answer, Question, judge
from tests.factory import NOW, sm2
from tests.pki import sm2_chain
from tests.pki.circumstances import CIRCUMSTANCES, World

#: With SM2 there is no other hash to be weak.
NAMES: Final = [name for name in CIRCUMSTANCES if name != "SHA-1"]


def ours(found: World) -> bool:
    question = Question(found.leaf, (found.anchor,), NOW, found.chain, found.lists)
    return judge(question, sm2()).answer is Answer.ACCEPTED


@pytest.mark.parametrize("circumstance", NAMES)
def test_the_judge_says_what_the_formulas_say(circumstance: str) -> None:
    found = CIRCUMSTANCES[circumstance]("SM2")
    assert ours(found) is sm2_chain.accepts(found, NOW)

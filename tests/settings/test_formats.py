"""Which forms of proof an anchor's certificates may use, and that the risk of the others must be accepted."""

import pytest

from certlogin.records.proof import ProofFormat
from certlogin.settings.trust import Anchor, RelayRisk
from certlogin.settings.trust_checks import _formats
from tests.companions import allows, without
from tests.settings.good import changed, problems, read

ANCHOR = {"name": "root", "file": "root.pem"}
OTHERS = [one.value for one in ProofFormat if one is not ProofFormat.NATIVE]


def anchor(**values: object) -> Anchor:
    return read(changed("trust.anchors.0", {**ANCHOR, **values})).trust.anchors[0]


def said(**values: object) -> tuple[str, ...]:
    return problems(changed("trust.anchors.0", {**ANCHOR, **values}))


def test_only_the_native_one_by_default() -> None:
    assert (anchor().formats, anchor().relay_risk) == ((ProofFormat.NATIVE,), RelayRisk.REFUSED)
    assert anchor(relay_risk="accepted").formats == (ProofFormat.NATIVE,)


@allows
@pytest.mark.parametrize("name", OTHERS)
def test_s18_another_one_where_the_risk_is_accepted(name: str) -> None:
    assert anchor(formats=[name, "native"], relay_risk="accepted").formats == (ProofFormat(name), ProofFormat.NATIVE)
    assert anchor(formats=[name], relay_risk="accepted").formats == (ProofFormat(name),)


@without({"certlogin.settings.trust_checks._formats": lambda *_: ()}, sees="nothing is said")
@pytest.mark.parametrize("name", OTHERS)
def test_s18_and_nowhere_else(name: str) -> None:
    for values in ({}, {"relay_risk": "refused"}):
        found = said(formats=["native", name], **values)
        assert len(found) == 1, "nothing is said"
        assert "formats: others than 'native' need relay_risk = 'accepted'" in found[0]


@pytest.mark.parametrize(
    ("formats", "problem"),
    [
        ([], "formats: is empty, so nobody with a certificate of it could log in"),
        (["native", "native"], "formats: 'native' is given 2 times"),
        (["Native"], "formats: must be one of: native, text, cms, web-eid"),
        (["web-eid:1"], "formats: must be one of: native, text, cms, web-eid"),
        ("native", "formats: must be a list"),
        ([1], "formats: must be one of: native, text, cms, web-eid"),
    ],
)
def test_a_mistake_is_said_in_one_line(formats: object, problem: str) -> None:
    (found,) = said(formats=formats, relay_risk="accepted")
    assert found.endswith(problem)


def test_so_it_is_for_settings_that_no_file_was_read_for() -> None:
    assert list(_formats((), RelayRisk.REFUSED)) == [
        "formats: is empty, so nobody with a certificate of it could log in"
    ]

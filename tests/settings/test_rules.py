"""Rules about helpers and keys, as they stand in the file."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from certlogin.errors import ConfigurationError
from certlogin.records.certificate import KeyType, SignatureDigest
from certlogin.settings.build import SHANGHAI
from certlogin.settings.checks import check_settings
from certlogin.settings.helpers import BlockedBuild, HelperRule, HelperSystem, SystemRule
from certlogin.settings.rules import Stage
from certlogin.settings.upgrades import KeyCondition, UpgradeAction, UpgradeRule
from tests.settings.good import changed, problems, read
from tests.settings.test_programs import GOOD, put

OLD: Final = {"applied_before": datetime(2017, 12, 1, tzinfo=SHANGHAI).date()}
RULE: Final[dict[str, Any]] = {"name": "old", "action": "refuse", "any": [OLD]}
BAD: Final[dict[str, Any]] = {"version": "1.5.2.0", "reason": "loses its keys"}


def test_rules_of_helpers_are_read_as_written() -> None:
    table = {
        "minimum": "1.5.1.0",
        "recommended": "1.10.0.0",
        "from": OLD["applied_before"],
        "blocked": [{**BAD, "from": OLD["applied_before"]}],
        "systems": [{"os": "windows", "minimum": "1.6.0.0"}],
    }
    from_ = datetime(2017, 12, 1, tzinfo=SHANGHAI)
    assert read(changed("rules.helper", table)).rules.helper == HelperRule(
        (1, 5, 1, 0),
        (1, 10, 0, 0),
        from_,
        (BlockedBuild((1, 5, 2, 0), "loses its keys", from_),),
        (SystemRule(HelperSystem.WINDOWS, (1, 6, 0, 0)),),
    )


def test_rules_of_keys_are_read_as_written() -> None:
    rule = {
        "name": "old",
        "action": "upgrade",
        "any": [{**OLD, "key_types": ["RSA"], "rsa_bits_below": 3072}, {"digests": ["SHA-1"], "issuers": ["CN=CA"]}],
        "models": ["3000GM"],
        "exempt_tags": ["试点"],
        "exempt_units": ["U9"],
    }
    assert read(changed("rules.upgrade", [rule])).rules.upgrade == (
        UpgradeRule(
            "old",
            UpgradeAction.UPGRADE,
            (
                KeyCondition(datetime(2017, 12, 1, tzinfo=SHANGHAI), None, (KeyType.RSA,), 3072),
                KeyCondition(digests=(SignatureDigest.SHA1,), issuers=("CN=CA",)),
            ),
            Stage.REPORT,
            models=("3000GM",),
            exempt_tags=("试点",),
            exempt_units=("U9",),
        ),
    )


def test_a_date_of_application_is_a_midnight_in_shanghai() -> None:
    (condition,) = read(changed("rules.upgrade", [RULE])).rules.upgrade[0].any_
    assert condition.applied_before == datetime(2017, 11, 30, 16, tzinfo=UTC)


KEY = "[[rules.upgrade]] no. 1: "
CONDITION = "[[rules.upgrade.any]] no. 1: "
REFUSED: Final[list[tuple[dict[str, Any], str]]] = [
    ({"grace": -1, "from": OLD["applied_before"]}, f"{KEY}grace: must be 0 to 3660"),
    ({"grace": 3661, "from": OLD["applied_before"]}, f"{KEY}grace: must be 0 to 3660"),
    ({"grace": 1}, f"{KEY}grace: needs from, the date that it is counted from"),
    ({"models": ["01"]}, f"{KEY}models: only with action = 'upgrade'"),
    ({"action": "upgrade", "models": ["01", "01"]}, f"{KEY}models: '01' is given 2 times"),
    ({"exempt_tags": [""]}, f"{KEY}exempt_tags: an entry is empty"),
    ({"exempt_units": ["U1", "U1"]}, f"{KEY}exempt_units: 'U1' is given 2 times"),
    ({"any": []}, f"{KEY}any: is missing"),
    ({"any": [{}]}, f"{KEY}any: an alternative says nothing, so every key would fall under the rule"),
    (
        {"any": [OLD, {"key_types": []}]},
        f"{KEY}any: an alternative says nothing, so every key would fall under the rule",
    ),
    ({"any": [{"rsa_bits_below": -1}]}, f"{CONDITION}rsa_bits_below: must be 0 to 16384"),
    ({"any": [{"rsa_bits_below": 16385}]}, f"{CONDITION}rsa_bits_below: must be 0 to 16384"),
    (
        {"any": [{**OLD, "applied_from": OLD["applied_before"]}]},
        f"{CONDITION}applied_before: must be later than applied_from",
    ),
    ({"any": [{"key_types": ["RSA", "RSA"]}]}, f"{CONDITION}key_types: 'RSA' is given 2 times"),
    ({"any": [{"digests": ["SM3", "SM3"]}]}, f"{CONDITION}digests: 'SM3' is given 2 times"),
    ({"any": [{"issuers": [""]}]}, f"{CONDITION}issuers: an entry is empty"),
]


@pytest.mark.parametrize(("changes", "line"), REFUSED, ids=[line for _, line in REFUSED])
def test_what_a_rule_of_keys_refuses_is_refused_in_one_line(changes: dict[str, Any], line: str) -> None:
    assert problems(changed("rules.upgrade", [{**RULE, **changes}])) == (line,)


@pytest.mark.parametrize(
    "changes",
    [
        {"grace": 3660, "from": OLD["applied_before"]},
        {"grace": 0},
        {"stage": "enforce"},
        {"stage": "advise"},
        {"action": "upgrade", "models": []},
        {"any": [{"rsa_bits_below": 16384}]},
        {"any": [{**OLD, "applied_from": OLD["applied_before"] - timedelta(days=1)}]},
    ],
    ids=str,
)
def test_the_nearest_rule_on_the_other_side_passes(changes: dict[str, Any]) -> None:
    assert problems(changed("rules.upgrade", [{**RULE, **changes}])) == ()


@pytest.mark.parametrize("action", ["replace", "upgrade", "renew"])
@pytest.mark.parametrize("stage", ["advise", "enforce"])
def test_keys_that_cannot_be_changed_yet_are_not_asked_to_be(action: str, stage: str) -> None:
    rule = {**RULE, "action": action}
    line = f"stage: only 'report' for now with action = {action!r}: keys cannot be changed here yet"
    assert problems(changed("rules.upgrade", [{**rule, "stage": stage}])) == (KEY + line,)
    assert problems(changed("rules.upgrade", [rule])) == ()


def test_no_claim_of_a_helper_can_be_a_condition() -> None:
    (line,) = problems(changed("rules.upgrade", [{**RULE, "any": [{"models": ["01"]}]}]))
    assert line.startswith(f"{CONDITION}unknown key 'models'")


def test_the_names_of_rules_differ() -> None:
    assert problems(changed("rules.upgrade", [RULE, RULE])) == ("[rules] upgrade: 'old' is given 2 times",)


def test_a_build_is_blocked_once_and_a_system_has_one_row() -> None:
    assert problems(changed("rules.helper.blocked", [BAD, BAD])) == (
        "[rules.helper] blocked: '1.5.2.0' is given 2 times",
    )
    assert problems(changed("rules.helper.systems", [{"os": "linux"}] * 2)) == (
        "[rules.helper] systems: 'linux' is given 2 times",
    )
    assert problems(changed("rules.helper.systems", [{"os": "linux"}, {"os": "windows"}])) == ()


def test_a_blocked_build_says_why() -> None:
    assert problems(changed("rules.helper.blocked", [{"version": "1.0.0.0"}])) == (
        "[[rules.helper.blocked]] no. 1: reason: is missing",
    )


def test_rules_that_a_program_wrote_are_judged_alike() -> None:
    rule = UpgradeRule("old", UpgradeAction.REPLACE, (KeyCondition(),), Stage.ENFORCE)
    with pytest.raises(ConfigurationError) as refused:
        check_settings(put(GOOD, "rules", {"upgrade": (rule,)}))
    assert refused.value.problems == (
        f"{KEY}stage: only 'report' for now with action = 'replace': keys cannot be changed here yet",
        f"{KEY}any: an alternative says nothing, so every key would fall under the rule",
    )
    check_settings(put(GOOD, "rules", {"upgrade": (UpgradeRule("old", UpgradeAction.REFUSE, (_OLD,)),)}))


_OLD: Final = KeyCondition(applied_before=datetime(2017, 12, 1, tzinfo=SHANGHAI))

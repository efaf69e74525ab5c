"""Which keys have to be changed: E1, A10, S14. The rules of the how-to, each condition, stages, exemptions."""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives import hashes
from hypothesis import example, given, settings
from hypothesis import strategies as st

from certlogin.login.policy import Case, Decision, Presented, Reason, Step, decide
from certlogin.login.upgrades import Owed, find_upgrade
from certlogin.pki.certificate import read_certificate
from certlogin.pki.digest import digest_of
from certlogin.pki.judge import nameless_facts
from certlogin.pki.keys import Legacy
from certlogin.pki.profile import SIGNATURE_ALGORITHMS
from certlogin.records.certificate import BoundCertificate, CertificateFacts, KeyType, SignatureDigest, Slot, State
from certlogin.records.identity import Method
from certlogin.records.unit import Unit
from certlogin.settings.rules import Rules, Stage
from certlogin.settings.upgrades import KeyCondition, UpgradeAction, UpgradeRule
from tests.companions import allows, without
from tests.factory import DAY, NOW, make_pki, resign
from tests.login.cases import UNIT, facts
from tests.settings.good import changed, problems, read

SECOND: Final = timedelta(seconds=1)
CUT_OFF: Final = datetime(2017, 11, 30, 16, tzinfo=UTC)
HOW_TO: Final = Path(__file__).parents[2] / "docs" / "how-to" / "old-keys.md"
MODELS: Final = (None, "", "01", "03", "3000GM", "3000gm", "x")
U: Final = Unit(UNIT, "甲", "", frozenset({"试点"}))


def examples() -> list[dict[str, Any]]:
    texts = re.findall(r"```toml\n(.*?)```", HOW_TO.read_text(encoding="utf-8"), re.DOTALL)
    return [tomllib.loads(text)["rules"]["upgrade"] for text in texts]


def shipped(stage: Stage = Stage.ENFORCE) -> tuple[UpgradeRule, ...]:
    """The first example of the how-to, as it is meant once there are pages for it."""
    rules = read(changed("rules.upgrade", examples()[0])).rules.upgrade
    return tuple(replace(rule, stage=stage) for rule in rules)


def key_of(
    applied_on: datetime | None = None,
    key_type: KeyType = KeyType.RSA,
    not_before: datetime = NOW - 30 * DAY,
    key: str = "key",
    **changes: Any,
) -> BoundCertificate:
    found = replace(facts(f"{key} {not_before} {key_type}", key), key_type=key_type, not_before=not_before, **changes)
    return BoundCertificate(UNIT, found, Slot.CURRENT, State.ACTIVE, NOW, "import", applied_on)


def decided(
    rules: Iterable[UpgradeRule],
    *rows: BoundCertificate,
    model: str | None = None,
    now: datetime = NOW,
    unit: Unit = U,
    under_way: bool = False,
) -> Decision:
    """The first row's certificate was proven; the others are what the registry holds besides."""
    presented = Presented(rows[0].facts, bound_to=UNIT, claimed_model=model)
    case = Case(unit, rows, presented, replacement_under_way=under_way)
    return decide(case, Rules(upgrade=tuple(rules)), now)


def condition(**given: Any) -> UpgradeRule:
    return UpgradeRule("rule", UpgradeAction.REFUSE, (KeyCondition(**given),), Stage.ENFORCE)


def holds(rule: UpgradeRule, *rows: BoundCertificate, now: datetime = NOW, unit: Unit = U) -> bool:
    return find_upgrade(rows[0], rows, unit, (rule,), now) is not None


# --- the rules of the how-to


def test_the_examples_of_the_how_to_are_settings_that_pass() -> None:
    assert [problems(changed("rules.upgrade", rules)) for rules in examples()] == [(), ()]


AFTER: Final = (CUT_OFF, CUT_OFF + SECOND, NOW)
BEFORE: Final = (CUT_OFF - SECOND, CUT_OFF - 3650 * DAY)
TABLE: Final = [
    *((date, kind, model, Step.REPLACE_KEY) for date in BEFORE for kind in KeyType for model in MODELS),
    *((date, KeyType.RSA, "3000GM", Step.UPGRADE_KEY) for date in AFTER),
    *((date, KeyType.RSA, model, Step.REPLACE_KEY) for date in AFTER for model in MODELS if model != "3000GM"),
    *((date, kind, model, Step.ADMIT) for date in AFTER for kind in KeyType if kind != KeyType.RSA for model in MODELS),
]


@pytest.mark.parametrize("known", [True, False], ids=["application known", "notBefore"])
def test_e1_a10_the_whole_product_of_date_key_and_model(known: bool) -> None:
    """One second before and after the midnight in Shanghai; an SM2 key is asked for nothing."""
    assert len(TABLE) == (len(BEFORE) + len(AFTER)) * len(KeyType) * len(MODELS)
    for date, kind, model, step in TABLE:
        row = key_of(date, kind) if known else key_of(None, kind, date)
        decision = decided(shipped(), row, model=model)
        assert (decision.step, decision.reasons[0]) == (
            step,
            Reason.PROVEN if step is Step.ADMIT else Reason.LEGACY_KEY,
        ), (date, kind, model)
        waiting = decided(shipped(), row, model=model, under_way=True)
        assert waiting.step is Step.ADMIT
        assert (Reason.REPLACEMENT_UNDER_WAY in waiting.reasons) == (step is not Step.ADMIT)


def test_e1_the_date_of_application_counts_before_that_of_the_certificate() -> None:
    assert decided(shipped(), key_of(CUT_OFF - SECOND, KeyType.SM2, NOW)).step is Step.REPLACE_KEY
    assert decided(shipped(), key_of(CUT_OFF, KeyType.SM2, CUT_OFF - 100 * DAY)).step is Step.ADMIT


def test_e1_a_report_names_the_rule_and_changes_nothing() -> None:
    decision = decided(shipped(Stage.REPORT), key_of())
    assert (decision.step, decision.method) == (Step.ADMIT, Method.CERTIFICATE)
    assert (decision.reasons, decision.rule) == ((Reason.PROVEN, Reason.LEGACY_REPORTED), "RSA")


# --- S14: lying


def obeys_the_model(owed: Owed, claimed_model: str | None) -> Step:
    """As if a token that claims to be new were as good as a new one."""
    return Step.ADMIT if claimed_model == "3000GM" else Step.REPLACE_KEY


LIES: Final = [(date, kind) for date in (*BEFORE, *AFTER) for kind in KeyType]


@without({"certlogin.login.policy._change": obeys_the_model}, sees="Step.ADMIT")
def test_s14_e1_no_model_that_a_helper_claims_lets_an_old_key_in() -> None:
    for date, kind in LIES:
        steps = {decided(shipped(), key_of(date, kind), model=model).step for model in MODELS}
        if date in BEFORE or kind is KeyType.RSA:
            assert steps <= {Step.REPLACE_KEY, Step.UPGRADE_KEY}
        else:
            assert steps == {Step.ADMIT}


def sees_one_row(
    row: BoundCertificate, rows: Iterable[BoundCertificate], unit: Unit, rules: Iterable[UpgradeRule], now: datetime
) -> Owed | None:
    return find_upgrade(row, (row,), unit, rules, now)


@without({"certlogin.login.policy.find_upgrade": sees_one_row}, sees="Step.ADMIT")
def test_s14_a_key_first_seen_under_an_old_certificate_stays_old() -> None:
    """The same SM2 key, certified again after the cut-off."""
    new, old = key_of(NOW, KeyType.SM2), key_of(CUT_OFF - SECOND, KeyType.SM2, CUT_OFF - SECOND)
    assert decided(shipped(), new, replace(old, state=State.SUPERSEDED)).step is Step.REPLACE_KEY


@allows
def test_s14_another_key_of_the_unit_is_not_held_against_it() -> None:
    old = key_of(CUT_OFF - SECOND, KeyType.SM2, CUT_OFF - SECOND, key="old")
    assert decided(shipped(), key_of(NOW, KeyType.SM2), replace(old, state=State.SUPERSEDED)).step is Step.ADMIT


DATES: Final = st.sampled_from([None, *BEFORE, *AFTER])
CONDITIONS: Final = st.builds(
    KeyCondition,
    applied_before=DATES,
    applied_from=DATES,
    key_types=st.lists(st.sampled_from(KeyType), max_size=2).map(tuple),
    rsa_bits_below=st.sampled_from([0, 2048, 3072]),
)
RULES: Final = st.lists(
    st.builds(
        UpgradeRule,
        name=st.just("rule"),
        action=st.sampled_from(UpgradeAction),
        any_=st.lists(CONDITIONS, min_size=1, max_size=3).map(tuple),
        stage=st.sampled_from(Stage),
        from_=st.sampled_from([None, NOW - DAY, NOW + SECOND]),
        grace=st.sampled_from([0, 1, 2]),
        models=st.lists(st.sampled_from(["01", "3000GM"]), max_size=2).map(tuple),
        exempt_tags=st.sampled_from([(), ("试点",)]),
    ),
    max_size=4,
)

ENFORCED: Final = [UpgradeRule("rule", UpgradeAction.UPGRADE, (KeyCondition(),), Stage.ENFORCE)]


@without({"certlogin.login.policy._change": obeys_the_model}, sees="Step.ADMIT")
@given(RULES, st.sampled_from(LIES), st.booleans(), st.sampled_from(MODELS), st.sampled_from(MODELS))
@example(ENFORCED, LIES[0], False, "01", "3000GM")
@settings(max_examples=400)
def test_s14_property_whatever_the_rules_a_claim_changes_only_the_page(
    rules: list[UpgradeRule], key: tuple[datetime, KeyType], waiting: bool, honest: str | None, lie: str | None
) -> None:
    row = key_of(*key, key_bits=2048)
    one, other = (decided(rules, row, model=model, under_way=waiting) for model in (honest, lie))
    changing = {Step.REPLACE_KEY, Step.UPGRADE_KEY}
    assert one == other or ({one.step, other.step} == changing and one.reasons == other.reasons)


@given(RULES, st.sampled_from(LIES))
@settings(max_examples=400)
def test_an_admission_means_that_nothing_is_enforced(rules: list[UpgradeRule], key: tuple[datetime, KeyType]) -> None:
    row = key_of(*key, key_bits=2048)
    strict = [rule for rule in rules if holds(rule, row) and rule.stage is Stage.ENFORCE]
    enforced = [rule for rule in strict if rule.from_ is None or rule.from_ + rule.grace * DAY <= NOW]
    assert (decided(rules, row).step is Step.ADMIT) == (not enforced)


# --- conditions


def test_conditions_of_one_alternative_must_all_hold_and_one_alternative_is_enough() -> None:
    both = KeyCondition(applied_before=CUT_OFF, key_types=(KeyType.RSA,))
    sm2 = KeyCondition(key_types=(KeyType.SM2,))
    rule = UpgradeRule("rule", UpgradeAction.REFUSE, (both, sm2), Stage.ENFORCE)
    assert holds(rule, key_of(CUT_OFF - SECOND, KeyType.RSA))
    assert not holds(rule, key_of(CUT_OFF, KeyType.RSA))
    assert not holds(rule, key_of(CUT_OFF - SECOND, KeyType.P256))
    assert holds(rule, key_of(CUT_OFF, KeyType.SM2))


@pytest.mark.parametrize(
    ("kind", "bits", "short"),
    [(KeyType.RSA, 2048, True), (KeyType.RSA, 3072, False), (KeyType.P256, 256, False), (KeyType.SM2, 256, False)],
)
def test_the_length_is_asked_of_rsa_keys_only(kind: KeyType, bits: int, short: bool) -> None:
    assert holds(condition(rsa_bits_below=3072), key_of(None, kind, key_bits=bits)) == short


def test_an_issuer_is_compared_as_a_whole() -> None:
    assert holds(condition(issuers=("CN=Other", "CN=CA")), key_of())
    assert not holds(condition(issuers=("CN=C", "cn=ca", "CN=CA,O=X")), key_of())


def certified(digest: hashes.HashAlgorithm) -> CertificateFacts:
    issuing = make_pki("RSA-2048").issuing
    der = resign(issuing.issue(key_type="RSA-2048", key_name="old card").der, issuing.key, digest=digest)
    return nameless_facts(read_certificate(der, Legacy.ADMITTED))


@pytest.mark.parametrize(
    ("digest", "named"),
    [
        (hashes.SHA1(), SignatureDigest.SHA1),  # noqa: S303
        (hashes.SHA256(), SignatureDigest.SHA256),
        (hashes.SHA384(), SignatureDigest.SHA384),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_the_digest_is_that_of_the_authoritys_signature(digest: hashes.HashAlgorithm, named: SignatureDigest) -> None:
    row = replace(key_of(), facts=certified(digest))
    for one in SignatureDigest:
        assert holds(condition(digests=(one,)), row) == (one is named)


def test_every_signature_that_a_login_accepts_has_a_digest() -> None:
    assert {digest_of(algorithm) for algorithm in SIGNATURE_ALGORITHMS} == set(SignatureDigest) - {SignatureDigest.SHA1}
    assert digest_of("1.2.840.113549.1.1.5") is SignatureDigest.SHA1
    assert digest_of("1.2.3") is None


# --- stages, dates, exemptions

GRACED: Final = replace(condition(key_types=(KeyType.RSA,)), from_=NOW, grace=30)


@pytest.mark.parametrize(
    ("now", "step", "reason"),
    [
        (NOW - SECOND, Step.ADMIT, None),
        (NOW, Step.ADMIT, Reason.LEGACY_ADVISED),
        (NOW + 30 * DAY - SECOND, Step.ADMIT, Reason.LEGACY_ADVISED),
        (NOW + 30 * DAY, Step.REFUSE, Reason.KEY_REFUSED),
        (NOW + 30 * DAY + SECOND, Step.REFUSE, Reason.KEY_REFUSED),
    ],
)
def test_a_rule_begins_and_its_grace_ends_on_the_second(now: datetime, step: Step, reason: Reason | None) -> None:
    decision = decided((GRACED,), key_of(), now=now)
    assert decision.step is step
    assert (reason or Reason.PROVEN) in decision.reasons
    assert (decision.deadline == NOW + 30 * DAY) == (reason is Reason.LEGACY_ADVISED)


def test_of_two_ends_the_earlier_is_named() -> None:
    soon = key_of(not_after=NOW + DAY)
    assert decided((GRACED,), soon).deadline == NOW + DAY
    assert decided((replace(GRACED, stage=Stage.ADVISE, from_=None),), soon).deadline == NOW + DAY


def test_an_advice_has_no_grace() -> None:
    decision = decided((replace(GRACED, stage=Stage.ADVISE, from_=NOW - 90 * DAY),), key_of())
    assert decision.reasons == (Reason.PROVEN, Reason.LEGACY_ADVISED)
    assert decided((replace(GRACED, stage=Stage.REPORT),), key_of()).reasons == (Reason.PROVEN, Reason.LEGACY_REPORTED)


@pytest.mark.parametrize(
    ("exemption", "left_alone"),
    [
        ({"exempt_tags": ("试点",)}, True),
        ({"exempt_tags": ("其他", "试点")}, True),
        ({"exempt_units": (UNIT,)}, True),
        ({"exempt_tags": ("试",), "exempt_units": ("unit", "unit-11")}, False),
    ],
)
def test_units_may_be_left_alone_by_tag_or_by_id(exemption: dict[str, Any], left_alone: bool) -> None:
    assert holds(replace(condition(key_types=(KeyType.RSA,)), **exemption), key_of()) != left_alone


def test_the_strictest_rule_counts_and_of_equally_strict_ones_the_first() -> None:
    rsa = condition(key_types=(KeyType.RSA,))
    report, advise = replace(rsa, name="report", stage=Stage.REPORT), replace(rsa, name="advise", stage=Stage.ADVISE)
    renew = replace(rsa, name="renew", action=UpgradeAction.RENEW)
    assert decided((report, advise, rsa, renew), key_of()).rule == "rule"
    assert decided((report, renew, advise, rsa), key_of()).step is Step.RENEW_CERTIFICATE
    assert decided((report, advise), key_of()).rule == "advise"

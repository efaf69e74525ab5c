"""Which rule a key falls under that has to be changed.

PURE. It looks at what certificate and registry say, never at what a helper claims: a claim that chose whether a rule
holds could let an old key in (S14). What follows from the rule is the policy's.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from certlogin.pki.certificate import read_certificate
from certlogin.pki.digest import digest_of
from certlogin.pki.keys import Legacy
from certlogin.records.certificate import BoundCertificate, CertificateFacts, KeyType
from certlogin.records.unit import Unit
from certlogin.settings.rules import Stage
from certlogin.settings.upgrades import KeyCondition, UpgradeRule

_STRICTNESS = {Stage.REPORT: 0, Stage.ADVISE: 1, Stage.ENFORCE: 2}


@dataclass(frozen=True, slots=True)
class Owed:
    """A rule that the key falls under."""

    rule: UpgradeRule
    #: As it holds now: what is enforced after a grace is advised until then.
    stage: Stage
    #: The end of that grace; None: none is running.
    until: datetime | None = None


def find_upgrade(
    row: BoundCertificate,
    registered: Iterable[BoundCertificate],
    unit: Unit,
    rules: Iterable[UpgradeRule],
    now: datetime,
) -> Owed | None:
    """The strictest rule that holds for the key of `row`, the first of equally strict ones; None: none holds.

    A key first seen under an old certificate stays what it was, whatever was issued for it since (S14).
    """
    same_key = tuple(other for other in registered if other.facts.spki_sha256 == row.facts.spki_sha256)
    found = [_stand(rule, now) for rule in rules if _asks(rule, unit, now) and _any_matches(rule, same_key)]
    return max(found, key=lambda owed: _STRICTNESS[owed.stage], default=None)


def _asks(rule: UpgradeRule, unit: Unit, now: datetime) -> bool:
    exempt = unit.id in rule.exempt_units or not unit.tags.isdisjoint(rule.exempt_tags)
    return not exempt and (rule.from_ is None or now >= rule.from_)


def _stand(rule: UpgradeRule, now: datetime) -> Owed:
    until = None if rule.from_ is None else rule.from_ + timedelta(days=rule.grace)
    if rule.stage is Stage.ENFORCE and until is not None and now < until:
        return Owed(rule, Stage.ADVISE, until)
    return Owed(rule, rule.stage)


def _any_matches(rule: UpgradeRule, rows: Iterable[BoundCertificate]) -> bool:
    return any(_matches(condition, row) for row in rows for condition in rule.any_)


def _matches(condition: KeyCondition, row: BoundCertificate) -> bool:
    """The application date of the registry when known, else notBefore (E1)."""
    facts, date = row.facts, row.applied_on or row.facts.not_before
    return (
        (condition.applied_before is None or date < condition.applied_before)
        and (condition.applied_from is None or date >= condition.applied_from)
        and (not condition.key_types or facts.key_type in condition.key_types)
        and (condition.rsa_bits_below == 0 or _is_short(facts, condition.rsa_bits_below))
        and (not condition.issuers or facts.issuer in condition.issuers)
        and (not condition.digests or _digest(facts) in condition.digests)
    )


def _is_short(facts: CertificateFacts, bits: int) -> bool:
    return facts.key_type is KeyType.RSA and facts.key_bits < bits


def _digest(facts: CertificateFacts) -> object:
    return digest_of(read_certificate(facts.der, Legacy.ADMITTED).signature_algorithm)

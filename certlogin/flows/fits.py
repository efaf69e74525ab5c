"""Which of the certificates on the user's computer the account could log in with (D6).

A hint for the page: nothing is proven, registered or asked of anybody. Only certificates of the site's authorities are
answered for, so nobody learns a unit's code from certificates of their own making.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from certlogin.errors import Refusal
from certlogin.flows.attempts import OpenAttempt
from certlogin.flows.case import decide_case, load_case
from certlogin.flows.context import Context
from certlogin.flows.login import presented_by
from certlogin.login.policy import Step
from certlogin.pki.certificate import read_certificate
from certlogin.pki.judge import judge_certificate

#: Questions of one attempt in an hour; beyond, nothing fits.
PER_ATTEMPT: Final = 10
_HOUR: Final = 3600
_FITTING: Final = frozenset({Step.ADMIT, Step.BIND_CERTIFICATE, Step.REPLACE_KEY, Step.UPGRADE_KEY})


def which_fit(
    context: Context, found: OpenAttempt, certificates: Sequence[bytes], chain: Sequence[bytes]
) -> tuple[str, ...]:
    """SHA-256 of each that fits, in hex. Raises Unavailable."""
    now = context.clock()
    if context.volatile.count(f"fits:{found.attempt.key}", _HOUR, now) > PER_ATTEMPT:
        return ()
    return tuple(_fitting(context, found, certificates, chain, now))


def _fitting(
    context: Context, found: OpenAttempt, certificates: Sequence[bytes], chain: Sequence[bytes], now: datetime
) -> Iterator[str]:
    for der in certificates:
        try:
            facts = judge_certificate(
                read_certificate(der), [read_certificate(one) for one in chain], context.trust.current(), now
            ).facts
        except Refusal:
            continue
        case = load_case(context, found.attempt.unit_id, now, presented=presented_by(context, facts, None))
        if decide_case(context, case, now).step in _FITTING:
            yield facts.sha256

"""The counters themselves: bounded, exact at their edges, and of one origin each (16)."""

import pytest

from certlogin.helper.limits import Limits, LimitSettings
from certlogin.helper.refusals import Busy
from tests.helper.world import OTHER_SITE, SITE, origin_of

_SITE, _OTHER = origin_of(SITE), origin_of(OTHER_SITE)


def _wait(seconds: int) -> "pytest.RaisesExc[Busy]":
    return pytest.raises(Busy, match=f"retry_after={seconds}$")


def test_calls_are_counted_over_a_sliding_minute() -> None:
    limits = Limits(LimitSettings(requests_per_minute=2))
    limits.count_call(_SITE, 0.0)
    limits.count_call(_SITE, 30.5)
    with _wait(1):
        limits.count_call(_SITE, 59.9)
    limits.count_call(_SITE, 60.0)
    with _wait(31):
        limits.count_call(_SITE, 60.0)
    limits.count_call(_OTHER, 60.0)


def test_a_refused_call_is_not_counted() -> None:
    limits = Limits(LimitSettings(requests_per_minute=1))
    limits.count_call(_SITE, 0.0)
    for second in range(1, 60):
        with pytest.raises(Busy):
            limits.count_call(_SITE, float(second))
    limits.count_call(_SITE, 60.0)


def test_refusals_in_a_row_make_the_origin_wait_and_then_start_anew() -> None:
    limits = Limits(LimitSettings(refusals=2, refusal_wait=10))
    limits.refused(_SITE, 0.0)
    limits.succeeded(_SITE, 0.0)
    limits.refused(_SITE, 0.0)
    limits.count_call(_SITE, 0.0)
    limits.refused(_SITE, 1.0)
    with _wait(10):
        limits.count_call(_SITE, 1.0)
    limits.count_call(_OTHER, 1.0)
    limits.count_call(_SITE, 11.0)
    limits.refused(_SITE, 11.0)
    limits.count_call(_SITE, 11.0)


def test_pairing_windows_are_counted_for_all_and_refusals_by_registrable_domain() -> None:
    limits = Limits(LimitSettings(pair_prompts_per_hour=2))
    limits.count_pair_prompt(_SITE, 0.0)
    limits.count_pair_prompt(_OTHER, 0.0)
    with _wait(3600):
        limits.count_pair_prompt(_OTHER, 0.0)
    limits.pair_refused(_SITE, 0.0)
    with _wait(82800):
        limits.count_pair_prompt(origin_of("https://else.stats.gov.cn"), 3600.0)
    limits.count_pair_prompt(_OTHER, 3600.0)
    limits.count_pair_prompt(_SITE, 86400.0)
    # What is over is forgotten.
    limits.pair_refused(_OTHER, 2 * 86400.0)
    assert list(limits._pair_refused) == ["example.com"]


def test_connections_are_given_back_also_after_a_failure() -> None:
    limits = Limits(LimitSettings(connections_per_origin=1))

    def fail() -> None:
        with limits.connection(_SITE, 0.0):
            with _wait(1), limits.connection(_SITE, 0.0):
                pass
            with limits.connection(_OTHER, 0.0):
                pass
            raise RuntimeError

    for _ in range(2):
        with pytest.raises(RuntimeError):
            fail()


def test_threat_16_a_flood_of_origins_neither_fills_the_memory_nor_pushes_a_waiting_one_out() -> None:
    limits = Limits(LimitSettings(refusals=1, refusal_wait=3600))
    limits.refused(_SITE, 0.0)
    for number in range(1023):
        limits.count_call(origin_of(f"https://n{number}.example.com"), 0.0)
    with _wait(60):
        limits.count_call(_OTHER, 59.0)
    limits.count_call(_OTHER, 60.0)
    assert len(limits._askers) == 2
    with pytest.raises(Busy):
        limits.count_call(_SITE, 60.0)


def test_an_origin_that_holds_a_connection_is_not_forgotten() -> None:
    limits = Limits(LimitSettings(connections_per_origin=1))
    with limits.connection(_SITE, 0.0):
        for number in range(1023):
            limits.count_call(origin_of(f"https://n{number}.example.com"), 0.0)
        limits.count_call(_OTHER, 100.0)
        with _wait(1), limits.connection(_SITE, 100.0):
            pass


def test_a_limit_of_none_at_all_never_divides_by_nothing() -> None:
    limits = Limits(LimitSettings(pair_prompts_per_hour=0))
    with _wait(3600):
        limits.count_pair_prompt(_SITE, 0.0)

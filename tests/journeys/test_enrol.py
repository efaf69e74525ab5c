from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certlogin.errors import leaves
from certlogin.journeys.enrol import (
    CLOSED,
    REFUSALS,
    TABLE,
    EnrolEvent,
    EnrolmentAlreadyInstalled,
    EnrolmentKeyWithdrawn,
    EnrolmentStepRefused,
    EnrolState,
    move,
)

# Written out a second time, by hand: rows are states, columns are events, "-" refuses.
PRODUCT = """
             ask        issue      fail       install    withdraw
new          requested  -          -          -          -
requested    requested  issued     failed     -          -
issued       issued     -          -          installed  withdrawn
installed    -          -          -          installed  withdrawn
failed       requested  -          -          -          -
withdrawn    -          -          -          -          -
"""


def expected_cells() -> dict[tuple[EnrolState, EnrolEvent], str]:
    header, *rows = [line.split() for line in PRODUCT.strip().splitlines()]
    return {
        (EnrolState(row[0]), EnrolEvent(event)): cell
        for row in rows
        for event, cell in zip(header, row[1:], strict=True)
    }


def test_the_product_names_every_state_and_event() -> None:
    assert set(expected_cells()) == set(product(EnrolState, EnrolEvent))


@pytest.mark.parametrize(("state", "event"), list(product(EnrolState, EnrolEvent)))
def test_every_cell_moves_or_refuses(state: EnrolState, event: EnrolEvent) -> None:
    cell = expected_cells()[state, event]
    if cell != "-":
        assert move(state, event) is EnrolState(cell)
        return
    with pytest.raises(EnrolmentStepRefused) as refusal:
        move(state, event)
    assert refusal.value.facts() == {"state": state, "event": event}


def test_a_key_that_has_its_certificate_is_sent_to_the_login() -> None:
    with pytest.raises(EnrolmentAlreadyInstalled) as refusal:
        move(EnrolState.INSTALLED, EnrolEvent.ASK)
    assert (refusal.value.code, refusal.value.status) == ("enrolment_already_installed", 409)


def test_a_key_whose_certificate_was_revoked_gets_no_other() -> None:
    with pytest.raises(EnrolmentKeyWithdrawn) as refusal:
        move(EnrolState.WITHDRAWN, EnrolEvent.ASK)
    assert refusal.value.code == "enrolment_key_withdrawn"


def test_refusals_of_their_own_stand_only_for_missing_cells() -> None:
    assert not set(REFUSALS) & set(TABLE)


def test_every_refusal_has_its_own_code() -> None:
    codes = [leaf.code for leaf in leaves(EnrolmentStepRefused)]
    assert len(codes) == len(set(codes)) == 3


@given(st.lists(st.sampled_from(EnrolEvent)))
def test_no_history_leaves_withdrawn_or_installs_what_was_not_issued(events: list[EnrolEvent]) -> None:
    state, seen = EnrolState.NEW, []
    for event in events:
        try:
            state = move(state, event)
        except EnrolmentStepRefused:
            continue
        seen.append(state)
    if EnrolState.WITHDRAWN in seen:
        assert seen.index(EnrolState.WITHDRAWN) == len(seen) - 1
    if EnrolState.INSTALLED in seen:
        assert EnrolState.ISSUED in seen[: seen.index(EnrolState.INSTALLED)]


def test_a_closed_order_is_left_only_by_asking_again_or_by_revocation() -> None:
    leaving = {(state, event) for (state, event), following in TABLE.items() if state in CLOSED and following != state}
    assert leaving == {(EnrolState.FAILED, EnrolEvent.ASK), (EnrolState.INSTALLED, EnrolEvent.WITHDRAW)}

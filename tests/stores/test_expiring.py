"""The map under the store in memory, against a model that scans everything."""

from datetime import datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from certlogin.stores.expiring import ExpiringMap
from tests.factory import NOW

KEYS = st.sampled_from("abcdef")
TIMES = st.integers(0, 50).map(lambda seconds: NOW + timedelta(seconds=seconds))


class AgainstAModel(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.map: ExpiringMap[int] = ExpiringMap()
        self.model: dict[str, tuple[datetime, int]] = {}
        self.value = 0

    @rule(key=KEYS, until=TIMES)
    def put(self, key: str, until: datetime) -> None:
        self.value += 1
        self.map.put(key, self.value, until)
        self.model[key] = (until, self.value)

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def set(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.model)))
        self.map.set(key, -1)
        self.model[key] = (self.model[key][0], -1)

    @rule(key=KEYS)
    def pop(self, key: str) -> None:
        expected = self.model.pop(key, None)
        assert self.map.pop(key) == (None if expected is None else expected[1])

    @rule(now=TIMES)
    def drop(self, now: datetime) -> None:
        expected = {(key, value, until) for key, (until, value) in self.model.items() if until < now}
        dropped = self.map.drop_expired(now)
        assert set(dropped) == expected
        assert len(dropped) == len(expected)
        for key, _, _ in expected:
            del self.model[key]

    @rule(key=KEYS, until=TIMES, times=st.integers(50, 200))
    def put_often(self, key: str, until: datetime, times: int) -> None:
        for _ in range(times):
            self.put(key, until)

    @invariant()
    def agree(self) -> None:
        assert len(self.map) == len(self.model)
        for key in "abcdef":
            until, value = self.model.get(key, (None, None))
            assert self.map.get(key) == value
            assert self.map.kept_until(key) == until

    @invariant()
    def stays_small(self) -> None:
        assert len(self.map._order) <= 2 * 6 + 65


AgainstAModel.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
test_expiring_map_agrees_with_a_model = AgainstAModel.TestCase

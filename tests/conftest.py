"""For all tests: one example of a property may take as long as a slow, shared machine needs; companions of attacks."""

import pytest
from hypothesis import settings

from tests.companions import Companions

settings.register_profile("certlogin", deadline=None, report_multiple_bugs=False)
settings.load_profile("certlogin")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Companions())

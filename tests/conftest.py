"""For all tests: one example of a property may take as long as a slow, shared machine needs."""

from hypothesis import settings

settings.register_profile("certlogin", deadline=None)
settings.load_profile("certlogin")

"""System packages that some tests need: absent on a developer's machine they skip, in CI they fail."""

import os
import shutil

import pytest

#: The Debian package that brings each program.
_PACKAGES = {"chromium": "chromium", "pinentry": "pinentry-curses"}


def needs(program: str) -> str:
    """The program's path. Skips the test with the reason, or fails it when CI=true."""
    path = shutil.which(program)
    if path is None:
        missing = f"{program} is not installed (Debian: apt-get install {_PACKAGES.get(program, program)})"
        if os.environ.get("CI") == "true":
            pytest.fail(missing, pytrace=False)
        pytest.skip(missing)
    return path

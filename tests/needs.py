"""System packages that some tests need: absent on a developer's machine they skip, in CI they fail."""

import os
import shutil
from pathlib import Path

import pytest

#: A PKCS#11 module with tokens in files.
SOFTHSM = "/usr/lib/softhsm/libsofthsm2.so"

#: The Debian package that brings each program or file.
_PACKAGES = {
    "chromium": "chromium",
    "pinentry": "pinentry-curses",
    "softhsm2-util": "softhsm2",
    "Xvfb": "xvfb",
    SOFTHSM: "softhsm2",
}


def needs(program: str) -> str:
    """The path of the program, or of the file. Skips the test with the reason, or fails it when CI=true."""
    path = shutil.which(program) if "/" not in program else program if Path(program).exists() else None
    if path is None:
        missing = f"{program} is not installed (Debian: apt-get install {_PACKAGES.get(program, program)})"
        if os.environ.get("CI") == "true":
            pytest.fail(missing, pytrace=False)
        pytest.skip(missing)
    return path

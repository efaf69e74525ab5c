"""Where a command's passphrase comes from: the environment, or a person at the terminal; never an argument."""

import getpass
import os
import sys
from typing import Final

from certlogin.errors import ConfigurationError

CA: Final = "CERTLOGIN_CA_PASSPHRASE"
ROOT: Final = "CERTLOGIN_CA_ROOT_PASSPHRASE"


def given(variable: str) -> str:
    """What the environment has; empty: nothing."""
    return os.environ.get(variable, "")


def existing(variable: str, of: str) -> str:
    """The passphrase of a key that is there. Raises ConfigurationError."""
    return given(variable) or _ask(variable, f"Passphrase of {of}: ")


def chosen(variable: str, of: str) -> str:
    """The passphrase for a new key, typed twice. Raises ConfigurationError."""
    if given(variable):
        return given(variable)
    first = _ask(variable, f"New passphrase of {of}: ")
    if _ask(variable, "The same again: ") != first:
        raise ConfigurationError(("the two passphrases differ",))
    return first


def _ask(variable: str, prompt: str) -> str:
    # Without a terminal `getpass` would read with an echo, or wait for ever.
    if not sys.stdin.isatty():
        raise ConfigurationError((f"no passphrase: set {variable}, or run this on a terminal",))
    return getpass.getpass(prompt)

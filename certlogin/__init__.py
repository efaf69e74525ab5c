"""Certificate login for web systems that already exist.

Importing this package loads nothing heavy: what a host's views need stands here, the rest is loaded when it is named.
"""

import importlib
from typing import TYPE_CHECKING, Final

from certlogin.errors import CertloginError, ConfigurationError, HostMistake, Refusal, Unavailable
from certlogin.records.certificate import BoundCertificate
from certlogin.records.identity import IDENTITY_KEY, Identity, Method
from certlogin.records.unit import EXEMPT, Unit, UnitDirectory, UnitId
from certlogin.version import __version__
from certlogin.web.slot import logout, password_verified

if TYPE_CHECKING:
    from certlogin.app import CertLogin
    from certlogin.login.rules import Requirement
    from certlogin.settings.rules import Stage

__all__ = [
    "EXEMPT",
    "IDENTITY_KEY",
    "BoundCertificate",
    "CertLogin",
    "CertloginError",
    "ConfigurationError",
    "HostMistake",
    "Identity",
    "Method",
    "Refusal",
    "Requirement",
    "Stage",
    "Unavailable",
    "Unit",
    "UnitDirectory",
    "UnitId",
    "__version__",
    "logout",
    "password_verified",
]

_LOADED_WHEN_NAMED: Final = {
    "CertLogin": "certlogin.app",
    "Requirement": "certlogin.login.rules",
    "Stage": "certlogin.settings.rules",
}


def __getattr__(name: str) -> object:
    """PEP 562: databases, templates and cryptography are loaded with the first name that needs them."""
    module = _LOADED_WHEN_NAMED.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(module), name)

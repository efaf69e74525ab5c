"""All tokens this helper knows of: those behind the configured modules, and the file tokens."""

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING

from certlogin.helper.config import HelperConfig
from certlogin.helper.log import LOGGER
from certlogin.helper.surroundings import Surroundings
from certlogin.helper.tokens.base import Token
from certlogin.helper.tokens.filetoken import list_tokens
from certlogin.helper.tokens.requested import Requested
from certlogin.pki.sm2 import SM2, SM2Unavailable

if TYPE_CHECKING:
    from certlogin.helper.tokens.modules import Module

#: What to do about modules when the package that loads them is missing.
INSTALL = "python-pkcs11 is not installed (pip install 'certlogin[helper]'): PKCS#11 modules are left out"


class Media:
    """Called, it lists what is plugged in now. To be closed: that unloads the modules."""

    def __init__(self, config: HelperConfig, surroundings: Surroundings) -> None:
        self._config = config
        self._surroundings = surroundings
        self._requested = Requested(config.state)
        self.sm2 = load_sm2(config)
        self.modules = load_modules(config, surroundings)
        #: What was said already about a module that does not work.
        self._said: dict[str, str] = {}

    def __call__(self) -> tuple[Token, ...]:
        found: dict[str, Token] = {}
        for token in self._all():
            # One card may be seen through two modules.
            found.setdefault(token.serial, token)
        return tuple(found.values())

    def close(self) -> None:
        for module in self.modules:
            module.close()

    def _all(self) -> Iterator[Token]:
        for module in self.modules:
            yield from self._cards(module)
        yield from list_tokens(self._config.tokens, self._surroundings, self.sm2)

    def _cards(self, module: "Module") -> Iterator[Token]:
        from certlogin.helper.tokens.modules import ModuleUnusable
        from certlogin.helper.tokens.pkcs11 import cards_of

        try:
            yield from cards_of(module, self._requested, self._surroundings)
            self._said.pop(module.settings.name, None)
        except ModuleUnusable as error:
            # A driver that is not there must not keep the other tokens away.
            if self._said.get(module.settings.name) != str(error):
                self._said[module.settings.name] = str(error)
                logging.getLogger(LOGGER).warning("module %s: %s", module.settings.name, error)


def load_sm2(config: HelperConfig) -> SM2 | SM2Unavailable:
    """SM2 for file tokens, or the reason why there is none."""
    try:
        return SM2.load(config.sm2.library)
    except SM2Unavailable as reason:
        return SM2Unavailable(reason.what)


def load_modules(config: HelperConfig, surroundings: Surroundings) -> "tuple[Module, ...]":
    """The configured modules, not loaded yet; none without the package python-pkcs11."""
    if not config.modules:
        return ()
    try:
        from certlogin.helper.tokens.modules import Module
    except ImportError:
        logging.getLogger(LOGGER).warning(INSTALL)
        return ()
    return tuple(Module(settings, surroundings.monotonic) for settings in config.modules)

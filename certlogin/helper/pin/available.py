"""Which ways of asking this machine has, in order of preference: pinentry, Tk, the terminal."""

import importlib.util
import os
import shutil
import sys
from collections.abc import Mapping

from certlogin.helper.pin.base import Dialog
from certlogin.helper.pin.pinentry import Pinentry
from certlogin.helper.pin.scripted import DEVELOPMENT
from certlogin.helper.pin.terminal import Terminal

#: GnuPG's programs; the plain name is the distribution's own choice among them.
PROGRAMS = ("pinentry-gnome3", "pinentry-qt", "pinentry-gtk-2", "pinentry-mac", "pinentry")

#: What a pinentry needs to show a window in the user's language, and nothing else of the helper's environment.
_PASSED_ON = (
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "LANGUAGE",
    "LC_ALL",
    "LC_CTYPE",
    "LC_MESSAGES",
    "TERM",
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "XAUTHORITY",
    "XDG_RUNTIME_DIR",
    "XDG_SESSION_TYPE",
    "XDG_CURRENT_DESKTOP",
    "DBUS_SESSION_BUS_ADDRESS",
    "GTK_IM_MODULE",
    "QT_IM_MODULE",
    "XMODIFIERS",
    "PYTHONPATH",
    "VIRTUAL_ENV",
    "CERTLOGIN_TEST_PINENTRY",
)


def available(configured: tuple[str, ...], *, dev: bool, environment: Mapping[str, str]) -> tuple[Dialog, ...]:
    """`configured`, when there is one, is the only one: who names a pinentry does not want another."""
    passed = {name: environment[name] for name in _PASSED_ON if name in environment}
    if dev:
        passed[DEVELOPMENT] = "1"
    if configured:
        return (Pinentry(configured, passed, _options(passed)),)
    found: list[Dialog] = []
    for program in PROGRAMS:
        path = shutil.which(program, path=passed.get("PATH"))
        if path is not None:
            found.append(Pinentry((path,), passed, _options(passed)))
            break
    return (*found, *_windows(passed))


def readers(configured: tuple[str, ...], *, dev: bool, environment: Mapping[str, str]) -> tuple[Dialog, ...]:
    """Who shows long texts: the configured program, when it can, else what we bring. No PIN is typed there."""
    passed = {name: environment[name] for name in _PASSED_ON if name in environment}
    chosen = available(configured, dev=dev, environment=environment) if configured else ()
    return (*chosen, *_windows(passed))


def _windows(passed: Mapping[str, str]) -> tuple[Dialog, ...]:
    found: list[Dialog] = []
    if _has_display(passed) and importlib.util.find_spec("_tkinter") is not None:
        found.append(Pinentry((sys.executable, "-m", "certlogin.helper.pin.tk"), passed))
    terminal = Terminal()
    if terminal.usable():
        found.append(terminal)
    return tuple(found)


def _has_display(environment: Mapping[str, str]) -> bool:
    return sys.platform in ("win32", "darwin") or "DISPLAY" in environment or "WAYLAND_DISPLAY" in environment


def _options(environment: Mapping[str, str]) -> tuple[str, ...]:
    language = environment.get("LC_ALL") or environment.get("LC_CTYPE") or environment.get("LANG") or "C.UTF-8"
    options = [f"lc-ctype={language}"]
    if sys.platform != "win32":
        for descriptor in range(3):
            if os.isatty(descriptor):
                return (*options, f"ttyname={os.ttyname(descriptor)}", f"ttytype={environment.get('TERM', 'dumb')}")
    return tuple(options)

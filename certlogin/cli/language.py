"""In which language a command speaks."""

import argparse
import os

from certlogin.settings.site import Language


def add_language(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--language", choices=[one.value for one in Language], help="default: the terminal's")


def language_of(asked: str | None) -> Language:
    """The one asked for, or the terminal's."""
    if asked:
        return Language(asked)
    named = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    return Language.ZH_CN if named.lower().startswith("zh") else Language.EN

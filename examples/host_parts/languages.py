"""Which language a page comes in, the texts in it, and days as they are in China."""

import tomllib
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path

from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

#: The one zone of China.
CHINA = timezone(timedelta(hours=8))

LANGUAGES = ("zh-CN", "en")

#: By language, then by the text's name.
Texts = Mapping[str, Mapping[str, str]]


def load_texts(path: Path) -> Texts:
    return tomllib.loads(path.read_text(encoding="utf-8"))


def china_day(moment: datetime) -> str:
    """The day in China, wherever the server stands."""
    return f"{moment.astimezone(CHINA):%Y-%m-%d}"


def choose_language(asked: str, accept_language: str) -> str:
    """`?lang=` when it names one of ours, else what the browser asks for, else Chinese."""
    if asked in LANGUAGES:
        return asked
    # Best first, by the first part of the tag alone: who reads zh-TW reads zh-CN rather than English.
    for tag, quality in parse_accept_header(accept_language, LanguageAccept):
        for language in LANGUAGES:
            if quality > 0 and tag.partition("-")[0].lower() == language.partition("-")[0]:
                return language
    return LANGUAGES[0]

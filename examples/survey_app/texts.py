"""The pages' texts, and which language a request gets."""

import tomllib
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path

from flask import Request

#: The one zone of China.
CHINA = timezone(timedelta(hours=8))

LANGUAGES = ("zh-CN", "en")

Texts = Mapping[str, Mapping[str, str]]


def load_texts() -> Texts:
    return tomllib.loads(Path(__file__).with_name("texts.toml").read_text(encoding="utf-8"))


def china_day(moment: datetime) -> str:
    """The day in China, wherever the server stands."""
    return f"{moment.astimezone(CHINA):%Y-%m-%d}"


def language_of(request: Request) -> str:
    """`?lang=` when it names one of ours, else what the browser asks for, else Chinese."""
    asked = request.args.get("lang", "")
    if asked in LANGUAGES:
        return asked
    # Best first, by the first part of the tag alone: who reads zh-TW reads zh-CN rather than English.
    for tag, quality in request.accept_languages:
        for language in LANGUAGES:
            if quality > 0 and tag.partition("-")[0].lower() == language.partition("-")[0]:
                return language
    return "zh-CN"

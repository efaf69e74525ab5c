"""The pages' texts, and which language a request gets."""

import tomllib
from collections.abc import Mapping
from pathlib import Path

from flask import Request

LANGUAGES = ("zh-CN", "en")

Texts = Mapping[str, Mapping[str, str]]


def load_texts() -> Texts:
    return tomllib.loads(Path(__file__).with_name("texts.toml").read_text(encoding="utf-8"))


def language_of(request: Request) -> str:
    """`?lang=` when it names one of ours, else what the browser asks for, else Chinese."""
    asked = request.args.get("lang", "")
    if asked in LANGUAGES:
        return asked
    best = request.accept_languages.best_match(("zh-CN", "zh", "en"), default="zh-CN")
    return "en" if best == "en" else "zh-CN"

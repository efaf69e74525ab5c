"""The texts of pages and errors, by language and key, from `certlogin/locale/*.toml`.

A missing key raises in strict mode (tests, development) and stays visible as `[key]` in production: a page without one
sentence helps the user more than no page. Placeholders are plain names in braces; nothing else is evaluated.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from importlib import resources
from typing import ClassVar

from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from certlogin.errors import CertloginError
from certlogin.settings.site import Language

#: The one zone of China. A fixed offset: Windows brings no time zone database.
CHINA = timezone(timedelta(hours=8))

_BY_PRIMARY_TAG = {language.value.partition("-")[0]: language for language in Language}
_PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*)\}")


@dataclass(eq=False)
class TextMissing(CertloginError):
    """A text or one of its facts is missing. Raised in strict mode only."""

    code: ClassVar[str] = "text_missing"
    language: str
    key: str


@dataclass(frozen=True, slots=True)
class ErrorText:
    """What the user reads of an error."""

    title: str
    next_step: str


class Texts:
    """The texts of one language."""

    def __init__(self, language: Language, entries: Mapping[str, str], *, strict: bool) -> None:
        self.language = language
        self._entries = entries
        self._strict = strict

    def text(self, key: str, /, **facts: object) -> str:
        """The text with its placeholders filled. Raises TextMissing in strict mode."""
        found = self._entries.get(key)
        if found is None:
            return self._missing(key)
        return _PLACEHOLDER.sub(lambda match: self._fact(key, match[1], facts), found)

    def error(self, code: str, facts: Mapping[str, object]) -> ErrorText:
        """The two sentences for an error code. An unknown code gets the general ones: the code itself is shown too."""
        if f"errors.{code}.title" not in self._entries:
            self._missing(f"errors.{code}.title")
            code = "internal_error"
        return ErrorText(self.text(f"errors.{code}.title", **facts), self.text(f"errors.{code}.next_step", **facts))

    def raw(self, prefix: str) -> dict[str, str]:
        """Every text below `prefix`, placeholders unfilled: for the scripts of a page."""
        return {key: text for key, text in self._entries.items() if key.startswith(prefix)}

    def keys(self) -> frozenset[str]:
        return frozenset(self._entries)

    def _fact(self, key: str, name: str, facts: Mapping[str, object]) -> str:
        return said(facts[name]) if name in facts else self._missing(f"{key}{{{name}}}")

    def _missing(self, key: str) -> str:
        if self._strict:
            raise TextMissing(self.language.value, key)
        return f"[{key}]"


def load_texts(language: Language, *, strict: bool) -> Texts:
    """Read the language's files for pages and errors."""
    return _load(language, ("", ".errors"), strict=strict)


def load_command_texts(language: Language) -> Texts:
    """The same for the command line; a missing text raises."""
    return _load(language, (".cli", ".errors"), strict=True)


def _load(language: Language, parts: Iterable[str], *, strict: bool) -> Texts:
    folder = resources.files("certlogin") / "locale"
    entries: dict[str, str] = {}
    for part in parts:
        entries |= _flat("", tomllib.loads((folder / f"{language.value}{part}.toml").read_text(encoding="utf-8")))
    return Texts(language, entries, strict=strict)


def negotiate(query_language: str | None, accept_language: str | None, default: Language) -> Language:
    """`?lang=` first, then the browser's wish, then the site's own language."""
    for language in Language:
        if query_language == language.value:
            return language
    # Best first. Only the first part of a tag counts: who reads zh-TW or plain zh reads our Chinese, not English.
    for tag, quality in parse_accept_header(accept_language, LanguageAccept):
        found = _BY_PRIMARY_TAG.get(tag.partition("-")[0].lower())
        if found and quality > 0:
            return found
    return default


def said(value: object) -> str:
    """A fact as the user reads it."""
    if value is None:
        return "—"
    if isinstance(value, datetime):
        return f"{value.astimezone(CHINA):%Y-%m-%d %H:%M}"
    if isinstance(value, tuple):
        return (".".join if all(isinstance(part, int) for part in value) else ", ".join)(said(part) for part in value)
    return str(value)


def _flat(prefix: str, table: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for name, value in table.items():
        key = f"{prefix}.{name}" if prefix else name
        if isinstance(value, dict):
            yield from _flat(key, value)
        else:
            yield key, str(value)

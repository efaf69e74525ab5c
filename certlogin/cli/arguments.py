"""What the words of several commands must be; each raises argparse.ArgumentTypeError."""

import argparse
from datetime import date, datetime
from typing import Final

from certlogin.settings.build import SHANGHAI, YEARS

_DIGITS_MAX: Final = 6


def count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX):
        raise argparse.ArgumentTypeError("must be a whole number")
    return int(text)


def positive(text: str) -> int:
    found = count(text)
    if found == 0:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return found


def words(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("must not be empty")
    if any(0xD800 <= ord(character) < 0xE000 for character in text):
        raise argparse.ArgumentTypeError("must be text in the terminal's own encoding")
    return text


def day(text: str) -> datetime:
    """A date is its midnight in Asia/Shanghai, as in the settings."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        found = date.min
    if found.year not in YEARS:
        raise argparse.ArgumentTypeError("must be a date such as 2026-01-31")
    return datetime(found.year, found.month, found.day, tzinfo=SHANGHAI)

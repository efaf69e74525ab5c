"""What comes from a certificate or a file, made fit for a terminal: nothing that it might obey."""

import json
from collections.abc import Mapping


def shown(value: object) -> str:
    """A certificate's text may carry escape sequences; the terminal must not obey them."""
    text = "-" if value is None or value == "" else str(value)
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def json_line(facts: Mapping[str, object]) -> str:
    """Text as it is, but nothing that a terminal might obey: JSON itself escapes only the first 32 characters."""
    text = json.dumps(facts, ensure_ascii=False)
    return "".join(character if character.isprintable() else json.dumps(character)[1:-1] for character in text)

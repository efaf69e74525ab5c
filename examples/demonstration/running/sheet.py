"""The sheet that `make demo` prints: where the hosts are, who may log in, and with which PIN."""

import unicodedata
from collections.abc import Iterable, Sequence

from certlogin import EXEMPT, Unit
from demonstration.running.prepare import SPARE_LABEL, Demo, token_label
from demonstration.running.zcqd import CURRENT_MODEL, CURRENT_USER, OLD_KEYS, ZcqdDemo, key_label

_SHARED_KEY = "as in the reporting system: get its certificate there first"


def sheet(demo: Demo, zcqd: ZcqdDemo) -> str:
    return "\n".join(
        [
            "",
            "  Reporting system (survey_app): units download their certificates here",
            *_addresses(f"{demo.origin}/survey"),
            *_table([("user", "password", "unit", "needs a certificate", "PIN of its token"), *_survey_rows(demo)]),
            f"  One more blank token, {SPARE_LABEL} (model 3000GM): PIN {demo.handout.pins[SPARE_LABEL]}",
            "",
            "  Product list (zcqd_app): units hold keys from elsewhere",
            *_addresses(f"{zcqd.origin}/zcqd"),
            *_table([("user", "password", "unit", "key", "its PIN"), *_zcqd_rows(zcqd)]),
            "",
            f"  Everything is kept in {demo.files.directory}; delete that folder to start afresh.",
            "  The helper asks for PINs in a window of its own (pinentry or Tk), else in this terminal;",
            f"  what it could not do is in {demo.files.helper_log}.",
            "",
            "  Running. Ctrl-C stops everything.",
        ]
    )


def _addresses(place: str) -> list[str]:
    return [
        f"  Home page    {place}/welcome",
        f"  Log in       {place}/login     (中文 / English: link at the top right)",
        "",
    ]


def _survey_rows(demo: Demo) -> Iterable[Sequence[str]]:
    for user, unit in demo.roster:
        pin = demo.handout.pins.get(token_label(unit), "-") if unit.code else "-"
        yield user, demo.handout.passwords[user], unit.name, _kind(unit), pin


def _kind(unit: Unit) -> str:
    if EXEMPT in unit.tags:
        return "no (operator)"
    return "yes (一套表)" if "一套表" in unit.tags else "no"


def _zcqd_rows(zcqd: ZcqdDemo) -> Iterable[Sequence[str]]:
    keys = {key.user: f"model {key.model}, issued {key.applied_on:%Y-%m-%d}" for key in OLD_KEYS}
    keys[CURRENT_USER] = f"model {CURRENT_MODEL}, current"
    for user, unit in zcqd.roster:
        key = "none (operator)" if EXEMPT in unit.tags else keys.get(user, _SHARED_KEY)
        yield user, zcqd.handout.passwords[user], unit.name, key, zcqd.handout.pins.get(key_label(unit), "-")


def _table(rows: Sequence[Sequence[str]]) -> Iterable[str]:
    widths = [max(_width(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  " + "  ".join(cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True))


def _width(text: str) -> int:
    """Columns on a terminal: Chinese characters take two."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)

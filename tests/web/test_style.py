"""The style sheets: nothing from outside, every class styled, and readable in daylight."""

import re
from importlib import resources

import pytest

from certlogin.web.static import StaticFiles
from tests.web.shown import VARIANTS, read, render

SHEETS = {name: file.body.decode() for name, file in StaticFiles().table.items() if name.endswith(".css")}
ALL = "\n".join(SHEETS.values())
#: Marks for scripts and tests, without a look of their own.
HOOKS = {"download"}


def _tokens() -> dict[str, str]:
    return dict(re.findall(r"^  --([a-z0-9-]+): (#[0-9a-f]{3,6});", SHEETS["style.css"], re.MULTILINE))


def _luminance(colour: str) -> float:
    digits = colour.lstrip("#")
    if len(digits) == 3:
        digits = "".join(digit * 2 for digit in digits)
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    """WCAG 2.2, contrast ratio."""
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(
    ("ink", "ground"),
    [
        ("ink", "paper"), ("ink", "ground"), ("ink", "main-soft"), ("ink", "problem-soft"),
        ("ink-soft", "paper"), ("ink-soft", "ground"), ("ink-soft", "main-soft"), ("ink-soft", "problem-soft"),
        ("main", "paper"), ("main", "main-soft"), ("main-dark", "paper"), ("paper", "main"), ("paper", "main-dark"),
        ("problem", "problem-soft"), ("paper", "loud"), ("good", "good-soft"), ("good", "paper"),
        ("absent-ink", "absent"),
    ],
)  # fmt: skip
def test_words_have_the_contrast_of_wcag_aa(ink: str, ground: str) -> None:
    tokens = _tokens()
    assert _contrast(tokens[ink], tokens[ground]) >= 4.5


@pytest.mark.parametrize("edge", ["line-strong", "focus", "main", "problem"])
def test_edges_and_the_focus_can_be_seen(edge: str) -> None:
    tokens = _tokens()
    assert _contrast(tokens[edge], tokens["paper"]) >= 3
    assert _contrast("#000", "#fff") == pytest.approx(21)


def test_no_sheet_fetches_anything() -> None:
    for name, sheet in SHEETS.items():
        assert not re.search(r"url\(|@import|@font-face|expression\(", sheet), name


def test_every_class_of_a_page_or_script_has_a_look() -> None:
    used = set().union(*(read(render(variant)).classes for variant in VARIANTS))
    static = resources.files("certlogin") / "static"
    for file in [*static.iterdir(), *(static / "pages").iterdir()]:
        if file.name.endswith(".js"):
            text = file.read_text(encoding="utf-8")
            for names in re.findall(r'className = (?:[a-z]+ \? )?"([a-z -]+)"(?: : "([a-z -]+)")?', text):
                used |= set(" ".join(names).split())
    styled = set(re.findall(r"\.([a-z][a-z-]*)", re.sub(r"/\*.*?\*/", "", ALL, flags=re.DOTALL)))
    assert len(used) > 40
    assert used - styled - HOOKS == set()


def test_every_class_with_a_look_is_used() -> None:
    used = set().union(*(read(render(variant)).classes for variant in VARIANTS)) | {"choice-disabled"}
    selectors = re.sub(r"/\*.*?\*/|\{[^{}]*\}", "", ALL, flags=re.DOTALL)
    assert set(re.findall(r"\.([a-z][a-z-]*)", selectors)) <= used


def test_every_measure_used_is_defined() -> None:
    defined = set(re.findall(r"^ *--([a-z0-9-]+):", ALL, re.MULTILINE))
    assert set(re.findall(r"var\(--([a-z0-9-]+)\)", ALL)) <= defined


@pytest.mark.parametrize("wish", ["prefers-reduced-motion", "forced-colors", "print", "focus-visible"])
def test_the_sheets_heed_what_users_ask_of_their_system(wish: str) -> None:
    assert wish in ALL

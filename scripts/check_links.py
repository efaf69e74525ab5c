"""Whether every link of the documentation to a file or heading of this repository leads somewhere.

python scripts/check_links.py FILE_OR_FOLDER …
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
_HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)


def main(names: list[str]) -> int:
    problems = [problem for file in _files(names) for problem in _problems(file)]
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def _files(names: list[str]) -> Iterator[Path]:
    for name in names:
        path = Path(name)
        yield from sorted(path.rglob("*.md")) if path.is_dir() else [path]


def _problems(file: Path) -> Iterator[str]:
    for target in _LINK.findall(_CODE.sub("", file.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        found = file.parent / name if name else file
        if not found.exists():
            yield f"{file}: {target}: no such file"
        elif anchor and anchor not in _anchors(found):
            yield f"{file}: {target}: no such heading"


def _anchors(file: Path) -> set[str]:
    """As the forges make them: lower case, blanks to dashes, punctuation gone."""
    headings = _HEADING.findall(_CODE.sub("", file.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

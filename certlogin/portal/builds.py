"""The installers of the helper: the data file, and which of them fit the computer in front (B4, B9, B10).

The guess chooses what is shown first and nothing else: a browser may say what it likes, so every build stays reachable.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources
from pathlib import Path
from typing import Any

from certlogin.errors import ConfigurationError


class System(StrEnum):
    """Operating systems with a button of their own, in the order of the page."""

    WINDOWS = "windows"
    KYLIN = "kylin"
    UOS = "uos"
    NEOKYLIN = "neokylin"


class Arch(StrEnum):
    X86_64 = "x86_64"
    AARCH64 = "aarch64"
    MIPS64EL = "mips64el"
    #: Old-world ABI: UOS and Kylin V10 run no other.
    LOONGARCH64 = "loongarch64"


class Package(StrEnum):
    EXE = "exe"
    DEB = "deb"
    RPM = "rpm"


class Strength(StrEnum):
    NONE = "none"
    WEAK = "weak"
    STRONG = "strong"


@dataclass(frozen=True, slots=True)
class Build:
    """One installer."""

    product: str
    version: tuple[int, int, int, int]
    os: System
    arch: Arch
    package: Package
    #: Lower-case hex; all zeros: not published yet, and the page says so.
    sha256: str
    #: A path of this site, or an https address.
    url: str
    #: Carries product and version (B4).
    file: str

    @property
    def version_text(self) -> str:
        return ".".join(str(part) for part in self.version)

    @property
    def is_published(self) -> bool:
        return self.sha256.strip("0") != ""


@dataclass(frozen=True, slots=True)
class ArchGuess:
    """What the browser lets us see of the computer."""

    arch: Arch | None
    strength: Strength
    #: `windows`, `linux`, or None for a system without a helper.
    os: str | None

    def fits(self, build: Build) -> bool:
        same_family = (build.os is System.WINDOWS) == (self.os == "windows")
        return self.os is not None and same_family and build.arch is self.arch


#: In order: x86_64 last, because new Chromium says `Linux x86_64` on every processor.
_TOKENS = (
    (re.compile(r"\b(aarch64|arm64)\b", re.IGNORECASE), Arch.AARCH64),
    (re.compile(r"\b(loongarch64|loong64)\b", re.IGNORECASE), Arch.LOONGARCH64),
    (re.compile(r"\bmips64(el)?\b", re.IGNORECASE), Arch.MIPS64EL),
    (re.compile(r"\b(x86_64|amd64|x64|win64|wow64)\b", re.IGNORECASE), Arch.X86_64),
)

#: (Sec-CH-UA-Arch, Sec-CH-UA-Bitness). Chromium leaves both empty on Loongson.
_HINTED = {("arm", "64"): Arch.AARCH64, ("x86", "64"): Arch.X86_64}

_PACKAGES = {
    System.WINDOWS: Package.EXE,
    System.KYLIN: Package.DEB,
    System.UOS: Package.DEB,
    System.NEOKYLIN: Package.RPM,
}

_MEMBERS = ("version", "os", "arch", "package", "sha256", "url", "file")


def guess_arch(user_agent: str, client_hints: Mapping[str, str]) -> ArchGuess:
    """The processor, from User-Agent and the `Sec-CH-UA-*` headers (names in any case)."""
    hints = {name.lower(): value.strip().strip('"') for name, value in client_hints.items()}
    family = _family(user_agent, hints.get("sec-ch-ua-platform", ""))
    named = next((arch for token, arch in _TOKENS if token.search(user_agent)), None)
    if named is not None and named is not Arch.X86_64:
        return ArchGuess(named, Strength.STRONG, family)
    hinted = _HINTED.get((hints.get("sec-ch-ua-arch", ""), hints.get("sec-ch-ua-bitness", "")))
    if hinted is not None:
        return ArchGuess(hinted, Strength.STRONG, family)
    return ArchGuess(named, Strength.NONE if named is None else Strength.WEAK, family)


def offers(builds: Iterable[Build], guess: ArchGuess) -> tuple[tuple[Build, ...], tuple[Build, ...]]:
    """The builds that fit, and the others."""
    known = tuple(builds)
    return tuple(filter(guess.fits, known)), tuple(build for build in known if not guess.fits(build))


def load_builds(path: str) -> tuple[Build, ...]:
    """The builds of the file, or of the one shipped. Raises ConfigurationError."""
    try:
        if path:
            text = Path(path).read_text(encoding="utf-8")
        else:
            text = (resources.files("certlogin") / "builds.json").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError((f"helper.builds: {path}: {error}",)) from error
    return parse_builds(text)


def parse_builds(text: str) -> tuple[Build, ...]:
    """Strict: every mistake is named with its row. Raises ConfigurationError."""
    try:
        document = json.loads(text, object_pairs_hook=_unique_members)
    except (ValueError, RecursionError) as error:
        raise ConfigurationError((f"helper.builds: not readable as JSON: {error}",)) from error
    problems = list(_document_problems(document))
    if not problems:
        problems = [problem for number, row in enumerate(document["builds"]) for problem in _row_problems(number, row)]
    if problems:
        raise ConfigurationError(tuple(f"helper.builds: {problem}" for problem in problems))
    builds = tuple(_build(document["product"], row) for row in document["builds"])
    _refuse_twins(builds)
    return tuple(sorted(builds, key=lambda build: (list(System).index(build.os), list(Arch).index(build.arch))))


def _family(user_agent: str, platform: str) -> str | None:
    if "Android" in user_agent:
        return None
    if "Windows" in user_agent or platform == "Windows":
        return "windows"
    return "linux" if "Linux" in user_agent or platform == "Linux" else None


def _unique_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member appears twice")
    return members


def _document_problems(document: Any) -> Iterator[str]:
    if not isinstance(document, dict):
        yield "the file must hold one object"
        return
    if unknown := sorted(set(document) - {"note", "product", "builds"}):
        yield f"unknown member {unknown[0]!r}; known: note, product, builds"
    if not isinstance(document.get("product"), str) or not re.fullmatch(r"[A-Za-z][A-Za-z0-9]*", document["product"]):
        yield "'product' must be letters and digits, such as CertHelper"
    if not isinstance(document.get("builds"), list):
        yield "'builds' must be a list"


def _row_problems(number: int, row: Any) -> Iterator[str]:
    where = f"builds[{number}]"
    if not isinstance(row, dict):
        yield f"{where} must be an object"
        return
    if set(row) != set(_MEMBERS):
        odd = sorted(set(row) ^ set(_MEMBERS))[0]
        yield f"{where}: {'unknown' if odd in row else 'missing'} member {odd!r}; expected: {', '.join(_MEMBERS)}"
        return
    for member, rule, expected in _RULES:
        if not (isinstance(row[member], str) and rule.fullmatch(row[member])):
            yield f"{where}.{member} must be {expected}, not {row[member]!r}"


_RULES = (
    ("version", re.compile(r"(0|[1-9]\d{0,5})(\.(0|[1-9]\d{0,5})){3}", re.ASCII), "four numbers, such as 1.5.1.0"),
    ("os", re.compile("|".join(System)), f"one of {', '.join(System)}"),
    ("arch", re.compile("|".join(Arch)), f"one of {', '.join(Arch)}"),
    ("package", re.compile("|".join(Package)), f"one of {', '.join(Package)}"),
    ("sha256", re.compile(r"[0-9a-f]{64}"), "64 lower-case hex digits (all 0: not published yet)"),
    ("url", re.compile(r"(/(?!/)|https://[A-Za-z0-9.:-]+/)[A-Za-z0-9._~/%+-]*"), "a path of this site or an https URL"),
    ("file", re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*"), "a plain file name"),
)


def _build(product: str, row: Mapping[str, str]) -> Build:
    major, minor, patch, number = (int(part) for part in row["version"].split("."))
    build = Build(
        product=product,
        version=(major, minor, patch, number),
        os=System(row["os"]),
        arch=Arch(row["arch"]),
        package=Package(row["package"]),
        sha256=row["sha256"],
        url=row["url"],
        file=row["file"],
    )
    if problem := _name_problem(build):
        raise ConfigurationError((f"helper.builds: {build.file}: {problem}",))
    return build


def _name_problem(build: Build) -> str:
    """B4, and what the systems can install: UOS and Kylin take deb, NeoKylin rpm."""
    if _PACKAGES[build.os] is not build.package:
        return f"{build.os} installs {_PACKAGES[build.os]}, not {build.package}"
    if not build.file.endswith(f".{build.package}"):
        return f"the name must end in .{build.package}"
    if build.product not in build.file or not re.search(
        rf"(?<![\d.]){re.escape(build.version_text)}(?!\.?\d)", build.file
    ):
        return f"the name must carry {build.product} and {build.version_text}"
    return ""


def _refuse_twins(builds: tuple[Build, ...]) -> None:
    seen: set[tuple[System, Arch]] = set()
    for build in builds:
        if (build.os, build.arch) in seen:
            raise ConfigurationError((f"helper.builds: {build.os} on {build.arch} is listed twice",))
        seen.add((build.os, build.arch))

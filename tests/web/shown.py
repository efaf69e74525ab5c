"""Every page of ours with plausible values, and what a reader of HTML finds in it."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from certlogin.flows.login import StepRefused
from certlogin.portal.builds import Build, guess_arch, load_builds, parse_builds
from certlogin.settings.site import Language, Site
from certlogin.web.pages import Pages
from certlogin.web.running import RunningHelper

PORTS = (17561, 17562, 17563)
ATTEMPT = "AAAAAAAAAAAAAAAA"
UNIT = {"unit_name": "曙光机械制造有限公司", "unit_code": "9111**********7341L"}
LINUX = "Mozilla/5.0 (X11; Linux aarch64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
VERSION = "1.5.1.0"

#: A helper that works, of which there is a newer one.
NEWER = RunningHelper(VERSION, False, "1.6.0.0", "", "2027-01-01")

_PAGE = '{"product": "CertHelper", "builds": [%s]}'
_ROW = (
    '{"version": "1.5.1.0", "os": "%s", "arch": "%s", "package": "%s", "sha256": "%s", '
    '"url": "/downloads/%s", "file": "%s"}'
)


def site(**changes: Any) -> Site:
    usual = {
        "origin": "https://survey.example.cn",
        "secret_keys": ("k" * 32,),
        "name": "普查数据采集处理系统",
        "hotline": "400-000-0000",
        "service_hours": "08:30-17:30",
    }
    return Site(**(usual | changes))


def pages(**changes: Any) -> Pages:
    """Strict: a missing text or value fails the test."""
    return Pages(site(**changes), PORTS, strict=True)


def published_builds() -> tuple[Build, ...]:
    """The shipped pattern as an administrator fills it in."""
    rows = [
        _ROW % (build.os, build.arch, build.package, f"{number + 1:02x}" * 32, build.file, build.file)
        for number, build in enumerate(load_builds(""))
    ]
    return parse_builds(_PAGE % ", ".join(rows))


#: What each page needs besides; the key is a name for the variant, its first word the page.
VARIANTS: dict[str, dict[str, Any]] = {
    "helper": {**UNIT, "attempt": ATTEMPT},
    "helper alone": {},
    "helper advised": {**UNIT, "attempt": ATTEMPT, "skips_left": 2},
    "download": {
        "attempt": ATTEMPT,
        "builds": published_builds(),
        "guess_arch": guess_arch(LINUX, {}),
        "countdown": 30,
    },
    "download alone": {"builds": load_builds(""), "guess_arch": guess_arch("", {}), "countdown": 30},
    "download empty": {"builds": (), "guess_arch": guess_arch(LINUX, {}), "countdown": 30},
    "download outdated": {
        "attempt": ATTEMPT,
        "builds": published_builds(),
        "guess_arch": guess_arch(LINUX, {}),
        "countdown": 30,
        "running": RunningHelper(VERSION, True, "1.6.0.0", "", ""),
    },
    "download withdrawn": {
        "attempt": ATTEMPT,
        "builds": published_builds(),
        "guess_arch": guess_arch(LINUX, {}),
        "countdown": 30,
        "running": RunningHelper(VERSION, True, "", "该版本在部分电脑上无法读取证书", ""),
    },
    "download newer": {
        "attempt": ATTEMPT,
        "builds": published_builds(),
        "guess_arch": guess_arch(LINUX, {}),
        "countdown": 30,
        "running": NEWER,
    },
    "enrol": {**UNIT, "attempt": ATTEMPT, "key_types": ("SM2", "P-256", "RSA-2048")},
    "enrol advised": {**UNIT, "attempt": ATTEMPT, "key_types": ("P-256",), "skips_left": 1},
    "login": {**UNIT, "attempt": ATTEMPT},
    "login newer": {**UNIT, "attempt": ATTEMPT, "running": NEWER},
    "await_revocation": {**UNIT, "attempt": ATTEMPT, "rest": 45, "wait": 60},
    "done": {**UNIT, "attempt": ATTEMPT},
    "refused": {**UNIT, "attempt": ATTEMPT, "code": "reissue_required", "support_id": "K7Q2-M4XD"},
    "refused alone": {"code": "not_found", "support_id": ""},
    "help lost": {**UNIT, "attempt": ATTEMPT, "topic": "lost"},
    "help locked": {"topic": "locked"},
    "help expired": {"topic": "expired"},
}


def render(variant: str, language: Language = Language.ZH_CN, source: Pages | None = None, **more: Any) -> str:
    chosen = source or pages()
    values: dict[str, Any] = {"prefix": "/certlogin", "login_url": "/survey/login", **VARIANTS[variant]}
    if variant.startswith("refused"):
        values["text"] = chosen.error_text(StepRefused(values["code"]), language)
    return chosen.render(variant.split()[0], language, **(values | more))


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    text: str = ""


@dataclass
class Document:
    elements: list[Element] = field(default_factory=list)
    text: str = ""

    def by_id(self, identity: str) -> Element:
        found = [element for element in self.elements if element.attributes.get("id") == identity]
        assert len(found) == 1, f"{len(found)} elements have the id {identity}"
        return found[0]

    def all(self, tag: str) -> list[Element]:
        return [element for element in self.elements if element.tag == tag]

    @property
    def ids(self) -> list[str]:
        return [element.attributes["id"] for element in self.elements if "id" in element.attributes]

    @property
    def classes(self) -> set[str]:
        return {name for element in self.elements for name in element.attributes.get("class", "").split()}


def read(html: str) -> Document:
    reader = _Reader()
    reader.feed(html)
    reader.close()
    reader.document.text = re.sub(r"\s+", " ", reader.document.text)
    return reader.document


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.document = Document()
        self._open: list[Element] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"an attribute stands twice in <{tag}>"
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.document.elements.append(element)
        if tag not in ("meta", "link", "input", "br", "img"):
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"</{tag}> closes nothing"
        assert self._open[-1].tag == tag, f"</{tag}> closes <{self._open[-1].tag}>"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.text += data
        if not any(element.tag in ("template", "title") for element in self._open):
            self.document.text += data

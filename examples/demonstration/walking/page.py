"""What a person finds on a page: its words, links, forms, and the data that its scripts read."""

import json
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin, urlsplit


@dataclass(slots=True)
class Form:
    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    identity: str = ""


@dataclass(slots=True)
class Page:
    """One answer of the server, after redirects."""

    url: str
    status: int
    headers: dict[str, str]
    body: bytes
    #: The addresses gone through, this one last.
    trail: tuple[str, ...]
    links: list[str] = field(default_factory=list)
    forms: list[Form] = field(default_factory=list)
    scripts: list[str] = field(default_factory=list)
    inline_scripts: int = 0
    #: The data attributes of the body and, below, of the elements that have an id.
    body_data: dict[str, str] = field(default_factory=dict)
    data_of: dict[str, dict[str, str]] = field(default_factory=dict)
    #: The values of radio buttons and check boxes by their name.
    choices: dict[str, list[str]] = field(default_factory=dict)
    #: Text by the id of the element it stands in.
    by_id: dict[str, str] = field(default_factory=dict)
    text: str = ""

    @property
    def path(self) -> str:
        return urlsplit(self.url).path

    def json(self) -> dict[str, Any]:
        found = json.loads(self.body)
        if not isinstance(found, dict):
            raise TypeError("not a JSON object")
        return found

    def form(self, action_end: str) -> Form:
        """The form that goes to an address with this end."""
        for form in self.forms:
            if urlsplit(form.action).path.endswith(action_end):
                return form
        raise LookupError(f"{self.path} has no form to …{action_end}")

    def link(self, end: str) -> str:
        for link in self.links:
            if urlsplit(link).path.endswith(end):
                return link
        raise LookupError(f"{self.path} has no link to …{end}")


def read_page(url: str, status: int, headers: dict[str, str], body: bytes, trail: tuple[str, ...]) -> Page:
    page = Page(url, status, headers, body, trail)
    if headers.get("content-type", "").startswith("text/html"):
        reader = _Reader(page)
        reader.feed(body.decode("utf-8"))
        page.text = " ".join(" ".join(reader.words).split())
        page.by_id = {name: " ".join(" ".join(words).split()) for name, words in reader.ids.items()}
    return page


_VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}

#: What these hold, a person with scripts never sees.
_UNSEEN = ("script", "style", "template", "noscript")


class _Reader(HTMLParser):
    def __init__(self, page: Page) -> None:
        super().__init__()
        self.page = page
        self.words: list[str] = []
        self.ids: dict[str, list[str]] = {}
        self._open: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag not in _VOID:
            self._open.append((tag, given.get("id", "")))
        self._note(tag, given)

    def _note(self, tag: str, given: dict[str, str]) -> None:
        data = {name[5:]: value for name, value in given.items() if name.startswith("data-")}
        if data and given.get("id"):
            self.page.data_of[given["id"]] = data
        if tag == "input" and given.get("type") in ("radio", "checkbox"):
            self.page.choices.setdefault(given.get("name", ""), []).append(given.get("value", ""))
            return
        match tag:
            case "a" if "href" in given:
                self.page.links.append(urljoin(self.page.url, given["href"]))
            case "form":
                action = urljoin(self.page.url, given.get("action", ""))
                self.page.forms.append(Form(action, given.get("method", "get"), identity=given.get("id", "")))
            case "input" | "button" if self._in("form") and given.get("name"):
                self.page.forms[-1].fields[given["name"]] = given.get("value", "")
            case "body":
                self.page.body_data = data
            case "script" if "src" in given:
                self.page.scripts.append(urljoin(self.page.url, given["src"]))
            case "script":
                self.page.inline_scripts += 1

    def handle_endtag(self, tag: str) -> None:
        while self._open:
            if self._open.pop()[0] == tag:
                return

    def handle_data(self, data: str) -> None:
        if any(self._in(unseen) for unseen in _UNSEEN):
            return
        self.words.append(data)
        for _, identity in self._open:
            if identity:
                self.ids.setdefault(identity, []).append(data)

    def _in(self, tag: str) -> bool:
        return any(name == tag for name, _ in self._open)

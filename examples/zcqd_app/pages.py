"""Makes the pages: templates, texts in the request's language, and the hotline that stands on each of them."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from host_parts.languages import china_day, choose_language, load_texts

#: Where the list system lives on its web server.
PREFIX = "/zcqd"
SYSTEM_NAME = "节能产品清单管理系统（演示）"
HOTLINE = "400-000-0001"
SERVICE_HOURS = "08:30-17:30"

_HERE = Path(__file__).parent


class Pages:
    def __init__(self) -> None:
        self._texts = load_texts(_HERE / "texts.toml")
        self._templates = Environment(
            loader=FileSystemLoader(_HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
        )
        self._templates.filters["china_day"] = china_day

    def answer(self, request: Request, name: str, status: int = 200, **values: object) -> HTMLResponse:
        language = language_of(request)
        other = "en" if language == "zh-CN" else "zh-CN"
        common = {
            "texts": self._texts[language],
            "language": language,
            "other": other,
            "other_url": f"{_readable(request)}?lang={other}",
            "lang": language_query(request),
            "prefix": PREFIX,
            "hotline": HOTLINE,
            "service_hours": SERVICE_HOURS,
        }
        text = self._templates.get_template(f"zcqd/{name}.html").render(common, **values)
        return HTMLResponse(text, status)


def language_of(request: Request) -> str:
    return choose_language(request.query_params.get("lang", ""), request.headers.get("accept-language", ""))


def language_query(request: Request) -> str:
    """A language chosen by link stays chosen on the next page."""
    return f"?lang={language_of(request)}" if "lang" in request.query_params else ""


def _readable(request: Request) -> Any:
    """Logging out cannot be asked for again in the other language."""
    return f"{PREFIX}/" if request.url.path == f"{PREFIX}/logout" else request.url.path

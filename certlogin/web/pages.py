"""Renders the pages, and gives them their security headers.

Only rendering: which page a user sees and what it is told is decided elsewhere. Nothing of a page is inline, so the
policy needs neither nonce nor hash; the texts of the scripts travel in an inert `<template>`.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from types import MappingProxyType

from jinja2 import Environment, PackageLoader, StrictUndefined

from certlogin.errors import CertloginError
from certlogin.settings.site import Language, Site
from certlogin.web.locale import ErrorText, Texts, load_texts, negotiate

#: Codes that a page finds out by itself or hears from the helper; it brings their texts along.
PAGE_CODES = (
    # helper-protocol 1: what a failed request means
    "helper_not_running",
    "browser_blocked",
    "prompt_dismissed",
    "origin_refused",
    "unreachable",
    # helper-protocol 2: what the helper answers
    "user_cancelled",
    "pin_wrong",
    "pin_locked",
    "no_token",
    "no_certificate",
    "token_removed",
    "no_pin_dialog",
    "no_text_dialog",
    "sm2_unavailable",
    "not_paired",
    "wrong_user",
    "busy",
    "expired",
    "unsupported_protocol",
    "bad_request",
    # what the page itself sees
    "helper_identity_changed",
    "helper_error",
    "helper_timeout",
    "network_error",
    "server_error",
    "insecure_page",
    "certificate_expired",
)

#: Texts of the pages that their scripts say as well.
_SHARED_WITH_SCRIPTS = ("download.arch.", "download.guess_strong")

#: The help topics and the code that each shows.
HELP_CODES: Mapping[str, str] = MappingProxyType(
    {"lost": "key_lost", "locked": "pin_locked", "expired": "certificate_expired"}
)

#: Headers of every answer of ours, pages, files and JSON alike.
COMMON_HEADERS = (
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)

#: A page may reach the local helper and needs nothing else.
PERMISSIONS = "loopback-network=(self), camera=(), microphone=(), geolocation=(), usb=(), payment=()"

#: Asks Chromium for the processor, which its User-Agent no longer names.
CLIENT_HINTS = "Sec-CH-UA-Arch, Sec-CH-UA-Bitness, Sec-CH-UA-Platform-Version"


class Pages:
    """The templates in every language."""

    def __init__(self, site: Site, ports: Sequence[int], *, strict: bool = False) -> None:
        self._site = site
        self._ports = tuple(ports)
        self._strict = strict

    def render(self, name: str, language: Language, /, **context: object) -> str:
        """The page `name` as HTML. The caller gives `prefix` and what the page itself needs."""
        texts = self.texts[language]
        values: dict[str, object] = {
            "attempt": "",
            "unit_name": "",
            "unit_code": "",
            "login_url": "",
            "skips_left": 0,
            "running": None,
            "title": texts.text(f"{name}.title") if f"{name}.title" in texts.keys() else "",
            "language": language.value,
            "languages": self._languages,
            "site": self._site,
            "csp_ports": self._ports,
            "t": texts.text,
            "script_texts": self._script_texts[language],
            "page": name,
            "help_codes": HELP_CODES,
            "support_id": "",
        }
        return self._environment.get_template(f"{name}.html").render(values | context)

    def error_text(self, error: CertloginError, language: Language) -> ErrorText:
        """What the user reads of this error; never `str(error)`."""
        return self.texts[language].error(error.public_code(), error.facts())

    def negotiate(self, query_language: str | None, accept_language: str | None) -> Language:
        return negotiate(query_language, accept_language, self._site.language)

    def headers(self) -> tuple[tuple[str, str], ...]:
        """The headers of a page."""
        return page_headers(self._ports)

    @cached_property
    def texts(self) -> Mapping[Language, Texts]:
        return {language: load_texts(language, strict=self._strict) for language in Language}

    @cached_property
    def _languages(self) -> Mapping[str, str]:
        """Each language by its own name."""
        return {language.value: texts.text("layout.language_name") for language, texts in self.texts.items()}

    @cached_property
    def _environment(self) -> Environment:
        environment = Environment(
            loader=PackageLoader("certlogin", "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        # Chinese as it is: half the bytes of its escapes. `tojson` still escapes <, >, & and '.
        environment.policies["json.dumps_kwargs"] = {"ensure_ascii": False, "sort_keys": True}
        return environment

    @cached_property
    def _script_texts(self) -> Mapping[Language, Mapping[str, str]]:
        return {language: _script_texts(texts) for language, texts in self.texts.items()}


def csp(ports: Sequence[int]) -> str:
    """The content security policy of every page: our own files, our own server, the helper's ports; nothing inline."""
    helper = " ".join(f"http://127.0.0.1:{port}" for port in ports)
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self'",
            f"connect-src 'self' {helper}".rstrip(),
            "form-action 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        )
    )


def page_headers(ports: Sequence[int]) -> tuple[tuple[str, str], ...]:
    """Every header of a page but its media type."""
    return (
        ("Content-Security-Policy", csp(ports)),
        ("Permissions-Policy", PERMISSIONS),
        ("Accept-CH", CLIENT_HINTS),
        ("Cache-Control", "no-store"),
        *COMMON_HEADERS,
    )


def _script_texts(texts: Texts) -> Mapping[str, str]:
    prefixes = ("js.", *_SHARED_WITH_SCRIPTS, *(f"errors.{code}." for code in PAGE_CODES))
    return {key: text for prefix in prefixes for key, text in texts.raw(prefix).items()}

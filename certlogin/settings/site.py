"""The site: where it is reached, how it is signed, who answers the telephone, and what the host looks like."""

from dataclasses import dataclass, field
from enum import StrEnum


class Mode(StrEnum):
    PRODUCTION = "production"
    #: Works only with an origin that is literally `http://127.0.0.1:<port>` (S36).
    DEVELOPMENT = "development"


class Language(StrEnum):
    ZH_CN = "zh-CN"
    EN = "en"


@dataclass(frozen=True, slots=True)
class Site:
    #: scheme://host[:port] as the browser sends it in `Origin`. No default.
    origin: str
    #: At least one; the first signs, all verify. 32 bytes or more each, any text. Environment:
    #: CERTLOGIN_SITE_SECRET_KEYS, separated by commas. No default.
    secret_keys: tuple[str, ...] = field(repr=False)
    mode: Mode = Mode.PRODUCTION
    #: Names the cookies `__Host-certlogin-<label>`: cookies ignore ports, so two sites on one host need two labels.
    label: str = "login"
    #: All our pages live below it.
    prefix: str = "/certlogin"
    #: The language of users whose browser asks for none of ours.
    language: Language = Language.ZH_CN
    #: Shown on every page: the system's name, the hotline and its hours.
    name: str = ""
    hotline: str = ""
    service_hours: str = ""


@dataclass(frozen=True, slots=True)
class Paths:
    """Entries are exact, or end in `/` and cover what lies below; matched on the host's own path, case-sensitively."""

    #: The host's login pages: exact, POST allowed. At least one.
    login: tuple[str, ...]
    #: GET and HEAD only, without the host's session.
    public: tuple[str, ...] = ()
    #: Callers with their own Authorization header; they see no cookies.
    machine: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Host:
    #: Every cookie by which the host recognises a user, remember-me included. No default.
    auth_cookies: tuple[str, ...]
    paths: Paths
    #: True: the host's session id changes at login. Other hosts are refused for now.
    rotates: bool = True

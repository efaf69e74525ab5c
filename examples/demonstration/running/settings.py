"""The settings files of the demonstration, as an administrator would write them."""

import json
from collections.abc import Mapping, Sequence

from zcqd_app.pages import HOTLINE as ZCQD_HOTLINE
from zcqd_app.pages import SERVICE_HOURS as ZCQD_HOURS
from zcqd_app.pages import SYSTEM_NAME as ZCQD_NAME

SITE_NAME = "普查数据采集处理系统（演示）"
HELPER_NAME = "证书助手-演示版"
HOTLINE = "400-000-0000"
SERVICE_HOURS = "08:30-17:30"

_HEAD = """\
# Written at every start of the demonstration. Secrets come from the environment: {secrets}.

[site]
origin = {origin}
mode = "development"
# Cookies ignore ports: beside the other host of 127.0.0.1 each needs a label of its own.
label = {label}
name = {name}
hotline = {hotline}
service_hours = {hours}
"""

_ANCHOR = """
[[trust.anchors]]
name = {name}
file = {root}
intermediates = [{issuing}]
crls = [{root_list}, {issuing_list}]
unique_id = [{unique_id}]
unit_code_check = "strict"
"""

_TAIL = """
[helper]
ports = {ports}
builds = "builds.json"

[stores]
durable = "sqlite:///certlogin.db"
lock_file = "certlogin.lock"
"""

_SURVEY = """
[host]
auth_cookies = ["survey_session"]

[host.paths]
login = ["/survey/login"]
public = ["/survey/welcome", "/survey/captcha/", "/survey/static/", "/survey/downloads/"]

[[rules.require]]
name = "roster"
tag = "一套表"
stage = "enforce"

[ca]
directory = "ca"
"""

_ZCQD = """
[host]
auth_cookies = ["zcqd_session"]

[host.paths]
login = ["/zcqd/login"]
public = ["/zcqd/welcome", "/zcqd/captcha/", "/zcqd/static/", "/zcqd/downloads/"]

# Its units have their keys from elsewhere: the code in the certificate must be the unit's. Nothing is issued here.
[adoption]
unregistered = "match"

[[rules.require]]
name = "listed"
tag = "清单企业"
stage = "enforce"
"""

_HELPER = """\
# Written at every start of the demonstration.
state = {state}
tokens = {tokens}
ports = {ports}
dev = true
pinentry = {pinentry}
name = {name}

# Everybody in the demonstration shares this one helper.
[limits]
requests_per_minute = 600
"""

_ORIGIN = """
[[origins]]
origin = {origin}
may = {may}
"""


def survey_settings(origin: str, ports: Sequence[int], unique_id: str) -> str:
    head = _head(
        origin, "survey", SITE_NAME, (HOTLINE, SERVICE_HOURS), "CERTLOGIN_SITE_SECRET_KEYS, CERTLOGIN_CA_PASSPHRASE"
    )
    return head + _SURVEY + _anchor("demo", "ca", unique_id) + _TAIL.format(ports=list(ports))


def zcqd_settings(origin: str, ports: Sequence[int], unique_id: str) -> str:
    head = _head(origin, "zcqd", ZCQD_NAME, (ZCQD_HOTLINE, ZCQD_HOURS), "CERTLOGIN_SITE_SECRET_KEYS")
    anchors = _anchor("earlier years", "ca", unique_id) + _anchor("demo", "../ca", unique_id)
    return head + _ZCQD + anchors + _TAIL.format(ports=list(ports))


def _head(origin: str, label: str, name: str, telephone: tuple[str, str], secrets: str) -> str:
    return _HEAD.format(
        origin=_text(origin),
        label=_text(label),
        name=_text(name),
        hotline=_text(telephone[0]),
        hours=_text(telephone[1]),
        secrets=secrets,
    )


def _anchor(name: str, folder: str, unique_id: str) -> str:
    """One authority made by `certlogin ca init` in that folder."""
    return _ANCHOR.format(
        name=_text(name),
        root=_text(f"{folder}/root.pem"),
        issuing=_text(f"{folder}/issuing.pem"),
        root_list=_text(f"{folder}/root.crl"),
        issuing_list=_text(f"{folder}/issuing.crl"),
        unique_id=_text(unique_id),
    )


def helper_settings(
    origins: Mapping[str, Sequence[str]], ports: Sequence[int], state: str, tokens: str, pinentry: Sequence[str]
) -> str:
    """`origins`: what each site may do without asking. `pinentry`: the command to ask PINs with; none: what the helper
    finds on this machine.
    """
    command = f"[{', '.join(_text(word) for word in pinentry)}]" if pinentry else '""'
    return _HELPER.format(
        state=_text(state),
        tokens=_text(tokens),
        ports=list(ports),
        pinentry=command,
        name=_text(HELPER_NAME),
    ) + "".join(_ORIGIN.format(origin=_text(origin), may=json.dumps(list(may))) for origin, may in origins.items())


def _text(value: str) -> str:
    """A JSON string without escapes for Chinese is a TOML string too."""
    return json.dumps(value, ensure_ascii=False)

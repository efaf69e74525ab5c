"""The two settings files of the demonstration, as an administrator would write them."""

import json
from collections.abc import Sequence

SITE_NAME = "普查数据采集处理系统（演示）"
HELPER_NAME = "证书助手-演示版"
HOTLINE = "400-000-0000"
SERVICE_HOURS = "08:30-17:30"

_SITE = """\
# Written at every start of the demonstration. Secrets come from the environment:
# CERTLOGIN_SITE_SECRET_KEYS and CERTLOGIN_CA_PASSPHRASE.

[site]
origin = {origin}
mode = "development"
label = "survey"
name = {name}
hotline = {hotline}
service_hours = {hours}

[host]
auth_cookies = ["survey_session"]

[host.paths]
login = ["/survey/login"]
public = ["/survey/welcome", "/survey/captcha/", "/survey/static/", "/survey/downloads/"]

[[rules.require]]
name = "roster"
tag = "一套表"
stage = "enforce"

[[trust.anchors]]
name = "demo"
file = "ca/root.pem"
intermediates = ["ca/issuing.pem"]
crls = ["ca/root.crl", "ca/issuing.crl"]
unique_id = [{unique_id}]

[ca]
directory = "ca"

[helper]
ports = {ports}
builds = "builds.json"

[stores]
durable = "sqlite:///certlogin.db"
lock_file = "certlogin.lock"
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

[[origins]]
origin = {origin}
may = ["login", "certificates", "enroll"]
"""


def site_settings(origin: str, ports: Sequence[int], unique_id: str) -> str:
    return _SITE.format(
        origin=_text(origin),
        name=_text(SITE_NAME),
        hotline=_text(HOTLINE),
        hours=_text(SERVICE_HOURS),
        unique_id=_text(unique_id),
        ports=list(ports),
    )


def helper_settings(origin: str, ports: Sequence[int], state: str, tokens: str, pinentry: Sequence[str]) -> str:
    """`pinentry`: the command to ask PINs with; none: what the helper finds on this machine."""
    command = f"[{', '.join(_text(word) for word in pinentry)}]" if pinentry else '""'
    return _HELPER.format(
        state=_text(state),
        tokens=_text(tokens),
        ports=list(ports),
        pinentry=command,
        name=_text(HELPER_NAME),
        origin=_text(origin),
    )


def _text(value: str) -> str:
    """A JSON string without escapes for Chinese is a TOML string too."""
    return json.dumps(value, ensure_ascii=False)

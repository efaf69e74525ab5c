"""Every switch that makes a site less strict is said in one line, and nothing else is."""

from typing import Any, Final

import pytest

from certlogin.settings.relaxed import relaxed_switches
from tests.companions import allows
from tests.settings.good import ISSUING, SECRET, changed, read

STRICT: Final = changed("stores.lock_file", "certlogin.lock", ISSUING)
DEVELOPMENT: Final = {"mode": "development", "origin": "http://127.0.0.1:8000", "secret_keys": [SECRET]}
RULE: Final = {"name": "roster", "tag": "一套表"}


def said(data: dict[str, Any]) -> tuple[str, ...]:
    return relaxed_switches(read(data))


def test_nothing_is_said_of_a_strict_site() -> None:
    assert said(changed("rules.require", [RULE], STRICT)) == ()


@pytest.mark.parametrize(
    ("path", "value", "beginning"),
    [
        ("site", DEVELOPMENT, "[site] mode = 'development'"),
        ("trust.anchors.0.revocation", "off", "[[trust.anchors]] 'root' revocation = 'off'"),
        (
            "trust.anchors.0",
            {"name": "root", "file": "root.pem", "revocation": "prefer", "revocation_grace": 3600},
            "[[trust.anchors]] 'root' revocation = 'prefer': what was revoked since the last fresh answer is accepted "
            "for 3600 s",
        ),
        ("trust.anchors.0.strict", False, "[[trust.anchors]] 'root' strict = false"),
        ("rules.require", [{**RULE, "stage": "report"}], "[[rules.require]] 'roster' stage = 'report'"),
        ("rules.require", [{**RULE, "stage": "advise"}], "[[rules.require]] 'roster' stage = 'advise'"),
        (
            "trust.anchors.0",
            {"name": "root", "file": "root.pem", "formats": ["text", "native", "cms"], "relay_risk": "accepted"},
            "[[trust.anchors]] 'root' relay_risk = 'accepted': its certificates also log in by text, cms, which",
        ),
        ("stores.lock_file", "", "[stores] lock_file: not given"),
        ("revocation.allow_private", True, "[revocation] allow_private = true"),
        ("revocation.hosts", ["crl.example.cn"], "[revocation] directory: not given"),
    ],
)
def test_a_relaxed_switch_is_said(path: str, value: object, beginning: str) -> None:
    (line,) = said(changed(path, value, STRICT))
    assert line.startswith(beginning)


@allows
def test_s28_a_ca_inside_the_process_is_said() -> None:
    lines = said(changed("ca", {"directory": "ca"}, changed("site", DEVELOPMENT, STRICT)))
    assert [line.split(":")[0] for line in lines] == ["[site] mode = 'development'", "[ca] directory"]

"""`import certlogin` is cheap: a host that only names `password_verified` in a view pays for nothing else."""

import json
import subprocess
import sys

import pytest

import certlogin

HEAVY = (
    "jinja2",
    "sqlalchemy",
    "alembic",
    "requests",
    "OpenSSL",
    "cryptography",
    "asn1crypto",
    "anyio",
    "werkzeug",
    "flask",
    "django",
    "starlette",
    "fastapi",
)
#: What a host's views name.
LIGHT = ["password_verified", "logout", "Identity", "IDENTITY_KEY", "Unit", "UnitDirectory", "UnitId", "Refusal"]


def loaded_by(statement: str) -> list[str]:
    """Top-level modules in a fresh interpreter after `statement`."""
    script = f"{statement}\nimport json, sys\nprint(json.dumps(sorted({{name.split('.')[0] for name in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    found: list[str] = json.loads(done.stdout)
    return found


def heavy_after(statement: str) -> list[str]:
    return [name for name in loaded_by(statement) if name in HEAVY]


def test_importing_certlogin_loads_nothing_heavy() -> None:
    assert "certlogin" in loaded_by("import certlogin")
    assert heavy_after("import certlogin") == []


def test_the_names_of_a_hosts_views_load_nothing_heavy() -> None:
    assert heavy_after(f"from certlogin import {', '.join(LIGHT)}") == []


def test_the_composition_root_loads_what_it_needs_when_it_is_named() -> None:
    """So the tests above would see it."""
    assert {"cryptography", "OpenSSL", "sqlalchemy"} <= set(heavy_after("from certlogin import CertLogin"))


def test_a_web_framework_is_loaded_by_nobody_but_its_integration() -> None:
    frameworks = {"flask", "django", "starlette", "fastapi"}
    assert not frameworks & set(loaded_by("from certlogin import CertLogin"))


def test_every_public_name_is_there() -> None:
    assert list(certlogin.__all__) == sorted(certlogin.__all__, key=lambda name: (not name.isupper(), name))
    for name in certlogin.__all__:
        assert getattr(certlogin, name) is not None


def test_a_name_that_is_not_public_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="CertLogon"):
        certlogin.CertLogon  # noqa: B018

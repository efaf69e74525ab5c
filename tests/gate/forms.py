"""Proofs of the other forms as a page posts them, made by a vendor's helper and by the application of Web eID.

`text_of` is what the server must have built; the challenge's answer has it only where the form is offered.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from certlogin.login.challenge import Binding, Purpose
from certlogin.login.text import login_text
from certlogin.login.web_eid import nonce_of
from certlogin.wire.b64 import encode
from tests.factory import Issued, sign
from tests.factory_keys import algorithm_of
from tests.gate.browser import Browser
from tests.gate.world import ORIGIN, World
from tests.login import tokens
from tests.pki.cms_writer import Message

#: From the certificate and the server's answer to `challenge` to the message.
Make = Callable[..., dict[str, Any]]
ALL = ("cms", "native", "text", "web-eid")


def text_of(challenge: dict[str, Any], origin: str = ORIGIN, **changes: Any) -> bytes:
    facts: dict[str, Any] = {"unit": challenge["unit"], "purpose": Purpose.LOGIN} | changes
    binding = Binding(attempt="", formats=(), algorithms=(), origin=origin, epoch="", **facts)
    return login_text(binding, challenge["challenge"])


def by_text(issued: Issued, challenge: dict[str, Any], content: bytes | None = None) -> dict[str, Any]:
    signed = text_of(challenge) if content is None else content
    return {
        "format": "text",
        "challenge": challenge["challenge"],
        "algorithm": algorithm_of(issued.key),
        "signature": encode(sign(issued.key, signed)),
        "certificate": encode(issued.der),
        "chain": [],
    }


def by_cms(issued: Issued, challenge: dict[str, Any], content: bytes | None = None, **changes: Any) -> dict[str, Any]:
    signed = text_of(challenge) if content is None else content
    return {
        "format": "cms",
        "challenge": challenge["challenge"],
        "signature": encode(Message(issued, signed, **changes).der),
        "certificate": None,
        "chain": [],
    }


def by_web_eid(
    issued: Issued, challenge: dict[str, Any], origin: str = ORIGIN, nonce: str = "", **changes: Any
) -> dict[str, Any]:
    signed = nonce or nonce_of(challenge["challenge"])
    token = tokens.token(issued, nonce=signed, origin=origin, **changes)
    return {
        "format": "web-eid",
        "challenge": challenge["challenge"],
        "token": tokens.octets(token).decode(),
    }


MAKERS: dict[str, Make] = {"text": by_text, "cms": by_cms, "web-eid": by_web_eid}


def anchor(folder: Path, *formats: str, name: str = "root") -> dict[str, Any]:
    """What `[[trust.anchors]]` says of the test authority, with these formats allowed."""
    files = folder / "ca"
    table = {
        "name": name,
        "file": str(files / f"{name}.pem"),
        "intermediates": [str(files / "issuing.pem")] if name == "root" else [],
        "crls": [str(files / "root.crl"), str(files / "issuing.crl")],
    }
    return table | {"formats": list(formats), "relay_risk": "accepted"}


def at_the_chooser(world: World) -> tuple[Browser, Issued]:
    """A unit with a registered certificate, and its browser, asked to prove it."""
    issued = world.bind("U1")
    browser = Browser(world)
    browser.log_in("U1")
    return browser, issued

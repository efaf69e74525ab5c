"""A user of an example host with a browser, a helper and a memory for PINs."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demonstration.walking.assistant import Assistant, decode
from demonstration.walking.browser import Browser
from demonstration.walking.cookies import Jar
from demonstration.walking.page import Page
from demonstration.walking.steps import StepFailed, expect
from host_parts.captchas import Captchas


@dataclass(frozen=True, slots=True)
class Host:
    """What people know of a host."""

    origin: str
    #: Where its pages are.
    prefix: str
    #: By user name.
    passwords: Mapping[str, str]
    #: Those of the running host: it may have been started again.
    captchas: Callable[[], Captchas]


@dataclass(frozen=True, slots=True)
class Desk:
    """What stands on everybody's desk: a helper on one of these ports, a file from which PIN dialogs are answered."""

    ports: Sequence[int]
    answers: Path


class Person:
    """What somebody does on the pages; where a script would act, the same calls are made."""

    def __init__(self, host: Host, desk: Desk, language: str = "zh-CN", jar: Jar | None = None) -> None:
        self.browser = Browser(host.origin, language, jar)
        self.assistant = Assistant(host.origin, desk.ports)
        self._host = host
        self._answers = desk.answers

    @property
    def page(self) -> Page:
        if self.browser.page is None:
            raise StepFailed("no page is open")
        return self.browser.page

    def log_in(self, user: str, password: str | None = None, captcha: str | None = None) -> Page:
        """Fill in the login form. The captcha is read from the store in this process, never over HTTP."""
        prefix = self._host.prefix
        form = self.browser.get(f"{prefix}/login").form(f"{prefix}/login")
        picture = self.browser.fetch(f"{prefix}/captcha/{form.fields['captcha_id']}.png")
        expect(picture.body.startswith(b"\x89PNG"), "the captcha's picture")
        read = self._host.captchas().answer(form.fields["captcha_id"])
        given = self._host.passwords[user] if password is None else password
        return self.browser.submit(form, user=user, password=given, captcha=captcha or (read or "").lower())

    def will_type(self, *pins: str) -> None:
        """The PINs that will be typed next, one for each dialog."""
        self._answers.write_text("".join(f"pin {pin}\n" for pin in pins), encoding="utf-8")

    def api(self, name: str, **message: object) -> Page:
        """A call of the page's script: the page says where the API is and which attempt it belongs to."""
        data = self.page.body_data
        return self.browser.call(f"{data['prefix']}/api/{name}", {"attempt": data["attempt"], **message})

    def asked(self, name: str, **message: object) -> dict[str, Any]:
        answer = self.api(name, **message)
        if answer.status != 200:
            raise StepFailed(f"api/{name} answered {answer.status} {answer.body.decode()[:300]}")
        return answer.json()

    def report_helper(self) -> Page:
        """What the environment check does once the helper answers; goes where the server says."""
        hello = self.assistant.hello()
        facts = {name: hello[name] for name in ("version", "os", "arch")}
        return self.browser.get(self.asked("report", state="ready", **facts)["next"])

    def report_missing(self) -> dict[str, Any]:
        return self.asked("report", state="helper_not_running", version=None, os="", arch="")

    def download_certificate(self, serial: str, key_type: str, pin: str) -> bytes:
        """Key onto the token, request to the CA, certificate onto the token; goes where the server says."""
        self.assistant.pair("login")
        self.will_type(pin)
        challenge = self.asked("challenge", purpose="enrol")
        made = self.assistant.enroll(challenge, serial, key_type)
        issued = self.asked("enrol", request=made["request"])
        installed = self.assistant.install(made["key_id"], issued)
        certificate = decode(issued["certificate"])
        expect(installed["certificate_sha256"] == hashlib.sha256(certificate).hexdigest(), "the issued certificate")
        done = self.asked("enrol/installed", certificate_sha256=installed["certificate_sha256"])
        self.browser.get(done["next"])
        return certificate

    def choices(self) -> list[bytes]:
        """The certificates that the chooser shows."""
        self.assistant.pair("login")
        return [decode(row["certificate"]) for token in self.assistant.tokens() for row in token["certificates"]]

    def sign(self, certificate: bytes, *pins: str) -> dict[str, Any]:
        """The proof that the page would post. Raises HelperRefused."""
        self.will_type(*pins)
        proof = self.assistant.login(self.asked("challenge", purpose="login"), certificate)
        return {"format": "native", **{name: proof[name] for name in ("payload", "signature", "certificate", "chain")}}

    def prove(self, proof: Mapping[str, Any]) -> Page:
        """Post the proof and go on; the last page is the host's own answer to the login."""
        return self.browser.get(self.asked("proof", **proof)["next"])

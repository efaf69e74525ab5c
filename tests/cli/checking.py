"""Questions to `certlogin certificate check`: files of the test PKI, lines of a batch, and what comes back."""

import json
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from certlogin.cli.main import main
from tests.factory import NOW, PKI, Issued, make_pki

AT = NOW.isoformat()


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.out)
        return found

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass(frozen=True)
class Bench:
    """A directory with root, issuing CA and lists in it."""

    directory: Path
    capture: pytest.CaptureFixture[str]
    pki: PKI

    def put(self, name: str, content: bytes) -> str:
        path = self.directory / name
        path.write_bytes(content)
        return str(path)

    def check(self, file: str, *words: str, anchors: Iterable[str] = (), at: str = AT) -> Ran:
        """With the usual anchor, intermediate and lists, unless others are given."""
        usual = ["--anchors", *(anchors or [self.put("root.pem", self.pki.root.pem)])]
        usual += ["--intermediates", self.put("issuing.pem", self.pki.issuing.pem), "--at", at]
        lists = [self.put(f"{place}.crl", crl) for place, crl in enumerate(self.pki.crls())]
        return self.run(file, *usual, "--crl", *lists, *words)

    def run(self, *words: str) -> Ran:
        code = main(["certificate", "check", *words])
        return Ran(code, *self.capture.readouterr())

    def batch(self, *lines: bytes | dict[str, Any]) -> Ran:
        written = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
        return self.run("--batch", self.put("questions.jsonl", b"\n".join(written) + b"\n"))


def base64(*ders: bytes) -> list[str]:
    return [b64encode(der).decode() for der in ders]


def question(judged: Issued | bytes, pki: PKI | None = None, /, **changes: Any) -> dict[str, Any]:
    """One line; `changes` replace members, and None takes one away."""
    chosen = pki or make_pki()
    usual: dict[str, Any] = {
        "id": "q",
        "leaf": base64(judged.der if isinstance(judged, Issued) else judged)[0],
        "anchors": base64(chosen.root.der),
        "intermediates": base64(chosen.issuing.der),
        "crls": base64(*chosen.crls()),
        "at": AT,
    }
    return {name: value for name, value in (usual | changes).items() if value is not None}

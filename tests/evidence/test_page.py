"""What `docs/reference/evidence.md` says is so: its codes, its commands, and its format, read by its words alone."""

import argparse
import json
import re
from base64 import urlsafe_b64decode
from hashlib import sha256
from pathlib import Path
from typing import Any

from certlogin.cli import evidence
from certlogin.evidence.findings import NOTES, Code
from tests.evidence.made import checkpoint, operators_key, three

PAGE = (Path(__file__).parents[2] / "docs/reference/evidence.md").read_text(encoding="utf-8")


def test_it_has_every_code_and_says_which_are_notes() -> None:
    rows = dict(re.findall(r"^\| `([a-z_]+)` \| (.*) \|$", PAGE, re.MULTILINE))
    assert {code for code in rows if code in set(Code)} == set(Code)
    assert {code for code, meaning in rows.items() if meaning.startswith("Note: ")} == NOTES


def test_it_has_every_command() -> None:
    parser = argparse.ArgumentParser()
    evidence.register(parser.add_subparsers())
    commands = PAGE[PAGE.index("| --- |") : PAGE.index("## Findings")]
    told = re.findall(r"^\| `([a-z-]+)\b", commands, re.MULTILINE)
    assert sorted(told) == sorted(_actions(_actions(parser)["evidence"]))


def _actions(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    (group,) = [one for one in parser._actions if isinstance(one, argparse._SubParsersAction)]
    return dict(group.choices)


def _canonical(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def test_a_record_is_verified_by_its_words_alone() -> None:
    previous = "0" * 64
    for line in three():
        data = line.to_bytes()
        value = json.loads(data)
        assert _canonical(value) == data
        assert value["previous"] == previous
        assert value["commitment"] == sha256(b"CERTLOGIN-EVIDENCE-BODY-V1\0" + _canonical(value["body"])).hexdigest()
        hashed = {name: member for name, member in value.items() if name not in ("kind", "hash", "body")}
        previous = sha256(b"CERTLOGIN-EVIDENCE-V1\0" + _canonical(hashed)).hexdigest()
        assert value["hash"] == previous


def test_so_is_a_checkpoint() -> None:
    value = json.loads(checkpoint(three()).to_bytes())
    signature = value.pop("signature")
    octets = urlsafe_b64decode(signature + "=" * (-len(signature) % 4))
    operators_key().public_key().verify(octets, b"CERTLOGIN-EVIDENCE-CHECKPOINT-V1\0" + _canonical(value))
    assert value["head"] == three()[-1].hash

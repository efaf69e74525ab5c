"""Evidence made up for tests: agreements that keys of the test PKI have signed, chained, exported, anchored."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from hashlib import sha256
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ed25519

from certlogin.evidence.chain import Entry, Head, Line, append, line_of
from certlogin.evidence.checkpoint import Checkpoint, PrivateKey, sign_checkpoint
from certlogin.evidence.findings import Code, Report
from certlogin.evidence.record import Body, EvidenceRecord, RevocationSource
from certlogin.evidence.verify import verify
from certlogin.pki.path import Trust
from certlogin.pki.revocation import Settled
from certlogin.pki.signature import Algorithm
from certlogin.records.unit import UnitId
from certlogin.wire.json import JsonObject, JsonValue, write_object
from certlogin.wire.payload import Purpose, signed_bytes
from tests.factory import DAY, NOW, Issued, make_pki, sign
from tests.factory_keys import algorithm_of

TEXT: Final = "升级协议 第 1 版\n旧证书在新证书启用前继续有效。\n收件人：王曙光 13800000000\n"
UNIT: Final = UnitId("U1")


@cache
def leaf(key_type: str = "P-256", name: str = "leaf", pki: str = "") -> Issued:
    return make_pki(label=pki).issuing.issue(key_type=key_type, key_name=name)


def trust() -> Trust:
    """The root as the only thing that is known."""
    return make_pki().trust(intermediates_der=(), crls_der=(), revocation="off")


@dataclass(frozen=True)
class Signed:
    record: EvidenceRecord
    body: Body


def payload(text: str, form: str, by: Issued, **changes: JsonValue) -> JsonObject:
    usual: JsonObject = {
        "v": 1, "purpose": "agree", "origin": "https://survey.example", "unit": UNIT, "nonce": "nonce",
        "iat": int(NOW.timestamp()), "cert_sha256": sha256(by.der).hexdigest(), "alg": algorithm_of(by.key),
        "sid": "sid", "helper": "1.5.1.0", "uv": "pin", "text_version": "1",
        "text_sha256": sha256(text.encode()).hexdigest(),
    }  # fmt: skip
    if form:
        usual["form_sha256"] = sha256(form.encode()).hexdigest()
    if changes.get("purpose") == "upgrade":
        # An upgrade names the new key instead of a version.
        del usual["text_version"]
        usual["new_spki_sha256"] = "ab" * 32
    return {**usual, **changes}


def signed(
    text: str = TEXT,
    form: str = "",
    *,
    by: Issued | None = None,
    at: datetime = NOW,
    purpose: Purpose = Purpose.AGREE,
    salt: bytes = b"s" * 32,
    says: JsonObject | None = None,
) -> Signed:
    """`says`: other members of the payload than fit."""
    by = by or leaf()
    octets = write_object(payload(text, form, by, **{"purpose": purpose.value, **(says or {})}))
    body = Body(salt, text, form)
    source = RevocationSource(sha256(by.der).hexdigest(), "crl", 2**150, NOW - DAY, NOW + 6 * DAY, "ab" * 32)
    record = EvidenceRecord(
        at=at,
        unit_id=UNIT,
        purpose=purpose,
        text_version="1",
        payload=octets,
        signature=sign(by.key, signed_bytes(octets, purpose)),
        algorithm=Algorithm(algorithm_of(by.key)),
        certificate=by.der,
        chain=(make_pki().issuing.der,),
        settled=Settled.CRL,
        sources=(source, replace(source, kind="ocsp", number=None, sha256="")),
        commitment=body.commitment,
    )
    return Signed(record, body)


def chained(agreements: Iterable[Signed]) -> list[Line]:
    head, lines = Head(), []
    for one in agreements:
        entry = append(head, one.record)
        lines.append(line_of(entry, one.body))
        head = entry.head
    return lines


@cache
def _three() -> tuple[Line, ...]:
    return tuple(chained(signed(f"{TEXT}{number}\n", salt=bytes([number]) * 32) for number in (1, 2, 3)))


def three() -> list[Line]:
    """A chain of three, signed once per process."""
    return list(_three())


def rewritten(lines: Iterable[Line]) -> list[Line]:
    """What an attacker makes of them who can write everything: numbered, linked and hashed anew."""
    return chained(Signed(line.entry.record, line.body) for line in lines if line.body is not None)


def with_record(line: Line, **changes: object) -> Line:
    """The record changed; the hash that the export names left as it was."""
    return replace(line, entry=replace(line.entry, record=replace(line.entry.record, **changes)))  # type: ignore[arg-type]


def entries(lines: Iterable[Line]) -> list[Entry]:
    return [line.entry for line in lines]


@cache
def operators_key() -> ed25519.Ed25519PrivateKey:
    return ed25519.Ed25519PrivateKey.generate()


def checkpoint(lines: Sequence[Line], key: PrivateKey | None = None, at: datetime = NOW) -> Checkpoint:
    return sign_checkpoint(lines[-1].entry.head if lines else Head(), at, key or operators_key())


def report(lines: Iterable[Line], checkpoints: Iterable[Checkpoint] = (), *, keys: bool = False) -> Report:
    """As an export is read; `keys`: the operator's public key is given."""
    data = [*(line.to_bytes() for line in lines), *(one.to_bytes() for one in checkpoints)]
    return verify(data, trust(), [operators_key().public_key()] if keys else [])


def codes(found: Report) -> list[Code]:
    return [finding.code for finding in found.findings]

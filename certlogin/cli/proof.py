"""`certlogin proof check --batch`: the verdict over proofs in a file, judged as by a login: what was signed, by whom.

What only a site knows is not asked: whether a challenge is its own and fresh, which forms an issuer allows, whose the
certificate is. The signature is judged before path and revocation.
"""

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from certlogin.cli import batch
from certlogin.cli.verdicts import Question, Verdict, judge
from certlogin.flows.trust import open_sm2
from certlogin.login.forms import OpenedProof, open_message, open_text, open_token, read_message
from certlogin.login.proof import AlgorithmNotAllowed, OriginMismatch, ProofForeign
from certlogin.login.web_eid import read_token
from certlogin.pki.certificate import UnverifiedCertificate, read_certificate
from certlogin.pki.jwa import JWA
from certlogin.pki.path import Trust
from certlogin.pki.revocation import Mode
from certlogin.pki.signature import Algorithm, verify_signature
from certlogin.pki.sm2 import SM2
from certlogin.records.proof import ProofFormat
from certlogin.settings.trust import SM2Settings
from certlogin.wire.payload import Purpose, SignedPayload, signed_bytes

#: How a proof is opened once its line was read. Raises refusals.
_Open = Callable[[], OpenedProof]


def register(subcommands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    group = subcommands.add_parser("proof", help="judge what was signed for a login", allow_abbrev=False)
    actions = group.add_subparsers(title="actions", metavar="ACTION", required=True)
    check = actions.add_parser("check", help="whether a proof is good", allow_abbrev=False)
    check.add_argument(
        "--batch", required=True, metavar="FILE", help="one JSON object a line; one line of JSON answers each"
    )
    check.set_defaults(run=run_check)


def run_check(arguments: argparse.Namespace) -> int:
    """0 once every line has its answer, whatever it is. Raises OSError: the file cannot be read."""
    sm2, now = open_sm2(SM2Settings()), datetime.now(UTC)
    for line in batch.answers(Path(arguments.batch), lambda members: verdict_of(members, now, sm2)):
        print(line, flush=True)
    return 0


def verdict_of(members: Mapping[str, Any], now: datetime, sm2: SM2 | None) -> Verdict:
    """Of one line. Members that are not known are notes of whoever wrote it. Raises batch.Unreadable."""
    form = batch.one_of(members, "format", ProofFormat, None)
    if form is None:
        raise batch.Unreadable("format: must be text")
    question, opening = _question(members, now), _READERS[form](members)

    def opened(trust: Trust) -> tuple[UnverifiedCertificate, Sequence[UnverifiedCertificate]]:
        proof = opening()
        proof.verify(trust, question.at)
        return proof.leaf, proof.chain

    return judge(question, sm2, opened)


def _question(members: Mapping[str, Any], now: datetime) -> Question:
    return Question(
        leaf=b"",
        anchors=batch.list_of_octets(members, "anchors"),
        at=batch.moment(members, "at", now),
        intermediates=batch.list_of_octets(members, "intermediates"),
        crls=batch.list_of_octets(members, "crls"),
        ocsp=batch.list_of_octets(members, "ocsp"),
        revocation=batch.one_of(members, "revocation", Mode, Mode.REQUIRE),
        forbidden_policies=batch.list_of_identifiers(members, "forbidden_policies"),
    )


def _read_native(members: Mapping[str, Any]) -> _Open:
    """`signed` is the payload, with or without the prefix that stands before it when it is signed."""
    certificate, signature = batch.octets(members, "certificate"), batch.octets(members, "signature")
    payload = batch.octets(members, "signed").removeprefix(signed_bytes(b"", Purpose.LOGIN))
    wanted = {name: batch.text(members, name) for name in ("origin", "nonce") if members.get(name) is not None}
    named = _named(members)

    def opening() -> OpenedProof:
        facts = SignedPayload.from_bytes(payload)
        _check_named(named, facts.alg)
        algorithm = _algorithm(facts.alg)
        if not isinstance(algorithm, Algorithm):
            raise AlgorithmNotAllowed(facts.alg)
        _compare(facts, certificate, wanted)
        leaf = read_certificate(certificate)

        def verify(trust: Trust, _: datetime) -> None:
            verify_signature(leaf, algorithm, signed_bytes(payload, facts.purpose), signature, trust.sm2)

        return OpenedProof(leaf, (), verify)

    return opening


def _compare(facts: SignedPayload, certificate: bytes, wanted: Mapping[str, str]) -> None:
    """As a login does, with what the line says of it."""
    if facts.origin != wanted.get("origin", facts.origin):
        raise OriginMismatch(facts.origin)
    if facts.nonce != wanted.get("nonce", facts.nonce):
        raise ProofForeign("nonce")
    if facts.purpose is not Purpose.LOGIN:
        raise ProofForeign("purpose")
    if facts.cert_sha256 != sha256(certificate).hexdigest():
        raise ProofForeign("cert_sha256")


def _read_text(members: Mapping[str, Any]) -> _Open:
    certificate, signature = batch.octets(members, "certificate"), batch.octets(members, "signature")
    signed, name = batch.octets(members, "signed"), batch.text(members, "algorithm")
    return lambda: open_text(certificate, (), _algorithm(name), signed, signature)


def _read_cms(members: Mapping[str, Any]) -> _Open:
    certificate = None if members.get("certificate") is None else batch.octets(members, "certificate")
    signature, content, named = batch.octets(members, "signature"), batch.octets(members, "signed"), _named(members)

    def opening() -> OpenedProof:
        message = read_message(signature, certificate)
        _check_named(named, message.scheme.name)
        return open_message(message, (), content)

    return opening


def _read_web_eid(members: Mapping[str, Any]) -> _Open:
    data, named = _token(members.get("token")), _named(members)
    origin, nonce = batch.text(members, "origin"), batch.text(members, "nonce")

    def opening() -> OpenedProof:
        token = read_token(data)
        _check_named(named, token.algorithm)
        return open_token(token, origin, nonce)

    return opening


def _token(value: object) -> bytes:
    """As an object, or as the text of one."""
    if isinstance(value, dict):
        try:
            return json.dumps(value).encode()
        except RecursionError:
            raise batch.Unreadable("token: is nested too deeply") from None
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    raise batch.Unreadable("token: must be an object or its text")


def _named(members: Mapping[str, Any]) -> str | None:
    """Where the proof itself says the algorithm, the line may say which one it must be."""
    return None if members.get("algorithm") is None else batch.text(members, "algorithm")


def _check_named(named: str | None, found: str) -> None:
    if named not in (None, found):
        raise AlgorithmNotAllowed(found)


def _algorithm(name: str) -> Algorithm | JWA:
    for kind in (Algorithm, JWA):
        if name in set(kind):
            return kind(name)
    raise AlgorithmNotAllowed(name)


_READERS: Final[Mapping[ProofFormat, Callable[[Mapping[str, Any]], _Open]]] = {
    ProofFormat.NATIVE: _read_native,
    ProofFormat.TEXT: _read_text,
    ProofFormat.CMS: _read_cms,
    ProofFormat.WEB_EID: _read_web_eid,
}

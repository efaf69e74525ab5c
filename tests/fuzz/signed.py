"""What our own keys have signed, and what others have: nothing that was changed is ever accepted."""

import json
from dataclasses import replace
from datetime import timedelta

from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from certlogin.login.attempt import AttemptCookie, open_response, seal_response
from certlogin.login.challenge import Binding, Purpose, check_challenge, issue_challenge
from certlogin.login.keys import Keyring, Use
from certlogin.login.other_proofs import accept_other_proof, check_other_proof, open_other_proof
from certlogin.login.proof import UnverifiedProof, accept_proof, check_proof
from certlogin.login.seal import seal, unseal
from certlogin.login.ticket import Ticket, mint, read
from certlogin.login.web_eid import read_token, verify_token
from certlogin.pki.certificate import read_certificate
from certlogin.pki.jwa import JWA
from certlogin.pki.signature import Algorithm, verify_signature
from certlogin.pki.vendor import verify_vendor_signature
from certlogin.records.attempt import HeldResponse
from certlogin.records.identity import Method
from certlogin.records.unit import UnitId
from certlogin.settings.loader import settings_from_mapping
from certlogin.web.api import unverified_of
from certlogin.web.cookies import scan
from certlogin.web.guard import Guard
from certlogin.web.http import Request
from certlogin.web.paths import Kind
from certlogin.wire.b64 import encode
from certlogin.wire.browser import open_envelope, read_envelope
from tests import factory
from tests.factory_keys import sign, sign_der, sm2
from tests.fuzz.target import Target, only
from tests.login import others, signing, tokens
from tests.settings.good import SMALLEST

_SETTINGS = settings_from_mapping(SMALLEST, {})
_RING = Keyring.from_settings(_SETTINGS.site.secret_keys)
_NOW = factory.NOW
_IDLE = timedelta(minutes=30)
_TICKET = Ticket(
    "AAAAAAAAAAAAAAAAAAAAAA", UnitId("U1"), Method.PASSWORD, None, _NOW, _NOW, _NOW + timedelta(hours=8), "rules"
)
_TICKET_TEXT = mint(_TICKET, _RING.keys(Use.TICKET))
_SEALED = seal("abc", "session", _TICKET.id, _RING.keys(Use.SEAL))
_COOKIE = AttemptCookie.from_random(bytes(range(48)))
_COOKIE_TEXT = _COOKIE.to_text(_RING.keys(Use.ATTEMPT))
_BINDING = Binding("a" * 64, "U1", Purpose.LOGIN, ("native",), ("ES256", "RS256"), "https://survey.example", "epoch")
_CHALLENGE = issue_challenge(_BINDING, bytes(32), _NOW, _RING.keys(Use.CHALLENGE))
_HELD = seal_response(HeldResponse(303, (("Location", "/home"),), b"body"), _COOKIE, bytes(12))

_GUARD = Guard(_SETTINGS, _RING, lambda: _NOW)


def _read_ticket(text: str) -> Ticket:
    return read(text, _RING.keys(Use.TICKET), _IDLE, _NOW)


def _read_cookies(data: bytes) -> None:
    """A request is admitted by the one ticket only, and the host sees no session but the one sealed to it (S1, S2)."""
    header = data.decode("latin-1")
    passed = _GUARD.check(Request("GET", "", "/home", None, "", "", {"cookie": header}.get), Kind.PROTECTED)
    assert f"={_TICKET_TEXT}" in header.replace(" ", "").replace("\t", "")
    for piece in scan(passed.cookie or ""):
        assert piece.name != _GUARD.ticket_cookie
        assert "session" not in piece.text() or (piece.name, piece.value) == ("session", "abc")


def _read_response(data: bytes) -> None:
    open_response(data, _COOKIE)
    assert data == _HELD, "accepted a changed response"


_PROOF = signing.sign_proof()
_TRUST = factory.make_pki().trust()


def _message() -> bytes:
    members = {"payload": _PROOF.payload, "signature": _PROOF.signature, "certificate": _PROOF.certificate}
    chain = [encode(factory.make_pki().issuing.der)]
    texts = {name: encode(value) for name, value in members.items()}
    return json.dumps({"attempt": "A" * 16, "format": "native", **texts, "chain": chain}).encode()


def _read_proof(data: bytes) -> None:
    """From the browser's message to the accepted proof, as a login goes; only the nonce's store is left out."""
    proof = unverified_of(open_envelope(read_envelope(data)))
    if isinstance(proof, UnverifiedProof):
        accept_proof(check_proof(proof, signing.EXPECTED, _NOW, signing.KEYS), _TRUST, _NOW)
        assert replace(proof, chain=_PROOF.chain) == _PROOF, "accepted a changed proof"
        return
    other = check_other_proof(proof, others.EXPECTED, _NOW, signing.KEYS)
    accept_other_proof(open_other_proof(other), other, _TRUST, _NOW)
    assert others.says_the_same(proof), "accepted a changed proof"


_KEYS = {Algorithm.RS256: "RSA-2048", Algorithm.PS256: "RSA-2048", Algorithm.ES256: "P-256", Algorithm.ES384: "P-384",
         Algorithm.SM2: "SM2"}  # fmt: skip


def _signature(algorithm: Algorithm) -> Target:
    issued = factory.make_pki().issuing.issue(key_type=_KEYS[algorithm])
    leaf = read_certificate(issued.der)
    signature = sign(issued.key, b"signed", algorithm)

    def verify(data: bytes) -> None:
        verify_signature(leaf, algorithm, b"signed", data, sm2())
        assert data == signature, "accepted a changed signature"

    return Target(f"signature.{algorithm}", verify, (signature,))


_VENDORS: tuple[tuple[str, Algorithm | JWA], ...] = (("SM2", Algorithm.SM2), ("P-521", JWA.ES512))


def _vendor_signature(key_type: str, algorithm: Algorithm | JWA) -> Target:
    """Of a text: r || s and DER are two texts of one signature, and there is no third."""
    issued = factory.make_pki().issuing.issue(key_type=key_type)
    leaf = read_certificate(issued.der)
    digest = () if algorithm is Algorithm.SM2 else (JWA(algorithm).hash,)
    der = sign_der(issued.key, b"signed", *digest)
    size = 66 if algorithm is JWA.ES512 else 32
    r, s = decode_dss_signature(der)
    fixed = r.to_bytes(size, "big") + s.to_bytes(size, "big")

    def verify(data: bytes) -> None:
        verify_vendor_signature(leaf, algorithm, b"signed", data, sm2())
        assert data in (der, fixed), "accepted a changed signature"

    return Target(f"vendor signature.{algorithm}", verify, (der, fixed))


_CARD = tokens.octets(tokens.token(signers=[tokens.signing_card()]))


def _read_token(data: bytes) -> None:
    """Whatever of a token is read, the card signed our origin and nonce."""
    token = read_token(data)
    verify_token(token, read_certificate(token.certificate), tokens.ORIGIN, tokens.NONCE)
    assert token.signature == read_token(_CARD).signature, "accepted a changed signature"


SIGNED = (
    Target("ticket", only(_read_ticket, _TICKET_TEXT), (_TICKET_TEXT.encode(),)),
    Target("seal", only(lambda text: unseal(text, "session", _TICKET.id, _RING.keys(Use.SEAL)), _SEALED),
           (_SEALED.encode(),)),
    Target("attempt cookie", only(lambda text: AttemptCookie.from_text(text, _RING.keys(Use.ATTEMPT)), _COOKIE_TEXT),
           (_COOKIE_TEXT.encode(),)),
    Target("challenge", only(
        lambda text: check_challenge(text, _BINDING, timedelta(seconds=120), _NOW, _RING.keys(Use.CHALLENGE)),
        _CHALLENGE), (_CHALLENGE.encode(),)),
    Target("cookies", _read_cookies, (f"{_GUARD.ticket_cookie}={_TICKET_TEXT}; session={_SEALED}; a=b".encode(),)),
    Target("proof", _read_proof, (_message(), *others.messages())),
    Target("web eid token", _read_token, (_CARD,)),
    *(_vendor_signature(*one) for one in _VENDORS),
    Target("held response", _read_response, (_HELD,)),
    *(_signature(algorithm) for algorithm in Algorithm),
)  # fmt: skip

"""What the keys of the user are used for: a login, an agreement, a certificate request, and its certificate.

The page chooses none of the bytes that are signed: payload and request are built here (1). A PIN comes from a window of
this helper, lives in one bytearray and is overwritten when the try is over (10).
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256

from certlogin.errors import Refusal
from certlogin.helper.caller import Caller
from certlogin.helper.config import Act
from certlogin.helper.origins import Grant, granted
from certlogin.helper.pairing import Pairing
from certlogin.helper.prompts import Prompt, Prompts
from certlogin.helper.refusals import NoCertificate, NoToken, PinLocked
from certlogin.helper.showing import Held, Showing, about, held_keys
from certlogin.helper.surroundings import Surroundings
from certlogin.helper.texts import Matter, Texts
from certlogin.helper.tokens.base import KeyInfo, KeyKind, OpenToken, PinNeeded, Token
from certlogin.pki.certificate import read_certificate
from certlogin.version import __version__
from certlogin.wire.agreement import AgreementPayload, AgreeRequest
from certlogin.wire.bad_request import BadRequest
from certlogin.wire.helper import (
    EnrollAnswer,
    EnrollRequest,
    InstallAnswer,
    InstallRequest,
    LoginAnswer,
    LoginRequest,
)
from certlogin.wire.payload import Purpose, SignedPayload


@dataclass(frozen=True, slots=True)
class KeyWork:
    showing: Showing
    prompts: Prompts
    texts: Texts
    grants: Sequence[Grant]
    surroundings: Surroundings

    def login(self, caller: Caller, pairing: Pairing, request: LoginRequest) -> LoginAnswer:
        """Raises NoToken, NoCertificate, SM2Unavailable, PinWrong, PinLocked, UserCancelled, Busy, Expired, …"""
        held = self._held(caller, pairing, request.certificate_sha256)
        algorithm = choose_algorithm(held, request.algorithms)
        matter = Matter(caller.origin, request.purpose, request.unit, request.unit_name)
        with self._unlocked(caller, about(matter, held.token, held.key), held.token) as opened:
            payload = self._payload(caller, request, held, algorithm)
            signature = opened.sign_payload(held.key.key_id, payload)
        return _answer(held, payload, signature)

    def agree(self, caller: Caller, pairing: Pairing, request: AgreeRequest) -> LoginAnswer:
        """As `login`, once the whole text was shown to its end. Raises NoTextDialog, too."""
        held = self._held(caller, pairing, request.certificate_sha256)
        algorithm = choose_algorithm(held, request.algorithms)
        matter = Matter(caller.origin, Purpose.AGREE, request.unit, request.unit_name, version=request.text_version)
        matter = about(matter, held.token, held.key)

        def first(prompt: Prompt) -> None:
            if Act.AGREE not in granted(caller.origin, self.grants):
                prompt.agree(self.texts.agree(matter))
            prompt.read(self.texts.agreement(matter, request.text))

        with self._unlocked(caller, matter, held.token, first) as opened:
            payload = self._agreement(caller, request, held, algorithm)
            signature = opened.sign_payload(held.key.key_id, payload)
        return _answer(held, payload, signature)

    def enroll(self, caller: Caller, _: Pairing, request: EnrollRequest) -> EnrollAnswer:
        """Raises NoToken, BadRequest (a kind of key it cannot make), PinWrong, PinLocked, UserCancelled, Busy, …"""
        token = next((token for token in self.showing.tokens() if token.serial == request.token_serial), None)
        if token is None:
            raise NoToken
        kind = next((kind for kind in token.key_kinds if kind == request.key_type), None)
        if kind is None:
            raise BadRequest("not_allowed", "key_type")
        matter = about(Matter(caller.origin, "enroll_purpose", request.unit, request.unit_name), token, None)

        def first(prompt: Prompt) -> None:
            if Act.ENROLL not in granted(caller.origin, self.grants):
                prompt.agree(self.texts.enroll(matter))

        with self._unlocked(caller, matter, token, first) as opened:
            key_id = self._waiting(caller, request, token, kind) or opened.generate(kind, caller.origin, request.unit)
            return EnrollAnswer(opened.request(key_id, request.nonce), key_id)

    def install(self, caller: Caller, _: Pairing, request: InstallRequest) -> InstallAnswer:
        """Raises NoCertificate unless a key of this origin waits for exactly this certificate, BadRequest.

        Some cards ask for the PIN before they take it: then as `login`.
        """
        found = next((held for held in self._own(caller) if held.key.key_id == request.key_id), None)
        if found is None:
            raise NoCertificate
        digest = sha256(request.certificate).hexdigest()
        caller.certificate_sha256 = digest
        # The page did not get our answer and asks again.
        if found.key.certificate == request.certificate:
            return InstallAnswer(digest)
        check_fits(request, found.key)
        try:
            found.token.install(request.key_id, request.certificate, request.chain)
        except PinNeeded:
            matter = about(Matter(caller.origin, "enroll_purpose", found.key.unit), found.token, None)
            with self._unlocked(caller, matter, found.token) as opened:
                opened.install(request.key_id, request.certificate, request.chain)
        return InstallAnswer(digest)

    def _payload(self, caller: Caller, request: LoginRequest, held: Held, algorithm: str) -> SignedPayload:
        """Everything that the server must be able to rely on is filled in here and not by the page (2)."""
        return SignedPayload(
            purpose=request.purpose,
            origin=caller.origin.text,
            unit=request.unit,
            nonce=request.nonce,
            iat=int(self.surroundings.wall().timestamp()),
            cert_sha256=held.sha256,
            alg=algorithm,
            sid=request.sid,
            helper=__version__,
        )

    def _agreement(self, caller: Caller, request: AgreeRequest, held: Held, algorithm: str) -> AgreementPayload:
        """As `_payload`; the hash is that of the very text that was shown."""
        return AgreementPayload(
            origin=caller.origin.text,
            unit=request.unit,
            nonce=request.nonce,
            iat=int(self.surroundings.wall().timestamp()),
            cert_sha256=held.sha256,
            alg=algorithm,
            sid=request.sid,
            helper=__version__,
            text_sha256=sha256(request.text.encode("utf-8")).hexdigest(),
            text_version=request.text_version,
        )

    def _held(self, caller: Caller, pairing: Pairing, certificate_sha256: str) -> Held:
        held = self.showing.find(caller, pairing, certificate_sha256)
        caller.certificate_sha256 = held.sha256
        return held

    def _own(self, caller: Caller) -> list[Held]:
        return [held for held in held_keys(self.showing.tokens()) if held.key.origin == caller.origin.text]

    def _waiting(self, caller: Caller, request: EnrollRequest, token: Token, kind: KeyKind) -> str | None:
        """The key of an enrolment that broke off before its certificate came."""
        for held in self._own(caller):
            key = held.key
            if key.pending and (held.token.serial, key.unit, key.kind) == (token.serial, request.unit, kind):
                return key.key_id
        return None

    @contextmanager
    def _unlocked(
        self, caller: Caller, matter: Matter, token: Token, first: Callable[[Prompt], None] = lambda _: None
    ) -> Iterator[OpenToken]:
        """All windows of one use of a key: those of `first`, the warning before the last try, the PIN."""
        if token.state().locked:
            raise PinLocked
        with self.prompts.open(caller.origin, caller.gone) as prompt:
            first(prompt)
            opened = self._try_pin(prompt, matter, token)
            try:
                # The page may have withdrawn it while the PIN was being tried: then nothing is signed.
                prompt.check()
                yield opened
            finally:
                opened.close()

    def _try_pin(self, prompt: Prompt, matter: Matter, token: Token) -> OpenToken:
        if matter.tries_left == 1:
            prompt.agree(self.texts.last_try(matter))
        pin = prompt.pin(self.texts.pin(matter))
        try:
            return token.unlock(pin)
        finally:
            pin[:] = bytes(len(pin))


def _answer(held: Held, payload: SignedPayload, signature: bytes) -> LoginAnswer:
    if held.key.certificate is None:
        raise NoCertificate
    tries_left = held.token.state().tries_left
    return LoginAnswer(payload.to_bytes(), signature, held.key.certificate, held.key.chain, tries_left)


def choose_algorithm(held: Held, offered: Sequence[str]) -> str:
    """What the key prefers of what the server offers (14). Raises NoCertificate, SM2Unavailable."""
    # Asked first: where the server has no use for the key, why this machine has none does not matter.
    if not set(held.key.kind.algorithms) & set(offered):
        raise NoCertificate
    chosen = next((name for name in held.token.algorithms(held.key.kind) if name in offered), None)
    if chosen is None:
        raise NoCertificate
    return chosen


def check_fits(request: InstallRequest, key: KeyInfo) -> None:
    """Raises BadRequest unless these are certificates and the first one is for that key (15)."""
    for member, der in (("certificate", request.certificate), *(("chain", der) for der in request.chain)):
        try:
            found = read_certificate(der)
        except Refusal:
            raise BadRequest("not_a_certificate", member) from None
        if member == "certificate" and found.spki_sha256 != sha256(key.public_key).hexdigest():
            raise BadRequest("wrong_key", member)

"""Which tokens and certificates an origin may see (17)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from cryptography.x509.oid import NameOID

from certlogin.errors import Refusal
from certlogin.helper.caller import Caller
from certlogin.helper.config import Act
from certlogin.helper.origins import Grant, Origin, granted
from certlogin.helper.pairing import Installation, Mode, Pairing
from certlogin.helper.pin.base import Choice
from certlogin.helper.prompts import Prompt, Prompts
from certlogin.helper.refusals import NoCertificate, NoToken, TokenRemoved, UserCancelled
from certlogin.helper.signing import sign_helper_proof
from certlogin.helper.texts import Matter, Texts
from certlogin.helper.tokens.base import KeyInfo, Token
from certlogin.pki.certificate import read_certificate
from certlogin.wire.helper import CertificatesAnswer, CertificatesRequest, HeldCertificate, TokenReport
from certlogin.wire.payload import Purpose

#: The tokens that are plugged in now.
Tokens = Callable[[], Sequence[Token]]


@dataclass(frozen=True, slots=True)
class Held:
    """A key and the token it is on."""

    token: Token
    key: KeyInfo

    @property
    def sha256(self) -> str:
        """Of the certificate; empty when it still waits for it."""
        return "" if self.key.certificate is None else sha256(self.key.certificate).hexdigest()


@dataclass(frozen=True, slots=True)
class Showing:
    tokens: Tokens
    installation: Installation
    prompts: Prompts
    texts: Texts
    grants: Sequence[Grant]

    def certificates(self, caller: Caller, pairing: Pairing, request: CertificatesRequest) -> CertificatesAnswer:
        """Raises UserCancelled, Busy, Expired, NoPinDialog."""
        key = self.installation.key_of(caller.origin)
        if self.sees_all(caller.origin, pairing):
            reports = self._reports(caller.origin, lambda _: True)
        else:
            reports = self._picked(caller, pairing)
        return CertificatesAnswer(sign_helper_proof(key, caller.origin, request.challenge), reports)

    def sees_all(self, origin: Origin, pairing: Pairing) -> bool:
        return pairing.mode is Mode.ALWAYS or Act.CERTIFICATES in granted(origin, self.grants)

    def find(self, caller: Caller, pairing: Pairing, certificate_sha256: str) -> Held:
        """Raises NoToken (there is none at all), NoCertificate (also when it was not shown to this origin)."""
        held = held_keys(self.tokens())
        found = next((one for one in held if one.sha256 == certificate_sha256), None)
        if found is None or not self._knows(caller.origin, pairing, found):
            raise NoCertificate if self.tokens() else NoToken
        return found

    def _knows(self, origin: Origin, pairing: Pairing, held: Held) -> bool:
        # Else a site could find out by trying which of the certificates it knows of are here.
        mine = held.key.origin == origin.text
        return mine or held.sha256 in pairing.shown or self.sees_all(origin, pairing)

    def _picked(self, caller: Caller, pairing: Pairing) -> tuple[TokenReport, ...]:
        """Only the certificate the user picks, with its token; or all tokens without their certificates."""
        choices = [held for held in held_keys(self.tokens()) if not held.key.pending]
        chosen = self._pick(caller, choices) if choices else None
        if chosen is None:
            return self._reports(caller.origin, lambda _: False)
        pairing.shown.add(chosen.sha256)
        caller.certificate_sha256 = chosen.sha256
        reports = self._reports(caller.origin, lambda key: key == chosen.key)
        return tuple(report for report in reports if report.serial == chosen.token.serial)

    def _pick(self, caller: Caller, choices: Sequence[Held]) -> Held | None:
        with self.prompts.open(caller.origin, caller.gone) as prompt:
            for number, held in enumerate(choices, start=1):
                if self._wants(prompt, caller.origin, held, last=number == len(choices)):
                    return held
        return None

    def _wants(self, prompt: Prompt, origin: Origin, held: Held, *, last: bool) -> bool:
        matter = about(Matter(origin, Purpose.LOGIN), held.token, held.key)
        choice = prompt.confirm(self.texts.pick(matter, last=last))
        if choice is Choice.CANCEL:
            raise UserCancelled
        return choice is Choice.OK

    def _reports(self, origin: Origin, visible: Callable[[KeyInfo], bool]) -> tuple[TokenReport, ...]:
        found = []
        for token in self.tokens():
            try:
                found.append(_report(token, origin, visible))
            except TokenRemoved:
                continue
        return tuple(found)


def held_keys(tokens: Sequence[Token]) -> list[Held]:
    """Every key of every token that is still there."""
    found: list[Held] = []
    for token in tokens:
        try:
            found += [Held(token, key) for key in token.keys()]
        except TokenRemoved:
            continue
    return found


def about(matter: Matter, token: Token, key: KeyInfo | None) -> Matter:
    """The matter with what a window says of a token and of the certificate on it."""
    subject = "" if key is None or key.certificate is None else name_in(key.certificate)
    tries_left = token.state().tries_left
    return replace(matter, label=token.label, serial=token.serial, subject=subject, tries_left=tries_left)


def name_in(certificate: bytes) -> str:
    """The subject's common name, or its organisation; empty when it cannot be read: it is shown, never judged."""
    try:
        subject = read_certificate(certificate).x509.subject
        names = subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        names = names or subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    except (Refusal, ValueError):
        return ""
    return str(names[0].value) if names else ""


def _report(token: Token, origin: Origin, visible: Callable[[KeyInfo], bool]) -> TokenReport:
    state = token.state()
    keys = token.keys()
    waiting = [key.kind for key in keys if key.pending and key.origin == origin.text]
    # The kind of a key that waits stands first: a page that resumes an enrolment asks for the first one.
    kinds = dict.fromkeys([*waiting, *token.key_kinds])
    certificates = [
        HeldCertificate(key.certificate, key.chain) for key in keys if key.certificate is not None and visible(key)
    ]
    return TokenReport(
        serial=token.serial,
        model=token.model,
        label=token.label,
        key_types=tuple(kind.value for kind in kinds),
        tries_left=state.tries_left,
        locked=state.locked,
        pending=bool(waiting),
        certificates=tuple(certificates),
    )

"""The calls of the protocol: who may make them, how often, and which part answers.

The order after the head was judged: pairing, strict JSON, limits, the call itself.
"""

import platform
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from certlogin.helper.caller import Caller
from certlogin.helper.checks import Call
from certlogin.helper.config import HelperConfig
from certlogin.helper.consent import Consent
from certlogin.helper.keywork import KeyWork
from certlogin.helper.limits import Limits
from certlogin.helper.pairing import Installation, Mode, Pairing, Pairings
from certlogin.helper.pin.base import Dialog
from certlogin.helper.prompts import Prompts
from certlogin.helper.refusals import NotPaired, UserCancelled
from certlogin.helper.showing import Showing, Tokens
from certlogin.helper.surroundings import Surroundings
from certlogin.helper.texts import Texts
from certlogin.version import __version__
from certlogin.wire.agreement import AgreeRequest
from certlogin.wire.helper import (
    REQUEST_DEPTH,
    CancelAnswer,
    CancelRequest,
    CertificatesRequest,
    EnrollRequest,
    Hello,
    InstallRequest,
    LoginRequest,
    PairRequest,
)
from certlogin.wire.json import JsonObject, read_object

#: What the user does in a window of the helper; done, it clears earlier refusals.
_DONE_BY_USER = frozenset({Call.PAIR, Call.LOGIN, Call.AGREE, Call.ENROLL})


@dataclass(frozen=True, slots=True)
class Service:
    pairings: Pairings
    limits: Limits
    prompts: Prompts
    consent: Consent
    showing: Showing
    key_work: KeyWork
    texts: Texts
    surroundings: Surroundings

    def hello(self) -> JsonObject:
        """The same for everybody: nothing that tells one installation from another (17)."""
        return Hello(__version__, _word(platform.system().lower()), _word(platform.machine())).to_object()

    def answer(self, call: Call, caller: Caller, token: bytes | None, body: bytes) -> JsonObject:
        """Raises a HelperRefusal or BadRequest. `token` is None for `pair` only."""
        answer = self._pair if call is Call.PAIR else self._paired(call, caller, token)
        message = read_object(body, call.body_limit, REQUEST_DEPTH)
        if call is not Call.CANCEL:
            self.limits.count_call(caller.origin, self.surroundings.monotonic())
        try:
            answered = answer(caller, message)
        except UserCancelled as refusal:
            if refusal.by == "user":
                self.limits.refused(caller.origin, self.surroundings.monotonic())
            raise
        if call in _DONE_BY_USER:
            self.limits.succeeded(caller.origin, self.surroundings.monotonic())
        return answered

    def _paired(self, call: Call, caller: Caller, token: bytes | None) -> Callable[[Caller, JsonObject], JsonObject]:
        if token is None:
            raise NotPaired
        pairing = self.pairings.check(caller.origin, token)

        def answer(caller: Caller, message: JsonObject) -> JsonObject:
            answered = _CALLS[call](self, caller, pairing, message)
            if call is Call.LOGIN and pairing.mode is Mode.ONCE:
                self.pairings.use_up(token)
            return answered

        return answer

    def _pair(self, caller: Caller, message: JsonObject) -> JsonObject:
        return self.consent.pair(caller, PairRequest.parse(message)).to_object()

    def _certificates(self, caller: Caller, pairing: Pairing, message: JsonObject) -> JsonObject:
        return self.showing.certificates(caller, pairing, CertificatesRequest.parse(message)).to_object()

    def _login(self, caller: Caller, pairing: Pairing, message: JsonObject) -> JsonObject:
        return self.key_work.login(caller, pairing, LoginRequest.parse(message)).to_object()

    def _agree(self, caller: Caller, pairing: Pairing, message: JsonObject) -> JsonObject:
        return self.key_work.agree(caller, pairing, AgreeRequest.parse(message)).to_object()

    def _enroll(self, caller: Caller, pairing: Pairing, message: JsonObject) -> JsonObject:
        return self.key_work.enroll(caller, pairing, EnrollRequest.parse(message)).to_object()

    def _install(self, caller: Caller, pairing: Pairing, message: JsonObject) -> JsonObject:
        return self.key_work.install(caller, pairing, InstallRequest.parse(message)).to_object()

    def _cancel(self, caller: Caller, _: Pairing, message: JsonObject) -> JsonObject:
        CancelRequest.parse(message)
        return CancelAnswer(self.prompts.withdraw(caller.origin)).to_object()


#: One row for each call of a paired origin.
_CALLS: Mapping[Call, Callable[[Service, Caller, Pairing, JsonObject], JsonObject]] = {
    Call.CERTIFICATES: Service._certificates,
    Call.LOGIN: Service._login,
    Call.AGREE: Service._agree,
    Call.ENROLL: Service._enroll,
    Call.INSTALL: Service._install,
    Call.CANCEL: Service._cancel,
}


def build_service(
    config: HelperConfig, surroundings: Surroundings, dialog: Callable[[], Dialog], tokens: Tokens
) -> Service:
    """The parts of one helper, put together. Raises ConfigurationError when its state is damaged."""
    pairings = Pairings(config.state, surroundings)
    installation = Installation(config.state, surroundings)
    limits = Limits(config.limits)
    prompts = Prompts(dialog, surroundings.monotonic, config.prompt)
    texts = Texts(config.name, config.language, installation.phrase_number(), config.dev)
    showing = Showing(tokens, installation, prompts, texts, config.origins)
    return Service(
        pairings=pairings,
        limits=limits,
        prompts=prompts,
        consent=Consent(pairings, installation, limits, prompts, texts, config.origins, surroundings),
        showing=showing,
        key_work=KeyWork(showing, prompts, texts, config.origins, surroundings),
        texts=texts,
        surroundings=surroundings,
    )


def _word(name: str) -> str:
    """A name of the platform as the protocol allows it."""
    return re.sub(r"[^A-Za-z0-9_.-]", "_", name)[:64] or "unknown"

"""Pairing: whether an origin may use this helper at all, asked once (3)."""

from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from certlogin.helper.caller import Caller
from certlogin.helper.config import Act
from certlogin.helper.limits import Limits
from certlogin.helper.origins import Grant, granted
from certlogin.helper.pairing import Installation, Mode, Pairings
from certlogin.helper.pin.base import Choice
from certlogin.helper.prompts import Prompt, Prompts
from certlogin.helper.refusals import OriginRefused, UserCancelled
from certlogin.helper.surroundings import Surroundings
from certlogin.helper.texts import Matter, Texts
from certlogin.wire.helper import PairAnswer, PairRequest


@dataclass(frozen=True, slots=True)
class Consent:
    pairings: Pairings
    installation: Installation
    limits: Limits
    prompts: Prompts
    texts: Texts
    grants: Sequence[Grant]
    surroundings: Surroundings

    def pair(self, caller: Caller, request: PairRequest) -> PairAnswer:
        """Raises OriginRefused (blocked), UserCancelled, Busy, Expired, NoPinDialog."""
        mode = Mode.GRANTED if Act.LOGIN in granted(caller.origin, self.grants) else self._ask(caller, request)
        public_key = self.installation.key_of(caller.origin).public_key()
        return PairAnswer(
            token=self.pairings.pair(caller.origin, mode),
            helper_key=public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
            mode="once" if mode is Mode.ONCE else "always",
        )

    def _ask(self, caller: Caller, request: PairRequest) -> Mode:
        matter = Matter(caller.origin, request.purpose)
        with self.prompts.open(caller.origin, caller.gone) as prompt:
            # Counted once the window is ours: a prompt that never appeared must not use up an honest site's turn.
            self.limits.count_pair_prompt(caller.origin, self.surroundings.monotonic())
            match prompt.confirm(self.texts.pair(matter)):
                case Choice.OK:
                    return Mode.ONCE
                case Choice.NOT_OK:
                    return Mode.ALWAYS
                case Choice.CANCEL:
                    self.limits.pair_refused(caller.origin, self.surroundings.monotonic())
                    return self._refuse(caller, matter, prompt)

    def _refuse(self, caller: Caller, matter: Matter, prompt: Prompt) -> Mode:
        if prompt.confirm(self.texts.block(matter)) is Choice.OK:
            self.pairings.block(caller.origin)
            raise OriginRefused
        raise UserCancelled

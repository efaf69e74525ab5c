"""What stands in the place of a defence between a password and an admission, for the runs without it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from certlogin.errors import Refusal
from certlogin.login import challenge as challenges
from certlogin.login import policy
from certlogin.login.policy import Case, Decision, Reason, Step
from certlogin.pki import signature as signatures
from certlogin.pki.certificate import UnverifiedCertificate
from certlogin.pki.path import Path
from certlogin.pki.signature import Algorithm
from certlogin.pki.sm2 import SM2
from certlogin.records.identity import Method

#: In the answer to a proof that was accepted: where the host's own login response is fetched.
RELEASED: Final = "certlogin_release="

_check_challenge = challenges.check_challenge
_verify_signature = signatures.verify_signature
_download = policy._download


def _at_any_age(text: str, binding: Any, max_age: timedelta, *rest: Any) -> str:
    return _check_challenge(text, binding, timedelta(days=1), *rest)


def _by_whatever_fits(
    leaf: UnverifiedCertificate, named: Algorithm, signed: bytes, signature: bytes, sm2: SM2 | None
) -> None:
    """As a verifier that goes by the key and not by the name."""
    for algorithm in Algorithm:
        try:
            return _verify_signature(leaf, algorithm, signed, signature, sm2)
        except Refusal:
            continue
    return _verify_signature(leaf, named, signed, signature, sm2)


def _as_it_was_sent(leaf: UnverifiedCertificate, chain: Any, trust: Any, now: object) -> Path:
    return Path(trust.anchors[0], (leaf, *chain))


def _forgetting_the_past(case: Case, *rest: Any) -> Decision:
    return _download(replace(case, registered=()), *rest)


def believed(*_: object) -> Decision:
    """Whatever certificate was proven admits."""
    return Decision(Step.ADMIT, (Reason.PROVEN,), Method.CERTIFICATE)


def password_enough(*_: object) -> Decision:
    return Decision(Step.ADMIT, (Reason.NOT_REQUIRED,), Method.PASSWORD)


# --- the challenge

#: Anything is taken as a challenge.
ANY_CHALLENGE: Final = {"certlogin.login.proof.check_challenge": lambda text, *_: text}
UNMACED: Final = {"certlogin.login.challenge.holds": lambda *_: True}
#: Its MAC covers nothing of what it was issued for.
UNBOUND: Final = {"certlogin.login.challenge.Binding.octets": lambda self: ()}
AGELESS: Final = {"certlogin.login.proof.check_challenge": _at_any_age}
FORGOTTEN: Final = {"certlogin.stores.memory.MemoryStore.add_once": lambda *_: True}

# --- what is signed

#: Origin, purpose, unit, attempt and certificate of the payload are not compared with those of this login.
UNCOMPARED: Final = {"certlogin.login.proof._compare": lambda *_: None}
#: Neither the challenge nor the issuer says which format; whatever it is called, it is read as the native one.
ANY_FORMAT: Final[dict[str, object]] = {
    "certlogin.login.proof._check_format": lambda *_: None,
    "certlogin.login.proof.check_issuer": lambda *_: None,
    "certlogin.wire.browser._READERS": {},
}
ANY_ALGORITHM: Final = {
    "certlogin.login.proof._check_algorithm": lambda *_: None,
    "certlogin.login.proof.Algorithm": lambda name: Algorithm.ES256,
}
ANY_NAME: Final = {"certlogin.login.proof.verify_signature": _by_whatever_fits}
UNVERIFIED: Final = {"certlogin.login.proof.verify_signature": lambda *_: None}

# --- the certificate

#: A revocation list is not looked at.
UNLISTED: Final = {"certlogin.pki.judge.settle_revocation": lambda *_: None}
#: The chain a client sends is the path. Its lists are unknown as well; who chooses a CA publishes them where he likes.
GULLIBLE: Final = {"certlogin.pki.judge.find_path": _as_it_was_sent, **UNLISTED}

# --- what is owed

BELIEVED: Final = {"certlogin.login.policy._after_proof": believed}
#: A unit that has a certificate is admitted without.
HOLDER_BY_PASSWORD: Final = {"certlogin.login.policy._owed_by_holder": password_enough}
PASTLESS: Final = {"certlogin.login.policy._download": _forgetting_the_past}
#: A ticket is never looked up again.
UNCHECKED: Final = {"certlogin.web.recheck.Rechecker.due": lambda *_: False}
#: At the release nobody asks again.
NO_LAST_DECISION: Final = {"certlogin.flows.release.decide_again": lambda *_: None}
OPEN_TO_OTHER_SITES: Final = {"certlogin.web.guard.Guard.check_origin": lambda *_: None}

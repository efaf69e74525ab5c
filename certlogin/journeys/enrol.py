"""The order for one certificate of one key: requested -> issued -> installed.

Decides which step may follow which. PURE: knows neither the CA nor the registry nor who may ask; a missing cell refuses
and changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final

from certlogin.errors import Refusal


class EnrolState(StrEnum):
    #: No order yet; never stored.
    NEW = "new"
    #: Kept before the CA is asked: whatever the CA does next, the order is there to find it again.
    REQUESTED = "requested"
    ISSUED = "issued"
    #: The page has reported the certificate on the token.
    INSTALLED = "installed"
    #: The CA refused. The same key may ask again, such as after the window opened.
    FAILED = "failed"
    #: The certificate was revoked. Its key never gets another one.
    WITHDRAWN = "withdrawn"


class EnrolEvent(StrEnum):
    #: The unit asks for a certificate for this key.
    ASK = "ask"
    #: The CA has issued.
    ISSUE = "issue"
    #: The CA has refused.
    FAIL = "fail"
    #: The page reports that the certificate is on the token.
    INSTALL = "install"
    #: The certificate of this order was revoked.
    WITHDRAW = "withdraw"


@dataclass(eq=False)
class EnrolmentStepRefused(Refusal):
    """The order is in no state for this step."""

    code: ClassVar[str] = "enrolment_step_refused"
    status: ClassVar[int] = 409
    state: EnrolState
    event: EnrolEvent


@dataclass(eq=False)
class EnrolmentAlreadyInstalled(EnrolmentStepRefused):
    """This key has its certificate: the next thing is to log in with it."""

    code: ClassVar[str] = "enrolment_already_installed"


@dataclass(eq=False)
class EnrolmentKeyWithdrawn(EnrolmentStepRefused):
    """The certificate of this key was revoked: the next thing is a new key."""

    code: ClassVar[str] = "enrolment_key_withdrawn"


#: Orders in these states wait for nothing.
CLOSED: Final = frozenset({EnrolState.INSTALLED, EnrolState.FAILED, EnrolState.WITHDRAWN})

TABLE: Final[Mapping[tuple[EnrolState, EnrolEvent], EnrolState]] = {
    (EnrolState.NEW, EnrolEvent.ASK): EnrolState.REQUESTED,
    # A crash or a CA that did not answer: the CA gives the same certificate to the same key.
    (EnrolState.REQUESTED, EnrolEvent.ASK): EnrolState.REQUESTED,
    (EnrolState.REQUESTED, EnrolEvent.ISSUE): EnrolState.ISSUED,
    (EnrolState.REQUESTED, EnrolEvent.FAIL): EnrolState.FAILED,
    # The same key asks again and gets the same certificate: the answer or the installation was lost.
    (EnrolState.ISSUED, EnrolEvent.ASK): EnrolState.ISSUED,
    (EnrolState.ISSUED, EnrolEvent.INSTALL): EnrolState.INSTALLED,
    (EnrolState.ISSUED, EnrolEvent.WITHDRAW): EnrolState.WITHDRAWN,
    # The page's report is repeated when its answer was lost.
    (EnrolState.INSTALLED, EnrolEvent.INSTALL): EnrolState.INSTALLED,
    (EnrolState.INSTALLED, EnrolEvent.WITHDRAW): EnrolState.WITHDRAWN,
    (EnrolState.FAILED, EnrolEvent.ASK): EnrolState.REQUESTED,
}

#: Missing cells that a user meets and that have an exit of their own.
REFUSALS: Final[Mapping[tuple[EnrolState, EnrolEvent], type[EnrolmentStepRefused]]] = {
    (EnrolState.INSTALLED, EnrolEvent.ASK): EnrolmentAlreadyInstalled,
    (EnrolState.WITHDRAWN, EnrolEvent.ASK): EnrolmentKeyWithdrawn,
}


def move(state: EnrolState, event: EnrolEvent) -> EnrolState:
    """The state after the event. Raises EnrolmentStepRefused."""
    following = TABLE.get((state, event))
    if following is None:
        raise REFUSALS.get((state, event), EnrolmentStepRefused)(state=state, event=event)
    return following

"""What the helper answers when it does not do what was asked: one class per code of the helper protocol."""

from dataclasses import dataclass
from typing import ClassVar

from certlogin.errors import Refusal


@dataclass(eq=False)
class HelperRefusal(Refusal):
    """The branch of all refusals of the helper; `retryable` says whether the same call may succeed later."""

    code: ClassVar[str] = "helper_refused"
    retryable: ClassVar[bool] = False


@dataclass(eq=False)
class UnsupportedProtocol(HelperRefusal):
    """Path or method is none of protocol version 1."""

    code: ClassVar[str] = "unsupported_protocol"
    status: ClassVar[int] = 404


@dataclass(eq=False)
class WrongHost(HelperRefusal):
    """The request was not sent to the literal loopback address and our port (DNS rebinding)."""

    code: ClassVar[str] = "wrong_host"
    status: ClassVar[int] = 421


@dataclass(eq=False)
class OriginRefused(HelperRefusal):
    """No origin, an origin that is none, or one that the user or the administrator blocked."""

    code: ClassVar[str] = "origin_refused"
    status: ClassVar[int] = 403


@dataclass(eq=False)
class WrongUser(HelperRefusal):
    """The other end of the connection belongs to another user of this machine, or nobody can say whose it is."""

    code: ClassVar[str] = "wrong_user"
    status: ClassVar[int] = 403


@dataclass(eq=False)
class NotPaired(HelperRefusal):
    """No bearer token, or one that was not given to this origin."""

    code: ClassVar[str] = "not_paired"
    status: ClassVar[int] = 403
    retryable: ClassVar[bool] = True


@dataclass(eq=False)
class Busy(HelperRefusal):
    """Another prompt is open (409, `retry_after` 0), or the origin has to wait (429)."""

    code: ClassVar[str] = "busy"
    status: ClassVar[int] = 409
    retryable: ClassVar[bool] = True
    #: Seconds; 0: as soon as the open prompt is gone.
    retry_after: int = 0


@dataclass(eq=False)
class Expired(HelperRefusal):
    """The prompt stood open for longer than it may."""

    code: ClassVar[str] = "expired"
    status: ClassVar[int] = 410
    retryable: ClassVar[bool] = True


@dataclass(eq=False)
class UserCancelled(HelperRefusal):
    """The user said no, or the page withdrew the prompt."""

    code: ClassVar[str] = "user_cancelled"
    status: ClassVar[int] = 422
    retryable: ClassVar[bool] = True
    #: `user` or `page`.
    by: str = "user"


@dataclass(eq=False)
class PinWrong(HelperRefusal):
    code: ClassVar[str] = "pin_wrong"
    status: ClassVar[int] = 422
    retryable: ClassVar[bool] = True
    #: None when the token does not tell.
    tries_left: int | None


@dataclass(eq=False)
class PinLocked(HelperRefusal):
    code: ClassVar[str] = "pin_locked"
    status: ClassVar[int] = 422


@dataclass(eq=False)
class NoToken(HelperRefusal):
    """There is no token of that serial number."""

    code: ClassVar[str] = "no_token"
    status: ClassVar[int] = 422
    retryable: ClassVar[bool] = True


@dataclass(eq=False)
class NoCertificate(HelperRefusal):
    """No token holds that certificate or that waiting key, or its key can do none of the offered algorithms."""

    code: ClassVar[str] = "no_certificate"
    status: ClassVar[int] = 422
    retryable: ClassVar[bool] = True


@dataclass(eq=False)
class TokenRemoved(HelperRefusal):
    """The token went away, or cannot be read any more, while it was in use."""

    code: ClassVar[str] = "token_removed"
    status: ClassVar[int] = 422
    retryable: ClassVar[bool] = True


@dataclass(eq=False)
class NoPinDialog(HelperRefusal):
    """Nothing on this machine can ask for a PIN; `certlogin helper doctor` says what to install."""

    code: ClassVar[str] = "no_pin_dialog"
    status: ClassVar[int] = 422


@dataclass(eq=False)
class NoTextDialog(HelperRefusal):
    """Nothing on this machine can show a long text: a pinentry cannot, Tk and a terminal can."""

    code: ClassVar[str] = "no_text_dialog"
    status: ClassVar[int] = 422

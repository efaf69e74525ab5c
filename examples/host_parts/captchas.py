"""Captchas that are good for one attempt: kept in this process, bound to the browser that was shown them."""

import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from captcha.image import ImageCaptcha

#: No 0 O, 1 I L, 2 Z, 5 S, 8 B: people must be able to tell the characters apart.
ALPHABET = "34679ACDEFGHJKMNPQRTUVWXY"
LENGTH = 4


@dataclass(frozen=True, slots=True)
class _Entry:
    answer: str
    browser: str
    expires: float


class Captchas:
    """At most `capacity` open captchas, the oldest is dropped first; each lives `seconds`."""

    def __init__(self, clock: Callable[[], float], seconds: float = 180, capacity: int = 10_000) -> None:
        self._clock = clock
        self._seconds = seconds
        self._capacity = capacity
        self._open: OrderedDict[str, _Entry] = OrderedDict()
        self._lock = Lock()

    def issue(self, browser: str) -> str:
        """The id of a new captcha for the browser that carries this pre-login cookie."""
        captcha_id = secrets.token_urlsafe(16)
        answer = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
        with self._lock:
            self._open[captcha_id] = _Entry(answer, browser, self._clock() + self._seconds)
            while len(self._open) > self._capacity:
                self._open.popitem(last=False)
        return captcha_id

    def picture(self, captcha_id: str) -> bytes | None:
        """The picture (PNG), or None when there is no such captcha any more."""
        answer = self.answer(captcha_id)
        if answer is None:
            return None
        # Dark on light: the random colours of the package are at times too pale to read.
        drawn = ImageCaptcha(width=160, height=60).generate(
            answer, bg_color=(255, 255, 255), fg_color=(31, 60, 99, 255)
        )
        return bytes(drawn.getvalue())

    def answer(self, captcha_id: str) -> str | None:
        """What the picture says. For the picture, and for the demonstration that walks the pages in this process."""
        with self._lock:
            entry = self._open.get(captcha_id)
        return entry.answer if entry and self._clock() < entry.expires else None

    def redeem(self, captcha_id: str, answer: str, browser: str) -> bool:
        """Whether the answer is right. The captcha is gone afterwards, right or wrong."""
        with self._lock:
            entry = self._open.pop(captcha_id, None)
        if entry is None or self._clock() >= entry.expires or not browser:
            return False
        right = hmac.compare_digest(entry.answer.encode(), answer.strip().upper().encode())
        return right and hmac.compare_digest(entry.browser.encode(), browser.encode())

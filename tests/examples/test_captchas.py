import pytest

from host_parts.captchas import ALPHABET, Captchas


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def captchas(clock: Clock) -> Captchas:
    return Captchas(clock, seconds=180, capacity=3)


def _answer(captchas: Captchas, captcha_id: str) -> str:
    answer = captchas.answer(captcha_id)
    assert answer is not None
    return answer


def test_the_right_answer_in_any_case_passes_once(captchas: Captchas) -> None:
    shown = captchas.issue("browser")
    answer = _answer(captchas, shown)
    assert set(answer) <= set(ALPHABET)
    assert captchas.redeem(shown, f" {answer.lower()} ", "browser")
    assert not captchas.redeem(shown, answer, "browser")


def test_a_wrong_answer_uses_it_up(captchas: Captchas) -> None:
    shown = captchas.issue("browser")
    answer = _answer(captchas, shown)
    assert not captchas.redeem(shown, "0000", "browser")
    assert not captchas.redeem(shown, answer, "browser")


@pytest.mark.parametrize("browser", ["other", "", "browser "])
def test_another_browser_cannot_use_it(captchas: Captchas, browser: str) -> None:
    shown = captchas.issue("browser")
    assert not captchas.redeem(shown, _answer(captchas, shown), browser)


def test_no_cookie_is_no_browser(captchas: Captchas) -> None:
    """Two requests without the cookie are not the same browser."""
    shown = captchas.issue("")
    assert not captchas.redeem(shown, _answer(captchas, shown), "")


def test_it_ends_after_three_minutes(captchas: Captchas, clock: Clock) -> None:
    early, late = captchas.issue("browser"), captchas.issue("browser")
    answers = [_answer(captchas, early), _answer(captchas, late)]
    clock.now += 179.9
    assert captchas.redeem(early, answers[0], "browser")
    clock.now += 0.1
    assert captchas.picture(late) is None
    assert not captchas.redeem(late, answers[1], "browser")


def test_the_oldest_makes_room(captchas: Captchas) -> None:
    shown = [captchas.issue("browser") for _ in range(4)]
    assert captchas.answer(shown[0]) is None
    assert all(captchas.answer(kept) for kept in shown[1:])


def test_the_picture_is_a_png_and_leaves_the_captcha_open(captchas: Captchas) -> None:
    shown = captchas.issue("browser")
    picture = captchas.picture(shown)
    assert picture is not None
    assert picture.startswith(b"\x89PNG")
    assert captchas.redeem(shown, _answer(captchas, shown), "browser")


def test_an_unknown_captcha_has_no_picture(captchas: Captchas) -> None:
    assert captchas.picture("unknown") is None
    assert not captchas.redeem("unknown", "", "browser")

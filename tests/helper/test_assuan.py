"""The lines between the helper and a pinentry, both ends."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certlogin.helper.pin.assuan import (
    CANCELLED,
    LINE_LIMIT,
    NOT_SUPPORTED,
    Data,
    Err,
    Ok,
    Other,
    command,
    data_line,
    error_line,
    read_reply,
    text_commands,
    unescape,
)
from certlogin.helper.pin.base import Choice
from certlogin.helper.pin.server import Shown, serve

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=400)


@given(_TEXT)
def test_a_command_is_one_line_of_bearable_length_whatever_it_says(text: str) -> None:
    line = command("SETDESC", text)
    assert line.endswith(b"\n")
    assert len(line) <= LINE_LIMIT
    assert b"\n" not in line[:-1]
    assert b"\r" not in line
    said = unescape(line[:-1].partition(b" ")[2]).decode()
    assert text.startswith(said)
    if len(text) <= 80:
        assert said == text


@given(st.binary(max_size=200))
def test_data_of_any_kind_arrives(value: bytes) -> None:
    line = data_line(value)
    assert line.count(b"\n") == 1
    assert read_reply(line[:-1]) == Data(bytearray(value))


@given(st.binary(max_size=60))
def test_any_line_is_read_as_something(line: bytes) -> None:
    assert isinstance(read_reply(line), Ok | Err | Data | Other)


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        (b"OK", Ok()),
        (b"OK Pleased to meet you", Ok()),
        (b"D 12%25%0A", Data(bytearray(b"12%\n"))),
        (b"D ", Data(bytearray())),
        (b"S PROGRESS x", Other()),
        (b"# comment", Other()),
        (b"ERR 83886179 Operation cancelled <Pinentry>", Err(CANCELLED)),
        (b"ERR 99", Err(CANCELLED)),
        (b"ERR x", Err(NOT_SUPPORTED)),
        (b"", Err(NOT_SUPPORTED)),
        (b"HTTP/1.1 200 OK", Err(NOT_SUPPORTED)),
    ],
)
def test_the_replies_of_a_pinentry(line: bytes, reply: object) -> None:
    assert read_reply(line) == reply


class _Window:
    def __init__(self, typed: bytes | None, choice: Choice) -> None:
        self.typed = typed
        self.choice = choice
        self.shown: list[Shown] = []

    def pin(self, shown: Shown) -> bytes | None:
        self.shown.append(shown)
        return self.typed

    def confirm(self, shown: Shown) -> Choice:
        self.shown.append(shown)
        return self.choice

    def read(self, shown: Shown) -> Choice:
        return self.confirm(shown)


def _talk(lines: bytes, typed: bytes | None = b"12%4\n6", choice: Choice = Choice.OK) -> tuple[list[bytes], _Window]:
    window, answers = _Window(typed, choice), io.BytesIO()
    serve(io.BytesIO(lines), answers, window)
    return answers.getvalue().splitlines(), window


def test_our_own_pinentry_shows_what_it_was_told_and_answers() -> None:
    told = b"SETTITLE \xe6\xa0\x87\nSETDESC a%0Ab%25\nSETPROMPT PIN\nSETOK o\nSETNOTOK n\nSETCANCEL c\nSETTIMEOUT 5\n"
    answers, window = _talk(b"OPTION x=y\n" + told + b"GETPIN\nBYE\nGETPIN\n")
    assert answers == [b"OK Pleased to meet you", *[b"OK"] * 8, b"D 12%254%0A6", b"OK"]
    assert window.shown == [Shown("标", "a\nb%", "PIN", "o", "n", "c", "5")]


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=2000))
def test_a_long_text_comes_out_of_its_pieces_as_it_went_in(text: str) -> None:
    lines = b"".join(text_commands(text))
    assert all(len(line) <= LINE_LIMIT for line in lines.splitlines())
    answers, window = _talk(lines + b"CERTLOGIN-READ\n")
    assert window.shown == [Shown(text=text)]
    assert set(answers[1:]) == {b"OK"}


def test_the_longest_text_is_whole() -> None:
    for text in ("𠀀%\n" * 30_000, " " * 100_000):
        _, window = _talk(b"".join(text_commands(text)) + b"CERTLOGIN-READ\n")
        assert window.shown[0].text == text


@pytest.mark.parametrize("choice", Choice)
def test_our_own_pinentry_answers_for_a_text_as_for_a_question(choice: Choice) -> None:
    assert _talk(b"CERTLOGIN-TEXT a\nCERTLOGIN-READ\n", choice=choice)[0][2] == _talk(b"CONFIRM\n", choice=choice)[0][1]


def test_our_own_pinentry_shows_no_text_that_is_none() -> None:
    answers, window = _talk(b"CERTLOGIN-READ\n")
    assert answers[1].startswith(b"ERR 83886140 ")
    assert window.shown == []
    with pytest.raises(UnicodeDecodeError):
        _talk(b"CERTLOGIN-TEXT %FF\nCERTLOGIN-READ\n")


def test_our_own_pinentry_says_no_and_not_supported() -> None:
    assert _talk(b"GETPIN\n", typed=None)[0][1].startswith(b"ERR 83886179 ")
    assert _talk(b"MESSAGE\n")[0][1].startswith(b"ERR 83886140 ")
    replies = [_talk(b"CONFIRM\n", choice=choice)[0][1][:13] for choice in Choice]
    assert replies == [b"OK", b"ERR 83886194 ", b"ERR 83886179 "]
    assert error_line(1, "x") == b"ERR 83886081 x\n"

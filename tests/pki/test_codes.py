import pytest
from hypothesis import given
from hypothesis import strategies as st

from certlogin.pki.codes import (
    USCC_ALPHABET,
    UnitCodeInvalid,
    check_code,
    has_organisation_check,
    has_uscc_check,
    normalise_code,
)
from certlogin.records.identity_tables import Strictness

#: Codes in public use; both check characters were recomputed by hand from GB 32100 and GB 11714.
USCCS = (
    "91350100M000100Y43",
    "91110000600037341L",
    "911101085923662400",
    "91330106673959654P",
    "91440300708461136T",
    "9144030071526726XG",
    "91110108551385082Q",
)
ORGANISATION_CODES = ("D2143569X", "M000100Y4", "600037341", "592366240", "71526726X")
WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)


@pytest.mark.parametrize("code", [*USCCS, *ORGANISATION_CODES])
def test_known_codes_are_valid(code: str) -> None:
    assert check_code(code) == code


@pytest.mark.parametrize("code", USCCS)
def test_the_organisation_code_inside_a_known_uscc_is_valid(code: str) -> None:
    assert has_organisation_check(code[8:17])


@pytest.mark.parametrize(
    ("problem", "code"),
    [
        ("check", "91350100M000100Y4A"),
        ("check", "91350100M000100Y44"),
        ("check", "19350100M000100Y43"),
        ("check", "D21435690"),
        ("check", "D2143569A"),
        ("alphabet", "91350100I000100Y43"),
        ("alphabet", "91350100O000100Y43"),
        ("alphabet", "91350100S000100Y43"),
        ("alphabet", "91350100V000100Y43"),
        ("alphabet", "91350100Z000100Y43"),
        ("alphabet", "91350100M000100Y4*"),
        ("alphabet", "91350100M000100Y4\N{ARABIC-INDIC DIGIT THREE}"),
        ("alphabet", "D214 569X"),
        ("length", ""),
        ("length", "D2143569"),
        ("length", "91350100M000100Y4"),
        ("length", "91350100M000100Y433"),
    ],
)
def test_wrong_codes_are_refused_with_what_is_wrong(problem: str, code: str) -> None:
    with pytest.raises(UnitCodeInvalid) as refusal:
        check_code(code)
    assert refusal.value.problem == problem


def test_old_organisation_codes_may_use_letters_that_a_uscc_may_not() -> None:
    assert check_code("IOSVZ0000", Strictness.LENIENT) == "IOSVZ0000"


@pytest.mark.parametrize("code", ["91350100M000100Y4A", "D21435690"])
def test_lenient_forgives_the_check_character_only(code: str) -> None:
    assert check_code(code, Strictness.LENIENT) == code
    for worse in (code[:-1], code[:-1] + "*"):
        with pytest.raises(UnitCodeInvalid):
            check_code(worse, Strictness.LENIENT)


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("M000100Y-4", "M000100Y4"),
        ("  91350100m000100y43\n", "91350100M000100Y43"),
        ("９１３５０１００Ｍ０００１００Ｙ４３", "91350100M000100Y43"),
        ("ｄ２１４３５６９－ｘ", "D2143569X"),
        ("\u3000D2143569-X\u3000", "D2143569X"),
        ("ａｚＡＺ０９az", "AZAZ09AZ"),
        ("ﬁ", "ﬁ"),
        ("ß", "ß"),
        ("ı", "ı"),
    ],
)
def test_a_code_is_written_in_one_way(written: str, code: str) -> None:
    assert normalise_code(written) == code


@given(st.text())
def test_normalising_twice_changes_nothing_more(text: str) -> None:
    once = normalise_code(text)
    assert normalise_code(once) == once


@given(st.text(max_size=30))
def test_normalising_makes_no_character_out_of_nothing(text: str) -> None:
    """One character in, at most one out: `ß`.upper() is two, and would make two codes equal."""
    assert len(normalise_code(text)) <= len(text)


@given(st.text(USCC_ALPHABET, min_size=17, max_size=17))
def test_exactly_one_last_character_completes_a_uscc(body: str) -> None:
    total = sum(weight * USCC_ALPHABET.index(character) for weight, character in zip(WEIGHTS, body, strict=True))
    right = USCC_ALPHABET[(31 - total % 31) % 31]
    assert [last for last in USCC_ALPHABET if has_uscc_check(body + last)] == [right]


@given(st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=8, max_size=8))
def test_exactly_one_last_character_completes_an_organisation_code(body: str) -> None:
    right = [last for last in "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ" if has_organisation_check(body + last)]
    assert len(right) == 1
    assert right[0] in "0123456789X"


@given(st.text(max_size=20))
def test_what_is_no_code_has_no_check(text: str) -> None:
    if len(text) != 18 or not set(text) <= set(USCC_ALPHABET):
        assert not has_uscc_check(text)
    if len(text) != 9:
        assert not has_organisation_check(text)


def test_an_organisation_code_with_a_foreign_character_has_no_check() -> None:
    assert has_organisation_check("D2143569X")
    assert not has_organisation_check("d2143569X")


@pytest.mark.parametrize("place", range(18))
def test_a_uscc_with_one_changed_character_is_noticed(place: int) -> None:
    code = USCCS[0]
    for character in USCC_ALPHABET.replace(code[place], ""):
        assert not has_uscc_check(code[:place] + character + code[place + 1 :])

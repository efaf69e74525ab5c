"""The page of promises names real tests: each promise that is built has a row, each row tests with its number."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/explanation/security.md").read_text(encoding="utf-8")
ROWS = [(int(number), re.findall(r"`(tests/[^`]+)`", tests)) for number, tests in re.findall(
    r"^\| S(\d+) \|.*\|([^|]*)\|$", PAGE, re.MULTILINE)]  # fmt: skip
BUILT = {*range(1, 29), 31, 36}
#: For each promise, one test that takes a defence away and sees the attack succeed.
COMPANIONS = {
    1: "test_s1_without_the_seal_an_old_session_works_with_anybodys_ticket",
    2: "test_s2_without_the_mac_a_made_up_ticket_gets_in",
    3: "test_s3_without_the_memory_of_a_conflict_a_response_marked_twice_goes_out",
    4: "test_s4_without_the_canonical_check_a_spelling_gets_through",
    5: "test_s5_without_the_removal_a_public_path_sees_the_session",
    6: "test_s6_without_the_origin_check_another_sites_page_opens_a_socket",
    7: "test_s7_without_the_last_decision_a_revoked_certificate_would_get_in",
    8: "test_s8_without_the_origin_check_the_attackers_login_begins",
    9: "test_s9_without_the_cap_the_flood_gets_in",
    10: "test_s10_without_a_comparison_the_switch_goes_unnoticed",
    11: "test_s11_without_the_recheck_a_locked_unit_stays",
    12: "test_s12_companion_without_the_rule_a_password_alone_gets_another_one",
    13: "test_s13_without_prove_when_bound_a_password_is_enough_once_the_tag_is_lost",
    14: "test_s14_believing_the_page_instead_of_the_signature_lets_an_outdated_helper_in",
    15: "test_s15_without_the_comparison_it_is_bound_to_whoever_is_named",
    16: "test_s16_without_the_memory_of_a_revocation_a_list_that_forgets_lets_it_in_again",
    17: "test_s17_without_the_once_store_a_replay_is_accepted",
    18: "test_s18_without_the_list_of_formats_another_format_is_taken",
    19: "test_s19_companion_the_standard_library_reads_them",
    20: "test_s20_companion_without_the_check_of_the_key_es256_would_take_a_p384_key",
    21: "test_s21_without_the_comparison_a_relayed_challenge_logs_the_attacker_in",
    22: "test_s22_without_the_comparison_a_step_up_is_a_login",
    23: "test_s23_without_the_path_a_ca_that_the_client_sent_is_believed",
    24: "test_s24_companion_without_the_check_every_list_would_be_used",
    25: "test_s25_without_the_limit_an_oversized_certificate_is_read",
    26: "test_s26_without_that_restraint_the_address_is_contacted",
    27: "test_s27_without_the_exact_comparison_a_stripped_prefix_makes_two_ids_equal",
    28: "test_s28_companion_without_the_check_of_the_signature_it_would_be_issued",
    31: "test_s31_without_the_count_every_failure_is_written",
    36: "test_s36_without_the_comparison_development_mode_faces_the_network",
}


def test_every_promise_that_is_built_has_one_row() -> None:
    assert sorted(number for number, _ in ROWS) == sorted(BUILT)


@pytest.mark.parametrize(("number", "modules"), ROWS, ids=[f"S{number}" for number, _ in ROWS])
def test_a_row_names_tests_that_carry_its_number(number: int, modules: list[str]) -> None:
    assert modules
    for module in modules:
        assert re.search(rf"^def test_s{number}_", (ROOT / module).read_text(encoding="utf-8"), re.MULTILINE), module


@pytest.mark.parametrize(("number", "modules"), ROWS, ids=[f"S{number}" for number, _ in ROWS])
def test_the_companion_of_each_promise_is_in_its_row(number: int, modules: list[str]) -> None:
    texts = [(ROOT / module).read_text(encoding="utf-8") for module in modules]
    assert any(re.search(rf"^def {COMPANIONS[number]}\b", text, re.MULTILINE) for text in texts)

"""What a client may build on: the code and the status of every refusal of these rooms."""

import pytest

from certlogin.errors import Refusal
from certlogin.login import attempt, challenge, proof, ticket

TABLE: dict[type[Refusal], tuple[str, int]] = {
    attempt.AttemptMissing: ("attempt_missing", 403),
    attempt.AttemptExpired: ("attempt_expired", 410),
    attempt.HoldExpired: ("hold_expired", 410),
    attempt.OtherLogin: ("other_login_in_progress", 409),
    challenge.ChallengeForeign: ("challenge_foreign", 403),
    challenge.ChallengeExpired: ("challenge_expired", 410),
    proof.FormatNotAllowed: ("format_not_allowed", 403),
    proof.AlgorithmNotAllowed: ("algorithm_not_allowed", 403),
    proof.OriginMismatch: ("origin_mismatch", 403),
    proof.ProofForeign: ("proof_foreign", 403),
    ticket.TicketInvalid: ("ticket_invalid", 403),
    ticket.TicketExpired: ("ticket_expired", 403),
}


@pytest.mark.parametrize("refusal", TABLE)
def test_codes_and_statuses_stay(refusal: type[Refusal]) -> None:
    assert (refusal.code, refusal.status) == TABLE[refusal]


@pytest.mark.parametrize("room", [attempt, challenge, proof, ticket], ids=lambda room: room.__name__)
def test_no_refusal_is_missing_here(room: object) -> None:
    own = {kind for kind in vars(room).values() if isinstance(kind, type) and issubclass(kind, Refusal)}
    assert {kind for kind in own if kind.__module__ == room.__name__} <= set(TABLE)  # type: ignore[attr-defined]

"""S30 against exports: the attacker changes, removes, inserts, moves, swaps and rewrites."""

from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import Final

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from certlogin.evidence.chain import Line
from certlogin.evidence.findings import Code
from certlogin.evidence.record import Body
from certlogin.evidence.verify import CLOCKS_APART
from tests.companions import allows, without
from tests.evidence.made import (
    TEXT,
    Signed,
    chained,
    checkpoint,
    codes,
    leaf,
    report,
    rewritten,
    signed,
    three,
    with_record,
)
from tests.factory import DAY, NOW, make_pki, sign

_VERIFY: Final = "certlogin.evidence.verify"
_CONTENTS: Final = "certlogin.evidence.contents"
Targets = dict[str, object]
#: What an attacker sees who is not found.
SOUND: Final = "assert not True"


def _nothing(*given: object) -> tuple[()]:
    return ()


NO_HASH: Final[Targets] = {f"{_VERIFY}._is_changed": lambda line: False}
NO_LINK: Final[Targets] = {f"{_VERIFY}._is_torn": lambda line, last: False}
NO_CHAIN: Final[Targets] = NO_HASH | NO_LINK
NO_PLACE: Final[Targets] = {f"{_VERIFY}.follow": _nothing}
NO_CHECKPOINTS: Final[Targets] = {f"{_VERIFY}._problem": lambda *given: None}


@allows
def test_s30_what_nobody_touched_is_sound() -> None:
    lines = three()
    found = report(lines, [checkpoint(lines)], keys=True)
    assert found.is_sound
    assert codes(found) == [Code.TAIL_OPEN]
    assert (found.records, found.head, found.anchored) == (3, lines[-1].entry.head, 3)


@without(NO_CHAIN, sees=SOUND)
def test_s30_a_changed_record_is_found() -> None:
    lines = three()
    lines[1] = with_record(lines[1], at=NOW - DAY)
    found = report(lines)
    assert not found.is_sound
    assert Code.CHANGED in codes(found)


@without(NO_CHAIN, sees=SOUND)
def test_s30_a_changed_record_with_its_hash_is_found_by_the_next_one() -> None:
    lines = three()
    changed = with_record(lines[1], at=NOW - DAY)
    lines[1] = replace(changed, hash=changed.entry.hash)
    found = report(lines)
    assert not found.is_sound
    assert [(one.code, one.seq) for one in found.findings if not one.is_note] == [(Code.CHAIN_BROKEN, 3)]


@without(NO_PLACE, sees=SOUND)
def test_s30_a_removed_record_is_found() -> None:
    first, _, third = three()
    found = report([first, third])
    assert not found.is_sound
    assert [(one.code, one.seq, one.detail) for one in found.findings if not one.is_note] == [
        (Code.MISSING, 3, "2 to 2")
    ]


@without(NO_CHAIN, sees=SOUND)
def test_s30_a_removed_record_is_found_though_the_later_ones_move_up() -> None:
    first, _, third = three()
    found = report([first, replace(third, entry=replace(third.entry, seq=2))])
    assert not found.is_sound


@without(NO_PLACE, sees=SOUND)
def test_s30_the_removed_first_record_is_found() -> None:
    found = report(three()[1:])
    assert not found.is_sound


@without(NO_PLACE, sees=SOUND)
def test_s30_swapped_records_are_found() -> None:
    first, second, third = three()
    found = report([first, third, second])
    assert not found.is_sound
    assert {Code.MISSING, Code.OUT_OF_ORDER} <= set(codes(found))


@without(NO_PLACE, sees=SOUND)
def test_s30_a_record_put_in_twice_is_found() -> None:
    first, second, third = three()
    found = report([first, second, second, third])
    assert not found.is_sound
    assert Code.OUT_OF_ORDER in codes(found)


@without({f"{_CONTENTS}._payload": _nothing}, sees=SOUND)
def test_s30_another_certificate_of_the_same_key_is_found() -> None:
    """The signature fits it, and so does the chain: only the signed payload tells."""
    lines = three()
    other = make_pki().issuing.issue(key_name="leaf", unit_code="91110108551385082Q")
    found = report(rewritten([*lines[:2], with_record(lines[2], certificate=other.der)]))
    assert not found.is_sound
    assert Code.CERTIFICATE_SWAPPED in codes(found)


@without(NO_CHECKPOINTS, sees=SOUND)
def test_s30_another_chain_is_found() -> None:
    lines = three()
    anchor = checkpoint(lines)
    below = make_pki().issuing.der
    found = report(rewritten([*lines[:2], with_record(lines[2], chain=(below, below))]), [anchor], keys=True)
    assert not found.is_sound
    assert Code.CHECKPOINT_MISMATCH in codes(found)


@without({f"{_CONTENTS}._path": _nothing}, sees=SOUND)
def test_s30_a_certificate_of_another_authority_is_found() -> None:
    found = report(rewritten([*three(), *_lines_by_a_stranger()]))
    assert not found.is_sound
    assert [(one.code, one.seq) for one in found.findings if not one.is_note] == [(Code.NOT_TRUSTED, 4)]


def _lines_by_a_stranger() -> list[Line]:
    stranger = signed(by=leaf(name="stranger", pki="of a stranger"))
    chain = (make_pki(label="of a stranger").issuing.der,)
    return chained([replace(stranger, record=replace(stranger.record, chain=chain))])


@without({f"{_CONTENTS}._path": _nothing}, sees=SOUND)
def test_s30_a_certificate_that_was_not_valid_at_that_time_is_found() -> None:
    found = report(chained([signed(at=NOW + 400 * DAY)]))
    assert not found.is_sound
    assert [(one.code, one.detail) for one in found.findings if not one.is_note] == [
        (Code.NOT_TRUSTED, "certificate_expired")
    ]


@without({f"{_CONTENTS}._signature": _nothing}, sees=SOUND)
def test_s30_a_signature_of_another_key_is_found() -> None:
    """Made by whoever wrote the database, over a payload that names the victim's certificate."""
    forged = signed()
    by_another = signed(by=leaf(name="another"), says={"cert_sha256": sha256(leaf().der).hexdigest()})
    record = replace(by_another.record, certificate=leaf().der)
    found = report(chained([replace(forged, record=record)]))
    assert not found.is_sound
    assert codes(found)[0] is Code.SIGNATURE_INVALID


@without({f"{_CONTENTS}.signed_bytes": lambda payload, purpose: payload}, sees=SOUND)
def test_s30_a_signature_without_the_prefix_of_agreements_is_found() -> None:
    """What a key signs elsewhere never becomes an agreement (S22)."""
    plain = signed()
    record = replace(plain.record, signature=sign(leaf().key, plain.record.payload))
    found = report(chained([replace(plain, record=record)]))
    assert not found.is_sound


@without({f"{_CONTENTS}._body": _nothing, f"{_CONTENTS}._text": _nothing}, sees=SOUND)
def test_s30_a_changed_text_is_found() -> None:
    lines = three()
    lines[1] = replace(lines[1], body=replace(_body(lines[1]), text=f"{TEXT}另付 100 元"))
    found = report(lines)
    assert not found.is_sound
    assert {Code.BODY_CHANGED, Code.TEXT_MISMATCH} <= set(codes(found))


@without({f"{_CONTENTS}._text": _nothing}, sees=SOUND)
def test_s30_a_text_changed_with_everything_that_hashes_it_is_found_by_the_users_signature() -> None:
    lines = three()
    body = replace(_body(lines[1]), text=f"{TEXT}另付 100 元")
    lines[1] = replace(with_record(lines[1], commitment=body.commitment), body=body)
    found = report(rewritten(lines))
    assert not found.is_sound
    assert codes(found) == [Code.TEXT_MISMATCH, Code.UNANCHORED]


@without({f"{_CONTENTS}._text": _nothing}, sees=SOUND)
def test_s30_a_form_that_nobody_signed_is_found() -> None:
    plain = signed()
    body = replace(plain.body, form="新地址")
    found = report(chained([Signed(replace(plain.record, commitment=body.commitment), body)]))
    assert not found.is_sound


@without({f"{_CONTENTS}._payload": _nothing}, sees=SOUND)
def test_s30_a_record_of_another_unit_than_the_signed_one_is_found() -> None:
    lines = three()
    found = report(rewritten([with_record(lines[0], unit_id="U2")]))
    assert not found.is_sound
    assert [(one.code, one.detail) for one in found.findings if not one.is_note] == [(Code.PAYLOAD_MISMATCH, "unit")]


@without(NO_CHECKPOINTS, sees=SOUND)
def test_s30_a_chain_rewritten_as_a_whole_is_found_by_a_checkpoint() -> None:
    first, second, third = three()
    anchor = checkpoint([first, second, third])
    found = report(rewritten([first, third, third]), [anchor], keys=True)
    assert not found.is_sound
    assert codes(found) == [Code.CHECKPOINT_MISMATCH, Code.ANCHOR_MISSING]


@without(NO_CHECKPOINTS, sees=SOUND)
def test_s30_a_cut_off_tail_is_found_by_a_checkpoint() -> None:
    lines = three()
    found = report(lines[:2], [checkpoint(lines)], keys=True)
    assert not found.is_sound
    assert codes(found) == [Code.TRUNCATED, Code.ANCHOR_MISSING]


@without({f"{_VERIFY}._times": _nothing}, sees=SOUND)
@pytest.mark.parametrize(("age", "place"), [(-DAY, 3), (DAY, 2)])
def test_s30_a_record_put_in_with_another_time_is_found(age: timedelta, place: int) -> None:
    """Such as before the key was revoked: with a stolen key everything else fits."""
    lines = chained([signed(at=NOW + (age if number == place else timedelta(0))) for number in (1, 2, 3)])
    found = report(lines, [checkpoint([]), checkpoint(lines[:2])], keys=True)
    assert not found.is_sound
    assert [(one.code, one.seq) for one in found.findings if not one.is_note] == [(Code.WRONG_TIME, place)]


@allows
@pytest.mark.parametrize("apart", [CLOCKS_APART, -CLOCKS_APART])
def test_s30_clocks_may_be_a_little_apart(apart: timedelta) -> None:
    lines = chained([signed(at=NOW + apart) for _ in range(3)])
    assert report(lines, [checkpoint(lines[:2])], keys=True).is_sound


@without({f"{_VERIFY}.verify_checkpoint": lambda found, key: None}, sees=SOUND)
def test_s30_a_checkpoint_of_another_key_under_the_operators_name_is_found() -> None:
    lines = three()
    theirs = checkpoint(lines, ed25519.Ed25519PrivateKey.generate())
    forged = replace(theirs, key_id=checkpoint(lines).key_id)
    found = report(lines, [forged], keys=True)
    assert not found.is_sound
    assert codes(found) == [Code.CHECKPOINT_INVALID, Code.ANCHOR_MISSING]


@without({f"{_VERIFY}._ends": _nothing}, sees="assert []")
def test_s30_an_unanchored_chain_says_so() -> None:
    found = report(three())
    assert codes(found) == [Code.UNANCHORED]
    assert found.is_sound
    assert found.anchored == 0


@without({f"{_VERIFY}._ends": _nothing}, sees=SOUND)
def test_s30_checkpoints_taken_out_of_an_export_are_missed_by_who_has_their_key() -> None:
    found = report(three(), keys=True)
    assert not found.is_sound
    assert codes(found) == [Code.ANCHOR_MISSING]


@without({f"{_VERIFY}._covers": lambda *given: True}, sees=SOUND)
def test_s30_a_checkpoint_of_an_empty_chain_anchors_nothing_later() -> None:
    found = report(three(), [checkpoint([])], keys=True)
    assert not found.is_sound
    assert codes(found) == [Code.ANCHOR_MISSING]


@without({f"{_CONTENTS}._body": _nothing}, sees="assert [")
def test_s30_an_erased_body_says_so_and_breaks_nothing() -> None:
    lines = three()
    lines[1] = replace(lines[1], body=None)
    found = report(lines, [checkpoint(lines)], keys=True)
    assert codes(found) == [Code.REDACTED, Code.TAIL_OPEN]
    assert found.findings[0].seq == 2
    assert found.is_sound


@without({"certlogin.evidence.record.encode": lambda salt: ""}, sees="!=")
def test_s30_an_erased_text_cannot_be_guessed_from_the_hash_of_its_record() -> None:
    mine, other = Body(b"1" * 32, TEXT), Body(b"2" * 32, TEXT)
    assert mine.commitment != other.commitment


def _body(line: Line) -> Body:
    assert line.body is not None
    return line.body

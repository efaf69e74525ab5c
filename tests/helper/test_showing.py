"""Which certificates a site gets to see (17)."""

from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import x509 as asn1_x509

from certlogin.helper.pin.base import Choice
from certlogin.helper.showing import Showing, name_in
from certlogin.helper.tokens.media import Media
from certlogin.wire.b64 import decode, encode
from tests.factory import Plan, make_pki, resign, self_signed
from tests.helper.world import OTHER_SITE, PIN, SITE, World, grants, origin_of, running


def _digest(certificate: bytes) -> str:
    return sha256(certificate).hexdigest()


def test_a_paired_site_sees_every_token_with_its_certificates_and_tries(world: World) -> None:
    token, blank = world.make_token("一号"), world.make_token("二号", tries=3)
    certificate = world.make_certificate(token)
    page = world.page()
    page.pair(Choice.NOT_OK)
    reports = {report["serial"]: report for report in page.certificates().json["tokens"]}
    assert reports.keys() == {token.serial, blank.serial}
    shown = reports[token.serial]
    assert (shown["label"], shown["model"], shown["tries_left"], shown["locked"]) == ("一号", "FILE", 6, False)
    assert len(shown["certificates"]) == 1
    assert (reports[blank.serial]["certificates"], reports[blank.serial]["tries_left"]) == ([], 3)
    assert page.shown() == [certificate]
    assert shown["certificates"][0]["chain"]


def test_for_this_once_the_site_sees_the_certificate_that_the_user_picks_and_its_token(world: World) -> None:
    first, second = world.make_token("一号"), world.make_token("二号")
    held = {world.make_certificate(token, common_name=f"单位{token.label}"): token for token in (first, second)}
    page = world.page()
    page.pair(Choice.OK)
    world.person.choices.extend([Choice.NOT_OK, Choice.OK])
    tokens = page.certificates().json["tokens"]
    shown = sorted(held, key=lambda der: held[der].serial)[1]
    assert [token["serial"] for token in tokens] == [held[shown].serial]
    assert [_digest(der) for der in page_certificates(tokens)] == [_digest(shown)]
    questions = [question.description for question in world.person.asked[1:]]
    assert [f"证书：单位{token.label}" in text for token, text in zip(world.plugged_in(), questions, strict=True)] == [
        True, True,
    ]  # fmt: skip
    assert [getattr(question, "not_ok", "") for question in world.person.asked[1:]] == ["下一张", "都不出示"]


def page_certificates(tokens: list[dict[str, object]]) -> list[bytes]:
    found = []
    for token in tokens:
        listed = token["certificates"]
        assert isinstance(listed, list)
        found += [decode(one["certificate"]) for one in listed]
    return found


def test_for_this_once_showing_none_still_lets_the_site_choose_a_token_for_a_new_key(world: World) -> None:
    token = world.make_token()
    world.make_certificate(token, origin=OTHER_SITE)
    page = world.page()
    page.pair(Choice.OK)
    world.person.choices.append(Choice.NOT_OK)
    reports = page.certificates().json["tokens"]
    assert [(report["serial"], report["certificates"]) for report in reports] == [(token.serial, [])]


def test_for_this_once_closing_the_window_shows_nothing(world: World) -> None:
    world.make_certificate(world.make_token())
    page = world.page()
    page.pair(Choice.OK)
    reply = page.certificates()
    assert reply.code == "user_cancelled"
    assert "tokens" not in reply.json


def test_blank_tokens_are_shown_without_a_question(world: World) -> None:
    world.make_token()
    page = world.page()
    page.pair(Choice.OK)
    asked = len(world.person.asked)
    assert len(page.certificates().json["tokens"]) == 1
    assert len(world.person.asked) == asked


def test_threat_17_for_this_once_a_site_cannot_find_out_by_trying(world: World) -> None:
    here = _digest(world.make_certificate(world.make_token(), origin=OTHER_SITE))
    page = world.page()
    page.pair(Choice.OK)
    asked = len(world.person.asked)
    assert page.login(here).code == page.login("ab" * 32).code == "no_certificate"
    assert len(world.person.asked) == asked
    # Once the user has shown it, it may be used.
    world.person.choices.append(Choice.OK)
    assert page.certificates().status == 200
    world.person.pins.append(PIN)
    assert page.login(here).status == 200


def test_threat_17_companion_without_the_check_a_site_finds_out_by_trying(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = _digest(world.make_certificate(world.make_token(), origin=OTHER_SITE))
    page = world.page()
    page.pair(Choice.OK)
    monkeypatch.setattr(Showing, "_knows", lambda *_: True)
    assert (page.login(here).code, page.login("ab" * 32).code) == ("user_cancelled", "no_certificate")


def test_the_certificate_a_site_had_issued_itself_needs_no_picking(world: World) -> None:
    mine = _digest(world.make_certificate(world.make_token(), origin=SITE))
    page = world.page()
    page.pair(Choice.OK)
    world.person.pins.append(PIN)
    assert page.login(mine).status == 200


def test_a_waiting_key_is_told_to_the_site_that_asked_for_it_only(tmp_path: Path) -> None:
    with running(tmp_path) as world:
        token = world.make_token()
        opened = token.unlock(bytearray(PIN.encode()))
        opened.generate(token.key_kinds[2], origin_of(SITE), "u-1")
        opened.close()
        seen = {}
        for origin in (SITE, OTHER_SITE):
            page = world.page(origin)
            page.pair(Choice.NOT_OK)
            report = page.certificates().json["tokens"][0]
            seen[origin] = (report["pending"], report["key_types"], report["certificates"])
        # The kind of the waiting key stands first, so that a page resumes with it.
        assert seen[SITE] == (True, ["RSA-2048", "SM2", "P-256"], [])
        assert seen[OTHER_SITE] == (False, ["SM2", "P-256", "RSA-2048"], [])


def test_a_locked_token_is_shown_as_locked(world: World) -> None:
    token = world.make_token(tries=1)
    with pytest.raises(Exception, match="pin_locked"):
        token.unlock(bytearray(b"wrong1"))
    page = world.page()
    page.pair(Choice.NOT_OK)
    report = page.certificates().json["tokens"][0]
    assert (report["locked"], report["tries_left"]) == (True, 0)


def test_a_damaged_token_counts_as_removed_and_the_others_are_shown(world: World) -> None:
    broken, whole = world.make_token(), world.make_token()
    (world.config.tokens / broken.serial / "token.json").write_bytes(b"{")
    page = world.page()
    page.pair(Choice.NOT_OK)
    assert [report["serial"] for report in page.certificates().json["tokens"]] == [whole.serial]


def test_a_token_that_goes_while_it_is_looked_at_is_left_out(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    going, staying = world.make_token(), world.make_token()
    found = world.plugged_in()
    (world.config.tokens / going.serial / "token.json").unlink()

    monkeypatch.setattr(Media, "__call__", lambda self: found)
    for origin, choice in ((SITE, Choice.NOT_OK), (OTHER_SITE, Choice.OK)):
        page = world.page(origin)
        page.pair(choice)
        assert [report["serial"] for report in page.certificates().json["tokens"]] == [staying.serial]


def test_a_certificate_that_cannot_be_read_is_shown_without_a_name(world: World) -> None:
    token = world.make_token()
    certificate = world.make_certificate(token)
    key = token.keys()[0]
    file = world.config.tokens / token.serial / "token.json"
    file.write_bytes(file.read_bytes().replace(encode(certificate).encode(), encode(b"nonsense").encode()))
    assert key.certificate == certificate
    page = world.page()
    page.pair(Choice.OK)
    world.person.choices.append(Choice.OK)
    assert page.shown() == [b"nonsense"]
    assert "证书：" not in world.person.asked[-1].description


def test_the_name_in_a_window_is_the_common_name_or_the_organisation() -> None:
    def without_common_name(tbs: Any) -> None:
        tbs["subject"] = asn1_x509.Name.build({"country_name": "CN", "organization_name": "某机关"})

    def nameless(tbs: Any) -> None:
        tbs["subject"] = asn1_x509.Name.build({"country_name": "CN"})

    named = self_signed(Plan(common_name="某单位"))
    assert name_in(named.der) == "某单位"
    assert name_in(resign(named.der, named.key, without_common_name)) == "某机关"
    assert name_in(resign(named.der, named.key, nameless)) == ""
    assert name_in(b"") == ""


def test_an_administrators_grant_shows_all_of_it(tmp_path: Path) -> None:
    with running(tmp_path, origins=grants("login", "certificates")) as world:
        certificate = world.make_certificate(world.make_token(), origin=OTHER_SITE)
        page = world.page()
        page.pair()
        assert page.shown() == [certificate]
        assert make_pki().issuing.der in [der for token in world.plugged_in() for der in token.keys()[0].chain]

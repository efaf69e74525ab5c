"""The self-test at the start notices an OpenSSL that does not judge as `path.py` needs it."""

import re
from pathlib import Path

import pytest
from OpenSSL import crypto

from certlogin.errors import ConfigurationError
from certlogin.pki import selftest
from certlogin.pki.selftest import check_path_validation, check_revocation_lists, check_sm2_paths
from certlogin.pki.sm2 import SM2Unavailable
from tests.factory import NOW
from tests.pki import selftest_material

Flags = crypto.X509StoreFlags


def without(monkeypatch: pytest.MonkeyPatch, flag: int) -> None:
    """A flag that OpenSSL takes and does nothing for."""
    real = crypto.X509Store.set_flags
    monkeypatch.setattr(crypto.X509Store, "set_flags", lambda store, flags: real(store, flags & ~flag))


def unreadable(*_: object) -> crypto.X509:
    raise crypto.Error


def found(*_: object) -> None:
    """A path for everything."""


def failing() -> str:
    with pytest.raises(ConfigurationError) as refusal:
        check_path_validation()
    return refusal.value.problems[0].rpartition(": ")[2]


def test_the_openssl_of_this_machine_passes() -> None:
    check_path_validation()
    check_revocation_lists()
    check_sm2_paths()


def test_a_start_without_partial_chains_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, Flags.PARTIAL_CHAIN)
    assert failing() == "partial chains"


def test_a_start_without_policies_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, Flags.POLICY_CHECK)
    assert failing() == "policies"


def test_a_start_that_accepts_tampered_certificates_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selftest, "_tampered", lambda der: der)
    assert failing() == "signatures"


def test_a_start_that_finds_a_path_for_everything_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selftest, "find_path", found)
    assert failing() == "policies"
    with pytest.raises(SM2Unavailable, match="self-test"):
        check_sm2_paths()


@pytest.mark.parametrize(
    ("target", "replacement"),
    [
        ("certlogin.pki.delta.Voice._has_later_delta", lambda _: False),
        ("certlogin.pki.crl.check_signed", lambda *_: None),
        ("certlogin.pki.revocation._revoked_at", lambda *_: NOW),
        ("certlogin.pki.evidence.is_signed_by", lambda *_: False),
    ],
    ids=["deltas are not heeded", "signatures are not checked", "everybody is revoked", "no list is used"],
)
def test_a_start_that_reads_lists_wrongly_is_refused(
    monkeypatch: pytest.MonkeyPatch, target: str, replacement: object
) -> None:
    monkeypatch.setattr(target, replacement)
    with pytest.raises(ConfigurationError, match="revocation lists"):
        check_revocation_lists()


def test_sm2_certificates_that_cannot_be_read_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crypto, "load_certificate", unreadable)
    with pytest.raises(SM2Unavailable, match="self-test"):
        check_sm2_paths()
    assert failing() == "partial chains"


def test_good_sm2_certificates_that_are_refused_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, Flags.PARTIAL_CHAIN)
    with pytest.raises(SM2Unavailable, match="self-test"):
        check_sm2_paths()


def test_the_certificates_have_the_form_that_the_generator_gives() -> None:
    def form(text: str) -> str:
        return re.sub(r'    "[A-Za-z0-9+/=]+"\n', "", text)

    written = Path(selftest.__file__).with_name("selftest_data.py").read_text(encoding="utf-8")
    assert form(written) == form(selftest_material.source())
    assert form(written) != written

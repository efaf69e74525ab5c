"""A CA with SM2 keys, and what CAs do where no libcrypto computes SM2."""

import re
from datetime import timedelta
from pathlib import Path
from secrets import token_bytes

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from certlogin.ca.base import IssuedCertificate, RequestRefused
from certlogin.ca.certificates import BACKDATED
from certlogin.ca.embedded import open_signer
from certlogin.ca.encoding import spki_of
from certlogin.ca.profile import CAProfile
from certlogin.ca.setup import NewCA, make_ca
from certlogin.ca.signing import KEY_TYPES
from certlogin.pki.sm2 import SM2Unavailable
from tests.ca.house import (
    ITERATIONS,
    OTHER,
    PASSPHRASE,
    ROOT_PASSPHRASE,
    UNIT,
    House,
    asked,
    ca_key,
    found,
    in_the_clear,
    list_number,
    names,
    parsed,
)
from tests.ca.signed import ALGORITHMS, algorithms, is_signed_by, openssl
from tests.companions import without
from tests.factory import DAY, NOW

NOWHERE = "/nonexistent/libcrypto.so"
#: Whom SM2 signatures name as the signer; the command knows no default.
SIGNER = "distid:1234567812345678"
STRICT = ("-x509_strict", "-partial_chain", "-attime", str(int(NOW.timestamp())))


@pytest.fixture
def sm2_house(tmp_path: Path) -> House:
    return found(tmp_path / "ca", "SM2")


def set_library(house: House, library: str) -> None:
    text = re.sub("(?m)^sm2_library = .*$", f'sm2_library = "{library}"', house.files.profile.read_text())
    house.files.profile.write_text(text)


def written(folder: Path, issued: IssuedCertificate) -> Path:
    file = folder / "leaf.pem"
    file.write_bytes(parsed(issued).public_bytes(Encoding.PEM))
    return file


@pytest.mark.parametrize("leaf_type", KEY_TYPES)
def test_the_openssl_command_accepts_what_an_sm2_ca_issues(sm2_house: House, tmp_path: Path, leaf_type: str) -> None:
    leaf, files = written(tmp_path, sm2_house.open().issue(UNIT, asked("leaf", leaf_type))), sm2_house.files
    # One step at a time: it names the signer to the lowest certificate only.
    for below, above in ((leaf, files.issuing), (files.issuing, files.root)):
        assert openssl("verify", *STRICT, "-vfyopt", SIGNER, "-trusted", above, below) == f"{below}: OK\n"


@pytest.mark.parametrize("ca_type", ["P-256", "RSA-2048"])
def test_the_openssl_command_accepts_an_sm2_leaf_of_another_ca(tmp_path: Path, ca_type: str) -> None:
    house = found(tmp_path / "ca", ca_type)
    leaf = written(tmp_path, house.open().issue(UNIT, asked("leaf", "SM2")))
    shown = openssl("verify", *STRICT, "-trusted", house.files.root, "-untrusted", house.files.issuing, leaf)
    assert shown == f"{leaf}: OK\n"


def test_the_openssl_command_accepts_the_lists_of_an_sm2_ca(sm2_house: House, tmp_path: Path) -> None:
    files = sm2_house.files
    for certificate, file in ((files.issuing, files.issuing_list), (files.root, files.root_list)):
        read = x509.load_der_x509_crl(file.read_bytes())
        (tmp_path / "key").write_text(openssl("x509", "-in", certificate, "-noout", "-pubkey"))
        (tmp_path / "tbs").write_bytes(read.tbs_certlist_bytes)
        (tmp_path / "signature").write_bytes(read.signature)
        # Its `verify -crl_check` knows no way to name the signer.
        how = ("-sm3", "-sigopt", SIGNER, "-verify", tmp_path / "key", "-signature", tmp_path / "signature")
        assert openssl("dgst", *how, tmp_path / "tbs") == "Verified OK\n"


def test_an_sm2_ca_revokes_and_renews_as_every_other(sm2_house: House) -> None:
    ca, issuing = sm2_house.open(), spki_of(sm2_house.issuing.certificate)
    issued = ca.issue(UNIT, asked("leaf", "SM2"))
    ca.revoke(*names(issued), "keyCompromise", allow_reissue=False)
    first = sm2_house.list_file()
    assert first.get_revoked_certificate_by_serial_number(parsed(issued).serial_number) is not None
    sm2_house.clock.advance(days=3.5)
    ca.refresh()
    second = sm2_house.list_file()
    assert (list_number(first), list_number(second)) == (2, 3)
    assert second.next_update_utc == sm2_house.clock.now - BACKDATED + 7 * DAY
    for one in (first, second):
        der = one.public_bytes(Encoding.DER)
        assert is_signed_by(der, issuing)
        assert algorithms(der) == (ALGORITHMS["SM2"], ALGORITHMS["SM2"])


def test_the_list_of_an_sm2_root_is_renewed_with_its_key(sm2_house: House) -> None:
    sm2_house.clock.advance(days=700)
    sm2_house.open().renew_root_list(sm2_house.root)
    published = x509.load_der_x509_crl(sm2_house.files.root_list.read_bytes())
    assert list_number(published) == 2
    assert published.last_update_utc == sm2_house.clock.now - timedelta(minutes=5)
    assert is_signed_by(sm2_house.files.root_list.read_bytes(), spki_of(sm2_house.root.certificate))


@without({"certlogin.ca.setup.seal_key": in_the_clear}, sees="b'BEGIN PRIVATE' not in", from_setup=True)
def test_s28_an_sm2_key_lies_there_encrypted(sm2_house: House) -> None:
    for path in (sm2_house.files.issuing_key, sm2_house.files.root_key):
        assert b"BEGIN PRIVATE" not in path.read_bytes()
        assert path.read_bytes().startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
    assert sm2_house.issuing.key.spki != sm2_house.root.key.spki


def test_without_sm2_an_sm2_ca_says_so_at_its_start(sm2_house: House) -> None:
    set_library(sm2_house, NOWHERE)
    with pytest.raises(SM2Unavailable, match=NOWHERE) as refused:
        sm2_house.open()
    assert refused.value.code == "sm2_unavailable"
    with pytest.raises(SM2Unavailable, match=NOWHERE):
        open_signer(sm2_house.files.root, sm2_house.files.root_key, ROOT_PASSPHRASE, NOWHERE)
    set_library(sm2_house, "")
    assert sm2_house.open()


def test_without_sm2_other_cas_work_and_offer_no_sm2(house: House, caplog: pytest.LogCaptureFixture) -> None:
    assert house.open().issue(UNIT, asked("one", "SM2"))
    set_library(house, NOWHERE)
    ca = house.open()
    assert f"sm2_unavailable): {NOWHERE}" in caplog.text
    with pytest.raises(RequestRefused, match="key_type_not_offered"):
        ca.issue(UNIT, asked("one", "SM2"))
    ca.revoke(*names(ca.issue(OTHER, asked("two", "P-256"))), "lost", allow_reissue=False)


def test_a_profile_without_sm2_asks_no_libcrypto(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    profile = CAProfile(key_types=("P-256",), sm2_library=NOWHERE)
    ca = found(tmp_path / "ca", profile=profile).open()
    assert "sm2_unavailable" not in caplog.text
    with pytest.raises(RequestRefused, match="key_type_not_offered"):
        ca.issue(UNIT, asked("one", "SM2"))
    assert ca.issue(UNIT, asked("one"))


def test_an_sm2_ca_that_cannot_be_made_leaves_nothing(tmp_path: Path) -> None:
    profile = CAProfile(sm2_library=NOWHERE)
    new = NewCA("Test CA", "SM2", PASSPHRASE, ROOT_PASSPHRASE, profile=profile, iterations=ITERATIONS)
    with pytest.raises(SM2Unavailable, match=NOWHERE):
        make_ca(tmp_path / "ca", new, NOW, token_bytes)
    assert not list(tmp_path.iterdir())


def test_the_same_sm2_key_gets_the_same_certificate_again(sm2_house: House) -> None:
    ca = sm2_house.open()
    first = ca.issue(UNIT, asked("one", "SM2"))
    assert ca.issue(UNIT, asked("one", "SM2", challenge="another signature")) == first
    assert spki_of(parsed(first)) == ca_key("one", "SM2").spki

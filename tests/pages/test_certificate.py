"""Reading what the chooser shows of a certificate."""

from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.factory import CLIENT_AUTH, NOW, SERVER_AUTH, make_pki, resign
from tests.pages.conftest import Module

pytestmark = pytest.mark.browser

_READ = """(m, bytes) => {
    try {
        const { name, serial, notBefore, notAfter, isForLogin } = m.readCertificate(Uint8Array.from(bytes));
        return { name, serial, notBefore: notBefore.toISOString(), notAfter: notAfter.toISOString(), isForLogin };
    } catch (failure) {
        return failure.name;
    }
}"""


def _read(module: Module, der: bytes) -> Any:
    return module("certificate.js", _READ, list(der))


def _said(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")


@pytest.mark.parametrize("key_type", ["P-256", "RSA-2048"])
def test_a_login_certificate_is_read_as_it_is(module: Module, key_type: str) -> None:
    leaf = make_pki(key_type).issuing.issue(key_type=key_type, common_name="曙光机械制造有限公司", serial=0x80FF)
    assert _read(module, leaf.der) == {
        "name": "曙光机械制造有限公司",
        "serial": "80ff",
        "notBefore": _said(leaf.certificate.not_valid_before_utc),
        "notAfter": _said(leaf.certificate.not_valid_after_utc),
        "isForLogin": True,
    }


@pytest.mark.parametrize("year", [1950, 1999, 2000, 2049, 2050, 2099])
def test_dates_of_both_encodings_are_read(module: Module, year: int) -> None:
    """RFC 5280, 4.1.2.5: UTCTime until 2049, GeneralizedTime from 2050."""
    begin, end = datetime(year, 1, 2, 3, 4, 5, tzinfo=UTC), datetime(year, 12, 31, 23, 59, 59, tzinfo=UTC)
    leaf = make_pki().issuing.issue(not_before=begin, not_after=end)
    shown = _read(module, leaf.der)
    assert (shown["notBefore"], shown["notAfter"]) == (_said(begin), _said(end))


def test_without_a_common_name_the_organisation_is_shown(module: Module) -> None:
    pki = make_pki()
    leaf = pki.issuing.issue()

    def without(tbs: Any) -> None:
        del tbs["subject"].chosen[-1]

    assert _read(module, resign(leaf.der, pki.issuing.key, without))["name"] == "certlogin test"


def test_a_ca_is_not_for_login(module: Module) -> None:
    pki = make_pki()
    assert _read(module, pki.issuing.der)["isForLogin"] is False
    assert _read(module, pki.root.der)["isForLogin"] is False


@pytest.mark.parametrize(
    ("usages", "for_login"),
    [
        (None, True),
        (("digital_signature",), True),
        (("content_commitment",), True),
        (("key_encipherment", "data_encipherment", "key_agreement"), False),
        (("digital_signature", "key_encipherment"), True),
    ],
)
def test_the_encryption_half_of_a_pair_is_not_for_login(
    module: Module, usages: tuple[str, ...] | None, for_login: bool
) -> None:
    assert _read(module, make_pki().issuing.issue(usages=usages).der)["isForLogin"] is for_login


@pytest.mark.parametrize(
    ("extended", "for_login"),
    [
        (None, True),
        (CLIENT_AUTH, True),
        (SERVER_AUTH, False),
        ((*SERVER_AUTH, *CLIENT_AUTH), True),
        ((ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,), True),
        ((ExtendedKeyUsageOID.EMAIL_PROTECTION,), False),
    ],
)
def test_a_certificate_made_for_servers_is_not_for_login(
    module: Module, extended: tuple[x509.ObjectIdentifier, ...] | None, for_login: bool
) -> None:
    assert _read(module, make_pki().issuing.issue(extended=extended).der)["isForLogin"] is for_login


def test_cut_anywhere_it_is_no_certificate(module: Module) -> None:
    der = make_pki().issuing.issue().der
    cuts = """(m, bytes) => bytes.map((_, length) => {
        try { m.readCertificate(Uint8Array.from(bytes.slice(0, length))); return "read"; }
        catch (failure) { return failure.name; }
    })"""
    assert set(module("certificate.js", cuts, list(der))) == {"TypeError"}


@pytest.mark.parametrize("octets", [b"", b"\x30", b"\x30\x80\x00\x00", b"\x30\x84\x00\x00\x00\x01\x00", b"\x30\x00"])
def test_what_is_no_der_is_refused(module: Module, octets: bytes) -> None:
    assert _read(module, octets) == "TypeError"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=20)
@given(st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), min_size=1, max_size=200))
def test_a_changed_byte_gives_a_view_or_a_type_error_and_nothing_else(
    module: Module, changes: list[tuple[int, int]]
) -> None:
    """One certificate for every change; the page shows what can be read and skips the rest."""
    der = make_pki().issuing.issue(not_before=NOW).der
    script = """(m, [bytes, changes]) => changes.map(([at, value]) => {
        const changed = Uint8Array.from(bytes);
        changed[at % bytes.length] = value;
        try { m.readCertificate(changed); return "read"; } catch (failure) { return failure.name; }
    })"""
    assert set(module("certificate.js", script, [list(der), changes])) <= {"TypeError", "read"}

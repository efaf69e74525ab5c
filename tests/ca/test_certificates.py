"""The CA's own certificates, serial numbers and lists, as values."""

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from certlogin.ca.certificates import (
    BACKDATED,
    Holder,
    make_issuing,
    make_leaf,
    make_list,
    make_root,
    new_serial,
)
from certlogin.ca.encoding import spki_of
from certlogin.ca.profile import CAProfile
from certlogin.ca.signing import KEY_TYPES
from tests.ca.house import ca_key, list_number
from tests.ca.signed import ALGORITHMS, algorithms, is_signed_by
from tests.factory import DAY, NOW, UNIT_CODE, key_usage


def zeros(count: int) -> bytes:
    return bytes(count)


@given(st.binary(min_size=20, max_size=20))
def test_a_serial_is_positive_and_always_twenty_octets(octets: bytes) -> None:
    serial = new_serial(lambda count: octets[:count])
    # RFC 5280 4.1.2.2: positive, at most 20 octets of DER, where a first bit of 1 would need a 21st.
    assert 2**158 <= serial < 2**159
    # 158 bits of it are the given ones.
    assert serial % 2**158 == int.from_bytes(octets) % 2**158


@pytest.mark.parametrize("key_type", KEY_TYPES)
def test_root_and_issuing_ca(key_type: str) -> None:
    root_key, issuing_key = ca_key("root", key_type), ca_key("issuing", key_type)
    root = make_root(root_key, "某某证书", NOW + timedelta(microseconds=7), zeros)
    issuing = make_issuing(issuing_key, "某某证书", root, root_key, NOW, zeros)
    for certificate in (root, issuing):
        der = certificate.public_bytes(Encoding.DER)
        assert is_signed_by(der, root_key.spki)
        assert not is_signed_by(der, issuing_key.spki)
        # RFC 5280 4.1.1.2: the same inside and outside.
        assert algorithms(der) == (ALGORITHMS[key_type], ALGORITHMS[key_type])
    assert (spki_of(root), spki_of(issuing)) == (root_key.spki, issuing_key.spki)
    assert root.not_valid_before_utc == NOW - BACKDATED
    assert issuing.not_valid_after_utc < root.not_valid_after_utc
    for certificate, path_length in ((root, None), (issuing, 0)):
        extensions = certificate.extensions
        assert extensions.get_extension_for_class(x509.BasicConstraints).critical
        assert extensions.get_extension_for_class(x509.BasicConstraints).value == x509.BasicConstraints(
            True, path_length
        )
        assert extensions.get_extension_for_class(x509.KeyUsage).value == key_usage("key_cert_sign", "crl_sign")
    identifier = issuing.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    assert identifier.key_identifier == root.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest


@given(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=200))
@settings(deadline=None)
def test_any_name_fits_into_the_subject(name: str) -> None:
    root_key = ca_key("root", "P-256")
    root = make_root(root_key, "x", NOW, zeros)
    profile = CAProfile(validity_days=1)
    leaf = make_leaf(ca_key("leaf", "P-256").spki, Holder(name, UNIT_CODE, 1), root, root_key, profile, NOW, zeros)
    shown = leaf.subject.get_attributes_for_oid(x509.NameOID.ORGANIZATION_NAME)[0].value
    common_name = leaf.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value
    assert shown == name[:64]
    assert isinstance(common_name, str)
    assert name.startswith(common_name)
    assert len(common_name) >= min(len(name), 16)
    assert leaf.not_valid_after_utc == NOW + DAY


@pytest.mark.parametrize("key_type", KEY_TYPES)
def test_a_list_has_number_dates_and_reasons(key_type: str) -> None:
    root_key = ca_key("root", key_type)
    root = make_root(root_key, "x", NOW, zeros)
    entries = [(7, NOW, x509.ReasonFlags.superseded), (9, NOW - DAY, x509.ReasonFlags.unspecified)]
    made = make_list(root, root_key, 42, entries, NOW, 3)
    der = made.public_bytes(Encoding.DER)
    assert is_signed_by(der, root_key.spki)
    assert not is_signed_by(der, ca_key("other", key_type).spki)
    assert algorithms(der) == (ALGORITHMS[key_type], ALGORITHMS[key_type])
    assert list_number(made) == 42
    assert made.next_update_utc == made.last_update_utc + 3 * DAY
    assert [(one.serial_number, one.revocation_date_utc, len(one.extensions)) for one in made] == [
        (7, NOW, 1),
        (9, NOW - DAY, 0),
    ]

"""`build_trust`: what of the configuration stops the start, and what is only told to the operator."""

from typing import Any

import pytest

from certlogin.errors import ConfigurationError
from certlogin.pki.path import AnchorMaterial, build_trust
from certlogin.pki.revocation import Mode
from tests.companions import without
from tests.factory import PKI, make_pki
from tests.pki import raw
from tests.pki.raw import OCTET_STRING, OID, SEQUENCE, SET, tlv, with_part
from tests.pki.undefended import ANY_CA


def problems(*anchors: AnchorMaterial) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as refusal:
        build_trust(anchors)
    return refusal.value.problems


def pki() -> PKI:
    return make_pki()


def test_everything_configured_is_kept() -> None:
    trust = build_trust([pki().material(name="one", strict=False, revocation="off")], client_auth_required=True)
    (anchor,) = trust.anchors
    assert (anchor.name, anchor.strict, anchor.revocation) == ("one", False, Mode.OFF)
    assert anchor.unit_code_oids == ("1.2.156.10260.4.1.4",)
    assert anchor.certificate.der == pki().root.der
    assert [one.der for one in trust.intermediates] == [pki().issuing.der]
    assert trust.client_auth_required
    assert trust.problems == ()


def test_an_intermediate_in_two_files_counts_once() -> None:
    both = (pki().issuing.der, pki().issuing.der)
    trust = build_trust([pki().material(intermediates_der=both)])
    assert len(trust.intermediates) == 1


def test_without_an_anchor_there_is_no_start() -> None:
    assert problems() == ("trust.anchors is empty: nobody could log in",)


def octets_in_the_name(certificate: bytes) -> bytes:
    name = tlv(SEQUENCE, tlv(SET, tlv(SEQUENCE, tlv(OID, raw.oid("2.5.4.3")), tlv(OCTET_STRING, b"x"))))
    return with_part(certificate, pki().root.key, raw.SUBJECT, name)


@without(ANY_CA)
def test_s23_a_login_certificate_in_the_place_of_a_ca_stops_the_start() -> None:
    """In the store a leaf would be trusted as it is."""
    leaf = pki().issuing.issue().der
    assert problems(pki().material(anchor_der=leaf)) == ("test: not a CA certificate",)
    assert problems(pki().material(intermediates_der=(leaf,))) == ("test: intermediate: not a CA certificate",)


@without(ANY_CA)
def test_s23_a_certificate_without_basic_constraints_is_no_ca() -> None:
    plain = pki().root.issue_ca("Plain")
    kept = [one for one in raw.extensions(plain.der) if raw.oid("2.5.29.19") not in one]
    der = raw.with_extensions(plain.der, pki().root.key, kept)
    assert problems(pki().material(anchor_der=der)) == ("test: not a CA certificate",)
    assert build_trust([pki().material(anchor_der=plain.der)])


@pytest.mark.parametrize("member", ["anchor_der", "intermediates_der"])
def test_an_unusable_certificate_stops_the_start(member: str) -> None:
    bad: list[tuple[bytes, str]] = [
        (b"", "certificate_unreadable"),
        (pki().root.der[:-1], "certificate_unreadable"),
        (bytes(20_000), "certificate_too_large"),
        (with_part(pki().root.der, pki().root.key, raw.SPKI, raw.rsa_spki((1 << 1023) | 1)), "certificate_weak_key"),
        (octets_in_the_name(pki().root.der), "asn1 encoding routines"),
    ]
    for der, expected in bad:
        changes: dict[str, Any] = {member: der if member == "anchor_der" else (der,)}
        (line,) = problems(pki().material(**changes))
        assert line.startswith("test: ")
        assert expected in line


def test_names_and_certificates_of_anchors_are_used_once() -> None:
    other = make_pki("P-256", " other")
    assert build_trust([pki().material(name="a"), other.material(name="b")])
    assert problems(pki().material(), other.material()) == ("trust.anchors: the name 'test' occurs twice",)
    assert problems(pki().material(name="a"), pki().material(name="b")) == (
        "trust.anchors: two anchors have the same certificate",
    )


def test_an_unknown_mode_of_revocation_stops_the_start() -> None:
    assert problems(pki().material(revocation="soft")) == ("test: revocation must be one of require, prefer, off",)


def test_every_mistake_has_its_line() -> None:
    found = problems(
        pki().material(anchor_der=b"", intermediates_der=(b"", b"\x30"), revocation="soft"),
        pki().material(revocation="never"),
    )
    assert len(found) == 6


def test_a_list_that_cannot_be_used_is_told_and_stops_nothing() -> None:
    trust = pki().trust(crls_der=(b"\x30\x00", *pki().crls(), pki().root.crl(number=None)))
    assert len(trust.index.lists) == 2
    assert [problem.split(":")[0] for problem in trust.problems] == ["test", "test"]


def test_a_list_of_a_stranger_is_told() -> None:
    trust = pki().trust(crls_der=(make_pki("P-256", " other").root.crl(),))
    assert not trust.index.lists
    assert trust.problems[0].endswith("signed by no configured CA")


def test_the_lists_in_use_are_handed_on() -> None:
    first = pki().trust()
    again = build_trust([pki().material(crls_der=())], previous=first)
    assert again.index.lists == first.index.lists

"""What stands in the place of a defence on the way from bytes to a trusted certificate, for the runs without it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from time import perf_counter
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from certlogin.errors import Refusal
from certlogin.pki import certificate as certificates
from certlogin.pki import crl, revocation
from certlogin.pki import path as paths
from certlogin.pki.certificate import PARSER_ERRORS, CertificateUnreadable, UnverifiedCertificate
from certlogin.pki.evidence import Evidence
from certlogin.pki.path import CertificateUntrusted, Path, TrustAnchor
from certlogin.pki.revocation import Settled
from tests.factory import make_pki

Replaced = Mapping[str, object]
Certificates = Sequence[UnverifiedCertificate]
Anchors = Sequence[TrustAnchor]
Link = tuple[UnverifiedCertificate, UnverifiedCertificate, Evidence]
_VERIFY: Final = "certlogin.pki.path._verify"
_verify: Final = paths._verify
_read_ca: Final = paths._read_ca
_settle_one: Final = revocation._settle_one


# --- paths


def _client_in_store(leaf: UnverifiedCertificate, sent: Certificates, anchors: Anchors, *rest: Any) -> Path:
    own = (leaf,) if leaf.issuer_der == leaf.subject_der else ()
    brought = [replace(anchors[0], name="client", certificate=one) for one in (*sent, *own)]
    return _verify(leaf, sent, (*brought, *anchors), *rest)


def _walk(
    leaf: UnverifiedCertificate, sent: Certificates, anchors: Anchors, links: Callable[..., bool]
) -> Iterator[UnverifiedCertificate]:
    yield leaf
    trusted = [anchor.certificate for anchor in anchors]
    while leaf not in trusted:
        leaf = next(one for one in (*trusted, *sent) if links(leaf, one))
        yield leaf


def _by(links: Callable[..., bool]) -> Callable[..., Path]:
    def walk(leaf: UnverifiedCertificate, sent: Certificates, anchors: Anchors, strict: bool, now: datetime) -> Path:
        return Path(anchors[0], tuple(_walk(leaf, sent, anchors, links)))

    return walk


def _signed(one: UnverifiedCertificate, by: UnverifiedCertificate) -> bool:
    try:
        one.x509.verify_directly_issued_by(by.x509)
    except (ValueError, InvalidSignature):
        return False
    return True


def _anywhere(leaf: UnverifiedCertificate, sent: Certificates, anchors: Anchors, strict: bool, now: datetime) -> Path:
    return Path(anchors[0], (leaf, anchors[0].certificate))


def _round_and_round(
    leaf: UnverifiedCertificate, sent: Certificates, anchors: Anchors, strict: bool, now: datetime
) -> Path:
    """A search that forgets where it has been, cut off after a second."""
    began = perf_counter()
    while perf_counter() - began < 1:
        leaf = next(one for one in sent if one.subject_der == leaf.issuer_der)
    raise CertificateUntrusted("", "", 22, 0, "the chain is too long")


def remembering() -> Replaced:
    """What one client sent serves the next."""
    seen: list[UnverifiedCertificate] = []

    def verify(leaf: UnverifiedCertificate, sent: Certificates, *rest: Any) -> Path:
        seen.extend(sent)
        return _verify(leaf, seen, *rest)

    return {_VERIFY: verify}


def _read_any_ca(der: bytes, what: str, problems: list[str]) -> UnverifiedCertificate | None:
    found: list[str] = []
    certificate = _read_ca(der, what, found)
    problems += [one for one in found if not one.endswith("not a CA certificate")]
    return certificate


#: Who configures a certificate as a CA makes it one.
ANY_CA: Final[Replaced] = {"certlogin.pki.path._read_ca": _read_any_ca}
#: What a client sends lies in the store, beside the anchors.
CLIENT_IN_STORE: Final[Replaced] = {_VERIFY: _client_in_store}
#: Issuer and subject are compared, and signatures are not.
NAMES_ALONE: Final[Replaced] = {_VERIFY: _by(lambda one, by: one.issuer_der == by.subject_der)}
#: Names and signatures fit, and nothing that a CA is told is heeded: dates, lengths, usages, constraints.
SIGNATURES_ALONE: Final[Replaced] = {_VERIFY: _by(_signed)}
#: Every path leads to an anchor.
ANY_PATH: Final[Replaced] = {_VERIFY: _anywhere}
#: The client's certificates are tried before ours.
CLIENT_FIRST: Final[Replaced] = {_VERIFY: lambda leaf, sent, *rest: _verify(leaf, sent[::-1], *rest)}
#: A ring has no end.
ROUND_AND_ROUND: Final[Replaced] = {_VERIFY: _round_and_round}


# --- revocation


def _missing_is_good(link: Link, now: datetime, grace: timedelta) -> Settled:
    return _settle_one(link, now, grace) if link[2].voices else Settled.CRL


def _dates_unasked(link: Link, now: datetime, grace: timedelta) -> Settled:
    lists = [voice.complete for voice in link[2].voices if voice.complete]
    return _settle_one(link, lists[0].this_update if lists else now, grace)


_SETTLE: Final = "certlogin.pki.revocation._settle_one"
#: Lists are read, and nobody is on them.
NOBODY_LISTED: Final[Replaced] = {"certlogin.pki.revocation._revoked_at": lambda *_: None}
#: Whoever has no list has revoked nobody.
MISSING_IS_GOOD: Final[Replaced] = {_SETTLE: _missing_is_good}
DATES_UNASKED: Final[Replaced] = {_SETTLE: _dates_unasked}
UNSETTLED: Final[Replaced] = {_SETTLE: lambda *_: Settled.CRL, **NOBODY_LISTED}
#: A list replaces the one before, whatever their numbers.
LAST_ONE_COUNTS: Final[Replaced] = {"certlogin.pki.evidence._order": lambda _: 0}
#: A list is its issuer's by name.
LISTS_BY_NAME: Final[Replaced] = {
    "certlogin.pki.evidence.is_signed_by": lambda one, authority, _: one.issuer_der == authority.subject_der
}
SM2_UNVERIFIED: Final[Replaced] = {"certlogin.pki.signed.verify_signed": lambda *_: None}


_outline: Final = crl._outline
_read_whole: Final = crl._read


def _lenient_list(der: bytes, *_: object) -> object:
    """What cannot be read is taken for a list of our issuing CA."""
    try:
        outline = _outline(der)
        _read_whole(x509.load_der_x509_crl(outline.stub), outline, der)
    except PARSER_ERRORS:
        return _outline(make_pki().issuing.crl())
    return _outline(der)


#: Any bytes are a list.
ANY_LIST: Final[Replaced] = {"certlogin.pki.crl._outline": _lenient_list}


# --- one certificate


_read_outline: Final[Callable[..., object]] = certificates._read_outline
_parse: Final = certificates._parse


def _lenient_outline(der: bytes, *rest: Any) -> object:
    try:
        return _read_outline(der, *rest)
    except (ValueError, Refusal):
        return _read_outline(make_pki().issuing.issue().der, *rest)


def _lenient_parse(der: bytes) -> x509.Certificate:
    try:
        return _parse(der)
    except CertificateUnreadable:
        return make_pki().issuing.certificate


#: What the library below cannot read is taken for another certificate; so is what our own reader refuses.
ANY_PARSED: Final[Replaced] = {"certlogin.pki.certificate._parse": _lenient_parse}
ANY_OUTLINE: Final[Replaced] = {"certlogin.pki.certificate._read_outline": _lenient_outline}
ANY_CERTIFICATE: Final[Replaced] = {**ANY_OUTLINE, **ANY_PARSED}

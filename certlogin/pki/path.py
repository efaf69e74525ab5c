"""The trust anchors, and the path from a certificate up to one of them.

It decides whether OpenSSL finds a valid path at a given moment. Only anchors lie in the store: with PARTIAL_CHAIN every
certificate in it is one, so what a client sends goes to the untrusted side, always. It must not know files, revocation
or what a certificate is used for.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Final

from cryptography import x509
from OpenSSL import crypto

from certlogin.errors import CertloginError, ConfigurationError, Refusal
from certlogin.pki.certificate import CertificateUnreadable, UnverifiedCertificate, read_certificate
from certlogin.pki.revocation import Mode, RevocationIndex, RevocationList, build_index, read_lists
from certlogin.pki.selections import selections
from certlogin.pki.serials import Pause, no_pause
from certlogin.pki.sm2 import SM2
from certlogin.records.certificate import KeyType
from certlogin.records.identity_tables import Strictness

#: How many CAs may stand between a certificate and its anchor. Those in use have one or two.
INTERMEDIATES_MAX: Final = 8
OCSP_MAX_AGE: Final = timedelta(days=1)
#: X509_V_ERR_*: no issuer was found, or only one that is no anchor (2, 18-21).
_NO_PATH: Final = frozenset({2, 18, 19, 20, 21})


@dataclass(eq=False)
class CertificateUntrusted(Refusal):
    """There is no valid path to an anchor. `problem` is OpenSSL's text, for the log; `error` its number."""

    code: ClassVar[str] = "certificate_untrusted"
    subject: str
    issuer: str
    error: int
    depth: int
    problem: str


@dataclass(frozen=True, slots=True)
class AnchorMaterial:
    """One `[[trust.anchors]]` table with its files read, each certificate and list in DER."""

    name: str
    anchor_der: bytes
    intermediates_der: tuple[bytes, ...] = ()
    crls_der: tuple[bytes, ...] = ()
    revocation: str = Mode.REQUIRE
    strict: bool = True
    #: Entries of an identity table.
    unit_code_oids: tuple[str, ...] = ()
    unique_id_oids: tuple[str, ...] = ()
    unit_codes: Strictness = Strictness.ANY
    #: With `prefer`: how long good evidence still counts after it went stale.
    grace: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class TrustAnchor:
    name: str
    certificate: UnverifiedCertificate
    revocation: Mode
    #: False: certificates without AuthorityKeyIdentifier pass (old cards).
    strict: bool
    unit_code_oids: tuple[str, ...]
    unique_id_oids: tuple[str, ...]
    unit_codes: Strictness
    #: Nothing unless `revocation` is PREFER.
    grace: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Trust:
    """Everything a judgement needs besides the certificate and the time. Immutable: threads may share it."""

    anchors: tuple[TrustAnchor, ...]
    intermediates: tuple[UnverifiedCertificate, ...]
    index: RevocationIndex
    client_auth_required: bool
    #: Which lists are not used and why, for the log and for doctor.
    problems: tuple[str, ...]
    #: What verifies SM2 signatures; None: they are refused.
    sm2: SM2 | None = field(default=None, compare=False)
    #: Dotted; a leaf issued under one of them may not log in.
    forbidden_policies: frozenset[str] = frozenset()
    max_intermediates: int = INTERMEDIATES_MAX
    #: How long an OCSP answer without nextUpdate counts.
    ocsp_max_age: timedelta = OCSP_MAX_AGE


@dataclass(frozen=True, slots=True)
class Path:
    """Leaf first, anchor last; OpenSSL has verified each link."""

    anchor: TrustAnchor
    certificates: tuple[UnverifiedCertificate, ...]


def build_trust(
    anchors: Sequence[AnchorMaterial],
    *,
    client_auth_required: bool = False,
    forbidden_policies: Iterable[str] = (),
    max_intermediates: int = INTERMEDIATES_MAX,
    ocsp_max_age: timedelta = OCSP_MAX_AGE,
    previous: Trust | None = None,
    sm2: SM2 | None = None,
    pause: Pause = no_pause,
) -> Trust:
    """Read anchors, intermediates and lists. Raises ConfigurationError, with one line per mistake.

    Give the trust in use as `previous` when files were read again: a list with a lower number never replaces a higher
    one. An unusable list is no mistake of the start: without a usable one the certificates are refused.
    """
    problems = _naming_problems(anchors)
    read = [_read_anchor(material, problems) for material in anchors]
    below = [_read_ca(der, f"{material.name}: intermediate", problems) for material, der in _intermediates(anchors)]
    if problems:
        raise ConfigurationError(tuple(problems))
    # Without problems nothing is None; one certificate counts once, however many files hold it.
    found = tuple(anchor for anchor in read if anchor)
    intermediates = tuple({one.sha256: one for one in below if one}.values())
    lists, unusable = _read_lists(anchors, pause)
    authorities = (*(anchor.certificate for anchor in found), *intermediates)
    index, unplaced = build_index(lists, authorities, previous.index if previous else RevocationIndex(), sm2)
    return Trust(
        anchors=found,
        intermediates=intermediates,
        index=index,
        client_auth_required=client_auth_required,
        problems=(*_unverifiable(authorities, sm2), *unusable, *unplaced),
        sm2=sm2,
        forbidden_policies=frozenset(forbidden_policies),
        max_intermediates=max_intermediates,
        ocsp_max_age=ocsp_max_age,
    )


def find_path(
    leaf: UnverifiedCertificate, client_chain: Sequence[UnverifiedCertificate], trust: Trust, now: datetime
) -> Path:
    """The path to the nearest anchor. Raises CertificateUntrusted, CertificateUnreadable."""
    # Ours first, and each once: where several have one name, those in front are tried first.
    untrusted = tuple({one.der: one for one in (*trust.intermediates, *client_chain)}.values())
    above = _names_above(leaf, untrusted)
    refusals = []
    for strict in (True, False):
        anchors = [anchor for anchor in trust.anchors if anchor.strict is strict]
        if not anchors:
            continue
        for below, roots in selections(untrusted, _subject, anchors, _subject_of_anchor, above):
            try:
                return _verify(leaf, below, roots, strict, now)
            except CertificateUntrusted as refusal:
                refusals.append(refusal)
    # The refusal that says more than "no such issuer among these anchors".
    raise next((refusal for refusal in refusals if refusal.error not in _NO_PATH), refusals[0])


def _names_above(leaf: UnverifiedCertificate, among: Sequence[UnverifiedCertificate]) -> set[bytes]:
    """Whose certificates may stand above it: only for the order in which they are tried, for OpenSSL compares names."""
    issuers: dict[bytes, set[bytes]] = {}
    for one in among:
        issuers.setdefault(one.subject_der, set()).add(one.issuer_der)
    found, waiting = set(), [leaf.issuer_der]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(issuers.get(name, ()))
    return found


def _subject(certificate: UnverifiedCertificate) -> bytes:
    return certificate.subject_der


def _subject_of_anchor(anchor: TrustAnchor) -> bytes:
    return anchor.certificate.subject_der


def _verify(
    leaf: UnverifiedCertificate,
    untrusted: Sequence[UnverifiedCertificate],
    anchors: Sequence[TrustAnchor],
    strict: bool,
    now: datetime,
) -> Path:
    try:
        store = _store(anchors, strict, now)
        context = crypto.X509StoreContext(store, _openssl(leaf), [_openssl(one) for one in untrusted])
        chain = context.get_verified_chain()
    except crypto.X509StoreContextError as error:
        subject, issuer = leaf.x509.subject.rfc4514_string(), leaf.x509.issuer.rfc4514_string()
        raise CertificateUntrusted(subject, issuer, *error.errors) from None
    except crypto.Error:
        raise CertificateUnreadable("OpenSSL cannot read it") from None
    known = (leaf, *untrusted, *(anchor.certificate for anchor in anchors))
    by_der = {one.der: one for one in known}
    return _up_to_anchor([by_der[_der(one)] for one in chain], anchors)


def _up_to_anchor(chain: Sequence[UnverifiedCertificate], anchors: Iterable[TrustAnchor]) -> Path:
    """The chain cut at the anchor nearest to the leaf: nothing above an anchor is asked."""
    by_der = {anchor.certificate.der: anchor for anchor in anchors}
    place = next(place for place, one in enumerate(chain) if one.der in by_der)
    return Path(by_der[chain[place].der], tuple(chain[: place + 1]))


def _store(anchors: Iterable[TrustAnchor], strict: bool, now: datetime) -> crypto.X509Store:
    """Made per call: a store belongs to one thread, and making it costs less than one RSA verification."""
    store = crypto.X509Store()
    for anchor in anchors:
        store.add_cert(_openssl(anchor.certificate))
    flags = crypto.X509StoreFlags.POLICY_CHECK | crypto.X509StoreFlags.PARTIAL_CHAIN
    store.set_flags(flags | crypto.X509StoreFlags.X509_STRICT if strict else flags)
    # pyOpenSSL reads the fields of the date as UTC, whatever its zone.
    store.set_time(now.astimezone(UTC))
    return store


def _openssl(certificate: UnverifiedCertificate) -> crypto.X509:
    return certificate.loaded or crypto.load_certificate(crypto.FILETYPE_ASN1, certificate.der)


def _der(certificate: crypto.X509) -> bytes:
    return crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate)


def _naming_problems(anchors: Sequence[AnchorMaterial]) -> list[str]:
    names = Counter(material.name for material in anchors)
    problems = [] if anchors else ["trust.anchors is empty: nobody could log in"]
    problems += [f"trust.anchors: the name {name!r} occurs twice" for name in sorted(names) if names[name] > 1]
    if len({material.anchor_der for material in anchors}) != len(anchors):
        problems.append("trust.anchors: two anchors have the same certificate")
    return problems


def _read_anchor(material: AnchorMaterial, problems: list[str]) -> TrustAnchor | None:
    certificate = _read_ca(material.anchor_der, material.name, problems)
    if material.revocation not in set(Mode):
        problems.append(f"{material.name}: revocation must be one of {', '.join(Mode)}")
    if certificate is None or problems:
        return None
    return TrustAnchor(
        name=material.name,
        certificate=certificate,
        revocation=Mode(material.revocation),
        strict=material.strict,
        unit_code_oids=material.unit_code_oids,
        unique_id_oids=material.unique_id_oids,
        unit_codes=material.unit_codes,
        grace=_grace_of(material),
    )


def _grace_of(material: AnchorMaterial) -> timedelta:
    return material.grace if material.revocation == Mode.PREFER else timedelta(0)


def _read_ca(der: bytes, what: str, problems: list[str]) -> UnverifiedCertificate | None:
    try:
        certificate = read_certificate(der)
        # What only OpenSSL cannot read would refuse every login, and blame the certificates of the users.
        certificate = replace(certificate, loaded=_openssl(certificate))
    except (CertloginError, crypto.Error) as error:
        problems.append(f"{what}: {error}")
        return None
    if not is_ca(certificate):
        # A leaf in the store would be trusted as it is.
        problems.append(f"{what}: not a CA certificate")
    return certificate


def is_ca(certificate: UnverifiedCertificate) -> bool:
    """Whether its basic constraints say so; whether they are true is for the path to tell."""
    try:
        return certificate.x509.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _intermediates(anchors: Iterable[AnchorMaterial]) -> Iterable[tuple[AnchorMaterial, bytes]]:
    return ((material, der) for material in anchors for der in material.intermediates_der)


def _unverifiable(authorities: Iterable[UnverifiedCertificate], sm2: SM2 | None) -> list[str]:
    """Why every login below an SM2 authority is refused where nothing verifies its lists."""
    if sm2 is not None:
        return []
    named = (one.x509.subject.rfc4514_string() for one in authorities if one.key.key_type is KeyType.SM2)
    return [f"{name}: SM2 is not available, so its revocation lists are not used" for name in named]


def _read_lists(anchors: Iterable[AnchorMaterial], pause: Pause) -> tuple[list[RevocationList], list[str]]:
    lists, problems = [], []
    for material in anchors:
        read, unusable = read_lists(dict.fromkeys(material.crls_der), pause)
        lists += read
        problems += [f"{material.name}: {problem}" for problem in unusable]
    return lists, problems

"""`certlogin certificate show`: what certlogin sees in a certificate. It judges nothing: `certificate check` does."""

import argparse
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from certlogin.cli.language import add_language, language_of
from certlogin.cli.printable import json_line, shown
from certlogin.errors import CertloginError, ConfigurationError
from certlogin.flows.trust import read_certificates
from certlogin.pki.certificate import UnverifiedCertificate, read_certificate
from certlogin.pki.identity import IdentityUnreadable, read_identity
from certlogin.pki.keys import Legacy
from certlogin.records.identity_tables import TABLES
from certlogin.web.locale import Texts, load_command_texts

_FILE_MAX: Final = 1 << 20
_USAGES: Final = (
    "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
    "key_cert_sign", "crl_sign",
)  # fmt: skip
_PURPOSES: Final = {
    ExtendedKeyUsageOID.CLIENT_AUTH: "clientAuth",
    ExtendedKeyUsageOID.SERVER_AUTH: "serverAuth",
    ExtendedKeyUsageOID.EMAIL_PROTECTION: "emailProtection",
    ExtendedKeyUsageOID.OCSP_SIGNING: "OCSPSigning",
    ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE: "any",
}
_SIGNATURES: Final = {
    "1.2.840.113549.1.1.5": "sha1-with-rsa",
    "1.2.840.113549.1.1.11": "sha256-with-rsa",
    "1.2.840.113549.1.1.12": "sha384-with-rsa",
    "1.2.840.113549.1.1.13": "sha512-with-rsa",
    "1.2.840.10045.4.3.2": "ecdsa-with-sha256",
    "1.2.840.10045.4.3.3": "ecdsa-with-sha384",
    "1.2.840.10045.4.3.4": "ecdsa-with-sha512",
    "1.2.156.10197.1.501": "sm2-with-sm3",
}


def add_show(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", metavar="FILE", help="certificates, PEM (any number) or DER")
    parser.add_argument("--identity", choices=list(TABLES), help="the issuer's identity table (default: each is tried)")
    add_language(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.set_defaults(run=run_show)


def run_show(arguments: argparse.Namespace) -> int:
    """0; 1 when a certificate could not be read. Raises ConfigurationError, OSError: a file cannot be used."""
    texts = load_command_texts(language_of(arguments.language))
    tables = [arguments.identity] if arguments.identity else list(TABLES)
    unreadable = False
    for number, (file, der) in enumerate(_certificates(arguments.files)):
        facts = _facts(file, der, tables)
        unreadable = unreadable or "problem" in facts
        print(json_line(facts) if arguments.json else _page(facts, texts, number))
    return int(unreadable)


def _certificates(files: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    for file in files:
        path = Path(file)
        if path.stat().st_size > _FILE_MAX:
            raise ConfigurationError((f"{file}: larger than {_FILE_MAX} bytes",))
        try:
            yield from ((file, der) for der in read_certificates(path))
        except ConfigurationError as error:
            raise ConfigurationError(tuple(f"{file}: {problem}" for problem in error.problems)) from error


def _facts(file: str, der: bytes, tables: Iterable[str]) -> dict[str, object]:
    try:
        # A key too weak for a login is shown as what it is.
        found = read_certificate(der, Legacy.ADMITTED)
    except CertloginError as error:
        return {"file": file, "problem": str(error), "code": error.code}
    return {
        "file": file,
        "subject": found.x509.subject.rfc4514_string(),
        "issuer": found.x509.issuer.rfc4514_string(),
        "serial": f"{found.serial:x}",
        "sha256": found.sha256,
        **_identity(found, tables),
        "key": f"{found.key.key_type.value}/{found.key.bits}",
        "signature": _SIGNATURES.get(found.signature_algorithm, found.signature_algorithm),
        "not_before": found.x509.not_valid_before_utc.isoformat(),
        "not_after": found.x509.not_valid_after_utc.isoformat(),
        **_uses(found.x509.extensions),
        **_sources(found.x509.extensions),
    }


def _identity(found: UnverifiedCertificate, tables: Iterable[str]) -> dict[str, object]:
    """By the table that says most; of equals the first."""
    best: dict[str, object] = {"unit_code": None, "unique_id": None, "identity": None}
    for name in tables:
        try:
            identity = read_identity(found, TABLES[name].unit_code, TABLES[name].unique_id)
        except IdentityUnreadable:
            continue
        read = {"unit_code": identity.unit_code, "unique_id": identity.unique_id}
        if _said(read) > _said(best):
            best = {**read, "identity": name}
    return best


def _said(identity: Mapping[str, object]) -> int:
    return sum(identity[name] is not None for name in ("unit_code", "unique_id"))


def _uses(extensions: x509.Extensions) -> dict[str, object]:
    kinds = {type(extension.value): extension.value for extension in extensions}
    usage, extended = kinds.get(x509.KeyUsage), kinds.get(x509.ExtendedKeyUsage)
    constraints = kinds.get(x509.BasicConstraints)
    return {
        "usages": [name for name in _USAGES if usage is not None and getattr(usage, name)],
        "purposes": [_PURPOSES.get(oid, oid.dotted_string) for oid in extended or ()],
        "authority": bool(constraints and constraints.ca),
    }


def _sources(extensions: x509.Extensions) -> dict[str, object]:
    """Where its issuer says that revocations are to be found."""
    kinds = {type(extension.value): extension.value for extension in extensions}
    points, access = kinds.get(x509.CRLDistributionPoints), kinds.get(x509.AuthorityInformationAccess)
    ocsp = [one for one in access or () if one.access_method == AuthorityInformationAccessOID.OCSP]
    return {
        "crl": [str(name.value) for point in points or () for name in point.full_name or ()],
        "ocsp": [str(one.access_location.value) for one in ocsp],
    }


def _page(facts: Mapping[str, object], texts: Texts, number: int) -> str:
    rows = [(texts.text(f"show.{name}"), _words(value, texts)) for name, value in facts.items() if name != "code"]
    lines = [f"{label}{' ' * (18 - _width(label))}{value}" for label, value in rows]
    return "\n".join([""] * bool(number) + lines)


def _words(value: object, texts: Texts) -> str:
    if isinstance(value, bool):
        return texts.text("show.yes" if value else "show.no")
    if isinstance(value, list):
        return ", ".join(shown(one) for one in value) or texts.text("show.none")
    return shown(value)


def _width(text: str) -> int:
    """Columns on a terminal: what is not ASCII here is Chinese and takes two."""
    return sum(1 if character.isascii() else 2 for character in text)

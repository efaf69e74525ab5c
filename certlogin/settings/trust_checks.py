"""What the settings of trust must mean: anchors, identities, where revocation comes from; a part of `checks.py`."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from certlogin.records.identity_tables import STANDARD, TABLES, read_source
from certlogin.records.proof import ProofFormat
from certlogin.settings.addresses import is_host_entry, read_address
from certlogin.settings.rule_checks import in_range, unique
from certlogin.settings.trust import RelayRisk, Revocation

_MONTH: Final = 31 * 24 * 3600
_YEAR: Final = 366 * 24 * 3600
_OID: Final = re.compile(r"(?:[01]\.[1-3]?[0-9]|2\.(?:0|[1-9][0-9]{0,39}))(?:\.(?:0|[1-9][0-9]{0,39}))+", re.ASCII)
_PROXY: Final = re.compile(r"https?://(?:[^\s/@]+@)?[A-Za-z0-9._\[\]:-]+:[1-9][0-9]{0,4}/?", re.ASCII)


def trust_settings(values: Mapping[str, Any]) -> Iterator[str]:
    yield from unique("anchors", [anchor.name for anchor in values.get("anchors", ())])
    for identifier in values.get("forbidden_policies", ()):
        if not _is_identifier(identifier):
            yield f"forbidden_policies: {identifier!r} is no object identifier"
    if values.get("required_policies"):
        yield (
            "required_policies: must be empty: OpenSSL's path validation is reached through pyOpenSSL, which cannot "
            "tell it which policies to ask for; forbid the others with forbidden_policies"
        )
    yield from in_range(values, "reload_seconds", 1, _YEAR)
    yield from in_range(values, "ocsp_max_age", 1, _YEAR)


def anchor_settings(values: Mapping[str, Any]) -> Iterator[str]:
    yield from _grace(values)
    if values.get("identity", STANDARD) not in TABLES:
        yield f"identity: must be one of {', '.join(TABLES)}"
    for entry in values.get("unit_code", ()):
        yield from _unit_code_entry(entry)
    for identifier in values.get("unique_id", ()):
        if not _is_identifier(identifier):
            yield f"unique_id: {identifier!r} is no object identifier"
    for key in ("unit_code", "unique_id"):
        yield from unique(key, values.get(key, ()))
    for key in ("intermediates", "crls"):
        if "" in values.get(key, ()):
            yield f"{key}: a file name is empty"
    yield from _formats(values.get("formats", (ProofFormat.NATIVE,)), values.get("relay_risk", RelayRisk.REFUSED))
    for key in ("crl_urls", "ocsp_urls"):
        for number, url in enumerate(values.get(key, ()), 1):
            yield from _address(f"{key}: no. {number}", url)


def _grace(values: Mapping[str, Any]) -> Iterator[str]:
    if values.get("revocation") is Revocation.PREFER:
        yield from in_range({"revocation_grace": 0, **values}, "revocation_grace", 1, _MONTH)
    elif values.get("revocation_grace"):
        yield "revocation_grace: only with revocation = 'prefer'"


def _address(what: str, url: str) -> Iterator[str]:
    """Never with its value: it may carry a password."""
    try:
        read_address(url)
    except ValueError as problem:
        yield f"{what} {problem}"


def revocation_settings(values: Mapping[str, Any]) -> Iterator[str]:
    for entry in values.get("hosts", ()):
        if not is_host_entry(entry):
            yield f"hosts: {entry!r} must be host or host:port, in lower case"
    yield from unique("hosts", values.get("hosts", ()))
    if values.get("proxy") and not _PROXY.fullmatch(values["proxy"]):
        yield "proxy: must be http://[user:password@]host:port or the same with https"
    for key in ("connect_timeout", "read_timeout", "total_timeout", "wait"):
        yield from in_range(values, key, 1, 600)
    yield from in_range(values, "max_bytes", 1024, 1 << 30)


def _formats(formats: tuple[ProofFormat, ...], relay_risk: RelayRisk) -> Iterator[str]:
    yield from unique("formats", [one.value for one in formats])
    if not formats:
        yield "formats: is empty, so nobody with a certificate of it could log in"
    if relay_risk is RelayRisk.REFUSED and set(formats) - {ProofFormat.NATIVE}:
        yield (
            "formats: others than 'native' need relay_risk = 'accepted': a page of another site may have what they "
            "sign signed there, and log in with it here"
        )


def _unit_code_entry(entry: str) -> Iterator[str]:
    """An identifier, or one with a pattern, such as `1.2.3 JJ*`."""
    try:
        if _is_identifier(read_source(entry).oid):
            return
    except ValueError:
        pass
    yield f"unit_code: {entry!r} is no object identifier"


def _is_identifier(text: str) -> bool:
    """Whether it can be looked for in a certificate: the library has limits of its own."""
    from cryptography.x509 import ObjectIdentifier

    if not _OID.fullmatch(text):
        return False
    try:
        ObjectIdentifier(text)
    except ValueError:
        return False
    return True

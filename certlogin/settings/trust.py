"""Which certificate authorities are trusted, where their revocation lists lie, how identities are read."""

from dataclasses import dataclass, field
from enum import StrEnum

from certlogin.records.identity_tables import STANDARD, TABLES, IdentityTable, Strictness
from certlogin.records.proof import ProofFormat


class Revocation(StrEnum):
    #: No fresh answer: refused.
    REQUIRE = "require"
    #: The last good answer still counts for `revocation_grace` seconds after it went stale; each use is written down.
    PREFER = "prefer"
    #: Not asked; shown by doctor and in the start-up log.
    OFF = "off"


class RelayRisk(StrEnum):
    """Whether this is known: only certlogin's own helper writes unit, purpose and the browser's origin into a proof.

    What another one signs, a page of another site may have asked it to sign.
    """

    REFUSED = "refused"
    #: Shown in the start-up log.
    ACCEPTED = "accepted"


@dataclass(frozen=True, slots=True)
class Anchor:
    """One trust anchor with what belongs to it."""

    name: str
    #: PEM or DER file with exactly one certificate.
    file: str
    #: PEM files of CAs below it.
    intermediates: tuple[str, ...] = ()
    #: CRL files (PEM or DER), read again when they change.
    crls: tuple[str, ...] = ()
    #: Addresses of CRLs (http, https), fetched again and again.
    crl_urls: tuple[str, ...] = ()
    #: OCSP responders for certificates of this anchor and of its `intermediates`.
    ocsp_urls: tuple[str, ...] = ()
    #: True: the responders that certificates below this anchor name are asked, where `[revocation] hosts` allows it.
    ocsp: bool = False
    revocation: Revocation = Revocation.REQUIRE
    #: With `prefer` only, where it has no default.
    revocation_grace: int = 0
    #: False: certificates without AuthorityKeyIdentifier pass (old cards).
    strict: bool = True
    #: Which shipped table says where its certificates have unit code and 证书唯一码 (`records/identity_tables.py`).
    identity: str = STANDARD
    #: Instead of the table's: `OID` or `OID PATTERN`, tried in order; the first that speaks of a unit has its code.
    unit_code: tuple[str, ...] = ()
    #: Instead of the table's: object identifiers, tried in order; the first present is the 证书唯一码.
    unique_id: tuple[str, ...] = ()
    #: What a unit code must look like; another one makes the certificate unreadable.
    unit_code_check: Strictness = Strictness.ANY
    #: How its certificates may prove a login; anything else that is signed is always `native`.
    formats: tuple[ProofFormat, ...] = (ProofFormat.NATIVE,)
    #: Without `ACCEPTED` no other format than `native` may be named.
    relay_risk: RelayRisk = RelayRisk.REFUSED

    @property
    def table(self) -> IdentityTable:
        """What is in force. KeyError for a name that the checks refuse."""
        shipped = TABLES[self.identity]
        return IdentityTable(self.unit_code or shipped.unit_code, self.unique_id or shipped.unique_id)


@dataclass(frozen=True, slots=True)
class Trust:
    #: At least one. No default.
    anchors: tuple[Anchor, ...]
    #: `absent` or `clientAuth` is what a leaf's extended key usage must be; True also demands that it is present.
    require_client_auth: bool = False
    #: Object identifiers of certificate policies, dotted; a certificate issued under one of them may not log in.
    forbidden_policies: tuple[str, ...] = ()
    #: Refused unless empty: the path validation cannot be told which policies to ask for.
    required_policies: tuple[str, ...] = ()
    #: Seconds after which a CRL file is looked at again.
    reload_seconds: int = 30
    #: Seconds that an OCSP answer without an end of its own counts.
    ocsp_max_age: int = 86400


@dataclass(frozen=True, slots=True)
class SM2Settings:
    """Which libcrypto computes SM2 signatures."""

    #: Name or absolute path of a libcrypto, OpenSSL 3.0 or later. Empty: the system's, and where it has no SM2 the log
    #: says so at the start and SM2 is not offered; a named one that cannot be used stops the start.
    library: str = ""


@dataclass(frozen=True, slots=True)
class CASettings:
    """Where certificates are issued. Without it the portal issues none."""

    #: Unix socket of `certlogin ca serve`.
    socket: str = ""
    #: Development mode only: the CA's own directory, run in this process.
    directory: str = ""
    #: Environment: CERTLOGIN_CA_PASSPHRASE. Only with `directory`.
    passphrase: str = field(default="", repr=False)
    #: Key types offered for new certificates, preferred first.
    key_types: tuple[str, ...] = ("SM2", "P-256", "RSA-2048")

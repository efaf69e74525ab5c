"""A small PKI for tests: root, issuing CA, leaves and CRLs, good ones and bad ones, with every date passed in.

    pki = make_pki()                                     # P-256; make_pki("RSA-2048"), make_pki("SM2")
    leaf = pki.issuing.issue(unit_code=UNIT_CODE)        # leaf.der, leaf.key, leaf.certificate
    crl = pki.issuing.crl(revoked=[leaf.certificate.serial_number])
    trust = pki.trust()                                  # root as anchor, revocation required, empty CRLs
    signature = sign(leaf.key, b"...")                   # RS256, or ES256, ES384, SM2-SM3 as r||s

Nothing here reads the clock. `cryptography` cannot sign with SM2: it builds with a stand-in key, and the result is
signed again.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from asn1crypto import crl as asn1_crl
from asn1crypto import csr as asn1_csr
from asn1crypto import keys as asn1_keys
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from certlogin.pki.sm2 import SM2Key
from tests.factory_keys import SM2_SM3, AnyKey, Hash, any_key, sign_der, spki_of
from tests.factory_keys import PrivateKey as PrivateKey
from tests.factory_keys import key as key
from tests.factory_keys import sign as sign
from tests.factory_keys import sm2 as sm2

if TYPE_CHECKING:
    from certlogin.pki.path import AnchorMaterial, Trust

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
DAY = timedelta(days=1)
UNIT_CODE = "91110000600037341L"
OTHER_CODE = "91110108551385082Q"
UNIT_CODE_OID = "1.2.156.10260.4.1.4"
UNIQUE_ID_OID = "2.25.1"

CLIENT_AUTH = (ExtendedKeyUsageOID.CLIENT_AUTH,)
SERVER_AUTH = (ExtendedKeyUsageOID.SERVER_AUTH,)


def name(common_name: str, organisation: str = "certlogin test") -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "CN"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def utf8_string(text: str, tag: int = 0x0C) -> bytes:
    """A short DER string; `tag` 0x0C UTF8String, 0x13 PrintableString, 0x16 IA5String."""
    content = text.encode()
    assert len(content) < 128
    return bytes([tag, len(content)]) + content


def key_usage(*names: str) -> x509.KeyUsage:
    known = (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
        "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
    )  # fmt: skip
    return x509.KeyUsage(**{one: one in names for one in known})


@dataclass(frozen=True)
class Plan:
    """What a certificate shall look like. The defaults make a good login certificate."""

    common_name: str = "测试单位"
    key_name: str = "leaf"
    key_type: str = "P-256"
    unit_code: str | None = UNIT_CODE
    #: Raw content of the unit code extension; replaces `unit_code`.
    unit_code_der: bytes | None = None
    unique_id: str | None = None
    not_before: datetime = NOW - 30 * DAY
    not_after: datetime = NOW + 335 * DAY
    #: None: no KeyUsage extension.
    usages: tuple[str, ...] | None = ("digital_signature", "content_commitment")
    #: None: no ExtendedKeyUsage extension.
    extended: tuple[x509.ObjectIdentifier, ...] | None = CLIENT_AUTH
    ca: bool = False
    path_length: int | None = None
    #: False: without AuthorityKeyIdentifier (old cards).
    aki: bool = True
    ski: bool = True
    #: `cryptography` signs with no weaker one: for SHA-1 and MD5 see `resign`.
    hash: Hash = field(default_factory=hashes.SHA256)
    serial: int | None = None
    crl_url: str | None = None
    extra: tuple[tuple[x509.ExtensionType, bool], ...] = ()


@dataclass(frozen=True)
class Issued:
    certificate: x509.Certificate
    key: AnyKey

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def serial(self) -> int:
        return self.certificate.serial_number


@dataclass(frozen=True)
class Authority(Issued):
    """A CA of the test PKI."""

    def issue(self, plan: Plan | None = None, **changes: object) -> Issued:
        """A leaf: `issue(unit_code="…")`, or a whole plan."""
        chosen = plan or Plan(**changes)  # type: ignore[arg-type]
        return Issued(*_build(chosen, self))

    def issue_ca(self, common_name: str, key_type: str = "P-256", **changes: object) -> "Authority":
        return Authority(*_build(ca_plan(common_name, key_type, **changes), self))

    def crl(
        self,
        revoked: Iterable[int] = (),
        number: int | None = 1,
        this_update: datetime = NOW - DAY,
        next_update: datetime | None = NOW + 6 * DAY,
        signed_by: AnyKey | None = None,
        issuer: x509.Name | None = None,
        extra: Sequence[tuple[x509.ExtensionType, bool]] = (),
        removed: Iterable[int] = (),
    ) -> bytes:
        """DER of a CRL. `signed_by` another key, another `issuer`, no `number`: bad ones. `removed`: by a delta."""
        builder = x509.CertificateRevocationListBuilder().issuer_name(issuer or self.certificate.subject)
        builder = builder.last_update(this_update).next_update(next_update or this_update + 7 * DAY)
        if number is not None:
            builder = builder.add_extension(x509.CRLNumber(number), False)
        aki = x509.AuthorityKeyIdentifier(_key_id(spki_of(self.key)), None, None)
        builder = builder.add_extension(aki, False)
        for extension, critical in extra:
            builder = builder.add_extension(extension, critical)
        for serial in revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(this_update)
            builder = builder.add_revoked_certificate(entry.build())
        for serial in removed:
            entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(this_update)
            entry = entry.add_extension(x509.CRLReason(x509.ReasonFlags.remove_from_crl), False)
            builder = builder.add_revoked_certificate(entry.build())
        signer = signed_by or self.key
        der = builder.sign(_builds(signer), hashes.SHA256()).public_bytes(Encoding.DER)
        return resign_list(der, signer) if isinstance(signer, SM2Key) else der


def ca_plan(common_name: str, key_type: str = "P-256", **changes: object) -> Plan:
    usual: dict[str, object] = {
        "common_name": common_name, "key_name": common_name, "key_type": key_type, "unit_code": None, "extended": None,
        "usages": ("key_cert_sign", "crl_sign"), "ca": True,
        "not_before": NOW - 400 * DAY, "not_after": NOW + 3650 * DAY,
    }  # fmt: skip
    return Plan(**(usual | changes))  # type: ignore[arg-type]


def self_signed(plan: Plan | None = None) -> Issued:
    """A leaf that is its own issuer."""
    return Issued(*_build(plan or Plan(), None))


def root(common_name: str = "Root", key_type: str = "P-256", **changes: object) -> Authority:
    return Authority(*_build(ca_plan(common_name, key_type, **changes), None))


@dataclass(frozen=True)
class PKI:
    root: Authority
    issuing: Authority

    def crls(self, revoked: Iterable[int] = (), revoked_cas: Iterable[int] = ()) -> tuple[bytes, bytes]:
        return self.issuing.crl(revoked), self.root.crl(revoked_cas)

    def material(self, **changes: object) -> "AnchorMaterial":
        """The root as anchor, the issuing CA below it, both CRLs, revocation required. `changes` replace fields."""
        from certlogin.pki.path import AnchorMaterial

        usual: dict[str, Any] = {
            "name": "test", "anchor_der": self.root.der, "intermediates_der": (self.issuing.der,),
            "crls_der": self.crls(), "revocation": "require", "strict": True,
            "unit_code_oids": (UNIT_CODE_OID,), "unique_id_oids": (UNIQUE_ID_OID,),
        }  # fmt: skip
        return AnchorMaterial(**(usual | changes))

    def trust(self, **changes: object) -> "Trust":
        from certlogin.pki.path import build_trust

        uses_sm2 = any(isinstance(one.key, SM2Key) for one in (self.root, self.issuing))
        return build_trust([self.material(**changes)], sm2=sm2() if uses_sm2 else None)


@cache
def make_pki(key_type: str = "P-256", label: str = "") -> PKI:
    """Root and issuing CA. Another `label` makes an unrelated PKI with the same dates."""
    top = root(f"Root {key_type}{label}", key_type)
    return PKI(top, top.issue_ca(f"Issuing {key_type}{label}", key_type, path_length=0))


def request(
    private_key: AnyKey,
    challenge: str | None = None,
    common_name: str = "ignored",
    extensions: Sequence[tuple[x509.ExtensionType, bool]] = (),
    algorithm: Hash | None = None,
) -> bytes:
    """DER of a PKCS#10 request, with the challenge text in challengePassword (UTF8String)."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(name(common_name))
    if challenge is not None:
        builder = builder.add_attribute(x509.oid.AttributeOID.CHALLENGE_PASSWORD, challenge.encode())
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    der = builder.sign(_builds(private_key), algorithm or hashes.SHA256()).public_bytes(Encoding.DER)
    return resign_request(der, private_key) if isinstance(private_key, SM2Key) else der


def _build(plan: Plan, issuer: Authority | None) -> tuple[x509.Certificate, AnyKey]:
    own_key = any_key(plan.key_name, plan.key_type)
    subject = name(plan.common_name)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(_builds(own_key).public_key())
        .serial_number(x509.random_serial_number() if plan.serial is None else plan.serial)
        .not_valid_before(plan.not_before)
        .not_valid_after(plan.not_after)
    )
    for extension, critical in _extensions(plan, own_key, issuer):
        builder = builder.add_extension(extension, critical)
    signer = issuer.key if issuer else own_key
    built = builder.sign(_builds(signer), plan.hash)
    if isinstance(own_key, SM2Key) or isinstance(signer, SM2Key):
        der = resign(built.public_bytes(Encoding.DER), signer, partial(_with_key, own_key=own_key), plan.hash)
        built = x509.load_der_x509_certificate(der)
    return built, own_key


def _builds(private_key: AnyKey) -> PrivateKey:
    """The key, or what stands in for one that `cryptography` does not know."""
    return key("stand-in") if isinstance(private_key, SM2Key) else private_key


def _with_key(tbs: Any, own_key: AnyKey) -> None:
    tbs["subject_public_key_info"] = asn1_keys.PublicKeyInfo.load(spki_of(own_key))


def _extensions(plan: Plan, own_key: AnyKey, issuer: Authority | None) -> Iterable[tuple[x509.ExtensionType, bool]]:
    yield x509.BasicConstraints(plan.ca, plan.path_length), True
    if plan.usages is not None:
        yield key_usage(*plan.usages), True
    if plan.extended is not None:
        yield x509.ExtendedKeyUsage(plan.extended), False
    if plan.ski:
        yield x509.SubjectKeyIdentifier(_key_id(spki_of(own_key))), False
    if plan.aki:
        signer = issuer.key if issuer else own_key
        yield x509.AuthorityKeyIdentifier(_key_id(spki_of(signer)), None, None), False
    if plan.unit_code_der is not None:
        yield x509.UnrecognizedExtension(x509.ObjectIdentifier(UNIT_CODE_OID), plan.unit_code_der), False
    elif plan.unit_code is not None:
        content = utf8_string(plan.unit_code)
        yield x509.UnrecognizedExtension(x509.ObjectIdentifier(UNIT_CODE_OID), content), False
    if plan.unique_id is not None:
        content = utf8_string(plan.unique_id)
        yield x509.UnrecognizedExtension(x509.ObjectIdentifier(UNIQUE_ID_OID), content), False
    if plan.crl_url is not None:
        point = x509.DistributionPoint([x509.UniformResourceIdentifier(plan.crl_url)], None, None, None)
        yield x509.CRLDistributionPoints([point]), False
    yield from plan.extra


def _key_id(spki: bytes) -> bytes:
    """RFC 5280 4.2.1.2 (1)."""
    return bytes(asn1_keys.PublicKeyInfo.load(spki).sha1)


def resign(
    der: bytes,
    private_key: AnyKey,
    edit: Callable[[Any], None] = lambda tbs: None,
    digest: hashes.HashAlgorithm | None = None,
) -> bytes:
    """The certificate again, after `edit` of its asn1crypto TBSCertificate, signed by `private_key`.

    For what `cryptography` refuses to build: SHA-1, a zero serial, duplicate extensions.
    """
    certificate = asn1_x509.Certificate.load(der)
    tbs = certificate["tbs_certificate"]
    edit(tbs)
    algorithm = _algorithm(private_key, digest or hashes.SHA256())
    tbs["signature"] = algorithm
    certificate["signature_algorithm"] = algorithm
    certificate["signature_value"] = sign_der(private_key, tbs.dump(force=True), digest)
    return bytes(certificate.dump(force=True))


def resign_list(der: bytes, private_key: AnyKey) -> bytes:
    """The CRL again, signed by another key."""
    found = asn1_crl.CertificateList.load(der)
    algorithm = _algorithm(private_key, hashes.SHA256())
    found["tbs_cert_list"]["signature"] = algorithm
    found["signature_algorithm"] = algorithm
    found["signature"] = sign_der(private_key, found["tbs_cert_list"].dump(force=True))
    return bytes(found.dump(force=True))


def resign_request(der: bytes, private_key: AnyKey) -> bytes:
    """The PKCS#10 request again, for another key and signed by it."""
    found = asn1_csr.CertificationRequest.load(der)
    information = found["certification_request_info"]
    information["subject_pk_info"] = asn1_keys.PublicKeyInfo.load(spki_of(private_key))
    found["signature_algorithm"] = _algorithm(private_key, hashes.SHA256())
    found["signature"] = sign_der(private_key, information.dump(force=True))
    return bytes(found.dump(force=True))


def _algorithm(private_key: AnyKey, digest: hashes.HashAlgorithm) -> dict[str, str]:
    if isinstance(private_key, SM2Key):
        return {"algorithm": SM2_SM3}
    return {"algorithm": f"{digest.name}_{'rsa' if isinstance(private_key, rsa.RSAPrivateKey) else 'ecdsa'}"}

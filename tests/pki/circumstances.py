"""Chains, good ones and ones with a single fault each, for every kind of key: what validators are compared over."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from tests.factory import (
    DAY,
    NOW,
    PKI,
    SERVER_AUTH,
    Authority,
    Issued,
    make_pki,
    name,
    resign,
    root,
)
from tests.factory_keys import AnyKey, any_key
from tests.pki import raw
from tests.pki.raw import NULL, tlv

SERIAL: Final = 0x5A17
SECOND: Final = timedelta(seconds=1)
POLICY: Final = x509.ObjectIdentifier("2.25.1.1")


@dataclass(frozen=True)
class World:
    """Everything that a validator is given, in DER; revocation is required, and the moment is NOW."""

    leaf: bytes
    chain: tuple[bytes, ...]
    lists: tuple[bytes, ...]
    anchor: bytes


#: Makes the world of one circumstance for one kind of key.
Build = Callable[[str], World]


def pki_of(key_type: str) -> PKI:
    return make_pki(key_type)


def world(pki: PKI, leaf: Issued | bytes, issuer: Authority | None = None, *above: Authority, **changes: Any) -> World:
    """The leaf below `issuer`, which is below `above` or the root, each with an empty list."""
    authorities = (issuer or pki.issuing, *above)
    usual = World(
        leaf=leaf if isinstance(leaf, bytes) else leaf.der,
        chain=tuple(one.der for one in authorities),
        lists=tuple(one.crl() for one in (*authorities, pki.root)),
        anchor=pki.root.der,
    )
    return replace(usual, **changes)


def issued(**plan: Any) -> Build:
    """A leaf of the usual issuing CA."""
    return lambda key_type: world(pki_of(key_type), pki_of(key_type).issuing.issue(key_type=key_type, **plan))


def below(plan: dict[str, Any], **leaf: Any) -> Build:
    """A leaf below another CA of the root."""

    def build(key_type: str) -> World:
        pki = pki_of(key_type)
        authority = pki.root.issue_ca("Another CA", key_type, **plan)
        return world(pki, authority.issue(key_type=key_type, **leaf), authority)

    return build


def anchored(**plan: Any) -> Build:
    """A leaf two CAs below a root of its own."""

    def build(key_type: str) -> World:
        top = root("Another root", key_type, **plan)
        middle = top.issue_ca("Middle", key_type)
        lowest = middle.issue_ca("Lowest", key_type)
        return world(PKI(top, lowest), lowest.issue(key_type=key_type), lowest, middle)

    return build


def listed(change: Callable[[PKI], Iterable[bytes]]) -> Build:
    """A good leaf with other lists."""

    def build(key_type: str) -> World:
        pki = pki_of(key_type)
        return world(pki, pki.issuing.issue(key_type=key_type, serial=SERIAL), lists=tuple(change(pki)))

    return build


def edited(edit: Callable[[PKI, bytes], bytes]) -> Build:
    """A good leaf, written again."""

    def build(key_type: str) -> World:
        pki = pki_of(key_type)
        return world(pki, edit(pki, pki.issuing.issue(key_type=key_type).der))

    return build


def stranger(key_type: str) -> World:
    other = make_pki(key_type, " stranger").issuing
    return world(pki_of(key_type), other.issue(key_type=key_type), other)


def impostor(key_type: str) -> World:
    """Our names, the attacker's keys."""
    pki = pki_of(key_type)
    top = root(f"Root {key_type}", key_type, key_name="impostor root")
    middle = top.issue_ca(f"Issuing {key_type}", key_type, key_name="impostor issuing")
    return world(pki, middle.issue(key_type=key_type), middle)


def under_a_leaf(key_type: str) -> World:
    pki = pki_of(key_type)
    holder = pki.issuing.issue(key_type=key_type, common_name="Holder", key_name="holder")
    forger = Authority(holder.certificate, holder.key)
    return world(pki, forger.issue(key_type=key_type), forger, pki.issuing)


def too_deep(key_type: str) -> World:
    """The issuing CA may have no CA below it."""
    pki = pki_of(key_type)
    deeper = pki.issuing.issue_ca("Too deep", key_type)
    return world(pki, deeper.issue(key_type=key_type), deeper, pki.issuing)


def issuing_ca_as_anchor(key_type: str) -> World:
    pki = pki_of(key_type)
    lists = (pki.issuing.crl(),)
    return world(pki, pki.issuing.issue(key_type=key_type), chain=(), lists=lists, anchor=pki.issuing.der)


def somebody(pki: PKI) -> AnyKey:
    """A key of the same kind as the issuing CA's."""
    return any_key("somebody", pki.root.certificate.subject.rfc4514_string().split(",")[0].removeprefix("CN=Root "))


def another_bit(pki: PKI, der: bytes) -> bytes:
    """In the signature; it still has the right form."""
    return der[:-1] + bytes((der[-1] ^ 1,))


def sha1(pki: PKI, der: bytes) -> bytes:
    return resign(der, pki.issuing.key, digest=hashes.SHA1())  # noqa: S303


def with_serial(number: int) -> Callable[[PKI, bytes], bytes]:
    return lambda pki, der: raw.with_part(der, pki.issuing.key, raw.SERIAL, raw.integer(number))


def twice(pki: PKI, der: bytes) -> bytes:
    found = raw.extensions(der)
    return raw.with_extensions(der, pki.issuing.key, [*found, found[-1]])


def unknown(critical: bool) -> dict[str, Any]:
    return {"extra": ((x509.UnrecognizedExtension(x509.ObjectIdentifier("2.25.77"), tlv(NULL)), critical),)}


def narrow(organisation: str) -> dict[str, Any]:
    """A CA whose subjects have country and this organisation."""
    permitted = x509.DirectoryName(x509.Name(list(name("x", organisation=organisation))[:2]))
    return {"extra": ((x509.NameConstraints([permitted], None), True),)}


POLICIES: Final = (x509.CertificatePolicies([x509.PolicyInformation(POLICY, None)]), False)
DEMANDING: Final = (x509.PolicyConstraints(require_explicit_policy=0, inhibit_policy_mapping=None), True)

CIRCUMSTANCES: Final[dict[str, Build]] = {
    "good": issued(),
    "of another unit": issued(unit_code=None, common_name="他方"),
    "with a non-critical extension": issued(**unknown(False)),
    "ends now": issued(not_after=NOW),
    "begins now": issued(not_before=NOW),
    "ended a second ago": issued(not_after=NOW - SECOND),
    "begins in a second": issued(not_before=NOW + SECOND),
    "with a critical extension": issued(**unknown(True)),
    "for key agreement": issued(usages=("key_agreement",)),
    "for servers": issued(extended=SERVER_AUTH),
    "without extended usage": issued(extended=None),
    "signed by somebody": edited(lambda pki, der: resign(der, somebody(pki))),
    "another bit in the signature": edited(another_bit),
    "SHA-1": edited(sha1),
    "serial 0": edited(with_serial(0)),
    "serial of 21 octets": edited(with_serial(2**167)),
    "an extension twice": edited(twice),
    "a stranger": stranger,
    "an impostor": impostor,
    "below a leaf": under_a_leaf,
    "too deep": too_deep,
    "issuing CA as anchor": issuing_ca_as_anchor,
    "below another CA": below({}),
    "CA ended": below({"not_after": NOW - SECOND}),
    "CA of tomorrow": below({"not_before": NOW + DAY}),
    "CA for lists only": below({"usages": ("crl_sign",)}),
    "CA that is none": below({"ca": False, "usages": ("digital_signature",)}),
    "CA with a critical extension": below(unknown(True)),
    "names permitted": below(narrow("certlogin test")),
    "names not permitted": below(narrow("somebody else")),
    "policies": below({"extra": (POLICIES,)}, extra=(POLICIES,)),
    "policies required": below({"extra": (POLICIES, DEMANDING)}, extra=(POLICIES,)),
    "policies required, none there": below({"extra": (POLICIES, DEMANDING)}),
    "three levels": anchored(),
    "anchor ended": anchored(not_after=NOW - SECOND),
    "anchor with a shorter path": anchored(path_length=1),
    "anchor with enough path": anchored(path_length=2),
    "anchor with names not permitted": anchored(**narrow("somebody else")),
    "revoked": listed(lambda pki: (pki.issuing.crl([SERIAL]), pki.root.crl())),
    "CA revoked": listed(lambda pki: (pki.issuing.crl(), pki.root.crl([pki.issuing.serial]))),
    "another one revoked": listed(lambda pki: (pki.issuing.crl([SERIAL + 1]), pki.root.crl([SERIAL]))),
    "no list": listed(lambda pki: (pki.root.crl(),)),
    "no list of the CA": listed(lambda pki: (pki.issuing.crl(),)),
    "stale list": listed(
        lambda pki: (pki.issuing.crl(this_update=NOW - 9 * DAY, next_update=NOW - DAY), pki.root.crl())
    ),
    "list of tomorrow": listed(lambda pki: (pki.issuing.crl(this_update=NOW + DAY), pki.root.crl())),
    "list signed by somebody": listed(lambda pki: (pki.issuing.crl(signed_by=somebody(pki)), pki.root.crl())),
    "list of somebody": listed(lambda pki: (pki.issuing.crl(issuer=name("Somebody")), pki.root.crl())),
    "list with a critical extension": listed(
        lambda pki: (pki.issuing.crl(extra=unknown(True)["extra"]), pki.root.crl())
    ),
    "two lists, revoked in the newer": listed(
        lambda pki: (pki.issuing.crl(number=1), pki.issuing.crl([SERIAL], number=2), pki.root.crl())
    ),
}

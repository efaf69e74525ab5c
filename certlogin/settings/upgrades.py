"""Which keys have to be changed, by what the certificate and the registry say of them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from certlogin.records.certificate import KeyType, SignatureDigest
from certlogin.settings.stages import Stage


class UpgradeAction(StrEnum):
    #: A new token comes by post.
    REPLACE = "replace"
    #: A new key is made on the same token, or by post where its model cannot.
    UPGRADE = "upgrade"
    #: A new certificate.
    RENEW = "renew"
    #: The key is not taken any more.
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class KeyCondition:
    """One alternative: all that is given here must hold. No claim of a helper is among it (S14)."""

    #: The date is that of application where the registry knows it, else the certificate's notBefore. Aware.
    applied_before: datetime | None = None
    applied_from: datetime | None = None
    key_types: tuple[KeyType, ...] = ()
    #: RSA keys shorter than that; 0: not asked.
    rsa_bits_below: int = 0
    #: The digest of the authority's signature.
    digests: tuple[SignatureDigest, ...] = ()
    #: Issuers in the form of RFC 4514.
    issuers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class UpgradeRule:
    """What is owed for a key of which one of the alternatives `any` holds."""

    name: str
    action: UpgradeAction
    any_: tuple[KeyCondition, ...]
    stage: Stage = Stage.REPORT
    #: Aware; None: from ever.
    from_: datetime | None = None
    #: Days after `from` for which what is enforced is advised only.
    grace: int = 0
    #: For `upgrade`: models, as a helper claims them, that can hold the new key; empty: every model.
    models: tuple[str, ...] = ()
    #: Units with one of these tags, or of these ids, are left alone.
    exempt_tags: tuple[str, ...] = ()
    exempt_units: tuple[str, ...] = ()

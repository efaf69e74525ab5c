"""Private keys on a card: making one, finding the one of a public key, signing with it."""

from collections.abc import Iterator, Set
from typing import Any, Final

import pkcs11
from asn1crypto import keys as asn1_keys
from cryptography.exceptions import InvalidSignature
from pkcs11 import Attribute, KeyType, MechanismFlag, ObjectClass
from pkcs11.types import SignMixin

from certlogin.helper.refusals import NoCertificate, TokenRemoved
from certlogin.helper.signing import Built
from certlogin.helper.tokens.base import KeyKind
from certlogin.helper.tokens.mechanisms import Way, way_of
from certlogin.helper.tokens.readable import PublicKey
from certlogin.helper.tokens.verified import check_signature
from certlogin.pki.sm2 import SM2Unavailable

_CURVES: Final = {
    KeyKind.P256: bytes.fromhex("06082a8648ce3d030107"),
    KeyKind.P384: bytes.fromhex("06052b81040022"),
}
_SIGNING: Final = MechanismFlag.SIGN | MechanismFlag.VERIFY
#: Everybody may read it: certificates are listed without PIN.
_PUBLIC: Final = {Attribute.PRIVATE: False}
#: It never leaves the card.
_PRIVATE: Final = {Attribute.PRIVATE: True, Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False}


class CardSigner:
    def __init__(self, session: pkcs11.Session, public: PublicKey, mechanisms: Set[Any]) -> None:
        self._session = session
        self._public = public
        self._mechanisms = mechanisms

    @property
    def public_key(self) -> bytes:
        return self._public.spki

    @property
    def request_algorithm(self) -> str:
        return self._public.kind.algorithms[0]

    def sign(self, built: Built, algorithm: str) -> bytes:
        """Raises also SM2Unavailable, and TokenRemoved when the module returns anything but this key's signature."""
        kind = self._public.kind
        if kind is KeyKind.SM2:
            raise SM2Unavailable("PKCS#11 has no SM2, and ECDSA with that curve is not SM2")
        way = _own_way(kind, algorithm, self._mechanisms)
        given = way.prepare(built.octets)
        for private in private_keys(self._session, self._public):
            signature = private.sign(given, mechanism=way.mechanism, mechanism_param=way.parameter)
            try:
                check_signature(self._public.spki, algorithm, built.octets, signature)
            except InvalidSignature:
                # Another key with the same CKA_ID.
                continue
            return bytes(signature)
        raise NoCertificate


def _own_way(kind: KeyKind, algorithm: str, mechanisms: Set[Any]) -> Way:
    """Raises NoCertificate when it is not an algorithm of that kind of key, or the module has no mechanism for it."""
    way = way_of(algorithm, mechanisms) if algorithm in kind.algorithms else None
    if way is None:
        raise NoCertificate
    return way


def private_keys(session: pkcs11.Session, public: PublicKey) -> Iterator[SignMixin]:
    """Those that may belong to the public key: by the same modulus, or by the same CKA_ID and kind. Never by label."""
    rsa = public.kind not in _CURVES
    wanted: dict[Attribute, Any] = {
        Attribute.CLASS: ObjectClass.PRIVATE_KEY,
        Attribute.KEY_TYPE: KeyType.RSA if rsa else KeyType.EC,
    }
    if rsa:
        wanted[Attribute.MODULUS] = _modulus(public.spki)
    else:
        wanted[Attribute.ID] = public.object_id
    for found in list(session.get_objects(wanted)):
        # Without it, the key is not for signing (CKA_SIGN).
        if isinstance(found, SignMixin):
            yield found


def generate(session: pkcs11.Session, kind: KeyKind, object_id: bytes) -> pkcs11.PublicKey:
    """A new pair on the token. Raises TokenRemoved when the module made a key that can leave it."""
    common: dict[str, Any] = {
        "id": object_id,
        "label": "certlogin",
        "store": True,
        "capabilities": _SIGNING,
        "public_template": _PUBLIC,
        "private_template": _PRIVATE,
    }
    curve = _CURVES.get(kind)
    if curve is None:
        public, private = session.generate_keypair(KeyType.RSA, 2048, **common)
    else:
        parameters = session.create_domain_parameters(KeyType.EC, {Attribute.EC_PARAMS: curve}, local=True)
        public, private = parameters.generate_keypair(**common)
    if private[Attribute.EXTRACTABLE] or not private[Attribute.SENSITIVE]:
        private.destroy()
        public.destroy()
        raise TokenRemoved
    return public


def _modulus(spki: bytes) -> bytes:
    number = asn1_keys.PublicKeyInfo.load(spki)["public_key"].parsed["modulus"].native
    return int(number).to_bytes((number.bit_length() + 7) // 8, "big")

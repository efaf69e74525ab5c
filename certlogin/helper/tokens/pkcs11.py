"""A card or USBKey behind a PKCS#11 module. Keys are made on it, sign on it and never leave it.

Imported only when a module is configured: the helper works without the package python-pkcs11.
"""

import re
from collections.abc import Iterator, Set
from contextlib import ExitStack, contextmanager, suppress
from hashlib import sha256
from typing import Any, Final

import pkcs11
from asn1crypto import x509
from pkcs11 import Attribute, CertificateType, ObjectClass

from certlogin.helper.origins import Origin
from certlogin.helper.refusals import Busy, NoCertificate, PinWrong, TokenRemoved
from certlogin.helper.signing import build_request, sign_payload
from certlogin.helper.surroundings import Surroundings
from certlogin.helper.texts import shown
from certlogin.helper.tokens.base import KeyInfo, KeyKind, PinNeeded, TokenState
from certlogin.helper.tokens.cardkey import CardSigner, generate
from certlogin.helper.tokens.mechanisms import algorithms_of, made_by
from certlogin.helper.tokens.modules import FAILURES, Identity, Module
from certlogin.helper.tokens.readable import CardKey, public_key, read_card
from certlogin.helper.tokens.requested import Asked, Requested
from certlogin.pki.sm2 import SM2Unavailable
from certlogin.wire.payload import SignedPayload

#: Keys that wait for their certificate; more would only fill the card.
_PENDING: Final = 8


class Card:
    """One token behind a module. Every method finds it anew: it may have been pulled out and put in again."""

    def __init__(self, module: Module, token: pkcs11.Token, requested: Requested, surroundings: Surroundings) -> None:
        self.module = module
        self.identity = Identity.of(token)
        self.requested = requested
        self.random = surroundings.random
        name = module.settings.name
        self.module_name = name
        self.serial = _serial(self.identity)
        self.model = shown(token.model, 64) or name
        self.label = shown(token.label, 64) or name

    @property
    def key_kinds(self) -> tuple[KeyKind, ...]:
        return made_by(self.mechanisms()) if self.module.writable(self.identity) else ()

    def algorithms(self, kind: KeyKind) -> tuple[str, ...]:
        if kind is KeyKind.SM2:
            raise SM2Unavailable(f"{self.module_name}: PKCS#11 has no SM2, and ECDSA with that curve is not SM2")
        return algorithms_of(kind, self.mechanisms())

    def state(self) -> TokenState:
        return self.module.state(self.identity)

    def keys(self) -> tuple[KeyInfo, ...]:
        asked = self.requested.on(self.serial)
        return tuple(_info(card_key, asked.get(card_key.public.key_id)) for card_key in self.card_keys())

    def unlock(self, pin: bytearray) -> "OpenCard":
        try:
            # The wrapper takes text only: this copy cannot be overwritten.
            typed = pin.decode("utf-8")
        except UnicodeDecodeError:
            raise PinWrong(self.state().tries_left) from None
        with ExitStack() as stack:
            session = stack.enter_context(self.module.session(self.identity, typed, write=True))
            return OpenCard(self, session, stack.pop_all())

    def install(self, key_id: str, certificate: bytes, chain: tuple[bytes, ...]) -> None:
        with self.module.session(self.identity, write=True) as session:
            try:
                self.put(session, key_id, certificate, chain)
            except (pkcs11.exceptions.UserNotLoggedIn, pkcs11.exceptions.SessionReadOnly):
                raise PinNeeded from None

    def put(self, session: pkcs11.Session, key_id: str, certificate: bytes, chain: tuple[bytes, ...]) -> None:
        """The certificate as an object with the CKA_ID of its key. Raises NoCertificate when that key does not wait."""
        found = next((one for one in self.card_keys() if one.public.key_id == key_id), None)
        if found is None or found.certificate is not None:
            raise NoCertificate
        session.create_object(_certificate_object(certificate, found.public.object_id))
        for der in chain:
            # It may be there already, or the card be full: the site has the intermediates as well.
            with suppress(*FAILURES):
                session.create_object(_certificate_object(der, sha256(der).digest()[:16]))

    def card_keys(self) -> tuple[CardKey, ...]:
        with self.module.session(self.identity) as session:
            return read_card(session)

    def mechanisms(self) -> Set[Any]:
        return self.module.mechanisms(self.identity)


class OpenCard:
    """A card whose PIN was right. Its module belongs to this thread until `close`."""

    def __init__(self, card: Card, session: pkcs11.Session, stack: ExitStack) -> None:
        self._card = card
        self._session = session
        self._stack = stack
        self._closed = False

    def sign_payload(self, key_id: str, payload: SignedPayload) -> bytes:
        with self._using():
            return sign_payload(self._signer(key_id), payload)

    def generate(self, kind: KeyKind, origin: Origin, unit: str) -> str:
        card = self._card
        with self._using():
            if kind not in card.key_kinds:
                raise NoCertificate
            if sum(key.pending and key.origin != "" for key in card.keys()) >= _PENDING:
                raise Busy
            made = public_key(generate(self._session, kind, card.random(16)))
        card.requested.add(Asked(card.serial, made.key_id, origin.text, unit))
        return made.key_id

    def request(self, key_id: str, challenge: str) -> bytes:
        with self._using():
            return build_request(self._signer(key_id), challenge)

    def install(self, key_id: str, certificate: bytes, chain: tuple[bytes, ...]) -> None:
        with self._using():
            self._card.put(self._session, key_id, certificate, chain)

    def close(self) -> None:
        self._closed = True
        self._stack.close()

    @contextmanager
    def _using(self) -> Iterator[None]:
        if self._closed:
            raise TokenRemoved
        with self._card.module.translated():
            yield

    def _signer(self, key_id: str) -> CardSigner:
        found = next((one for one in self._card.card_keys() if one.public.key_id == key_id), None)
        if found is None:
            raise NoCertificate
        return CardSigner(self._session, found.public, self._card.mechanisms())


def cards_of(module: Module, requested: Requested, surroundings: Surroundings) -> Iterator[Card]:
    """The tokens behind a module that are plugged in now. Raises ModuleUnusable."""
    for token in module.tokens():
        yield Card(module, token, requested, surroundings)


def _info(card_key: CardKey, asked: Asked | None) -> KeyInfo:
    public = card_key.public
    origin, unit = ("", "") if asked is None else (asked.origin, asked.unit)
    return KeyInfo(public.key_id, public.kind, public.spki, origin, unit, card_key.certificate, card_key.chain)


def _serial(identity: Identity) -> str:
    """As the protocol allows it; a card with none, or an odd one, is known by a hash of all it says of itself."""
    text = identity.serial.decode("ascii", "replace").strip()
    if re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", text):
        return text
    everything = "\0".join((identity.manufacturer, identity.model, identity.serial.hex()))
    return "P" + sha256(everything.encode("utf-8")).hexdigest()[:16].upper()


def _certificate_object(der: bytes, object_id: bytes) -> dict[Attribute, Any]:
    certificate = x509.Certificate.load(der)
    return {
        Attribute.CLASS: ObjectClass.CERTIFICATE,
        Attribute.CERTIFICATE_TYPE: CertificateType.X_509,
        Attribute.TOKEN: True,
        Attribute.PRIVATE: False,
        Attribute.ID: object_id,
        Attribute.LABEL: "certlogin",
        Attribute.SUBJECT: certificate.subject.dump(),
        Attribute.ISSUER: certificate.issuer.dump(),
        Attribute.SERIAL_NUMBER: certificate["tbs_certificate"]["serial_number"].dump(),
        Attribute.VALUE: der,
    }

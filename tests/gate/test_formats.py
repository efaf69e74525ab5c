"""S18 and S22: what the same key signs elsewhere, in other formats or for other uses, is no login here."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from asn1crypto import cms

from certlogin.login import proof as proofs
from certlogin.wire.b64 import encode
from certlogin.wire.helper import helper_proof_bytes
from certlogin.wire.payload import Purpose, SignedPayload, signed_bytes
from tests.companions import companion, without
from tests.factory import Issued, sign
from tests.factory_keys import sign_der
from tests.gate.browser import Browser, decoded
from tests.gate.test_obstacles_proof import gets_in
from tests.gate.test_proofs import refused
from tests.gate.undefended_proof import ANY_FORMAT, RELEASED, UNVERIFIED
from tests.gate.world import ORIGIN

#: From the payload of a login to the octets that something else signs about it.
Octets = Callable[[bytes], bytes]


@pytest.fixture
def host() -> str:
    """What is judged here is the same behind every host."""
    return "plain"


def readable(payload: bytes) -> bytes:
    """The text that a vendor's helper would show and sign: the same facts, a line each."""
    facts = json.loads(payload)
    lines = ["certlogin login", *(f"{name}: {facts[name]}" for name in ("origin", "unit", "nonce", "iat"))]
    return "\n".join(lines).encode()


def signed_attributes(payload: bytes) -> bytes:
    """RFC 5652 5.4: a CMS signature is over the DER of its attributes as a SET, the digest of the content inside."""
    digest = cms.CMSAttribute({"type": "message_digest", "values": [hashlib.sha256(payload).digest()]})
    kind = cms.CMSAttribute({"type": "content_type", "values": ["data"]})
    return bytes(cms.CMSAttributes([kind, digest]).dump())


def transcript(payload: bytes) -> bytes:
    """RFC 8446 4.4.3: what a TLS client signs with its certificate's key."""
    return b" " * 64 + b"TLS 1.3, client CertificateVerify\0" + hashlib.sha256(payload).digest()


def token(payload: bytes) -> bytes:
    """RFC 7515 5.1: the signing input of a compact JWS, as Web eID and others have it."""
    header = encode(b'{"alg":"ES256"}')
    return f"{header}.{encode(payload)}".encode()


ELSEWHERE: dict[str, Octets] = {
    "bare payload": bytes,
    "vendor's text": readable,
    "CMS attributes": signed_attributes,
    "TLS": transcript,
    "JWS": token,
    "agreement": lambda payload: signed_bytes(payload, Purpose.AGREE),
    "upgrade": lambda payload: signed_bytes(payload, Purpose.UPGRADE),
    "helper": lambda payload: helper_proof_bytes(ORIGIN, hashlib.sha256(payload).digest()),
    "digest": lambda payload: hashlib.sha256(signed_bytes(payload, Purpose.LOGIN)).digest(),
    "digest in hex": lambda payload: hashlib.sha256(signed_bytes(payload, Purpose.LOGIN)).hexdigest().encode(),
}
elsewhere = pytest.mark.parametrize("octets", ELSEWHERE.values(), ids=list(ELSEWHERE))


def signed_elsewhere(mine: Browser, issued: Issued, octets: Octets) -> dict[str, Any]:
    """A good proof of this login, but for its signature: genuine, by the right key, over those octets."""
    proof = mine.sign(issued, mine.challenge())
    return proof | {"signature": encode(sign(issued.key, octets(decoded(proof["payload"]))))}


@elsewhere
def test_s22_a_signature_made_elsewhere_is_no_login(mine: Browser, issued: Issued, octets: Octets) -> None:
    assert refused(mine, signed_elsewhere(mine, issued, octets)) == "signature_mismatch"


@companion("test_s22_a_signature_made_elsewhere_is_no_login")
@elsewhere
def test_s22_without_the_prefix_a_signature_made_elsewhere_logs_in(
    mine: Browser, issued: Issued, octets: Octets, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The companion: were those the octets of a login, nothing else would stand in the way."""
    monkeypatch.setattr(proofs, "signed_bytes", lambda payload, purpose: octets(payload))
    assert gets_in(mine, signed_elsewhere(mine, issued, octets))


@elsewhere
def test_what_a_login_signs_is_nothing_else(octets: Octets) -> None:
    """Neither DER nor a TLS transcript nor base64url with a dot begins as our prefix does."""
    payload = b'{"origin":"o","unit":"u","nonce":"n","iat":1}'
    assert not octets(payload).startswith(b"CERTLOGIN-AUTH-V1\0")
    assert signed_bytes(payload, Purpose.LOGIN).startswith(b"CERTLOGIN-AUTH-V1\0")


def whole_cms(issued: Issued, payload: bytes) -> bytes:
    """SignedData around the payload, as a vendor's helper returns it."""
    attributes = cms.CMSAttributes.load(signed_attributes(payload))
    signer = cms.SignerInfo(
        {
            "version": "v3",
            "sid": cms.SignerIdentifier({"subject_key_identifier": b"key"}),
            "digest_algorithm": {"algorithm": "sha256"},
            "signed_attrs": attributes,
            "signature_algorithm": {"algorithm": "sha256_ecdsa"},
            "signature": sign_der(issued.key, signed_attributes(payload)),
        }
    )
    data = cms.SignedData(
        {
            "version": "v3",
            "digest_algorithms": [{"algorithm": "sha256"}],
            "encap_content_info": {"content_type": "data", "content": payload},
            "signer_infos": [signer],
        }
    )
    return bytes(cms.ContentInfo({"content_type": "signed_data", "content": data}).dump())


def inner_value(issued: Issued, payload: bytes) -> bytes:
    """The signature inside of it, a DER sequence of r and s."""
    return sign_der(issued.key, signed_attributes(payload))


@without(UNVERIFIED, sees=RELEASED)
@pytest.mark.parametrize("value", [whole_cms, inner_value])
def test_s22_a_cms_value_shown_as_a_raw_signature_is_refused(
    mine: Browser, issued: Issued, value: Callable[[Issued, bytes], bytes]
) -> None:
    proof = mine.sign(issued, mine.challenge())
    shown = value(issued, decoded(proof["payload"])[:100])
    assert refused(mine, proof | {"signature": encode(shown)}) == "signature_malformed"


def foreign(issued: Issued, proof: dict[str, Any], octets: Octets) -> dict[str, Any]:
    """The same facts in another format, genuinely signed."""
    facts = octets(decoded(proof["payload"]))
    return proof | {"payload": encode(facts), "signature": encode(sign(issued.key, facts))}


#: The octets of the other format are what is signed; a reader stands in the test.
WITH_READER = {"certlogin.login.proof.signed_bytes": lambda payload, purpose: payload}


@without({**ANY_FORMAT, **WITH_READER}, sees=RELEASED)
@pytest.mark.parametrize(("format_", "octets"), [("text", readable), ("cms", signed_attributes), ("web-eid", token)])
def test_s18_the_genuine_proof_of_another_format_is_refused_before_it_is_read(
    mine: Browser, issued: Issued, format_: str, octets: Octets, monkeypatch: pytest.MonkeyPatch
) -> None:
    native = mine.sign(issued, mine.challenge())
    facts = SignedPayload.from_bytes(decoded(native["payload"]))
    seen: list[bytes] = []

    def read(data: bytes) -> SignedPayload:
        """What a driver for that format would find."""
        seen.append(data)
        return facts

    monkeypatch.setattr(SignedPayload, "from_bytes", read)
    assert refused(mine, foreign(issued, native, octets) | {"format": format_}) == "format_not_allowed"
    assert seen == []


@pytest.mark.parametrize("octets", [readable, signed_attributes, token], ids=["text", "CMS", "JWS"])
def test_s18_nor_is_it_taken_under_the_native_name(mine: Browser, issued: Issued, octets: Octets) -> None:
    proof = mine.sign(issued, mine.challenge())
    assert refused(mine, foreign(issued, proof, octets)) == "bad_request"


@companion("test_s18_nor_is_it_taken_under_the_native_name")
@pytest.mark.parametrize("octets", [readable, signed_attributes, token], ids=["text", "CMS", "JWS"])
def test_s18_without_the_strict_reader_it_is_taken(
    mine: Browser, issued: Issued, octets: Octets, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader that finds the facts in whatever it is given, and takes it for what was signed."""
    native = mine.sign(issued, mine.challenge())
    facts = SignedPayload.from_bytes(decoded(native["payload"]))
    monkeypatch.setattr(SignedPayload, "from_bytes", lambda data: facts)
    monkeypatch.setattr(proofs, "signed_bytes", lambda payload, purpose: payload)
    assert gets_in(mine, foreign(issued, native, octets))


@without(ANY_FORMAT, sees=RELEASED)
def test_s18_a_challenge_for_other_formats_is_another_challenge(mine: Browser, issued: Issued) -> None:
    """What the server offers is inside the challenge: a page cannot widen it."""
    offered = mine.challenge()
    assert offered["formats"] == ["native"]
    assert refused(mine, mine.sign(issued, offered) | {"format": "text"}) == "format_not_allowed"
    assert gets_in(mine, mine.sign(issued, offered))

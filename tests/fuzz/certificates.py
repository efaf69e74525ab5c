"""Everything in DER or PEM: certificates, requests, lists, keys, signatures, identity extensions."""

import json
from collections.abc import Callable
from datetime import timedelta

from certlogin.cli.batch import Unreadable, members_of
from certlogin.cli.certificate_check import question_of
from certlogin.pki import sm2
from certlogin.pki.certificate import read_certificate, read_chain
from certlogin.pki.crl import check_signer
from certlogin.pki.der import SEQUENCE, DERError, check_outline, children
from certlogin.pki.identity import read_identity
from certlogin.pki.keys import read_key
from certlogin.pki.ocsp import verify_response
from certlogin.pki.ocsp_reader import UnusableAnswer, read_response
from certlogin.pki.pem import read_pem
from certlogin.pki.profile import guard_leaf
from certlogin.pki.request import read_request
from certlogin.pki.revocation import UnusableList, read_list
from certlogin.pki.tolerant import rewritten
from tests import factory
from tests.cli.checking import question
from tests.factory_keys import any_key, sm2_key, spki_of
from tests.fuzz.target import Target
from tests.pki import raw
from tests.pki.answers import GOOD, UNKNOWN, answer, delegate, revoked
from tests.pki.scopes import ONE, delta, partition, uri

_TYPES = ("P-256", "P-384", "RSA-2048", "SM2")
_PKI = factory.make_pki()
_LEAVES = tuple(
    _PKI.issuing.issue(key_type=key_type, unique_id="1@2001", crl_url="http://crl.example/a.crl").der
    for key_type in _TYPES
)
_LISTS = (
    _PKI.issuing.crl([5, 6]),
    _PKI.root.crl(extra=(partition(*uri(ONE), users=True),)),
    delta(_PKI.issuing, 1, 2, [5], [6]),
)
#: The first ones carry nothing that is not signed.
_ANSWERS = tuple(answer(5, _PKI.issuing, status=status, hash="sha256") for status in (GOOD, UNKNOWN, revoked(reason=6)))
_BY_DELEGATE = answer(5, _PKI.issuing, signer=delegate(_PKI.issuing), by_key=True, next_update=None)
_REQUESTS = tuple(factory.request(any_key("asked", key_type), challenge="text") for key_type in ("P-256", "SM2"))
_SM2 = sm2_key("fuzzed")
_ANCHOR = _PKI.trust().anchors[0]
_AUTHORITIES = tuple(read_certificate(one.der) for one in (_PKI.root, _PKI.issuing))


#: A default that is written out, which the second reading takes away.
_ODD = raw.with_extensions(
    _LEAVES[0],
    _PKI.issuing.key,
    [
        raw.tlv(
            raw.SEQUENCE, raw.tlv(raw.OID, raw.oid("2.25.7")), raw.tlv(raw.BOOLEAN, b"\0"), raw.tlv(raw.OCTET_STRING)
        )
    ],
)


def _read_certificate(data: bytes) -> None:
    """Whatever is read is read to its end, and its identity and usage too: both may only refuse."""
    found = read_certificate(data)
    assert found.der == data
    for look in (
        lambda: read_identity(found, _ANCHOR.unique_id_oids, _ANCHOR.unit_code_oids),
        lambda: guard_leaf(found, factory.NOW, client_auth_required=True),
    ):
        Target("inside", lambda _, look=look: look(), ()).run(data)  # type: ignore[misc]


def _read_request(data: bytes) -> None:
    """Its key has signed it, so nothing but the requests that were made is ever read (S28)."""
    read_request(data, factory.sm2())
    assert data in _REQUESTS, "accepted a changed request"


def _read_question(data: bytes) -> None:
    question_of(members_of(data), factory.NOW)


def _read_answer(data: bytes) -> None:
    """The issuer has signed it whole: no other answer than those that were made is ever believed (S24)."""
    issuer = read_certificate(_PKI.issuing.der)
    found = verify_response(data, [issuer], factory.NOW, timedelta(days=1))
    assert data in _ANSWERS or found[0].answer.delegate is not None, "believed a changed answer"


def _outline(data: bytes) -> None:
    outer = check_outline(data, 32)
    if outer.tag == SEQUENCE:
        list(children(outer))


def _same(read: Callable[[bytes], bytes], write: Callable[[bytes], bytes]) -> Callable[[bytes], None]:
    """One value has one encoding: two of them would be two signatures, or two keys, to somebody who compares."""

    def reader(data: bytes) -> None:
        assert write(read(data)) == data

    return reader


def _read_pem(data: bytes) -> None:
    read_pem(data, "CERTIFICATE")


def _check_signer(data: bytes) -> None:
    check_signer(data, _AUTHORITIES, None)


CERTIFICATES = (
    Target("certificate", _read_certificate, (*_LEAVES, _PKI.root.der, _ODD)),
    Target("odd certificate", rewritten, (*_LEAVES, _ODD), (ValueError,)),
    Target("question", _read_question, (json.dumps(question(_LEAVES[0])).encode(),), (Unreadable,)),
    Target("chain", lambda data: read_chain([data[: len(data) // 2], data[len(data) // 2 :]]), (_LEAVES[0] * 2,)),
    Target("pem", _read_pem, (_PKI.root.pem,)),
    Target("request", _read_request, _REQUESTS),
    Target("revocation list", read_list, _LISTS, (UnusableList,)),
    Target("signer of a list", _check_signer, _LISTS, (UnusableList,)),
    Target("ocsp response", read_response, (*_ANSWERS, _BY_DELEGATE), (UnusableAnswer,)),
    Target("ocsp answer", _read_answer, (*_ANSWERS, _BY_DELEGATE), (UnusableAnswer,)),
    Target("der", _outline, (_LEAVES[0], b"\x30\x00"), (DERError,)),
    Target("key", read_key, tuple(spki_of(any_key("asked", key_type)) for key_type in _TYPES), (DERError,)),
    Target("sm2 key", _same(sm2.point_of, sm2.spki), (sm2.spki(_SM2.point),), (ValueError,)),
    Target("sm2 private key", sm2.read_pkcs8, (sm2.pkcs8(_SM2),), (ValueError,)),
    Target("sm2 signature", _same(sm2.from_der, sm2.to_der), (sm2.to_der(b"\x01" * 64),), (ValueError,)),
)

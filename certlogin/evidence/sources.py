"""Which lists and answers spoke of the certificates on a path, for the record of an agreement.

PURE. It decides nothing: how revocation was settled is the judge's word. Numbers, times and hashes are kept; the lists
themselves can be large, and their issuer has them.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from certlogin.evidence.record import SOURCES_MAX, RevocationSource
from certlogin.pki.certificate import UnverifiedCertificate, read_certificate
from certlogin.pki.crl import RevocationList
from certlogin.pki.evidence import Evidence, RevocationIndex
from certlogin.pki.keys import Legacy


def sources_of(path: Sequence[bytes], index: RevocationIndex) -> tuple[RevocationSource, ...]:
    """`path`: DER, leaf first, anchor last, as a judgement gave it; `index`: that it was judged by."""
    certificates = [read_certificate(der, Legacy.ADMITTED) for der in path]
    found = [
        source for certificate, issuer in pairwise(certificates) for source in _sources(certificate, index.of(issuer))
    ]
    return tuple(found[:SOURCES_MAX])


def _sources(certificate: UnverifiedCertificate, evidence: Evidence) -> Iterator[RevocationSource]:
    answer = evidence.answers.get(certificate.serial)
    if answer is not None:
        yield RevocationSource(
            certificate.sha256, "ocsp", None, answer.this_update, answer.until, answer.response_sha256
        )
    for voice in evidence.voices:
        if voice.scope.reasons_for(certificate):
            yield from (_of_list(certificate, one) for one in (voice.complete, voice.delta) if one is not None)


def _of_list(certificate: UnverifiedCertificate, one: RevocationList) -> RevocationSource:
    kind = "crl" if one.base is None else "delta"
    return RevocationSource(certificate.sha256, kind, one.number, one.this_update, one.next_update, one.sha256)

"""What is asked for of a source: its list, or an answer about its certificate.

It must not know when, or what becomes of it.
"""

from datetime import datetime
from typing import Final

from certlogin.errors import ConfigurationError
from certlogin.fetch.client import Fetched, Transport, Validators
from certlogin.fetch.jobs import Job
from certlogin.fetch.peers import FetchFailed
from certlogin.fetch.sources import ListSource, StatusSource
from certlogin.pki.ocsp import ocsp_request_for
from certlogin.pki.pem import REVOCATION_LIST, read_pem

_OCSP_REQUEST: Final = "application/ocsp-request"


def transfer(job: Job, transport: Transport, now: datetime) -> Fetched | None:
    """DER, not yet verified; None: what is in use is still what is there. Raises FetchFailed."""
    if isinstance(job.source, ListSource):
        return _list(job, job.source, transport, now)
    return Fetched(_answer(job.source, transport), Validators())


def _list(job: Job, source: ListSource, transport: Transport, now: datetime) -> Fetched | None:
    # Without a list that counts, "unchanged" is no answer.
    known = job.validators if job.is_fresh(now) else Validators()
    fetched = transport.get(source.address, known)
    return None if fetched is None else Fetched(_only_list(fetched.body), fetched.validators)


def _answer(source: StatusSource, transport: Transport) -> bytes:
    """Of the first responder that gives one."""
    request = ocsp_request_for(source.serial, source.issuer)
    reasons = []
    for address in source.addresses:
        try:
            return transport.post(address, request, _OCSP_REQUEST)
        except FetchFailed as reason:
            reasons.append(str(reason))
    raise FetchFailed("; ".join(reasons))


def _only_list(body: bytes) -> bytes:
    """A list in DER, also out of PEM. Raises FetchFailed."""
    try:
        found = read_pem(body, REVOCATION_LIST)
    except ConfigurationError:
        raise FetchFailed("what is there is no revocation list") from None
    if len(found) != 1:
        raise FetchFailed(f"{len(found)} revocation lists in one file")
    return found[0]

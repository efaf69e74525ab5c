"""What is known of each source: when it is due, what it last brought, how often it failed.

It keeps the table, bounded, and decides which source comes next. It must not know how one is fetched.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from certlogin.fetch.client import Validators
from certlogin.fetch.schedule import Window
from certlogin.fetch.sources import Source, StatusSource
from certlogin.pki.certificate import UnverifiedCertificate

#: Sources in all; with each certificate that has to be asked about counting as one.
JOBS_MOST: Final = 20_000
#: Questions of logins that wait at the same time.
URGENT_MOST: Final = 256
#: A certificate that nobody has shown for so long is not asked about any more, nor is a list fetched for nobody.
ANSWERS_KEPT: Final = timedelta(days=2)
LISTS_KEPT: Final = timedelta(days=30)
#: So often the registered certificates are gone through: what is wanted was wanted since.
_HOUR: Final = timedelta(hours=1)


@dataclass(slots=True)
class Job:
    source: Source
    due: datetime
    wanted_at: datetime
    #: Named by the settings: never forgotten.
    is_configured: bool = False
    #: A login waits for it.
    is_urgent: bool = False
    is_busy: bool = False
    failures: int = 0
    #: Of the last failure; empty: it succeeded.
    problem: str = ""
    window: Window | None = None
    validators: Validators = field(default_factory=Validators)
    #: Of what the validators recognise.
    sha256: str = ""
    #: Who may have signed what it brings, by DER.
    authorities: dict[bytes, UnverifiedCertificate] = field(default_factory=dict)

    def recognise(self, sha256: str, noted: Mapping[str, object]) -> None:
        """What is in use has that hash. The note may be of something else: of what was not written, on a full disk."""
        if sha256 != self.sha256:
            self.validators = _validators(noted) if noted.get("sha256") == sha256 else Validators()
            self.sha256 = sha256

    def is_fresh(self, now: datetime) -> bool:
        return self.window is not None and self.window.is_open(now)


class Jobs:
    """The table. Not safe to be shared: its owner holds a lock."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        #: By DER, one of each: a certificate takes as much room as twenty jobs.
        self._authorities: dict[bytes, UnverifiedCertificate] = {}

    def all(self) -> tuple[Job, ...]:
        return tuple(self._jobs.values())

    def get(self, key: str) -> Job | None:
        return self._jobs.get(key)

    def want(
        self,
        source: Source,
        now: datetime,
        known: Mapping[str, object],
        *,
        is_configured: bool = False,
        is_awaited: bool = False,
    ) -> Job | None:
        """The job of a source, a new one if need be. None: the table is full of others that are wanted.

        `is_awaited`: a login waits for it, which is worth more than what is asked in advance.
        """
        source = self._with_known_issuer(source)
        job = self._jobs.get(source.key)
        if job is None:
            if len(self._jobs) >= JOBS_MOST and not self._make_room(now, timedelta(0) if is_awaited else _HOUR):
                return None
            job = self._jobs[source.key] = Job(source, now, now, is_configured)
            job.recognise(str(known.get("sha256")), known)
        job.wanted_at = now
        job.is_configured = job.is_configured or is_configured
        job.authorities |= {one.der: one for one in source.authorities}
        return job

    def _with_known_issuer(self, source: Source) -> Source:
        if isinstance(source, StatusSource):
            return replace(source, issuer=self._authorities.setdefault(source.issuer.der, source.issuer))
        if source.authority is None:
            return source
        return replace(source, authority=self._authorities.setdefault(source.authority.der, source.authority))

    def forget(self, now: datetime) -> list[Job]:
        """Drop what nobody wants any more; returns it."""
        gone = [job for job in self._jobs.values() if _is_unwanted(job, now)]
        for job in gone:
            del self._jobs[job.source.key]
        return gone

    def next_due(self, now: datetime) -> Job | None:
        """The one that comes next: of those that are due, the ones that somebody waits for first."""
        free = (job for job in self._jobs.values() if not job.is_busy)
        return min(free, key=lambda job: (job.due > now, not job.is_urgent and job.due <= now, job.due), default=None)

    def urgent(self) -> int:
        return sum(job.is_urgent for job in self._jobs.values())

    def _make_room(self, now: datetime, least: timedelta) -> bool:
        """The question that was wanted longest ago goes, if that is long enough ago and no login waits for it."""
        questions = (job for job in self._jobs.values() if isinstance(job.source, StatusSource))
        idle = [job for job in questions if not job.is_busy and not job.is_urgent]
        oldest = min(idle, key=lambda job: job.wanted_at, default=None)
        if oldest is None or now - oldest.wanted_at < least:
            return False
        del self._jobs[oldest.source.key]
        return True


def _is_unwanted(job: Job, now: datetime) -> bool:
    if job.is_configured or job.is_busy:
        return False
    source = job.source
    if isinstance(source, StatusSource):
        return now > source.expires or now - job.wanted_at > ANSWERS_KEPT
    return now - job.wanted_at > LISTS_KEPT


def _validators(known: Mapping[str, object]) -> Validators:
    etag, modified = known.get("etag"), known.get("modified")
    return Validators(etag if isinstance(etag, str) else "", modified if isinstance(modified, str) else "")

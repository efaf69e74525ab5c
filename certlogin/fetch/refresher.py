"""Keeps the evidence of revocation fresh: takes what is due, has it fetched, adds it to the trust, says when next.

It decides what is done now, in whichever thread calls it. It must not know where threads come from (`background.py`),
and no login ever waits in here (S26).
"""

import hashlib
import logging
import threading
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509

from certlogin.errors import CertloginError, Unavailable
from certlogin.fetch.around import Outcome as Outcome
from certlogin.fetch.around import Surroundings as Surroundings
from certlogin.fetch.jobs import JOBS_MOST, URGENT_MOST, Job, Jobs
from certlogin.fetch.peers import FetchFailed
from certlogin.fetch.schedule import Window, after_failure, after_success
from certlogin.fetch.shelf import Shelf
from certlogin.fetch.sources import ListSource, Source, SourceRules, named_key
from certlogin.fetch.transfer import transfer
from certlogin.pki.certificate import UnverifiedCertificate, read_certificate
from certlogin.pki.path import find_path

_log = logging.getLogger("certlogin")
#: How often the registered certificates are gone through.
_WALK: Final = timedelta(hours=1)
#: Files of answers that nobody renews.
_OUT_OF_USE: Final = timedelta(days=30)


class Refresher:
    """Threads may share it; any number of them may call `work_once`."""

    def __init__(
        self, rules: SourceRules, around: Surroundings, shelf: Shelf | None, look_every: int, *, fetches: bool = True
    ) -> None:
        """`fetches` False: files of the shelf are all there is. `look_every`: seconds between two looks at them."""
        self._rules = rules
        self._around = around
        self._shelf = shelf
        self._fetches = fetches
        self._look_every = timedelta(seconds=look_every)
        self._jobs = Jobs()
        self._changed = threading.Condition()
        self._look_at: datetime | None = None
        self._walk_at: datetime | None = None
        self._alarmed: set[str] = set()
        self._on_shelf = threading.Lock()
        #: Hashes of leaves whose paths were learned, and when: most requests bring the same ones.
        self._learned: dict[bytes, datetime] = {}

    # --- what others tell it

    def load(self) -> None:
        """At the start, before anybody logs in: what lies on the shelf."""
        self._take_from_shelf()

    def learn(self, path: Sequence[bytes]) -> None:
        """A path was proven (DER, leaf first): what its certificates name is fetched from now on. Returns at once."""
        now = self._around.clock()
        if not self._is_news(path[0], now):
            return
        sources = self._sources([read_certificate(der) for der in path], now)
        with self._changed:
            self._want(sources, now)
            # One thread is enough, and each that wakes goes through the table.
            self._changed.notify()

    def ask(self, path: Sequence[UnverifiedCertificate], within: timedelta) -> bool:
        """Have whoever may be asked about the certificates of a proven path asked, soon and once. Returns at once.

        False: nobody may be asked, or no answer can be expected `within` that time.
        """
        now = self._around.clock()
        if not self._fetches:
            return False
        sources = self._sources(path, now)
        with self._changed:
            missing = [job for job in self._want(sources, now, is_awaited=True) if not job.is_fresh(now)]
            # One that failed keeps its pause, however many ask for it.
            hopeful = [job for job in missing if job.is_busy or job.due <= now + within]
            more = sum(not job.is_urgent for job in hopeful)
            if not hopeful or self._jobs.urgent() + more > URGENT_MOST:
                return False
            for job in hopeful:
                job.is_urgent = True
            self._changed.notify(len(hopeful))
        return True

    def _is_news(self, leaf: bytes, now: datetime) -> bool:
        leaf = hashlib.sha256(leaf).digest()
        last = self._learned.get(leaf)
        if last is not None and now - last < _WALK:
            return False
        if len(self._learned) >= JOBS_MOST:
            self._learned.clear()
        self._learned[leaf] = now
        return True

    # --- what a thread does

    def work_once(self) -> Outcome | None:
        """Do the one thing that is due most; None: nothing is."""
        now = self._around.clock()
        self._look_around(now)
        with self._changed:
            job = self._jobs.next_due(now) if self._fetches else None
            if job is None or job.due > now:
                return None
            job.is_busy = True
        try:
            return self._do(job)
        except Exception:
            # A mistake of ours must not end the thread, nor be made again at once.
            _log.exception("revocation: %s", job.source.name)
            self._failed(job, "unexpected")
            raise
        finally:
            with self._changed:
                job.is_busy = job.is_urgent = False

    def state(self) -> list[Outcome]:
        """Of every source that is known, as it is now."""
        with self._changed:
            return [self._outcome(job, fetched=False) for job in self._jobs.all()]

    def wait(self, longest: float) -> None:
        """Until something may be due, somebody asks, or `longest` seconds have passed."""
        with self._changed:
            self._changed.wait(min(longest, self._pause()))

    def wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _pause(self) -> float:
        """Seconds until something is due."""
        now = self._around.clock()
        job = self._jobs.next_due(now) if self._fetches else None
        moments = [moment for moment in (self._look_at, job.due if job else None) if moment is not None]
        return max(0.05, (min(moments, default=now + self._look_every) - now).total_seconds())

    # --- looking around

    def _look_around(self, now: datetime) -> None:
        """Now and then: files of other workers, registered certificates, what nobody wants any more."""
        with self._changed:
            if self._look_at is not None and now < self._look_at:
                return
            self._look_at = now + self._look_every
            is_walk_due = self._walk_at is None or now >= self._walk_at
            if is_walk_due:
                self._walk_at = now + _WALK
            self._want_configured(now)
            gone = self._jobs.forget(now)
        if self._shelf is not None:
            for job in gone:
                self._shelf.drop(job.source.key)
        if is_walk_due:
            self._walk(now)
        self._take_from_shelf()

    def _want_configured(self, now: datetime) -> None:
        for source in self._rules.configured():
            self._jobs.want(source, now, self._noted(source.key), is_configured=True)

    def _walk(self, now: datetime) -> None:
        """Through the registered certificates."""
        above: dict[tuple[bytes, ...], tuple[UnverifiedCertificate, ...]] = {}
        try:
            for der, chain in self._around.registered():
                self._walk_one(der, chain, above, now)
        except Unavailable as error:
            _log.warning("revocation: the registered certificates are not known now: %s", error)
        if self._shelf is not None:
            self._shelf.prune(now - _OUT_OF_USE)

    def _walk_one(
        self,
        der: bytes,
        chain: Sequence[bytes],
        above: dict[tuple[bytes, ...], tuple[UnverifiedCertificate, ...]],
        now: datetime,
    ) -> None:
        """Each was judged before it was registered; of each issuer, the path of one certificate is proven again."""
        try:
            leaf = read_certificate(der)
            key = (leaf.issuer_der, named_key(leaf), *chain)
            if key not in above:
                intermediates = [read_certificate(one) for one in chain]
                path = find_path(leaf, intermediates, self._around.trust.current(), now)
                above[key] = path.certificates[1:]
        except CertloginError:
            # Expired or no longer trusted: nobody logs in with it, so nothing has to be known of it.
            return
        sources = self._sources((leaf, *above[key]), now)
        with self._changed:
            self._want(sources, now)

    def _sources(self, path: Sequence[UnverifiedCertificate], now: datetime) -> list[Source]:
        """Without the lock: the trust may be read anew here, and logins would wait for it."""
        return self._rules.of_path(path, self._around.trust.current(), now)

    def _want(self, sources: Iterable[Source], now: datetime, *, is_awaited: bool = False) -> list[Job]:
        wanted = (self._jobs.want(one, now, self._noted(one.key), is_awaited=is_awaited) for one in sources)
        return [job for job in wanted if job is not None]

    def _noted(self, key: str) -> Mapping[str, object]:
        if self._shelf is None or self._jobs.get(key) is not None:
            return {}
        return self._shelf.noted(key)

    def _take_from_shelf(self) -> None:
        """What other workers have fetched meanwhile, and this one before its last start."""
        if self._shelf is None:
            return
        with self._on_shelf:
            for name, content in self._shelf.changed():
                problem = self._use(name, content)
                if problem:
                    # Mostly of an authority that only clients send along: it is read again once its path is proven.
                    _log.info("revocation: %s is not used: %s", name, problem)

    def _take_own(self, job: Job) -> None:
        """What another worker has just fetched, or had put there before we knew whose it is."""
        if self._shelf is None:
            return
        name = job.source.key
        with self._on_shelf:
            found = self._shelf.get(name) if job.window is None else self._shelf.news(name)
            if found is not None:
                self._use(name, found)

    def _use(self, name: str, content: bytes) -> str:
        """Add what lies on the shelf; returns why not."""
        job = self._jobs.get(name)
        problems = self._add(content, is_list=name.endswith(".crl"), job=job)
        if problems or job is None:
            return "; ".join(problems)
        try:
            window = self._window(job, content)
        except FetchFailed as reason:
            return str(reason)
        if window.is_open(self._around.clock()):
            noted = self._shelf.noted(name) if self._shelf is not None else {}
            job.recognise(hashlib.sha256(content).hexdigest(), noted)
            self._succeeded(job, window, self._looked_at(noted, window))
        return ""

    def _looked_at(self, noted: Mapping[str, object], window: Window) -> datetime:
        """When somebody last asked for it, who noted that; pauses count from there, also for another process."""
        try:
            moment = datetime.fromisoformat(str(noted.get("at")))
            return max(moment, window.begins) if moment <= self._around.clock() else window.begins
        except (ValueError, TypeError):
            # No date, or one without its offset.
            return window.begins

    # --- one source

    def _do(self, job: Job) -> Outcome:
        before = job.due
        self._take_own(job)
        if job.due > before:
            return self._outcome(job, fetched=False)
        try:
            self._fetch(job)
        except FetchFailed as reason:
            self._failed(job, str(reason))
        self._warn(job)
        self._note(job)
        return self._outcome(job, fetched=True)

    def _fetch(self, job: Job) -> None:
        """Raises FetchFailed."""
        source = job.source
        fetched = transfer(job, self._around.transport, self._around.clock())
        if fetched is None:
            # Not modified: what is in use is still the newest.
            self._succeeded(job, job.window)
            return
        problems = self._add(fetched.body, is_list=isinstance(source, ListSource), job=job)
        if problems:
            raise FetchFailed("; ".join(problems))
        window = self._window(job, fetched.body)
        if not window.is_open(self._around.clock()):
            raise FetchFailed(f"what is there is good from {window.begins.isoformat()} until {window.ends.isoformat()}")
        if self._shelf is not None:
            self._shelf.put(source.key, fetched.body)
        # Only of what was accepted: what was not must not pass for unchanged the next time.
        job.validators, job.sha256 = fetched.validators, hashlib.sha256(fetched.body).hexdigest()
        self._succeeded(job, window)

    def _add(self, content: bytes, *, is_list: bool, job: Job | None) -> list[str]:
        authorities = () if job is None else tuple(job.authorities.values())
        try:
            if is_list:
                return self._around.trust.add([content], [], authorities)
            return self._around.trust.add([], [content], authorities)
        except CertloginError as error:
            return [str(error)]

    def _window(self, job: Job, content: bytes) -> Window:
        """Of what was just accepted. Raises FetchFailed: the answer speaks of another certificate."""
        source = job.source
        if isinstance(source, ListSource):
            parsed = x509.load_der_x509_crl(content)
            return Window(parsed.last_update_utc, parsed.next_update_utc or parsed.last_update_utc)
        answer = self._around.trust.current().index.of(source.issuer).answers.get(source.serial)
        if answer is None:
            raise FetchFailed("the answer does not speak of that certificate")
        return Window(answer.this_update, answer.until)

    # --- what became of it

    def _succeeded(self, job: Job, window: Window | None, looked_at: datetime | None = None) -> None:
        now = looked_at or self._around.clock()
        with self._changed:
            job.window, job.failures, job.problem = window, 0, ""
            if window is not None:
                job.due = after_success(window, now, self._chance())

    def _failed(self, job: Job, reason: str) -> None:
        now = self._around.clock()
        with self._changed:
            job.failures += 1
            job.problem = reason
            job.due = after_failure(job.failures, now, self._chance())
        if job.failures == 1:
            _log.warning("revocation_not_fetched: %s: %s", job.source.name, reason)

    def _warn(self, job: Job) -> None:
        """At three quarters of its life, once, until a newer one has come."""
        now = self._around.clock()
        if job.window is None or not job.window.is_alarming(now):
            self._alarmed.discard(job.source.key)
            return
        if job.source.key in self._alarmed:
            return
        self._alarmed.add(job.source.key)
        facts = {"source": job.source.name, "good_until": job.window.ends.isoformat(), "problem": job.problem}
        _log.warning("revocation_stale: %(source)s: good until %(good_until)s: %(problem)s", facts)
        try:
            self._around.alarm(job.source.key, facts)
        except Unavailable as error:
            _log.warning("revocation_stale is not written down: %s", error)

    def _note(self, job: Job) -> None:
        if self._shelf is None:
            return
        outcome = self._outcome(job, fetched=True)
        facts = {
            "source": outcome.name,
            "problem": outcome.problem,
            "good_until": None if outcome.good_until is None else outcome.good_until.isoformat(),
            "etag": job.validators.etag,
            "modified": job.validators.modified,
            "sha256": job.sha256,
            "at": self._around.clock().isoformat(),
        }
        self._shelf.note(job.source.key, facts)

    def _outcome(self, job: Job, *, fetched: bool) -> Outcome:
        now = self._around.clock()
        return Outcome(
            name=job.source.name,
            problem=job.problem,
            fetched=fetched,
            good_until=None if job.window is None else job.window.ends,
            next_at=job.due,
            is_stale=job.window is None or job.window.is_alarming(now),
        )

    def _chance(self) -> float:
        return int.from_bytes(self._around.random(4)) / 2**32

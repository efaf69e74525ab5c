"""Where the trust comes from: anchor, intermediate and CRL files, read again when they change."""

import ctypes
import logging
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Final

from certlogin.errors import ConfigurationError, Unavailable
from certlogin.fetch.schedule import Window
from certlogin.pki.certificate import UnverifiedCertificate
from certlogin.pki.evidence import IssuerKey
from certlogin.pki.path import AnchorMaterial, Trust, build_trust
from certlogin.pki.pem import CERTIFICATE, REVOCATION_LIST, read_pem
from certlogin.pki.revocation import RevocationIndex, add_evidence
from certlogin.pki.selftest import check_sm2_paths
from certlogin.pki.sm2 import SM2, SM2Unavailable
from certlogin.settings.trust import Anchor, SM2Settings
from certlogin.settings.trust import Trust as TrustSettings

#: Octets of a list from which on reading it takes so much memory that some is asked back.
_LONG: Final = 1 << 20

_log = logging.getLogger("certlogin")


class TrustSource:
    """Gives the current trust; looks at the files at most every `reload_seconds`.

    A file that cannot be read any more leaves the trust as it was: its CRLs grow stale and are then refused as such.
    Whoever changes the trust makes another one meanwhile and swaps it at the end; nobody waits for a long list.
    """

    def __init__(self, settings: TrustSettings, clock: Callable[[], datetime], sm2: SM2 | None = None) -> None:
        """Raises ConfigurationError with one line per file that cannot be used."""
        self._settings = settings
        self._sm2 = sm2
        self._clock = clock
        self._changing = threading.Lock()
        #: Authorities that no file names, with evidence that was added.
        self._added: set[IssuerKey] = set()
        #: Issuer and number of lists that grow stale, and somebody was told.
        self._said: set[tuple[str, int]] = set()
        self._trust = _logged(load_trust(settings, sm2=sm2))
        self._stamp = _stamp(settings)
        self._looked_at = clock()

    @property
    def sm2(self) -> SM2 | None:
        """What verifies SM2 signatures, for the life of the process; None: they are refused and not offered."""
        return self._sm2

    def current(self) -> Trust:
        """The trust as the files have it. Raises Unavailable when changed files cannot be used.

        Lists of more than a megabyte are read in another thread; until that is done the trust is the one before.
        """
        now = self._clock()
        is_due = (now - self._looked_at).total_seconds() >= self._settings.reload_seconds
        # Whoever finds another thread at it goes on with what there is.
        if is_due and self._changing.acquire(blocking=False):
            self._begin_look(now)
        return self._trust

    def reload(self) -> None:
        """Look at the files now."""
        with self._changing:
            self._reload()

    def add(
        self, lists: Iterable[bytes], answers: Iterable[bytes], authorities: Iterable[UnverifiedCertificate] = ()
    ) -> list[str]:
        """More evidence, DER; returns why some of it was left out. Nothing takes the place of something newer."""
        given = tuple(lists)
        with self._changing:
            before = self._trust.index.issuers.keys()
            trust, problems = add_evidence(self._trust, given, answers, self._clock(), authorities, _let_others_run)
            self._added |= trust.index.issuers.keys() - before
            self._trust = trust
        if any(len(der) > _LONG for der in given):
            _give_memory_back()
        return problems

    def _begin_look(self, now: datetime) -> None:
        """Whoever calls it has the lock, which is given back at the end of the look. Raises Unavailable."""
        if not self._has_long_files():
            self._look(now)
            return
        beside = threading.Thread(target=self._look_beside, args=(now,), name="certlogin-trust", daemon=True)
        try:
            beside.start()
        except RuntimeError:
            # The machine has no thread to give; kept, the lock would keep evidence out for good.
            self._changing.release()
            raise Unavailable("trust") from None

    def _look(self, now: datetime) -> None:
        """Whoever calls it has the lock. Raises Unavailable."""
        try:
            self._reload()
            self._looked_at = now
            self._say_what_grows_stale(now)
        finally:
            self._changing.release()

    def _look_beside(self, now: datetime) -> None:
        """In a thread of its own: no login waits while a list of many megabytes is read."""
        try:
            self._look(now)
        except Unavailable as down:
            _log.error("the trust stays as it was: %s", down.__cause__)

    def _has_long_files(self) -> bool:
        files = (Path(file) for anchor in self._settings.anchors for file in anchor.crls)
        return any(_size(file) > _LONG for file in files)

    def _reload(self) -> None:
        try:
            stamp = _stamp(self._settings)
            if stamp != self._stamp:
                loaded = _logged(load_trust(self._settings, self._trust, sm2=self._sm2))
                self._trust = self._with_added(loaded)
                self._stamp = stamp
        except (OSError, ConfigurationError) as error:
            raise Unavailable("trust") from error

    def _say_what_grows_stale(self, now: datetime) -> None:
        """Of each list once, whether it came from a file or was fetched."""
        stale = {
            (one.issuer, one.number): one.next_update
            for one in self._trust.index.lists
            if Window(one.this_update, one.next_update).is_alarming(now)
        }
        for issuer, number in sorted(stale.keys() - self._said):
            ends = stale[issuer, number].isoformat()
            _log.warning("revocation_stale: list number %s of %s: good until %s", number, issuer, ends)
        self._said = set(stale)

    def _with_added(self, loaded: Trust) -> Trust:
        """The files do not name every authority whose evidence was added."""
        known = self._trust.index.issuers
        kept = {key: known[key] for key in self._added if key in known}
        return replace(loaded, index=RevocationIndex(MappingProxyType(kept | dict(loaded.index.issuers))))


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        # Not there, maybe for a moment only; whoever reads it says so.
        return 0


def _give_memory_back() -> None:
    """What an index of many megabytes was made from: the C library of Linux would keep a part of it for later."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)


def _let_others_run() -> None:
    """Python gives its lock away then, and not only after 5 ms: logins go on while a long list is read."""
    time.sleep(0)


def open_sm2(settings: SM2Settings) -> SM2 | None:
    """What verifies SM2 signatures; None, and the reason in the log: this machine has none, so SM2 is not offered.

    Raises ConfigurationError: a library is named and cannot be used.
    """
    try:
        sm2 = SM2.load(settings.library)
        check_sm2_paths()
    except SM2Unavailable as reason:
        if settings.library:
            raise ConfigurationError((f"[sm2] library: {reason.what}",)) from None
        _log.warning("%s: %s", reason.code, reason.what)
        return None
    return sm2


def load_trust(settings: TrustSettings, previous: Trust | None = None, *, sm2: SM2 | None = None) -> Trust:
    """Read every file once; a list of `previous` is never replaced by one with a lower number.

    Raises ConfigurationError with one line per file that cannot be used.
    """
    problems: list[str] = []
    material = []
    for anchor in settings.anchors:
        try:
            material.append(_material(anchor))
        except OSError as error:
            problems.append(f"[trust.anchors] {anchor.name}: {error}")
        except ConfigurationError as error:
            problems.extend(f"[trust.anchors] {anchor.name}: {problem}" for problem in error.problems)
    if problems:
        raise ConfigurationError(tuple(problems))
    trust = build_trust(
        material,
        client_auth_required=settings.require_client_auth,
        forbidden_policies=settings.forbidden_policies,
        ocsp_max_age=timedelta(seconds=settings.ocsp_max_age),
        previous=previous,
        sm2=sm2,
        pause=_let_others_run,
    )
    _give_memory_back()
    return trust


def _logged(trust: Trust) -> Trust:
    for problem in trust.problems:
        _log.warning("trust: %s", problem)
    return trust


def _material(anchor: Anchor) -> AnchorMaterial:
    anchors = read_certificates(Path(anchor.file))
    if len(anchors) != 1:
        raise ConfigurationError((f"{anchor.file}: holds {len(anchors)} certificates, an anchor file holds one",))
    return AnchorMaterial(
        name=anchor.name,
        anchor_der=anchors[0],
        intermediates_der=tuple(der for file in anchor.intermediates for der in read_certificates(Path(file))),
        crls_der=tuple(der for file in anchor.crls for der in _read_crls(Path(file))),
        revocation=anchor.revocation.value,
        grace=timedelta(seconds=anchor.revocation_grace),
        strict=anchor.strict,
        unit_code_oids=anchor.table.unit_code,
        unique_id_oids=anchor.table.unique_id,
        unit_codes=anchor.unit_code_check,
    )


def read_certificates(path: Path) -> tuple[bytes, ...]:
    """The DER of every certificate in a PEM or DER file. Raises OSError, ConfigurationError."""
    return read_pem(path.read_bytes(), CERTIFICATE)


def _read_crls(path: Path) -> tuple[bytes, ...]:
    return read_pem(path.read_bytes(), REVOCATION_LIST)


def _stamp(settings: TrustSettings) -> tuple[tuple[str, int, int], ...]:
    """What changes when a file is replaced: modification time and inode."""
    names = [file for anchor in settings.anchors for file in (anchor.file, *anchor.intermediates, *anchor.crls)]
    found = []
    for name in names:
        status = Path(name).stat()
        found.append((name, status.st_mtime_ns, status.st_ino))
    return tuple(found)

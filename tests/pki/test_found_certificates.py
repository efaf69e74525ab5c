"""Certificates as others made or broke them: those that come with the tests of `cryptography`, several hundred.

Each is read, and judged as a login of its own root: accepted by nobody, and refused in our own words only.
"""

from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable

import pytest
from cryptography import x509

from certlogin.errors import CertloginError, ConfigurationError
from certlogin.pki.certificate import read_certificate
from certlogin.pki.judge import judge_certificate, judge_path
from certlogin.pki.path import AnchorMaterial, build_trust
from certlogin.pki.pem import CERTIFICATE, read_pem
from tests.factory import NOW, make_pki

ENDINGS = (".pem", ".der", ".crt", ".cer")


def found(folder: Traversable) -> Iterator[bytes]:
    """The DER of everything below that calls itself a certificate, and of everything in DER whatever it is."""
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from found(entry)
        elif entry.name.endswith(ENDINGS):
            try:
                yield from read_pem(entry.read_bytes(), CERTIFICATE)
            except ConfigurationError:
                continue


FOUND = sorted(set(found(files("cryptography_vectors"))))


def readable() -> list[bytes]:
    return [der for der in FOUND if _is_read(der)]


def _is_read(der: bytes) -> bool:
    try:
        read_certificate(der)
    except CertloginError:
        return False
    return True


def test_there_are_many_and_most_are_read() -> None:
    assert len(FOUND) > 500
    assert len(readable()) > len(FOUND) / 2


def test_whatever_is_found_is_read_or_refused_in_our_own_words() -> None:
    """Neither our reading nor its second attempt raises anything else: `_is_read` would let it through."""
    trust = make_pki().trust()
    for der in readable():
        for judge in (judge_certificate, judge_path):
            with pytest.raises(CertloginError):
                judge(read_certificate(der), (), trust, NOW)


def test_whatever_is_found_may_be_configured_or_is_a_mistake_of_the_settings() -> None:
    usable = 0
    for der in readable():
        try:
            build_trust([AnchorMaterial("found", der)])
            usable += 1
        except ConfigurationError:
            continue
    assert usable > 100


def test_what_is_read_is_what_the_library_reads() -> None:
    """Where the strict parser reads a certificate at all, ours says the same of it."""
    for der in readable():
        try:
            strict = x509.load_der_x509_certificate(der)
            extensions = strict.extensions
        except (ValueError, TypeError, x509.DuplicateExtension):
            continue
        ours = read_certificate(der)
        assert ours.serial == strict.serial_number
        assert list(ours.x509.extensions) == list(extensions)
        assert ours.subject_der == strict.subject.public_bytes() or ours.x509.subject == strict.subject

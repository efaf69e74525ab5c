"""The target of CMS notices what it is there for."""

from functools import partial

import pytest

from tests.factory import Plan, make_pki
from tests.fuzz import cms
from tests.fuzz.table import TARGETS
from tests.pki.cms_writer import Message

_TARGET = next(target for target in TARGETS if target.name == "cms")


def test_a_message_of_another_signer_is_noticed() -> None:
    """A key that is none of the seeds'; the certificate in it is genuine."""
    stranger = make_pki().issuing.issue(Plan(key_name="stranger", serial=8))
    with pytest.raises(AssertionError, match="another signer"):
        _TARGET.run(Message(stranger, cms._CONTENT).der)


def test_another_content_is_refused_until_nothing_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    changed = partial(Message, cms._leaf("P-256"), b"something else")
    assert not _TARGET.run(changed().der)
    monkeypatch.setattr("certlogin.pki.cms._signed", lambda message, content: message.unverified_content)
    with pytest.raises(AssertionError, match="another content"):
        _TARGET.run(changed(with_attributes=False).der)

"""Where a download or a lost key ends: a page with hotline and code."""

from datetime import timedelta

import pytest

from tests.factory import key
from tests.gate.browser import Browser
from tests.gate.downloads import Place, at_the_download, download, place, served, short_tmp

__all__ = ["place", "served", "short_tmp"]


@pytest.mark.parametrize(
    ("topic", "code"), [("lost", "key_lost"), ("locked", "pin_locked"), ("expired", "certificate_expired")]
)
@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_a_lost_a_locked_and_an_expired_key_end_on_a_page_with_hotline_and_code(
    place: Place, topic: str, code: str, language: str
) -> None:
    answer = Browser(place.world).get(f"/certlogin/help/{topic}?lang={language}")
    assert answer.status == 200
    assert "400-000-0000" in answer.text
    assert code in answer.text
    assert f'lang="{language}"' in answer.text
    assert 'href="/login' in answer.text


def test_an_expired_certificate_ends_on_a_refusal_with_hotline_and_code(served: Place) -> None:
    download(at_the_download(served), key("enrol expiring"))
    served.world.clock.advance(timedelta(days=366).total_seconds())
    served.house.open().refresh()
    answer = Browser(served.world).log_in("U1")
    assert answer.status == 403
    assert "certificate_expired" in answer.text
    assert "400-000-0000" in answer.text
    (event,) = served.world.events("login_refused")
    assert event.support_id is not None
    assert event.support_id in answer.text


@pytest.mark.parametrize("code", ["reissue_required", "revocation_pending", "nonsense", "<script>", ""])
def test_the_page_for_a_code_shows_a_code_of_ours_only(place: Place, code: str) -> None:
    answer = Browser(place.world).get(f"/certlogin/refused?code={code}")
    assert answer.status == 200
    shown = code if code in ("reissue_required", "revocation_pending") else "refused"
    assert shown in answer.text
    assert "<script>" not in answer.text.replace('<script type="module"', "")

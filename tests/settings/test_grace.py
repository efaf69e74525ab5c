"""`revocation = 'prefer'` states its grace, and nothing else has one; both reach the trust."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from certlogin.flows.trust import load_trust
from certlogin.pki.revocation import Mode
from certlogin.settings import Settings
from tests.factory import make_pki
from tests.settings.good import ISSUING, changed, problems, read

ANCHOR = "[[trust.anchors]] no. 1: revocation_grace"
RANGE = "must be 1 to 2678400"


def with_anchor(**values: Any) -> dict[str, Any]:
    return changed("trust.anchors.0", {"name": "root", "file": "root.pem", **values}, ISSUING)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"revocation": "prefer"}, f"{ANCHOR}: {RANGE}"),
        ({"revocation": "prefer", "revocation_grace": 0}, f"{ANCHOR}: {RANGE}"),
        ({"revocation": "prefer", "revocation_grace": -1}, f"{ANCHOR}: {RANGE}"),
        ({"revocation": "prefer", "revocation_grace": 32 * 86400}, f"{ANCHOR}: {RANGE}"),
        ({"revocation_grace": 1}, f"{ANCHOR}: only with revocation = 'prefer'"),
        ({"revocation": "off", "revocation_grace": 1}, f"{ANCHOR}: only with revocation = 'prefer'"),
    ],
)
def test_a_grace_belongs_to_prefer_and_has_no_default(values: dict[str, Any], said: str) -> None:
    assert problems(with_anchor(**values)) == (said,)


def test_an_answer_counts_for_some_time() -> None:
    (line,) = problems(changed("trust.ocsp_max_age", 0, ISSUING))
    assert line.startswith("[trust] ocsp_max_age: must be 1 to")


def settings(folder: Path, **values: Any) -> Settings:
    file = folder / "root.pem"
    file.write_bytes(make_pki().root.pem)
    return read(changed("trust.ocsp_max_age", 60, with_anchor(file=str(file), **values)))


def test_both_reach_the_trust(tmp_path: Path) -> None:
    trust = load_trust(settings(tmp_path, revocation="prefer", revocation_grace=3600).trust)
    assert (trust.anchors[0].revocation, trust.anchors[0].grace) == (Mode.PREFER, timedelta(hours=1))
    assert trust.ocsp_max_age == timedelta(minutes=1)
    assert load_trust(settings(tmp_path).trust).anchors[0].grace == timedelta(0)

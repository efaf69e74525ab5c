import importlib
import pkgutil
import re
from collections import Counter
from dataclasses import dataclass, is_dataclass
from datetime import UTC, datetime
from typing import ClassVar

import pytest

import certlogin
from certlogin.errors import (
    CertloginError,
    ConfigurationError,
    HostMistake,
    Refusal,
    Unavailable,
    leaves,
)

#: Every test here sees the whole tree, whichever test runs first.
pytestmark = pytest.mark.usefixtures("everything")


@pytest.fixture(scope="module")
def everything() -> None:
    """Every module that may define a leaf; migrations are run by alembic only, integrations need their frameworks."""
    for module in pkgutil.walk_packages(certlogin.__path__, "certlogin."):
        if not re.search(r"\.(migrations|integrations)\b", module.name):
            importlib.import_module(module.name)


def tree() -> list[type[CertloginError]]:
    """Without the classes that tests made."""
    return [leaf for leaf in leaves() if leaf.__module__.startswith("certlogin.")]


BRANCHES = (ConfigurationError, HostMistake, Refusal, Unavailable)


# --- the tree


def test_leaves_lists_each_class_once_root_first() -> None:
    found = leaves()
    assert found[0] is CertloginError
    assert len(found) == len(set(found))
    assert set(BRANCHES) < set(found)
    assert leaves(Refusal)[0] is Refusal
    assert set(leaves(Refusal)) < set(found)


def test_leaves_reaches_the_leaves_of_leaves() -> None:
    parents = {parent for leaf in tree() for parent in leaf.__mro__[1:]}
    assert parents & set(tree()) > {CertloginError, Refusal, Unavailable}
    assert {leaf for leaf in tree() if Unavailable in leaf.__mro__} <= set(leaves(Unavailable))


def test_the_rooms_that_refuse_have_leaves_of_their_own() -> None:
    rooms = {leaf.__module__.split(".")[1] for leaf in tree()}
    assert rooms >= {"errors", "pki", "wire", "login", "journeys", "stores", "flows", "web", "ca", "helper"}


def test_every_code_is_used_once() -> None:
    codes = Counter(leaf.code for leaf in tree())
    assert [code for code, count in codes.items() if count > 1] == []


def test_every_leaf_names_its_own_code() -> None:
    """An inherited code would tell users and logs of something else."""
    assert [leaf.__name__ for leaf in tree() if "code" not in vars(leaf)] == []


def test_codes_are_words_that_never_need_quoting() -> None:
    assert [leaf.code for leaf in tree() if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", leaf.code)] == []


def test_every_leaf_hangs_on_a_branch() -> None:
    loose = [leaf.code for leaf in tree()[1:] if not issubclass(leaf, BRANCHES)]
    # A text that our own files lack is nobody's refusal and no mistake of the host: 500, as the root.
    assert loose == ["text_missing"]


@pytest.mark.parametrize(
    ("branch", "statuses"),
    [(Refusal, range(400, 500)), (Unavailable, range(503, 504)), (HostMistake, range(500, 501))],
)
def test_the_status_fits_the_branch(branch: type[CertloginError], statuses: range) -> None:
    odd = {leaf.code: leaf.status for leaf in tree() if issubclass(leaf, branch) and leaf.status not in statuses}
    # Not the asker's fault: the certificate authority behind us answered with somebody else's certificate.
    odd.pop("issued_for_another", None)
    assert odd == {}


def test_every_leaf_is_a_dataclass_of_its_own_with_identity() -> None:
    """`facts` reads its fields; an error that equals another one, or has no hash, breaks tracebacks and sets."""
    for leaf in tree():
        assert is_dataclass(leaf)
        assert "__dataclass_fields__" in vars(leaf), leaf
        assert leaf.__hash__ is CertloginError.__hash__ is Exception.__hash__
        assert leaf.__eq__ is Exception.__eq__


# --- one error


@dataclass(eq=False)
class Sample(Refusal):
    code: ClassVar[str] = "sample"
    name: str
    moment: datetime
    count: int
    nothing: str | None = None


MOMENT = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


def test_the_fields_are_the_facts() -> None:
    error = Sample("单位", MOMENT, 3)
    assert error.facts() == {"name": "单位", "moment": MOMENT, "count": 3, "nothing": None}
    assert error.public_code() == error.code == "sample"
    assert error.status == 403


def test_an_error_is_one_line_for_the_log() -> None:
    assert str(Sample("单位", MOMENT, 3)) == (
        "sample: name='单位', moment=2026-03-02T08:00:00+00:00, count=3, nothing=None"
    )
    assert str(Refusal()) == "refused"


def test_a_fact_from_outside_cannot_start_a_line_of_its_own() -> None:
    line = str(Sample("x'\n2026-03-02 admitted \x1b[2J\r\u2028", MOMENT, 3))
    assert line.isprintable()
    assert len(line.splitlines()) == 1


def test_a_configuration_error_has_a_line_per_mistake() -> None:
    error = ConfigurationError(("origin is missing", "trust.anchors is empty"))
    assert str(error).splitlines() == [
        "configuration_error: origin is missing",
        "configuration_error: trust.anchors is empty",
    ]


def test_errors_are_told_apart_by_identity() -> None:
    one, other = Unavailable("store"), Unavailable("store")
    assert one == one
    assert one != other
    assert len({one, other}) == 2

"""Several certificates of one name: the true path is found whatever lies beside it, after a bounded search."""

from collections.abc import Sequence
from itertools import permutations

import pytest

from certlogin.pki.path import CertificateUntrusted, Trust
from certlogin.pki.selections import SELECTIONS_MAX, selections
from tests.companions import without
from tests.factory import DAY, NOW, Authority, Issued, make_pki, root
from tests.pki.paths import BAD_SIGNATURE, NO_ISSUER, anchored, names, path, refused
from tests.pki.undefended import CLIENT_IN_STORE


def chosen(ones: Sequence[str], others: Sequence[str]) -> list[tuple[str, str]]:
    """What is tried; names are the first letters."""
    found = selections(ones, lambda one: one[:1].encode(), others, lambda one: one[:1].encode())
    return [(" ".join(one), " ".join(other)) for one, other in found]


def test_without_a_name_that_occurs_twice_there_is_one_search() -> None:
    assert chosen(["a1", "b1"], ["x1", "y1"]) == [("a1 b1", "x1 y1")]
    assert chosen([], ["x1"]) == [("", "x1")]


def test_one_of_each_name_is_tried_those_in_front_first() -> None:
    assert chosen(["a1", "b1", "a2"], ["x1"]) == [("a1 b1 a2", "x1"), ("a1 b1", "x1"), ("a2 b1", "x1")]
    assert chosen(["a1"], ["x1", "x2"]) == [("a1", "x1 x2"), ("a1", "x1"), ("a1", "x2")]


def test_a_product_of_names_is_cut_off() -> None:
    many = [f"{name}{number}" for name in "abcdef" for number in range(6)]
    assert len(chosen(many, ["x1", "x2"])) == 1 + SELECTIONS_MAX


def test_selections_are_made_one_by_one() -> None:
    """Forty pairs have 2^40 of them: nobody could make them all first."""
    pairs = [bytes([name]) for name in range(40)] * 2
    found = selections(pairs, bytes, pairs, bytes)
    assert len(list(found)) == 1 + SELECTIONS_MAX


def test_the_names_above_change_first() -> None:
    pairs, others = ["a1", "a2", "b1", "b2", "c1", "c2"], ["x1", "x2", "y1", "y2"]
    found = list(selections(pairs, lambda one: one[:1].encode(), others, lambda one: one[:1].encode(), {b"a", b"x"}))
    assert [(one[0], other[0]) for one, other in found[1:5]] == [("a1", "x1"), ("a1", "x2"), ("a2", "x1"), ("a2", "x2")]
    assert {(*one[1:], *other[1:]) for one, other in found[1:5]} == {("b1", "c1", "y1")}


def found_in_any_order(leaf: Issued, chain: Sequence[Authority], *anchors: Authority) -> None:
    for order in permutations(chain):
        assert names(path(leaf, anchored(*anchors), *order))[-1] in [names_of(one) for one in anchors]


def names_of(authority: Authority) -> str:
    return str(authority.certificate.subject.rfc4514_string().split(",")[0].removeprefix("CN="))


def test_a_ca_below_two_roots_of_which_one_is_an_anchor() -> None:
    ours, other = root("Ours"), root("Theirs")
    twins = [ours.issue_ca("Crossed"), other.issue_ca("Crossed")]
    found_in_any_order(twins[0].issue(), twins, ours)
    found_in_any_order(twins[0].issue(), twins, other)
    assert refused(twins[0].issue(), anchored(ours), twins[1]) == NO_ISSUER


def test_a_ca_whose_other_certificate_has_expired_or_allows_less() -> None:
    top = root("Ours")
    for less in ({"not_after": NOW - DAY}, {"path_length": 0}):
        twins = [top.issue_ca("Renewed"), top.issue_ca("Renewed", **less)]
        lower = twins[0].issue_ca("Lower")
        found_in_any_order(lower.issue(), [*twins, lower], top)


@without({"certlogin.pki.path._names_above": lambda *_: set()}, sees="are found")
@pytest.mark.parametrize("anchored_twins", [False, True])
def test_s25_pairs_that_have_nothing_to_do_with_a_certificate_do_not_hide_its_path(anchored_twins: bool) -> None:
    """As many as a site may have whose CAs have all changed their keys: more than are tried."""
    top = root("Ours")
    unrelated = [top.issue_ca(f"Unrelated {name}", serial=1 + 2 * name + twin) for name in range(6) for twin in (0, 1)]
    tops = [root(f"Top {name}", serial=1 + twin) for name in range(6) for twin in (0, 1)] if anchored_twins else []
    pair = [top.issue_ca("Generations", key_name=f"generation {number}") for number in range(2)]
    for issuer in pair:
        for order in ([*pair, *unrelated], [*unrelated, *pair]):
            trust = anchored(top, *tops, intermediates=tuple(order), strict=False)
            assert has_path(issuer.issue(aki=False), trust), "not all are found"


def has_path(leaf: Issued, trust: Trust) -> bool:
    try:
        return bool(path(leaf, trust))
    except CertificateUntrusted:
        return False


def test_an_old_card_without_key_identifier_below_a_ca_that_changed_its_key() -> None:
    """Nothing but the signature says which of the two issued it."""
    top = root("Ours")
    generations = [top.issue_ca("Generations", key_name=f"generation {number}") for number in range(3)]
    for issuer in generations:
        old = issuer.issue(aki=False)
        for order in permutations(generations):
            trust = anchored(top, intermediates=order, strict=False)
            assert path(old, trust).certificates[1].der == issuer.der
    stranger = root("Theirs").issue_ca("Generations", key_name="stranger")
    trust = anchored(top, intermediates=tuple(generations), strict=False)
    assert refused(stranger.issue(aki=False), trust) == BAD_SIGNATURE


def test_two_anchors_of_one_name() -> None:
    anchors = [root("Ours", key_name=f"root generation {number}") for number in range(2)]
    for issuer in anchors:
        old = issuer.issue(aki=False)
        for order in permutations(anchors):
            assert path(old, anchored(*order, strict=False)).certificates[1].der == issuer.der


def test_the_first_refusal_that_says_something_is_told() -> None:
    """Not that of the last selection tried."""
    ours, other = root("Ours"), root("Theirs")
    twins = [ours.issue_ca("Crossed", not_after=NOW - DAY), other.issue_ca("Crossed")]
    leaf = twins[0].issue()
    for order in permutations(twins):
        assert refused(leaf, anchored(ours), *order) == 10


@without(CLIENT_IN_STORE)
def test_s23_no_selection_makes_an_anchor_of_what_the_client_sent() -> None:
    pki = make_pki()
    impostor = root("Root P-256", key_name="impostor root")
    issuing = impostor.issue_ca("Issuing P-256", key_name="impostor issuing")
    chain = (issuing, impostor, pki.issuing, pki.root)
    for order in permutations(chain):
        assert refused(issuing.issue(aki=False), anchored(pki.root, strict=False), *order) > 0
        assert refused(issuing.issue(), anchored(pki.root), *order) > 0


@pytest.mark.parametrize("strict", [True, False])
def test_the_anchor_nearest_to_the_leaf_ends_the_path_still(strict: bool) -> None:
    pki = make_pki()
    twin = root("Theirs").issue_ca("Issuing P-256")
    for order in permutations((twin, pki.issuing)):
        found = path(pki.issuing.issue(), anchored(pki.root, pki.issuing, strict=strict), *order)
        assert names(found) == ["测试单位", "Issuing P-256"]

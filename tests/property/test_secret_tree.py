"""A tree of secrets forgets what it is told to forget, and nothing else."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from infra.encryption.secret_tree import DEPTH, SecretTree

WHOLE = SecretTree.from_root(bytes(range(32)))
leaves = st.integers(0, 2**DEPTH - 1)
# Neighbours share most of the way down, the first and the last leaf have all siblings on one side.
close = st.integers(0, 9) | st.integers(2**DEPTH - 10, 2**DEPTH - 1)
some = st.lists(leaves | close, max_size=8)


@given(some, leaves | close)
def test_what_was_forgotten_is_gone_and_all_else_is_as_it_was(
    forgotten: list[int], leaf: int
) -> None:
    left = WHOLE.without(forgotten)
    assert left.secret(leaf) == (None if leaf in forgotten else WHOLE.secret(leaf))
    assert all(left.secret(each) is None for each in forgotten)


@given(some, some)
def test_the_order_of_forgetting_does_not_matter(some: list[int], more: list[int]) -> None:
    one, other = WHOLE.without(some).without(more), WHOLE.without(more + some)
    assert one.nodes == other.nodes


@given(some)
def test_what_is_left_does_not_overlap_and_no_secret_leads_to_a_forgotten_one(
    forgotten: list[int],
) -> None:
    nodes = WHOLE.without(forgotten).nodes
    assert all(one.end <= other.start for one, other in pairwise(nodes))
    assert not any(node.start <= leaf < node.end for node in nodes for leaf in forgotten)
    covered = sum(node.end - node.start for node in nodes)
    assert covered == 2**DEPTH - len(set(forgotten))


@given(st.lists(leaves, min_size=2, max_size=20, unique=True))
def test_no_two_leaves_share_a_secret(some: list[int]) -> None:
    assert len({WHOLE.secret(leaf) for leaf in some}) == len(some)

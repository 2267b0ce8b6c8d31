"""A tree of secrets: any number derived from one, each of which can be forgotten alone.

The secrets are the 2^64 leaves of a binary tree. A node's secret gives those of its two children by
a keyed hash, and nothing leads back up. To forget a leaf, the nodes above it are replaced by the
subtrees beside the way down: every other leaf still follows from these, the forgotten one from
nothing. So nothing is stored for a secret that is in use, and 64 nodes at most for one that is not.

This is the tree of Goldreich, Goldwasser and Micali ("How to construct random functions", 1986) as
a puncturable pseudorandom function; the hash is BLAKE2b (RFC 7693) with the node's secret as key.
"""

from array import array
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b

DEPTH = 64
SECRET_BYTES = 32

_LEFT, _RIGHT = b"\0", b"\1"


@dataclass(frozen=True, slots=True, order=True)
class SecretTreeNode:
    """A subtree: its first leaf, how far below the root it hangs, and its secret."""

    start: int
    depth: int
    secret: bytes

    @property
    def end(self) -> int:
        """The first leaf after it."""
        return self.start + (1 << (DEPTH - self.depth))

    def children(self) -> tuple["SecretTreeNode", "SecretTreeNode"]:
        """Give its two halves."""
        middle = (self.start + self.end) // 2
        return (
            SecretTreeNode(self.start, self.depth + 1, _hashed(self.secret, _LEFT)),
            SecretTreeNode(middle, self.depth + 1, _hashed(self.secret, _RIGHT)),
        )

    def without(self, leaf: int) -> list["SecretTreeNode"]:
        """Give the subtrees that are left of it without one of its leaves, in order."""
        before: list[SecretTreeNode] = []
        after: list[SecretTreeNode] = []
        node = self
        while node.depth < DEPTH:
            first, second = node.children()
            if leaf < second.start:
                after.append(second)
                node = first
            else:
                before.append(first)
                node = second
        return [*before, *reversed(after)]


class SecretTree:
    """What is left of a tree: subtrees that do not overlap. Never changes."""

    def __init__(self, nodes: Iterable[SecretTreeNode]) -> None:
        ordered = sorted(nodes)
        # Packed, for every process holds them all: 41 bytes a node.
        self._starts = array("Q", (node.start for node in ordered))
        self._depths = bytes(node.depth for node in ordered)
        self._secrets = b"".join(node.secret for node in ordered)

    @classmethod
    def from_root(cls, secret: bytes) -> "SecretTree":
        """Have a whole tree."""
        return cls([SecretTreeNode(0, 0, secret)])

    @property
    def nodes(self) -> list[SecretTreeNode]:
        """The subtrees, from the first leaf to the last."""
        return [self._node(place) for place in range(len(self._starts))]

    def secret(self, leaf: int) -> bytes | None:
        """Give a leaf's secret; None when it was forgotten."""
        node = self._above(leaf)
        if node is None:
            return None
        secret = node.secret
        for level in range(DEPTH - node.depth - 1, -1, -1):
            secret = _hashed(secret, _RIGHT if leaf >> level & 1 else _LEFT)
        return secret

    def without(self, leaves: Iterable[int]) -> "SecretTree":
        """Give a tree that has forgotten these leaves, and has all others as they were."""
        left = self.nodes
        for leaf in set(leaves):
            place = bisect_right(left, leaf, key=lambda node: node.start) - 1
            if place >= 0 and leaf < left[place].end:
                left[place : place + 1] = left[place].without(leaf)
        return SecretTree(left)

    def _above(self, leaf: int) -> SecretTreeNode | None:
        place = bisect_right(self._starts, leaf) - 1
        found = self._node(place) if place >= 0 else None
        return found if found and leaf < found.end else None

    def _node(self, place: int) -> SecretTreeNode:
        secret = self._secrets[place * SECRET_BYTES : (place + 1) * SECRET_BYTES]
        return SecretTreeNode(self._starts[place], self._depths[place], secret)


def _hashed(secret: bytes, side: bytes) -> bytes:
    return blake2b(side, key=secret, digest_size=SECRET_BYTES).digest()

"""A persistent map: immutable, sharing its entries with the maps it was made from."""

from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar, Union

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")

_BITS = 5
_CHILDREN = 1 << _BITS
_MASK = _CHILDREN - 1
_LARGEST_LEAF = 16
_LAST_SHIFT = 60  # a hash has no more bits: what is alike down to here stays in one leaf

# A leaf is a dict; a branch has a child for each five bits of the hash. Neither ever changes.
_Node = Union[dict[_Key, _Value], tuple["_Node[_Key, _Value]", ...]]  # noqa: UP007 - it names itself, which X | Y cannot


class PersistentMap(Mapping[_Key, _Value], Generic[_Key, _Value]):
    """A hash trie: ``including`` and ``without`` give another map and leave this one as it is.

    Either copies at most 32 references for each level and one leaf of 16 entries, so the cost of a
    change grows with the logarithm of the size. Iteration is in the order of hashes, which differ
    from process to process for strings: sort before a decision depends on it.
    """

    __slots__ = ("_root", "_size")

    def __init__(self) -> None:
        self._root: _Node[_Key, _Value] = {}
        self._size = 0

    def including(self, key: _Key, value: _Value) -> "PersistentMap[_Key, _Value]":
        """Give a map that also has this entry, in place of one with the same key."""
        return self._changed(_including(self._root, key, value, 0), self._size + (key not in self))

    def without(self, key: _Key) -> "PersistentMap[_Key, _Value]":
        """Give a map that lacks this key."""
        if key not in self:
            return self
        return self._changed(_without(self._root, key, 0), self._size - 1)

    def _changed(self, root: _Node[_Key, _Value], size: int) -> "PersistentMap[_Key, _Value]":
        changed: PersistentMap[_Key, _Value] = PersistentMap()
        changed._root, changed._size = root, size
        return changed

    def __getitem__(self, key: _Key) -> _Value:
        return self._leaf(key)[key]

    def __contains__(self, key: object) -> bool:
        return key in self._leaf(key)

    def _leaf(self, key: object) -> dict[_Key, _Value]:
        """Find the one leaf that this key can be in."""
        node, rest = self._root, hash(key)
        while isinstance(node, tuple):
            node, rest = node[rest & _MASK], rest >> _BITS
        return node

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[_Key]:
        todo = [self._root]
        while todo:
            node = todo.pop()
            if isinstance(node, tuple):
                todo.extend(node)
            else:
                yield from node

    def __repr__(self) -> str:
        return f"{type(self).__name__}({dict(self)!r})"


def _including(
    node: _Node[_Key, _Value], key: _Key, value: _Value, shift: int
) -> _Node[_Key, _Value]:
    if isinstance(node, tuple):
        index = hash(key) >> shift & _MASK
        child = _including(node[index], key, value, shift + _BITS)
        return (*node[:index], child, *node[index + 1 :])
    leaf = {**node, key: value}
    if len(leaf) <= _LARGEST_LEAF or shift >= _LAST_SHIFT:
        return leaf
    children: tuple[dict[_Key, _Value], ...] = tuple({} for _ in range(_CHILDREN))
    for each, its_value in leaf.items():
        children[hash(each) >> shift & _MASK][each] = its_value
    return children


def _without(node: _Node[_Key, _Value], key: _Key, shift: int) -> _Node[_Key, _Value]:
    if isinstance(node, tuple):
        index = hash(key) >> shift & _MASK
        child = _without(node[index], key, shift + _BITS)
        return (*node[:index], child, *node[index + 1 :])
    return {each: value for each, value in node.items() if each != key}

"""A persistent map is a dict that nobody can change, and a change copies little of it."""

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from domain.category.persistent_map import PersistentMap

changes = st.lists(st.tuples(st.sampled_from(["set", "remove"]), st.integers(0, 60)), max_size=200)
MANY = 20_000


class Alike(str):
    """A key whose hash is that of all others."""

    __slots__ = ()

    def __hash__(self) -> int:
        return 7


def nodes(tree: PersistentMap[str, int]) -> Iterator[tuple[int, int]]:
    """Name each node of a map, and how many entries or children it has."""
    todo: list[object] = [tree._root]  # noqa: SLF001 - what is shared cannot be seen from outside
    while todo:
        node = todo.pop()
        assert isinstance(node, tuple | dict)
        yield id(node), len(node)
        if isinstance(node, tuple):
            todo.extend(node)


@given(changes)
def test_it_holds_what_a_dict_would_and_every_earlier_map_stays_as_it_was(
    wanted: list[tuple[str, int]],
) -> None:
    expected: dict[int, int] = {}
    made: PersistentMap[int, int] = PersistentMap()
    earlier = [(made, dict(expected))]
    for number, (change, key) in enumerate(wanted):
        if change == "set":
            expected[key] = number
            made = made.including(key, number)
        else:
            expected.pop(key, None)
            made = made.without(key)
        earlier.append((made, dict(expected)))
    for kept, as_it_was in earlier:
        assert dict(kept) == as_it_was
        assert kept == as_it_was
        assert len(kept) == len(as_it_was)
        assert all((key in kept) == (key in as_it_was) for key in range(61))


def test_keys_of_one_hash_are_kept_apart() -> None:
    made: PersistentMap[str, int] = PersistentMap()
    keys = [Alike(number) for number in range(50)]
    for number, key in enumerate(keys):
        made = made.including(key, number)
    assert [made[key] for key in keys] == list(range(50))
    assert dict(made.without(keys[7])) == {key: made[key] for key in keys if key != keys[7]}


def test_a_change_copies_a_few_entries_however_many_there_are() -> None:
    made: PersistentMap[str, int] = PersistentMap()
    for number in range(MANY):
        made = made.including(f"c{number}", number)
    known = dict(nodes(made))
    for changed in (made.including("another", 1), made.including("c7", 1), made.without("c7")):
        copied = sum(size for node, size in nodes(changed) if node not in known)
        assert 0 < copied <= 32 * 5 + 16

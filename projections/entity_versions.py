"""Entity versions in one partition: each must follow the one before it."""

from collections import OrderedDict

from projections.errors import HistoryHasGap

_AT_MOST = 20_000


class EntityVersions:
    """Tells new events from repeated ones, and notices one that is missing.

    Remembers the entities that changed last, so many that it stays small. The first event seen of
    an entity is taken as it is: what came before lies before the offset where reading began, or
    long enough ago. From then on versions must follow each other without a hole.
    """

    def __init__(self, at_most: int = _AT_MOST) -> None:
        self._at_most = at_most
        self._seen: OrderedDict[bytes, int] = OrderedDict()

    def is_new(self, key: bytes, version: int) -> bool:
        """Say whether this event was not seen before; raises HistoryHasGap."""
        seen = self._seen.get(key)
        if seen is not None and version <= seen:
            return False
        if seen is not None and version > seen + 1:
            raise HistoryHasGap(f"{key.decode()} goes from version {seen} to {version}")
        self._seen[key] = version
        self._seen.move_to_end(key)
        if len(self._seen) > self._at_most:
            self._seen.popitem(last=False)
        return True

    def forget(self, key: bytes) -> None:
        """Take the entity's next event as it is: the one before it could not be read."""
        self._seen.pop(key, None)

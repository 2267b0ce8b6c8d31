"""Recovery of hanging transactions: each is committed or aborted as it was decided."""

import logging
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Protocol

from infra.errors import BrokerUnavailable
from infra.kafka.group_consumer import Partition
from infra.kafka.hanging_transactions.open_transactions import OpenTransaction
from infra.kafka.hanging_transactions.traced_records import TracedRecord
from infra.kafka.topics import Topic

_OVERDUE_SECONDS = 40.0  # a transaction times out after 15 s, and the broker looks every 10 s
_LOOK_BACK_MS = 300_000
_LOOK_SECONDS = 10.0
_MOST_LAYERS = 8  # of transactions of several writers that are open in one partition

log = logging.getLogger(__name__)


class OpenTransactionSource(Protocol):
    """Open transactions of partitions: OpenTransactionScanner in open_transactions.py."""

    def starts(self) -> Mapping[Partition, int]:
        """Say which partitions have an open tail, and where it begins."""

    def read(self) -> Collection[OpenTransaction]:
        """Read every tail that is open now."""

    def seen_since(self, timestamp_ms: int) -> Iterable[TracedRecord]:
        """Yield what certainly took effect from this time on."""

    def wait_until_moved(self, starts: Mapping[Partition, int]) -> None:
        """Wait until no tail begins where it began."""


class CommittedOffsets(Protocol):
    """Tells how far the group has come: infra.kafka.group_consumer.GroupConsumer."""

    def committed(self, partitions: list[Partition]) -> Mapping[Partition, int]:
        """Tell the group's next offsets; raises BrokerUnavailable when they hang."""


class TransactionEnder(Protocol):
    """Ends transactions of one id: infra.kafka.transactions.TransactionalProducer."""

    @property
    def id(self) -> str:
        """Whose transactions they are."""

    def end_hanging(
        self, partitions: Collection[Partition], *, is_committed: bool, group: str | None
    ) -> None:
        """End what hangs in these partitions, and among the offsets of the group."""


class HangingTransactionRecovery:
    """Knows which commands certainly were decided, and ends hanging transactions accordingly.

    A broker that is killed after it wrote down how a transaction ends, and before it told every
    partition, may tell some of them never. ``end_hanging`` tells those. What hangs is let happen
    when one command in it is known to be decided, and taken back otherwise; what is taken back is
    decided again. Taking back is right then: nobody can have been told, for an answer that was
    seen, an offset that was moved and an event that was folded each are such knowledge.

    ``causes`` are the topics that provenance names, all of which the group's offsets follow.
    ``family`` is how the ids of all writers of our kind begin: what others leave open in topics
    that they share with us is theirs, for our knowledge is not about them.
    """

    def __init__(
        self,
        tails: OpenTransactionSource,
        writer_of: Callable[[str], TransactionEnder],
        group: str,
        causes: Iterable[Topic],
        *,
        family: str,
        is_folded: Callable[[Partition, int], bool],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._tails = tails
        self._writer_of = writer_of
        self._group = group
        self._causes = [
            (topic.name, number) for topic in causes for number in range(topic.partitions)
        ]
        self._family = family
        self._is_folded = is_folded
        self._clock = clock
        self._decided: dict[Partition, int] = {}
        self._open_since: dict[tuple[Partition, int], float] = {}
        self._last_look: Mapping[Partition, int] = {}
        self._next_look = 0.0

    @property
    def decided(self) -> Mapping[Partition, int]:
        """Up to which offset the commands of a partition certainly were decided."""
        return self._decided

    def note(self, offsets: Mapping[Partition, int]) -> None:
        """Learn that everything before these offsets was decided."""
        for partition, offset in offsets.items():
            self._decided[partition] = max(offset, self._decided.get(partition, 0))

    def starts(
        self, partitions: Iterable[Partition], reader: CommittedOffsets
    ) -> dict[Partition, int]:
        """Say where to go on in those partitions of which this process knows more than the group.

        Raises BrokerUnavailable.
        """
        known = [partition for partition in partitions if partition in self._decided]
        if not known:
            return {}
        committed = reader.committed(known)  # another owner may have come further
        return {each: max(offset, self._decided[each]) for each, offset in committed.items()}

    def look(self, own_id: str) -> None:
        """Raise BrokerUnavailable when something needs mending; looks at most every ten seconds.

        Call it only while no transaction of our own is open.
        """
        now = self._clock()
        if now >= self._next_look:
            self._next_look = now + _LOOK_SECONDS
            if self.needs_recovery(own_id):
                raise BrokerUnavailable("a transaction was left open")

    def needs_recovery(self, own_id: str) -> bool:
        """Look whether something hangs that was open at the last look, too, and is ours to end.

        Call it seldom, and only while no transaction of our own is open.
        """
        before, self._last_look = self._last_look, self._tails.starts()
        if not before.items() & self._last_look.items():
            return False
        return bool(self._holders(self._tails.read(), own_id))

    def recover(self, writer: TransactionEnder, reader: CommittedOffsets) -> None:
        """End whatever hangs of this writer, and what others should have ended long ago.

        The writer is a new one, so that nothing of it is under way. Raises BrokerUnavailable; what
        was ended until then stays so, and the rest is found again.
        """
        self._last_look = {}
        are_told = self._ask(reader)
        for _ in range(_MOST_LAYERS):
            tails = self._tails.read()
            holders = self._holders(tails, writer.id)
            if are_told and not holders:
                return
            if not are_told:
                self._look_for_answers(tails)
            for holder in holders or {writer.id}:
                ender = writer if holder == writer.id else self._writer_of(holder)
                self._end(ender, [each for each in tails if each.holder == holder], are_told)
            are_told = are_told or self._ask(reader)
        raise BrokerUnavailable("transactions hang that cannot be ended")

    def _end(self, writer: TransactionEnder, tails: list[OpenTransaction], are_told: bool) -> None:  # noqa: FBT001
        happened = {each.partition for each in tails if self._took_effect(each)}
        taken_back = {each.partition for each in tails} - happened
        for tail in tails:
            word = "took effect" if tail.partition in happened else "is taken back"
            log.warning("what %s left open in %s from %d on %s", writer.id, *tail.partition, word)
        if happened:
            writer.end_hanging(happened, is_committed=True, group=None)
        if taken_back or not are_told:
            # The offsets of what took effect may go back: the events are folded before the commands
            # are decided again, and ``decided`` says where to go on.
            group = None if are_told else self._group
            writer.end_hanging(taken_back, is_committed=False, group=group)
        self._tails.wait_until_moved({each.partition: each.start for each in tails})

    def _took_effect(self, tail: OpenTransaction) -> bool:
        others = {
            each.provenance.place for each in tail.traces if each.provenance.writer != tail.holder
        }
        return any(
            self._is_decided(trace)
            for trace in tail.traces
            if trace.provenance.writer == tail.holder and trace.provenance.place not in others
        )

    def _is_decided(self, trace: TracedRecord) -> bool:
        if self._is_folded(trace.partition, trace.offset):
            return True
        return trace.provenance.offset < self._decided.get(trace.provenance.command, 0)

    def _ask(self, reader: CommittedOffsets) -> bool:
        try:
            self.note(reader.committed(self._causes))
        except BrokerUnavailable as trouble:
            log.warning("how far the group has come cannot be told: %s", trouble)
            return False
        return True

    def _look_for_answers(self, tails: Collection[OpenTransaction]) -> None:
        """Learn from what others can see: it would not be there if it had not been decided."""
        times = [trace.timestamp_ms for tail in tails for trace in tail.traces]
        for trace in self._tails.seen_since(
            min([*times, int(self._clock() * 1000)]) - _LOOK_BACK_MS
        ):
            self.note({trace.provenance.command: trace.provenance.offset + 1})

    def _holders(self, tails: Collection[OpenTransaction], own_id: str) -> set[str]:
        now = self._clock()
        places = [(tail.partition, tail.start) for tail in tails]
        self._open_since = {place: self._open_since.get(place, now) for place in places}
        return {
            tail.holder
            for tail, place in zip(tails, places, strict=True)
            if tail.holder is not None
            and tail.holder.startswith(self._family)
            and (tail.holder == own_id or now - self._open_since[place] > _OVERDUE_SECONDS)
        }

"""All category trees, followed from category-events by every decider."""

import logging
from collections import defaultdict, deque
from dataclasses import replace

from avro_schemas.codec import decode
from avro_schemas.errors import Undecodable
from command_api.decider.folded_state import Remembered, remember
from domain.category import EMPTY_CATALOGUE, Catalogue, evolve, snapshot
from domain.category.events import CatalogueEvent
from domain.outcomes import CommandAccepted
from domain.replies import accepted
from domain.values import CommandId, TenantId
from infra.decider_runtime.broken_histories import BrokenCatalogue, history_gap, record_location
from infra.kafka.client import Kafka
from infra.kafka.hanging_transactions.open_transactions import OpenTransactionScanner
from infra.kafka.partition_reader import PartitionReader, Record
from infra.kafka.topics import CATEGORY_EVENTS

log = logging.getLogger(__name__)

MOST_ANSWERS = 10_000  # of each tenant; one takes about two kilobytes
_PARTITIONS = CATEGORY_EVENTS.partitions


class CatalogueTable:
    """A table in memory of every tenant's categories, and of what their commands were answered.

    It may be milliseconds behind, except where this process itself writes;
    ``wait_until_endpoints_current`` reads to the present end. Categories are few, so it begins at
    offset 0 at each start; changes of them may be many, so of each tenant the last 10,000 answers
    are remembered. A tree is broken once an event of its tenant cannot be read, or does not follow
    the one before it.
    """

    def __init__(self, kafka: Kafka) -> None:
        self._reader = PartitionReader(kafka, CATEGORY_EVENTS, dict.fromkeys(range(_PARTITIONS), 0))
        self._tails = OpenTransactionScanner(kafka, (CATEGORY_EVENTS,))
        self._by_tenant: dict[TenantId, Catalogue] = {}
        self._broken: dict[TenantId, str] = {}
        self._next: dict[int, int] = {}  # the offset after what this process wrote
        self._remembered: dict[CommandId, tuple[CommandAccepted, Remembered]] = {}
        self._answered: defaultdict[TenantId, deque[CommandId]] = defaultdict(deque)

    def close(self) -> None:
        """Let go of the connection."""
        self._reader.close()

    def of(self, tenant_id: TenantId) -> Catalogue:
        """Give the tree of a tenant as far as it is known; broken when its history is."""
        if tenant_id in self._broken:
            return BrokenCatalogue(reason=self._broken[tenant_id])
        return self._by_tenant.get(tenant_id, EMPTY_CATALOGUE)

    def remembered(self, command_id: CommandId) -> Remembered | None:
        """Look up what a client's command was answered."""
        found = self._remembered.get(command_id)
        return found and found[1]

    def follow(self) -> None:
        """Take in what has arrived, without waiting."""
        self._take(self._reader.poll(0))

    def catch_up(self) -> None:
        """Take in all that is there now; raises BrokerUnavailable.

        A category's answer may be there before its event is shown: each partition of a transaction
        ends by itself. So what is open now is waited for; call it while no transaction of this
        process is open.
        """
        self._tails.wait_until_closed(
            [(CATEGORY_EVENTS.name, number) for number in range(_PARTITIONS)]
        )
        for record in self._reader.read_to_end():
            self._take([record])

    def _take(self, records: list[Record]) -> None:
        for record in records:
            if record.offset < self._next.get(record.partition, 0):
                continue  # we wrote it, and took it in when it was committed
            try:
                event = decode(record.value)
            except Undecodable as trouble:
                tenant_id = TenantId(record.key.decode(errors="replace"))
                self._break(tenant_id, f"{record_location(record)} cannot be read: {trouble}")
                continue
            if isinstance(event, CatalogueEvent):
                self._fold(event, record_location(record))

    def apply(self, event: CatalogueEvent, position: str) -> None:
        """Take in an event of this process, once it is committed at its place in the log."""
        _, partition, offset = position.split(":")
        self._next[int(partition)] = int(offset) + 1
        self._fold(event, position)

    def _break(self, tenant_id: TenantId, reason: str) -> None:
        log.critical("nothing is decided about categories of %s any more: %s", tenant_id, reason)
        self._broken.setdefault(tenant_id, reason)

    def _fold(self, event: CatalogueEvent, position: str) -> None:
        tenant_id = event.metadata.tenant_id
        if tenant_id in self._broken:
            return
        before = self.of(tenant_id)
        if wrong := history_gap(before.version, event.metadata, position):
            self._break(tenant_id, wrong)
            return
        after = self._by_tenant[tenant_id] = evolve(before, event)
        if event.metadata.fingerprint is None:
            return
        outcome = accepted(
            [event], position=position, category=snapshot(after.categories[event.category_id])
        )
        earlier = self._remembered.get(event.metadata.command_id)
        if earlier:  # a command of two events: one answer names both
            outcome = replace(outcome, events=earlier[0].events + outcome.events)
        else:
            self._make_room(tenant_id, event.metadata.command_id)
        self._remembered[event.metadata.command_id] = outcome, remember(event, outcome)

    def _make_room(self, tenant_id: TenantId, command_id: CommandId) -> None:
        """Forget the oldest answer of a tenant that has as many as it may.

        It follows from the log alone, so all deciders forget the same.
        """
        answered = self._answered[tenant_id]
        answered.append(command_id)
        if len(answered) > MOST_ANSWERS:
            del self._remembered[answered.popleft()]

"""Every tenant's category tree in memory, folded from category-events by whoever decides by it."""

import logging
from dataclasses import dataclass

from domain.category import EMPTY_CATALOGUE, Catalogue, Category, evolve
from domain.category.events import CatalogueEvent
from domain.values import CategoryRef, TenantId
from infra.decider_runtime.broken_histories import event_in, history_gap, record_location
from infra.errors import HistoryBroken
from infra.kafka.client import Kafka
from infra.kafka.hanging_transactions.open_transactions import OpenTransactionScanner
from infra.kafka.partition_reader import PartitionReader, Record
from infra.kafka.topics import CATEGORY_EVENTS

_PARTITIONS = CATEGORY_EVENTS.partitions

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenCatalogue(Catalogue):
    """A category tree that is known to be wrong: looking something up in it raises HistoryBroken.

    So whatever needs no category of the tenant is decided as ever.
    """

    reason: str

    def find(self, ref: CategoryRef) -> Category | None:
        """Raise HistoryBroken."""
        raise HistoryBroken(f"category {ref} is not known: {self.reason}")


class CategoryCatalogues:
    """A fold of category-events; categories are few, so it begins at offset 0 at each start.

    It may be milliseconds behind; ``catch_up`` reads to the present end. A tree is broken once an
    event of its tenant cannot be read, or does not follow the one before it.
    """

    def __init__(self, kafka: Kafka) -> None:
        self._reader = PartitionReader(kafka, CATEGORY_EVENTS, dict.fromkeys(range(_PARTITIONS), 0))
        self._tails = OpenTransactionScanner(kafka, (CATEGORY_EVENTS,))
        self._by_tenant: dict[TenantId, Catalogue] = {}
        self._broken: dict[str, str] = {}

    def close(self) -> None:
        """Let go of the connection."""
        self._reader.close()

    def of(self, tenant_id: TenantId) -> Catalogue:
        """Give the tree of a tenant as far as it is known; broken when its history is."""
        if tenant_id in self._broken:
            return BrokenCatalogue(reason=self._broken[tenant_id])
        return self._by_tenant.get(tenant_id, EMPTY_CATALOGUE)

    def follow(self) -> None:
        """Fold what has arrived, without waiting."""
        for record in self._reader.poll(0):
            self._take(record)

    def catch_up(self) -> None:
        """Fold all that is there now; raises BrokerUnavailable.

        The answer to a command may be there before its event is shown: each partition of a
        transaction ends by itself. So what is open now is waited for; call it while no transaction
        of this process is open.
        """
        self._tails.wait_until_closed(
            [(CATEGORY_EVENTS.name, number) for number in range(_PARTITIONS)]
        )
        for record in self._reader.read_to_end():
            self._take(record)

    def _take(self, record: Record) -> None:
        event = event_in(record, self._break)
        if isinstance(event, CatalogueEvent):
            self._fold(event, record_location(record))

    def _fold(self, event: CatalogueEvent, position: str) -> Catalogue | None:
        """Fold the event at a position; None once the tenant's history is broken."""
        tenant_id = event.metadata.tenant_id
        if tenant_id in self._broken:
            return None
        before = self.of(tenant_id)
        if gap := history_gap(before.version, event.metadata, position):
            self._break(tenant_id, gap)
            return None
        after = self._by_tenant[tenant_id] = evolve(before, event)
        return after

    def _break(self, tenant_id: str, reason: str) -> None:
        log.critical("nothing is decided about categories of %s any more: %s", tenant_id, reason)
        self._broken.setdefault(tenant_id, reason)

"""All category trees, so that an operation's categories are known before it starts."""

import logging

from avro_schemas.codec import decode
from avro_schemas.errors import Undecodable
from domain.category import EMPTY_CATALOGUE, Catalogue, evolve
from domain.category.events import CatalogueEvent
from domain.values import TenantId
from infra.decider_runtime.broken_histories import BrokenCatalogue, history_gap, record_location
from infra.kafka.client import Kafka
from infra.kafka.hanging_transactions.open_transactions import OpenTransactionScanner
from infra.kafka.partition_reader import PartitionReader, Record
from infra.kafka.topics import CATEGORY_EVENTS

log = logging.getLogger(__name__)


class CatalogueFold:
    """A fold of category-events in memory; categories are few, so it begins at offset 0."""

    def __init__(self, kafka: Kafka) -> None:
        self._reader = PartitionReader(kafka, CATEGORY_EVENTS, dict.fromkeys(range(_PARTITIONS), 0))
        self._tails = OpenTransactionScanner(kafka, (CATEGORY_EVENTS,))
        self._catalogues: dict[TenantId, Catalogue] = {}
        self._broken: dict[TenantId, str] = {}

    def close(self) -> None:
        """Let go of the connection."""
        self._reader.close()

    def of(self, tenant_id: TenantId) -> Catalogue:
        """Give the tree of a tenant as of the last catch-up; broken when its history is."""
        if tenant_id in self._broken:
            return BrokenCatalogue(reason=self._broken[tenant_id])
        return self._catalogues.get(tenant_id, EMPTY_CATALOGUE)

    def catch_up(self) -> None:
        """Take in all that is there now; raises BrokerUnavailable.

        A category's answer may be there before its event is shown: each partition of a transaction
        ends by itself. So what is open now is waited for.
        """
        self._tails.wait_until_closed(
            [(CATEGORY_EVENTS.name, number) for number in range(_PARTITIONS)]
        )
        for record in self._reader.read_to_end():
            self._take_in(record)

    def _take_in(self, record: Record) -> None:
        try:
            event = decode(record.value)
        except Undecodable as trouble:
            tenant_id = TenantId(record.key.decode(errors="replace"))
            self._break(tenant_id, f"{record_location(record)} cannot be read: {trouble}")
            return
        if not isinstance(event, CatalogueEvent) or event.metadata.tenant_id in self._broken:
            return
        tenant_id = event.metadata.tenant_id
        before = self.of(tenant_id)
        if wrong := history_gap(before.version, event.metadata, record_location(record)):
            self._break(tenant_id, wrong)
        else:
            self._catalogues[tenant_id] = evolve(before, event)

    def _break(self, tenant_id: TenantId, reason: str) -> None:
        log.critical("no category of %s is known any more: %s", tenant_id, reason)
        self._broken.setdefault(tenant_id, reason)


_PARTITIONS = CATEGORY_EVENTS.partitions

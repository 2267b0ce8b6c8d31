"""All category trees, so that an operation's categories are known before it starts."""

from avro_schemas.codec import decode
from domain.catalogue import EMPTY, Catalogue, evolve
from domain.category_events import CatalogueEvent
from domain.values import TenantId
from infra.kafka import Kafka
from infra.open_tails import OpenTails
from infra.reading import Reader
from infra.topics import CATEGORY_EVENTS


class Trees:
    """A fold of category-events in memory; categories are few, so it begins at offset 0."""

    def __init__(self, kafka: Kafka) -> None:
        self._reader = Reader(kafka, CATEGORY_EVENTS, dict.fromkeys(range(_PARTITIONS), 0))
        self._tails = OpenTails(kafka, (CATEGORY_EVENTS,))
        self._trees: dict[TenantId, Catalogue] = {}

    def close(self) -> None:
        """Let go of the connection."""
        self._reader.close()

    def of(self, tenant_id: TenantId) -> Catalogue:
        """Give the tree of a tenant as of the last time it caught up."""
        return self._trees.get(tenant_id, EMPTY)

    def catch_up(self) -> None:
        """Take in all that is there now; raises BrokerUnavailable.

        A category's answer may be there before its event is shown: each partition of a transaction
        ends by itself. So what is open now is waited for.
        """
        self._tails.wait_until_closed(
            [(CATEGORY_EVENTS.name, number) for number in range(_PARTITIONS)]
        )
        for record in self._reader.read_to_end():
            event = decode(record.value)
            if isinstance(event, CatalogueEvent):
                tenant_id = event.metadata.tenant_id
                before = self.of(tenant_id)
                if event.metadata.entity_version > before.version:
                    self._trees[tenant_id] = evolve(before, event)


_PARTITIONS = CATEGORY_EVENTS.partitions

"""All category catalogues, and the replies to the commands that changed them."""

from collections import defaultdict, deque
from dataclasses import replace

from command_api.decider.folded_state import Remembered, remember
from domain.category import Catalogue, snapshot
from domain.category.events import CatalogueEvent
from domain.outcomes import CommandAccepted, accepted
from domain.values import CommandId, TenantId
from infra.kafka.client import Kafka
from infra.kafka.partition_reader import Record
from infra.kafka.producer import LogPosition
from read_models.category_catalogues import CategoryCatalogues

MOST_ANSWERS = 10_000  # of each tenant; one takes about two kilobytes


class CatalogueTable(CategoryCatalogues):
    """Every tenant's categories, and the replies to the commands that changed them.

    It is never behind what this process itself wrote. Changes may be many, so of each tenant the
    last 10,000 replies are remembered.
    """

    def __init__(self, kafka: Kafka) -> None:
        super().__init__(kafka)
        self._next: dict[int, int] = {}  # the offset after what this process wrote
        self._remembered: dict[CommandId, tuple[CommandAccepted, Remembered]] = {}
        self._answered: defaultdict[TenantId, deque[CommandId]] = defaultdict(deque)

    def remembered(self, command_id: CommandId) -> Remembered | None:
        """Look up the reply to a client's command."""
        found = self._remembered.get(command_id)
        return found and found[1]

    def apply(self, event: CatalogueEvent, position: LogPosition) -> None:
        """Fold an event of this process, once it is committed at its position in the log."""
        self._next[position.partition] = position.offset + 1
        self._fold(event, str(position))

    def _take(self, record: Record) -> None:
        if record.offset >= self._next.get(record.partition, 0):  # else we applied it ourselves
            super()._take(record)

    def _fold(self, event: CatalogueEvent, position: str) -> Catalogue | None:
        after = super()._fold(event, position)
        if after is not None and event.metadata.fingerprint is not None:
            category = snapshot(after.categories[event.category_id])
            self._remember(event, accepted([event], position=position, category=category))
        return after

    def _remember(self, event: CatalogueEvent, outcome: CommandAccepted) -> None:
        command_id = event.metadata.command_id
        earlier = self._remembered.get(command_id)
        if earlier:  # a command of two events: one answer names both
            outcome = replace(outcome, events=earlier[0].events + outcome.events)
        else:
            self._make_room(event.metadata.tenant_id, command_id)
        self._remembered[command_id] = outcome, remember(event, outcome)

    def _make_room(self, tenant_id: TenantId, command_id: CommandId) -> None:
        """Forget the oldest answer of a tenant that has as many as it may.

        It follows from the log alone, so all deciders forget the same.
        """
        answered = self._answered[tenant_id]
        answered.append(command_id)
        if len(answered) > MOST_ANSWERS:
            del self._remembered[answered.popleft()]

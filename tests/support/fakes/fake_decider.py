"""A decider in the same process: what is sent is decided at once, by the real rules."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import reduce

from avro_schemas.codec import decode
from domain import asset as assets
from domain import bulk_operation as operations
from domain import category as catalogues
from domain.asset import Asset
from domain.asset.commands import AssetCommand
from domain.asset.events import AssetEvent
from domain.bulk_operation import Operation
from domain.bulk_operation.commands import OperationCommand
from domain.bulk_operation.events import OperationEvent
from domain.category import EMPTY_CATALOGUE, Catalogue
from domain.category.commands import CatalogueCommand, CreateCategory
from domain.category.events import CatalogueEvent
from domain.errors import IdempotencyKeyReused, Refusal
from domain.outcomes import CommandAccepted, CommandRefused, EventRef, Outcome
from domain.values import CategoryRef, OperationId, TenantId
from infra.decider_runtime.pending_replies import PendingReplies
from infra.errors import BrokerUnavailable, Overloaded
from infra.kafka.producer import LogPosition
from infra.kafka.topics import Topic

AnyCommand = AssetCommand | CatalogueCommand | OperationCommand


class FakeDecider:
    """Stands for the sender, the log and the decider; ``events`` is all that ever happened.

    ``is_down``: nothing is acknowledged. ``is_overloaded``: nothing is sent. ``is_silent``: all is
    acknowledged, nothing decided until ``wait_until_endpoints_current``.
    """

    def __init__(self, outcomes: PendingReplies[Outcome]) -> None:
        self.events: list[AssetEvent | CatalogueEvent | OperationEvent] = []
        self.sent: list[AnyCommand] = []
        self.is_down = False
        self.is_overloaded = False
        self.is_silent = False
        self._outcomes = outcomes
        self._undecided: list[AnyCommand] = []
        self._assets: dict[tuple[TenantId, str], Asset] = {}
        self._catalogues: dict[TenantId, Catalogue] = {}
        self._operations: dict[TenantId, dict[OperationId, Operation]] = {}
        self._remembered: dict[str, tuple[str | None, Outcome]] = {}

    async def send(self, topic: Topic, key: str, value: bytes | None) -> LogPosition:
        """Take a command as the broker would, and decide it."""
        if self.is_down:
            raise BrokerUnavailable("127.0.0.1:9092 did not acknowledge")
        if self.is_overloaded:
            raise Overloaded("the queue to the broker is full")
        command = decode(value or b"")
        assert isinstance(command, AnyCommand)
        is_asset = isinstance(command, AssetCommand)
        other = "category" if isinstance(command, CatalogueCommand) else "operation"
        assert topic.name == ("asset-commands" if is_asset else f"{other}-commands")
        metadata = command.metadata
        assert key == (metadata.entity_id if is_asset else metadata.tenant_id)
        self.sent.append(command)
        self._undecided.append(command)
        if not self.is_silent:
            self.catch_up()
        return LogPosition(topic=topic.name, partition=0, offset=len(self.sent))

    def catch_up(self) -> None:
        """Decide all that was sent."""
        while self._undecided:
            self._outcomes.deliver(self.decide(self._undecided.pop(0)))

    def decide(self, command: AnyCommand) -> Outcome:
        """Decide one command, whoever sent it."""
        metadata = command.metadata
        now = datetime.now(UTC)
        fingerprint, earlier = self._remembered.get(metadata.command_id, (None, None))
        try:
            if earlier is not None:
                if fingerprint != metadata.fingerprint:
                    raise IdempotencyKeyReused("this Idempotency-Key was used before")
                return earlier
            outcome = self._accepted(command, now)
        except Refusal as refusal:
            return CommandRefused(
                command_id=metadata.command_id,
                tenant_id=metadata.tenant_id,
                entity_id=metadata.entity_id,
                decided_at=now,
                problem=type(refusal).__name__,
                detail=refusal.detail,
                members=refusal.members,
                fingerprint=metadata.fingerprint,
            )
        self._remembered[metadata.command_id] = metadata.fingerprint, outcome
        return outcome

    def _accepted(self, command: AnyCommand, now: datetime) -> CommandAccepted:
        metadata = command.metadata
        catalogue = self._catalogues.get(metadata.tenant_id, EMPTY_CATALOGUE)
        events: Sequence[AssetEvent | CatalogueEvent | OperationEvent]
        asset, category = None, None
        if isinstance(command, AssetCommand):
            known = self._assets.get((metadata.tenant_id, metadata.entity_id))
            events = assets.decide(command, known, catalogue, now)
            changed = reduce(assets.evolve, events, known)
            asset = assets.snapshot(changed) if changed else None
        elif isinstance(command, OperationCommand):
            known_ones = self._operations.get(metadata.tenant_id, {})
            events = operations.decide(command, known_ones, catalogue, now)
        else:
            events = catalogues.decide(command, catalogue, now)
            ref = (
                CategoryRef(command.category_id)
                if isinstance(command, CreateCategory)
                else CategoryRef(catalogue.find(command.category).category_id)  # type: ignore[union-attr] # decide found it
            )
            found = reduce(catalogues.evolve, events, catalogue).find(ref)
            category = catalogues.snapshot(found) if found else None
        for event in events:
            self._take_in(event)
        return CommandAccepted(
            command_id=metadata.command_id,
            tenant_id=metadata.tenant_id,
            entity_id=metadata.entity_id,
            decided_at=now,
            fingerprint=metadata.fingerprint,
            position=f"asset-events:0:{len(self.events)}" if events else None,
            events=tuple(
                EventRef(event_id=event.metadata.event_id, name=type(event).__name__)
                for event in events
            ),
            asset=asset,
            category=category,
        )

    def _take_in(self, event: AssetEvent | CatalogueEvent | OperationEvent) -> None:
        self.events.append(event)
        tenant_id, entity_id = event.metadata.tenant_id, event.metadata.entity_id
        if isinstance(event, AssetEvent):
            changed = assets.evolve(self._assets.get((tenant_id, entity_id)), event)
            assert changed is not None
            self._assets[tenant_id, entity_id] = changed
        elif isinstance(event, OperationEvent):
            ours = self._operations.setdefault(tenant_id, {})
            operation = operations.evolve(ours.get(OperationId(entity_id)), event)
            assert operation is not None
            ours[OperationId(entity_id)] = operation
        else:
            known = self._catalogues.get(tenant_id, EMPTY_CATALOGUE)
            self._catalogues[tenant_id] = catalogues.evolve(known, event)

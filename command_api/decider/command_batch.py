"""A command batch: each command is decided on top of what the ones before it left."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol, TypeVar

from avro_schemas.codec import encode
from command_api.decider.folded_state import AssetKey, Remembered, StateChanges
from domain import asset as assets
from domain import category as catalogues
from domain.asset import Asset
from domain.asset.commands import AssetCommand, WorkReport
from domain.asset.discarded_blobs import (
    BlobsDiscarded,
    discards_of_command,
    discards_of_run,
    referenced_folders,
)
from domain.asset.events import AssetEvent
from domain.category import Catalogue
from domain.category.commands import CatalogueCommand, CreateCategory
from domain.category.events import CatalogueEvent
from domain.errors import CategoryIsArchived, IdempotencyKeyReused, Refusal, UnknownCategory
from domain.outcomes import AssetSnapshot, CategorySnapshot, Outcome, accepted, refused, unchanged
from domain.values import AssetId, BlobKey, CommandId, TenantId
from infra.decider_runtime.decision_model import Decision
from infra.errors import HistoryBroken
from infra.kafka.record_limits import require_writable
from infra.kafka.topics import ASSET_EVENTS, CATEGORY_EVENTS, DISCARDED_BLOBS, Topic
from read_models.category_catalogues import BrokenCatalogue

DecidedCommand = AssetCommand | CatalogueCommand

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class KnownAssets(Protocol):
    """What is known of the assets of a partition."""

    def asset(self, partition: int, key: AssetKey) -> Asset | None:
        """Look an asset up."""

    def remembered(self, partition: int, command_id: CommandId) -> Remembered | None:
        """Look up the reply to a client's command."""

    def is_held(self, partition: int, folder: BlobKey) -> bool:
        """Return True if an event ever referred to the bytes in a folder."""


class KnownCatalogues(Protocol):
    """What is known of the categories: command_api.decider.catalogue_table.CatalogueTable."""

    def of(self, tenant_id: TenantId) -> Catalogue:
        """Give the tree of a tenant as far as it is known."""

    def remembered(self, command_id: CommandId) -> Remembered | None:
        """Look up the reply to a client's command."""

    def catch_up(self) -> None:
        """Fold all that is there now."""


@dataclass(slots=True, kw_only=True)
class CommandDecision(Decision[DecidedCommand]):
    """What one command about an asset or a category comes to.

    ``discards`` are the bytes that count for nothing since.
    """

    partition: int
    events: list[AssetEvent] | list[CatalogueEvent] = field(default_factory=list)
    discards: list[BlobsDiscarded] = field(default_factory=list)
    asset: AssetSnapshot | None = None
    category: CategorySnapshot | None = None
    earlier: "bytes | CommandDecision | None" = None
    encoded_reply: bytes | None = None

    def also_appended(self) -> list[tuple[Topic, bytes]]:
        """Announce the discarded bytes."""
        return [(DISCARDED_BLOBS, encode(discard)) for discard in self.discards]

    def reply(self) -> bytes | None:
        """Encode the reply to the sender; a reply that was given before is given again unchanged.

        None for the report of a worker, who never asks.
        """
        metadata = self.command.metadata
        if metadata.reply_partition is None and metadata.fingerprint is None:
            return None
        if isinstance(self.earlier, bytes):
            return self.earlier
        if self.earlier is not None:
            return self.earlier.reply()
        if self.encoded_reply is None:
            self.encoded_reply = encode(self._outcome())
        return self.encoded_reply

    def _outcome(self) -> Outcome:
        if self.refusal is not None:
            return refused(self.command, self.refusal, self.now)
        if not self.events:
            return unchanged(self.command, self.now, asset=self.asset, category=self.category)
        return accepted(
            self.events, position=str(self.position), asset=self.asset, category=self.category
        )


class CommandBatch:
    """Decides a batch on top of what is folded, and gathers what is to be folded next.

    Nothing outside of it changes: a batch whose transaction fails is simply forgotten.
    """

    def __init__(
        self, known: KnownAssets, known_catalogues: KnownCatalogues, now: Callable[[], datetime]
    ) -> None:
        self._known = known
        self._known_catalogues = known_catalogues
        self._now = now
        self._is_caught_up = False
        self._catalogues: dict[TenantId, Catalogue] = {}
        self._decided: dict[CommandId, CommandDecision] = {}
        self.changes: defaultdict[int, StateChanges] = defaultdict(StateChanges)

    def decide(self, partition: int, command: DecidedCommand) -> CommandDecision:
        """Decide one command of a partition; whatever is raised, nothing of it is kept.

        A Refusal is not raised: the decision holds it.
        """
        recognisable = _with_fingerprint(command)
        decision = CommandDecision(command=recognisable, partition=partition, now=self._now())
        tenant_id, changed = command.metadata.tenant_id, self.changes[partition].assets
        key = tenant_id, AssetId(command.metadata.entity_id)
        asset, catalogue = changed.get(key), self._catalogues.get(tenant_id)
        try:
            self._settle(decision)
        except Exception:
            _put_back(changed, key, asset)
            _put_back(self._catalogues, tenant_id, catalogue)
            raise
        if decision.events:
            self._decided[command.metadata.command_id] = decision
        return decision

    def _settle(self, decision: CommandDecision) -> None:
        try:
            if not self._was_answered(decision):
                self._decide(decision)
        except Refusal as refusal:
            decision.refusal = refusal
        if isinstance(decision.command, AssetCommand):
            held, partition = self.changes[decision.partition].held, decision.partition
            decision.discards += discards_of_command(
                decision.command,
                lambda folder: folder in held or self._known.is_held(partition, folder),
            )

    def remember(self, decision: CommandDecision) -> None:
        """Keep the reply to a client's command that changed an asset, for when it is repeated."""
        metadata, reply = decision.command.metadata, decision.reply()
        if decision.events and metadata.fingerprint is not None and reply is not None:
            remembered = self.changes[decision.partition].remembered
            remembered[metadata.command_id] = Remembered(metadata.fingerprint, reply)

    def _was_answered(self, decision: CommandDecision) -> bool:
        metadata = decision.command.metadata
        if metadata.fingerprint is None:
            return False
        earlier: bytes | CommandDecision
        if duplicate := self._decided.get(metadata.command_id):
            earlier, fingerprint = duplicate, duplicate.command.metadata.fingerprint
        elif known := self._remembered(decision):
            earlier, fingerprint = known.outcome, known.fingerprint
        else:
            return False
        if fingerprint != metadata.fingerprint:
            raise IdempotencyKeyReused(
                "this Idempotency-Key was used for another request; choose a new one"
            )
        decision.earlier = earlier
        return True

    def _remembered(self, decision: CommandDecision) -> Remembered | None:
        command_id = decision.command.metadata.command_id
        if isinstance(decision.command, AssetCommand):
            return self._known.remembered(decision.partition, command_id)
        return self._known_catalogues.remembered(command_id)

    def _decide(self, decision: CommandDecision) -> None:
        try:
            self._decide_once(decision)
        except (UnknownCategory, CategoryIsArchived):
            # Another process may have created or restored the category just now. Once a batch is
            # enough: what was there before any of these commands was sent is there then.
            if self._is_caught_up:
                raise
            self._known_catalogues.catch_up()
            self._is_caught_up = True
            self._decide_once(decision)

    def _decide_once(self, decision: CommandDecision) -> None:
        if isinstance(decision.command, AssetCommand):
            self._decide_asset(decision, decision.command)
        else:
            self._decide_category(decision, decision.command)

    def _decide_asset(self, decision: CommandDecision, command: AssetCommand) -> None:
        key = (command.metadata.tenant_id, AssetId(command.metadata.entity_id))
        changes = self.changes[decision.partition]
        asset = changes.assets.get(key) or self._known.asset(decision.partition, key)
        catalogue = self._catalogue(command.metadata.tenant_id)
        events = assets.decide(command, asset, catalogue, decision.now)
        written = [_written(event, ASSET_EVENTS) for event in events]
        before = asset
        for event in events:
            asset = assets.evolve(asset, event)
            changes.held.update(referenced_folders(event))
        decision.discards += discards_of_run(command.metadata, before, asset, events)
        if asset is not None:
            decision.asset = assets.snapshot(asset)
            if events:
                changes.assets[key] = asset
        decision.events, decision.written = events, written

    def _decide_category(self, decision: CommandDecision, command: CatalogueCommand) -> None:
        tenant_id = command.metadata.tenant_id
        catalogue = self._catalogue(tenant_id)
        if isinstance(catalogue, BrokenCatalogue):
            raise HistoryBroken(catalogue.reason)
        events = catalogues.decide(command, catalogue, decision.now)
        written = [_written(event, CATEGORY_EVENTS) for event in events]
        for event in events:
            catalogue = catalogues.evolve(catalogue, event)
        if events:
            decision.category = catalogues.snapshot(catalogue.categories[events[0].category_id])
        elif not isinstance(command, CreateCategory):
            found = catalogue.find(command.category)
            decision.category = catalogues.snapshot(found) if found else None
        self._catalogues[tenant_id] = catalogue
        decision.events, decision.written = events, written

    def _catalogue(self, tenant_id: TenantId) -> Catalogue:
        known, ours = self._known_catalogues.of(tenant_id), self._catalogues.get(tenant_id)
        return ours if ours and ours.version > known.version else known


def _put_back(changed: dict[_Key, _Value], key: _Key, before: _Value | None) -> None:
    changed.pop(key, None)
    if before is not None:
        changed[key] = before


def _with_fingerprint(command: DecidedCommand) -> DecidedCommand:
    """Let a command be known when its record comes again, and so take effect once.

    An operator's has no fingerprint: its id says all that it asked for. It goes into the event, so
    that it is known, too, once everything folded was lost.
    """
    metadata = command.metadata
    if metadata.fingerprint is not None or isinstance(command, WorkReport):
        return command
    return replace(command, metadata=replace(metadata, fingerprint=metadata.command_id))


def _written(event: AssetEvent | CatalogueEvent, topic: Topic) -> bytes:
    """Encode an event; raises RecordRefused for one that is too large, and what ``encode`` does."""
    value = encode(event)
    require_writable(topic, event.metadata.entity_id, value)
    return value

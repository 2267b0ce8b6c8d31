"""Everything that stores, decides about and removes bytes, side by side, one small step at a time.

The rules are the real ones: the decider's rounds, the purger and what removes discarded bytes. Only
the log, the store, the worker's hands and the time are in memory.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial, reduce
from hashlib import sha256

from avro_schemas.codec import decode, encode
from command_api.decider.command_batch import CommandBatch
from command_api.decider.folded_state import AssetKey, Remembered, StateChanges, remember
from domain import asset as assets
from domain import category as catalogues
from domain.asset import Asset
from domain.asset.blob_keys import (
    asset_folder,
    attempt_folder,
    blob_key,
    blob_keys_of,
    folder_of,
    is_below,
    upload_key,
)
from domain.asset.commands import (
    AssetCommand,
    ConfirmAsset,
    DeleteAsset,
    PublishAsset,
    PurgeAsset,
    RefreshAsset,
    RejectAsset,
    ReplaceSource,
    ReprocessAsset,
    RepublishAsset,
    RestoreAsset,
)
from domain.asset.discarded_blobs import BlobsDiscarded, referenced_folders
from domain.asset.events import (
    AssetEvent,
    AssetPublished,
    AssetRefreshRequested,
    AssetReprocessingRequested,
    AssetRestored,
    AssetSourceReplaced,
    AssetSubmitted,
)
from domain.category import EMPTY_CATALOGUE, Catalogue
from domain.commands import CommandMetadata
from domain.identity import result_command_id
from domain.outcomes import accepted
from domain.transformations import derived_folder
from domain.values import (
    AssetId,
    BlobKey,
    CommandId,
    EventId,
    Original,
    Sha256,
    Source,
    Status,
    TenantId,
)
from infra.errors import StoreUnavailable
from infra.kafka.group_consumer import Partition
from infra.kafka.partition_reader import Record
from infra.kafka.producer import LogPosition
from infra.kafka.topics import ASSET_COMMANDS, ASSET_EVENTS, DISCARDED_BLOBS, Topic
from streams.erasure.asset_purge import AssetPurger
from streams.erasure.blob_gc import BlobCollector
from streams.erasure.key_shredding import shred_keys
from tests.support.fakes.memory_blob_store import MemoryBlobStore
from tests.support.samples import (
    CAT_PICTURE,
    FETCH,
    LARGE,
    NOON,
    ORIGINAL,
    THUMB,
    create_category,
    metadata,
    publish,
    submit,
)

DELAY = timedelta(minutes=30)
TENANTS = (TenantId("acme"), TenantId("zoo"))
ASSETS = tuple(AssetId(f"0190b6f0-0000-7000-8000-00000000000{number}") for number in range(2))
TREE = reduce(
    catalogues.evolve,
    catalogues.decide(create_category("cats"), EMPTY_CATALOGUE, NOON),
    EMPTY_CATALOGUE,
)

_BEGINS = (
    AssetSubmitted,
    AssetSourceReplaced,
    AssetReprocessingRequested,
    AssetRefreshRequested,
    AssetRestored,
)


class Store(MemoryBlobStore):
    """A store that may be away, and removes two blobs at a time."""

    page_size = 2
    is_away = False

    async def clear(self, folder: BlobKey, *, spare: BlobKey | None = None) -> int:
        """Remove some of what lies below a folder."""
        if self.is_away:
            raise StoreUnavailable("away")
        return await super().clear(folder, spare=spare)


class Reading:
    """A member of a group: what it does not commit is read again by the next one."""

    def __init__(self, records: list[Record], committed: list[int]) -> None:
        self._records = records
        self._committed = committed
        self._at = committed[0]

    def poll(self, at_most: int, _timeout_seconds: float) -> list[Record]:
        """Read what is there."""
        found = self._records[self._at : self._at + at_most]
        self._at += len(found)
        return found

    def commit(self, offsets: Mapping[Partition, int]) -> None:
        """Note how far it is."""
        (self._committed[0],) = offsets.values()

    def pause(self) -> None:
        """Do nothing: so few records never fill it."""

    resume = pause


class Known:
    """What a decider has folded."""

    def __init__(self) -> None:
        self.assets: dict[AssetKey, Asset] = {}
        self.answers: dict[CommandId, Remembered] = {}
        self.held: set[BlobKey] = set()

    def asset(self, _partition: int, key: AssetKey) -> Asset | None:
        """Look an asset up."""
        return self.assets.get(key)

    def remembered(self, _partition: int, command_id: CommandId) -> Remembered | None:
        """Look up what a command was answered."""
        return self.answers.get(command_id)

    def is_held(self, _partition: int, folder: BlobKey) -> bool:
        """Tell whether an event ever made a folder count."""
        return folder in self.held

    def take_in(self, changes: StateChanges) -> None:
        """Learn what a round that took effect has changed."""
        self.assets |= changes.assets
        self.answers |= changes.remembered
        self.held |= changes.held

    def fold(self, event: AssetEvent) -> None:
        """Learn it from the log instead."""
        key = (event.metadata.tenant_id, event.asset_id)
        after = assets.evolve(self.assets.get(key), event)
        assert after is not None
        self.assets[key] = after
        self.held.update(referenced_folders(event))
        if event.metadata.fingerprint is not None:
            told = accepted([event], position="asset-events:0:0", asset=assets.snapshot(after))
            self.answers[event.metadata.command_id] = remember(event, told)


class NoKeyring:
    """Destroys no key: these histories go on being read."""

    def erase(self, _erasures: object) -> None:
        """Do nothing."""


class Trees:
    """One category of every tenant, for ever."""

    def of(self, _tenant_id: TenantId) -> Catalogue:
        """Give the tree."""
        return TREE

    def remembered(self, _command_id: CommandId) -> Remembered | None:
        """Remember nothing."""
        return None

    def catch_up(self) -> None:
        """Do nothing."""


@dataclass
class Execution:
    """One worker at one run: what it has still to put, and what it says then.

    ``may_be_killed``: one that began when its run was over already, and is killed before it tells,
    leaves what nobody but ``scalehoster blobs check`` can find.
    """

    begun_at: datetime
    puts: list[tuple[BlobKey, bytes]]
    says: PublishAsset | ConfirmAsset | None = None
    made_of: BlobKey | None = None
    put: list[BlobKey] = field(default_factory=list)
    may_be_killed: bool = True


class World:
    """Two tenants with two assets each, and whoever touches their bytes."""

    def __init__(self) -> None:
        self.now = NOON
        self.store = Store(lambda: self.now)
        self.events: list[AssetEvent] = []
        self.commands: list[AssetCommand] = []
        self.sent: list[AssetCommand] = []
        self.executions: list[Execution] = []
        self._number = 0
        self._taken_back: set[BlobKey] = set()
        self._log: list[Record] = []
        self._discards: list[Record] = []
        self._purged_up_to, self._discarded_up_to = [0], [0]
        self._known = Known()
        self.restart()

    # What clients ask for.

    def insert(self, whose: int, one: int) -> None:
        """Take in a picture: by URL, by upload, into no category, or again under the same key."""
        about = self._about(whose, key="insert", body=f"{one}")
        source = self._upload(about, one % 2) if one else CAT_PICTURE
        self._ask(submit(about, "dogs" if one == 2 else "cats", source=source))

    def replace_source(self, whose: int, one: int) -> None:
        """Put another picture under an asset."""
        about = self._about(whose, key=f"replace {one}", body=f"{one}")
        self._ask(ReplaceSource(metadata=about, source=self._upload(about, one)))

    def change(self, verb: int, whose: int) -> None:
        """Ask for one of what else changes an asset's bytes."""
        about = self._about(whose)
        self._ask(
            (
                lambda: DeleteAsset(metadata=about),
                lambda: RestoreAsset(metadata=about),
                lambda: PurgeAsset(metadata=about),
                lambda: ReprocessAsset(metadata=about, preset=None, is_bulk=False),
                lambda: RefreshAsset(metadata=about, is_bulk=False),
            )[verb]()
        )

    def revert(self, whose: int, one: int) -> None:
        """Ask for an earlier result again, as a revert to an earlier pipeline version does."""
        about = self._about(whose)
        shown = [
            event
            for event in self.events
            if isinstance(event, AssetPublished)
            and (event.metadata.tenant_id, event.asset_id) == (about.tenant_id, about.entity_id)
        ]
        if shown:
            event = shown[one % len(shown)]
            self._ask(
                RepublishAsset(
                    metadata=about,
                    original=event.original,
                    renditions=event.renditions,
                    facts=event.facts,
                    pipeline_version=event.pipeline_version,
                    watermark=None,
                    fetch=None,
                )
            )

    def come_again(self, one: int) -> None:
        """Have the very same record of a command a second time."""
        if self.sent:
            self.commands.append(self.sent[-1 - one % len(self.sent)])

    # The decider.

    def decide(self, at_most: int, *, fails: bool = False, forgets: bool = False) -> None:
        """Decide some commands in one transaction, which may fail; then fold it all anew."""
        current = CommandBatch(self._known, Trees(), lambda: self.now)
        batch = self.commands[:at_most]
        discards: list[BlobsDiscarded] = []
        events: list[AssetEvent] = []
        for command in batch:
            decision = current.decide(0, command)
            events += decision.events  # type: ignore[arg-type] # an asset's
            discards += decision.discards
            decision.position = LogPosition(topic="asset-events", partition=0, offset=0)
            current.remember(decision)
        if not fails:
            del self.commands[: len(batch)]
            for changes in current.changes.values():
                self._known.take_in(changes)
            for event in events:
                self.events.append(event)
                self._append(ASSET_EVENTS, self._log, encode(event))
            for discard in discards:
                if "/uploads/" in discard.folder:
                    self._taken_back.add(discard.folder)
                self._append(DISCARDED_BLOBS, self._discards, encode(discard))
        if fails or forgets:
            self._known = Known()
            for event in self.events:
                self._known.fold(event)

    # Those who work.

    def work(self, which: int, content: int) -> None:
        """Begin an execution of any run that was ever begun: jobs come late, and twice."""
        begun = [
            event
            for event in self.events
            if isinstance(event, _BEGINS) and getattr(event, "starts_run", True)
        ]
        if not begun:
            return
        event = begun[-1 - which % len(begun)]
        source = getattr(event, "source", None)
        if source and source.upload_key and source.upload_key not in self.store.blobs:
            return
        kept: Original | None = getattr(event, "original", None)
        if kept and kept.blob_key not in self.store.blobs:
            return
        self.executions.append(self._execution(event, kept, content))

    def reject(self, which: int) -> None:
        """Give up a run that was ever begun."""
        begun = [event for event in self.events if isinstance(event, _BEGINS)]
        if begun:
            event = begun[-1 - which % len(begun)]
            self._ask(
                RejectAsset(
                    metadata=self._of_job(event),
                    run=event.run,
                    code="timeout",
                    detail="slow",
                    attempts=1,
                    duplicate_of=None,
                )
            )

    def make_on_demand(self, whose: int, one: int) -> None:
        """Begin to render something of what is shown, once its original was read."""
        asset = self._known.assets.get(self._key(whose))
        if asset and asset.original and asset.original.blob_key in self.store.blobs:
            folder = derived_folder(asset_folder(*self._key(whose)), asset.original.sha256)
            self.executions.append(
                Execution(
                    begun_at=self.now,
                    puts=[(BlobKey(f"{folder}/2.plain.w_{one + 1}"), b"made")],
                    made_of=asset.original.blob_key,
                )
            )

    async def go_on(self, which: int) -> None:
        """Let one who is at work take its next step: put a blob, or say that it is done."""
        if not self.executions:
            return
        execution = self.executions[which % len(self.executions)]
        if execution.puts:
            key, data = execution.puts.pop(0)
            await self.store.put(key, data, "image/webp")
            execution.put.append(key)
            return
        self.executions.remove(execution)
        if execution.says:
            self._ask(execution.says)
        elif execution.made_of not in self.store.blobs:
            for key in execution.put:
                await self.store.delete(key)

    def kill(self, which: int) -> None:
        """Kill one who is at work, if it has not been so for longer than anybody may be."""
        young = [
            each
            for each in self.executions
            if each.may_be_killed and each.begun_at > self.now - DELAY
        ]
        if young:
            self.executions.remove(young[which % len(young)])

    def pass_time(self) -> None:
        """Let so much time pass as nobody is at work who does not tell of it."""
        self.now += DELAY

    # Those who remove.

    def restart(self) -> None:
        """Begin anew with who removes: what was not committed is read again."""
        shred = partial(shred_keys, NoKeyring(), lambda: self.now)  # type: ignore[arg-type] # no file
        self._purger = AssetPurger(
            lambda _: Reading(self._log, self._purged_up_to), self.store, shred, self
        )
        self._discarding = BlobCollector(
            lambda _: Reading(self._discards, self._discarded_up_to),
            self.store,
            self,
            lambda: self.now,
            DELAY,
        )

    async def send(self, topic: Topic, _key: str, value: bytes | None) -> LogPosition:
        """Append what those who remove have to say."""
        assert value is not None
        if topic == ASSET_COMMANDS:
            command = decode(value)
            assert isinstance(command, AssetCommand)
            self._ask(command)
        else:
            self._append(topic, self._discards, value)
        return LogPosition(topic=topic.name, partition=0, offset=0)

    async def purge(self) -> int:
        """Take a step of purging."""
        return await self._purger.step()

    async def discard(self) -> int:
        """Take a step of removing what was discarded."""
        return await self._discarding.step()

    async def come_to_rest(self) -> None:
        """Let all end that is under way, and then the time pass after which nothing is left."""
        self.store.is_away = False
        while self.executions or self.commands or self._open():
            while self.executions:
                await self.go_on(0)
            for event in self._open():
                self.reject(len(self._begun()) - 1 - self._begun().index(event))
            self.decide(len(self.commands))
        for _ in range(3):
            self.now += DELAY
            for _ in range(200):
                done = await self.purge() + await self.discard()
                self.decide(len(self.commands))
                if not done and self._is_read:
                    break

    # What must hold.

    def known_picture(self, whose: int) -> AssetPublished:
        """Find the event by which what is shown of an asset was published."""
        *_, shown = (
            event
            for event in self.events
            if isinstance(event, AssetPublished)
            and (event.metadata.tenant_id, event.asset_id) == self._key(whose)
        )
        return shown

    def must_be_there(self) -> set[BlobKey]:
        """Name what any asset that is not purged ever showed, or was ever handed.

        But for an upload that was refused, and accepted when the same record came again: its run
        is given up.
        """
        return {key for key in self._referenced() if folder_of(key) not in self._taken_back}

    def may_be_there(self) -> set[BlobKey]:
        """Name also what was made on demand of these assets."""
        folders = {
            asset_folder(event.metadata.tenant_id, event.asset_id)
            for event in self.events
            if not self._is_purged(event)
        }
        made = {
            key
            for key in self.store.blobs
            if "/derived/" in key and any(is_below(key, folder) for folder in folders)
        }
        return self._referenced() | made

    # Their parts.

    def _referenced(self) -> set[BlobKey]:
        return {
            key
            for event in self.events
            if not self._is_purged(event)
            for key in blob_keys_of(event)
        }

    @property
    def _is_read(self) -> bool:
        return self._purged_up_to[0] == len(self._log) and self._discarded_up_to[0] == len(
            self._discards
        )

    def _is_purged(self, event: AssetEvent) -> bool:
        asset = self._known.assets.get((event.metadata.tenant_id, event.asset_id))
        return asset is not None and asset.status is Status.PURGED

    def _begun(self) -> list[AssetEvent]:
        return [event for event in self.events if isinstance(event, _BEGINS)]

    def _open(self) -> list[AssetEvent]:
        found = []
        for key, asset in self._known.assets.items():
            if asset.run != asset.finished_run and not asset.is_gone:
                found += [
                    event
                    for event in self._begun()
                    if (event.metadata.tenant_id, event.asset_id) == key
                    and getattr(event, "run", 0) == asset.run
                ][-1:]
        return found

    def _execution(self, event: AssetEvent, kept: Original | None, content: int) -> Execution:
        about = self._of_job(event)
        run: int = getattr(event, "run", 0)
        if isinstance(event, AssetRefreshRequested) and event.picture and content == 0:
            confirms = ConfirmAsset(metadata=about, run=run, fetch=FETCH)
            return Execution(begun_at=self.now, puts=[], says=confirms)
        data = f"content {content}".encode()
        folder = attempt_folder(
            asset_folder(event.metadata.tenant_id, event.asset_id), run, self._nonce()
        )
        original = kept or replace(
            ORIGINAL, sha256=_digest(data), blob_key=blob_key(folder, _digest(data))
        )
        renditions = tuple(
            replace(made, sha256=_digest(each), blob_key=blob_key(folder, _digest(each)))
            for made, each in ((THUMB, data + b" small"), (LARGE, data + b" large"))
        )
        puts = [(made.blob_key, b"rendition") for made in renditions]
        if folder_of(original.blob_key) == folder:
            puts.insert(0, (original.blob_key, data))
        shown = replace(publish(about, run=run), original=original, renditions=renditions)
        asset = self._known.assets[event.metadata.tenant_id, event.asset_id]
        is_open = asset.run == run != asset.finished_run and not asset.is_gone
        return Execution(begun_at=self.now, puts=puts, says=shown, may_be_killed=is_open)

    def _of_job(self, event: AssetEvent) -> CommandMetadata:
        about = event.metadata
        return metadata(
            about.entity_id,
            tenant_id=about.tenant_id,
            command_id=result_command_id(EventId(about.event_id)),
        )

    def _key(self, whose: int) -> AssetKey:
        return TENANTS[whose % 2], ASSETS[whose // 2 % 2]

    def _about(self, whose: int, key: str | None = None, body: str = "") -> CommandMetadata:
        tenant_id, asset_id = self._key(whose)
        named = f"{asset_id} {key}" if key else None
        return metadata(asset_id, tenant_id=tenant_id, key=named, fingerprint=body or None)

    def _upload(self, about: CommandMetadata, content: int) -> Source:
        data = f"content {content}".encode()
        folder = asset_folder(about.tenant_id, AssetId(about.entity_id))
        key = upload_key(folder, self._nonce(), _digest(data))
        self.store.blobs[key] = data
        return Source(url=None, upload_key=key, file_name="cat.jpg")

    def _ask(self, command: AssetCommand) -> None:
        self.commands.append(command)
        self.sent.append(command)

    def _append(self, topic: Topic, log: list[Record], value: bytes) -> None:
        log.append(
            Record(
                topic=topic.name,
                partition=0,
                offset=len(log),
                key=b"",
                value=value,
                timestamp_ms=int(self.now.timestamp() * 1_000),
            )
        )

    def _nonce(self) -> str:
        self._number += 1
        return str(self._number)


def _digest(data: bytes) -> Sha256:
    return Sha256(sha256(data).hexdigest())

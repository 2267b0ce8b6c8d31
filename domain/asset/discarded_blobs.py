"""Discarded blobs: bytes of an asset that the decider says are not needed any more."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from domain.asset.blob_keys import asset_folder, folder_of, is_below, run_folder
from domain.asset.commands import AssetCommand, PublishAsset, ReplaceSource, SubmitAsset
from domain.asset.events import AssetEvent, AssetPublished, AssetSourceReplaced, AssetSubmitted
from domain.asset.state import Asset
from domain.commands import CommandMetadata
from domain.values import (
    AssetId,
    BlobKey,
    CorrelationId,
    EventId,
    Rendition,
    Source,
    TenantId,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobsDiscarded:
    """What lies below a folder of an asset counts for nothing, but for what is below ``spared``.

    It is never named by an event later on, so it may be removed at any time; best some time later,
    when nobody is at work any more who may still store something there. ``purge_id`` is the event
    that asked for it when it is all that the asset has; the end of it is noted then.
    """

    tenant_id: TenantId
    asset_id: AssetId
    folder: BlobKey
    spared: BlobKey | None
    purge_id: EventId | None
    correlation_id: CorrelationId

    @property
    def is_own_folder(self) -> bool:
        """True if the folder is the asset's own, or below it."""
        asset = asset_folder(self.tenant_id, self.asset_id)
        return self.folder == asset or is_below(self.folder, asset)


def referenced_folders(event: AssetEvent) -> Iterator[BlobKey]:
    """Yield the folder that an event refers to: of one execution of a run, or of one upload."""
    match event:
        case AssetPublished():
            yield from _common_folder(event.renditions)
        case AssetSubmitted() | AssetSourceReplaced():
            yield from _folder_of_upload(event.source)


def discards_of_command(
    command: AssetCommand, is_held: Callable[[BlobKey], bool]
) -> Iterator[BlobsDiscarded]:
    """Say what a command brought that counts for nothing, once it was decided or answered again.

    ``is_held`` tells whether any event, the command's own included, ever made a folder count. The
    command took no effect otherwise, and it never will: a run that is over stays over, and what
    was refused is sent again with another upload. Of one that comes twice the folder is held. (If
    the very record of a refused one comes again, and is accepted then, its upload may be gone: its
    run is given up as that of any other upload that is not there.)
    """
    about = command.metadata
    asset = asset_folder(about.tenant_id, AssetId(about.entity_id))
    for folder in folders_in_command(command):
        if is_below(folder, asset) and not is_held(folder):
            yield _discarded(about, folder)


def discards_of_run(
    about: CommandMetadata, before: Asset | None, after: Asset | None, events: Sequence[AssetEvent]
) -> Iterator[BlobsDiscarded]:
    """Say what is left over of a run when it has ended, or can end well no more.

    That is all that was stored in it, but for what is shown since.
    """
    if before is None or not before.is_open(before.run):
        return
    if after is not None and after.is_open(before.run):
        return
    shown = [e for e in events if isinstance(e, AssetPublished) and e.run == before.run]
    folder = run_folder(asset_folder(about.tenant_id, before.asset_id), before.run)
    spared = next((each for event in shown for each in referenced_folders(event)), None)
    yield _discarded(about, folder, spared=spared)


def folders_in_command(command: AssetCommand) -> Iterator[BlobKey]:
    """Yield the folder of the blobs that a command refers to."""
    match command:
        case PublishAsset():
            yield from _common_folder(command.renditions)
        case SubmitAsset() | ReplaceSource():
            yield from _folder_of_upload(command.source)


def _common_folder(renditions: Sequence[Rendition]) -> Iterator[BlobKey]:
    """Yield the folder of one execution's renditions; the original may be of an earlier one."""
    for one in renditions[:1]:
        yield folder_of(one.blob_key)


def _folder_of_upload(source: Source) -> Iterator[BlobKey]:
    if source.upload_key:
        yield folder_of(source.upload_key)


def _discarded(
    about: CommandMetadata, folder: BlobKey, *, spared: BlobKey | None = None
) -> BlobsDiscarded:
    return BlobsDiscarded(
        tenant_id=about.tenant_id,
        asset_id=AssetId(about.entity_id),
        folder=folder,
        spared=spared,
        purge_id=None,
        correlation_id=about.correlation_id,
    )

"""Item commands: what an operation asks of the decider for each of its items."""

from typing import assert_never

from domain.asset.commands import (
    AdjustCategories,
    AdjustTags,
    AssetCommand,
    DeleteAsset,
    RefreshAsset,
    ReprocessAsset,
    RestoreAsset,
    SetCategories,
)
from domain.bulk_operation.progress import CATEGORY_ITEM
from domain.bulk_operation.state import Operation
from domain.category.commands import (
    ArchiveCategory,
    CatalogueCommand,
    CreateCategory,
    RestoreCategory,
)
from domain.commands import CommandMetadata
from domain.identity import item_command_id
from domain.values import CategoryId, CategoryRef, CategorySlug, CorrelationId


def metadata_for(operation: Operation, item: str, reply_partition: int) -> CommandMetadata:
    """Mark the command of an item: always the same one, so that it takes effect once.

    The operation's id is its correlation, and the actor is who began the operation.
    """
    return CommandMetadata(
        command_id=item_command_id(operation.operation_id, item),
        tenant_id=operation.tenant_id,
        entity_id=operation.tenant_id if item == CATEGORY_ITEM else item,
        issued_at=operation.started_at,
        correlation_id=CorrelationId(operation.operation_id),
        actor=operation.actor,
        expected_version=None,
        fingerprint=operation.operation_id,
        reply_partition=reply_partition,
    )


def asset_command_for(operation: Operation, metadata: CommandMetadata) -> AssetCommand:
    """Ask for the change of one asset; of an operation that is no revert."""
    wanted = operation.instructions
    match wanted.kind:
        case "recategorise" if wanted.categories:
            return SetCategories(metadata=metadata, categories=wanted.categories)
        case "split_category":
            opened = CategoryRef(operation.origin)
            return AdjustCategories(
                metadata=metadata,
                add=(opened,),
                remove=wanted.remove,
                if_in=operation.filter.category,
            )
        case "recategorise" | "move" | "merge_categories":
            return AdjustCategories(
                metadata=metadata,
                add=wanted.add,
                remove=wanted.remove,
                if_in=operation.filter.category,
            )
        case "tag":
            return AdjustTags(metadata=metadata, add=wanted.tags, remove=())
        case "untag":
            return AdjustTags(metadata=metadata, add=(), remove=wanted.tags)
        case "delete":
            return DeleteAsset(metadata=metadata)
        case "restore":
            return RestoreAsset(metadata=metadata)
        case "reprocess":
            return ReprocessAsset(metadata=metadata, preset=wanted.preset, is_bulk=True)
        case "refresh":
            return RefreshAsset(metadata=metadata, is_bulk=True)
        case _:
            assert_never(wanted.kind)


def category_command_for(operation: Operation, metadata: CommandMetadata) -> CatalogueCommand:
    """Ask for the change of the category that a split opens or a merge archives, or back again."""
    wanted = operation.instructions
    is_forward = operation.depth % 2 == 0
    if wanted.kind == "merge_categories":
        merged = wanted.remove[0]
        if is_forward:
            return ArchiveCategory(metadata=metadata, category=merged)
        return RestoreCategory(metadata=metadata, category=merged)
    opened = CategoryRef(operation.origin)
    if operation.depth == 0:
        return CreateCategory(
            metadata=metadata,
            category_id=CategoryId(opened),
            slug=wanted.slug or CategorySlug(opened),
            name=wanted.name or opened,
            parent=wanted.parent,
        )
    if is_forward:
        return RestoreCategory(metadata=metadata, category=opened)
    return ArchiveCategory(metadata=metadata, category=opened)

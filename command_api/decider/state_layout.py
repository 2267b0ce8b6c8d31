"""The layout of the folded state: what lies under which keys."""

import zlib
from dataclasses import replace
from functools import cache

import msgspec

from avro_schemas.registry import schemas
from domain.asset import Asset
from domain.values import (
    NO_DESCRIPTION,
    NO_SOURCE,
    AssetId,
    BlobKey,
    CommandId,
    Description,
    Fetch,
    Listing,
    Source,
    TenantId,
)


class StoredAsset(msgspec.Struct, frozen=True, array_like=True):
    """An asset as it lies on disk: without what is personal, and that encrypted."""

    asset: Asset
    personal: bytes


class Personal(msgspec.Struct, frozen=True, array_like=True):
    """What is personal about an asset."""

    submission: tuple[Source, Description, str]
    source: Source
    description: Description
    listing: Listing | None
    fetch: Fetch | None


class FoldedOffset(msgspec.Struct, frozen=True, array_like=True):
    """How far a partition is folded, and of which log."""

    format: int
    log_id: str
    next_offset: int


class BrokenHistories(msgspec.Struct, frozen=True, array_like=True):
    """Why nothing is decided about some assets of a partition, as far as these schemas tell."""

    registry: int
    reasons: dict[str, str]


def without_personal(asset: Asset) -> Asset:
    """Leave out what is kept encrypted beside it."""
    return replace(
        asset,
        submission=(NO_SOURCE, NO_DESCRIPTION, asset.preset),
        source=NO_SOURCE,
        description=NO_DESCRIPTION,
        listing=None,
        picture=asset.picture and replace(asset.picture, fetch=None),
    )


@cache
def registry() -> int:
    """Name all schemas that are known: a newer release may read what broke a history."""
    texts = [f"{number} {each.text}" for number, each in sorted(schemas().items())]
    return zlib.crc32("\n".join(texts).encode())


def broken_key(partition: int) -> bytes:
    """Say where the broken histories of a partition lie."""
    return b"%04d!" % partition


def folded_key(partition: int) -> bytes:
    """Say where it lies how far a partition is folded."""
    return b"%04d=" % partition


def asset_key(partition: int, key: tuple[TenantId, AssetId]) -> bytes:
    """Say where an asset lies."""
    return b"%04da%s\x00%s" % (partition, key[0].encode(), key[1].encode())


def held_key(partition: int, folder: BlobKey) -> bytes:
    """Say where it lies that the bytes in a folder count."""
    return b"%04dh%s" % (partition, folder.encode())


def command_key(partition: int, command_id: CommandId) -> bytes:
    """Say where the answer to a command lies."""
    return b"%04dc%s" % (partition, command_id.encode())

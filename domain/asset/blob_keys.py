"""Blob keys: all bytes of an asset lie below one prefix, and no others do."""

import re
from collections.abc import Iterator
from hashlib import sha256

from domain.asset.events import AssetPublished, AssetSourceReplaced, AssetSubmitted
from domain.events import Event
from domain.values import AssetId, BlobKey, Sha256, Source, TenantId

ROOT = BlobKey("assets")
_PLAIN = re.compile(r"(?!x\.)[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}")


def tenant_folder(tenant_id: TenantId) -> BlobKey:
    """Say below what all bytes of a tenant are kept."""
    return BlobKey(f"{ROOT}/{_segment(tenant_id)}")


def asset_folder(tenant_id: TenantId, asset_id: AssetId) -> BlobKey:
    """Say below what all bytes of an asset are kept."""
    return BlobKey(f"{tenant_folder(tenant_id)}/{_segment(asset_id)}")


def upload_key(asset: BlobKey, nonce: str, digest: Sha256) -> BlobKey:
    """Say where one upload is staged, in the folder of its asset; each has a nonce of its own."""
    return BlobKey(f"{asset}/uploads/{nonce}/{digest}")


def restaged_upload_key(key: BlobKey, nonce: str) -> BlobKey:
    """Say where the bytes of a staged upload are staged once more."""
    uploads, _, digest = key.rsplit("/", 2)
    return BlobKey(f"{uploads}/{nonce}/{digest}")


def run_folder(asset: BlobKey, run: int) -> BlobKey:
    """Say below what is kept that was made in a pipeline run of the asset with this folder."""
    return BlobKey(f"{asset}/run-{run}")


def attempt_folder(asset: BlobKey, run: int, attempt: str) -> BlobKey:
    """Say below what one execution of a run keeps what it made; no other one keeps anything there.

    ``attempt`` is made up by whoever executes it. So what an execution stored that did not count
    is never part of what another one stored that did.
    """
    return BlobKey(f"{run_folder(asset, run)}/{attempt}")


def blob_key(folder: BlobKey, digest: Sha256) -> BlobKey:
    """Say where bytes are kept in a folder: under the name of their content."""
    return BlobKey(f"{folder}/{digest}")


def folder_of(key: BlobKey) -> BlobKey:
    """Say in which folder a key lies."""
    return BlobKey(key.rpartition("/")[0])


def is_below(key: BlobKey, folder: BlobKey) -> bool:
    """Tell whether a key, or a folder, lies below a folder."""
    return key.startswith(f"{folder}/")


def source_identity(source: Source) -> str | None:
    """Name what a source is: its URL, or the SHA-256 of what was uploaded, wherever that lies."""
    return source.url or (source.upload_key and source.upload_key.rpartition("/")[2])


def blob_keys_of(event: Event) -> Iterator[BlobKey]:
    """Yield the blobs that an event refers to."""
    match event:
        case AssetPublished():
            yield event.original.blob_key
            yield from (made.blob_key for made in event.renditions)
        case AssetSubmitted() | AssetSourceReplaced():
            if event.source.upload_key:
                yield event.source.upload_key


def _segment(name: str) -> str:
    """Make one part of a path of a name: itself where that is plain, else a hash of it."""
    return name if _PLAIN.fullmatch(name) else f"x.{sha256(name.encode()).hexdigest()}"

"""Duplicates of a picture: the very same bytes, and pictures that look almost the same.

The views name whoever was last published with these bytes or this look; the assets themselves tell
who is still published. What is looked at is bounded.
"""

from dataclasses import dataclass

import msgspec

from domain.values import AssetId, Status, TenantId
from infra.cassandra.session import Row
from read_models.asset_by_id.queries import published_assets
from read_models.assets_by_content.queries import exact_duplicates, sha256_of
from read_models.keyset import sort_key
from read_models.similar_assets.queries import similar_assets
from read_models.view_reader import ViewReader

MAX_DISTANCE = 3
_MAX_CANDIDATES = 100


class _Facts(msgspec.Struct):
    perceptual_hash: str


_READ_FACTS = msgspec.json.Decoder(_Facts | None).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class DuplicateMatches:
    """Published assets like one, as rows: exact ones the oldest first, near ones the nearest first.

    ``near`` has the distance too: how many bits of the perceptual hash differ.
    """

    exact: list[Row]
    near: list[tuple[int, Row]]


class DuplicateSearch:
    """Finds them among the assets of one tenant; raises StoreUnavailable."""

    def __init__(self, views: ViewReader) -> None:
        self._views = views

    async def original_of(self, tenant_id: TenantId, row: Row) -> AssetId | None:
        """Name the oldest published asset with the same bytes, if that is not this one."""
        exact = await self._exact(tenant_id, row)
        older = [other for other in exact if sort_key(other) < sort_key(row)]
        return AssetId(older[0]["asset_id"]) if older else None

    async def like(self, tenant_id: TenantId, row: Row) -> DuplicateMatches:
        """Find the duplicates of an asset; one that is not published has none."""
        exact = await self._exact(tenant_id, row)
        look, bytes_of = _look(row), sha256_of(row)
        if look is None or row["status"] != Status.PUBLISHED:
            return DuplicateMatches(exact=exact, near=[])
        named = {
            AssetId(each["asset_id"])
            for each in await similar_assets(self._views, tenant_id, look)
            if hamming_distance(each["perceptual_hash"], look) <= MAX_DISTANCE
        }
        others = sorted(named - {AssetId(row["asset_id"])})[:_MAX_CANDIDATES]
        near = [
            (hamming_distance(other_look, look), other)
            for other in await published_assets(self._views, tenant_id, others)
            if (other_look := _look(other)) is not None and sha256_of(other) != bytes_of
        ]
        kept = [each for each in near if each[0] <= MAX_DISTANCE]
        return DuplicateMatches(
            exact=exact, near=sorted(kept, key=lambda each: (each[0], sort_key(each[1])))
        )

    async def _exact(self, tenant_id: TenantId, row: Row) -> list[Row]:
        sha256 = sha256_of(row)
        if sha256 is None or row["status"] != Status.PUBLISHED:
            return []
        return await exact_duplicates(self._views, tenant_id, row["asset_id"], sha256)


def hamming_distance(one: str, other: str) -> int:
    """Count the bits in which two hashes differ."""
    return (int(one, 16) ^ int(other, 16)).bit_count()


def _look(row: Row) -> str | None:
    facts = _READ_FACTS(row["facts"] or "null")
    return facts.perceptual_hash if facts else None

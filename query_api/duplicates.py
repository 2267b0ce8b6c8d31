"""Duplicates of a picture: the very same bytes, and pictures that look almost the same.

The views name whoever was last published with these bytes or this look; the assets themselves tell
who is still published. What is looked at is bounded.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from domain.values import AssetId, Sha256, Status, TenantId
from infra.cassandra.session import Row
from query_api.queries import Queries

MAX_DISTANCE = 3
_MAX_CANDIDATES = 100


class _Original(msgspec.Struct):
    sha256: Sha256


class _Facts(msgspec.Struct):
    perceptual_hash: str


_READ_ORIGINAL = msgspec.json.Decoder(_Original | None).decode
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

    def __init__(self, queries: Queries) -> None:
        self._queries = queries

    async def original_of(self, tenant_id: TenantId, row: Row) -> AssetId | None:
        """Name the oldest published asset with the same bytes, if that is not this one."""
        exact = await self._exact(tenant_id, row)
        older = [other for other in exact if _age(other) < _age(row)]
        return AssetId(older[0]["asset_id"]) if older else None

    async def like(self, tenant_id: TenantId, row: Row) -> DuplicateMatches:
        """Find the duplicates of an asset; one that is not published has none."""
        exact = await self._exact(tenant_id, row)
        look, bytes_of = _look(row), _sha256(row)
        if look is None or row["status"] != Status.PUBLISHED:
            return DuplicateMatches(exact=exact, near=[])
        named = {
            AssetId(each["asset_id"])
            for each in await self._queries.similar(tenant_id, look)
            if hamming_distance(each["perceptual_hash"], look) <= MAX_DISTANCE
        }
        near = [
            (hamming_distance(other_look, look), other)
            for other in await self._published(tenant_id, named - {AssetId(row["asset_id"])})
            if (other_look := _look(other)) is not None and _sha256(other) != bytes_of
        ]
        kept = [each for each in near if each[0] <= MAX_DISTANCE]
        return DuplicateMatches(
            exact=exact, near=sorted(kept, key=lambda each: (each[0], _age(each[1])))
        )

    async def _exact(self, tenant_id: TenantId, row: Row) -> list[Row]:
        sha256 = _sha256(row)
        if sha256 is None or row["status"] != Status.PUBLISHED:
            return []
        named = set(await self._queries.same_bytes(tenant_id, sha256))
        others = await self._published(tenant_id, named - {AssetId(row["asset_id"])})
        return sorted((other for other in others if _sha256(other) == sha256), key=_age)

    async def _published(self, tenant_id: TenantId, named: Iterable[AssetId]) -> list[Row]:
        asked = sorted(named)[:_MAX_CANDIDATES]
        rows = await asyncio.gather(*(self._queries.asset(tenant_id, each) for each in asked))
        return [row for row in rows if row is not None and row["status"] == Status.PUBLISHED]


def hamming_distance(one: str, other: str) -> int:
    """Count the bits in which two hashes differ."""
    return (int(one, 16) ^ int(other, 16)).bit_count()


def _age(row: Row) -> tuple[int, str]:
    return row["created_at_us"], row["asset_id"]


def _sha256(row: Row) -> Sha256 | None:
    original = _READ_ORIGINAL(row["original"] or "null")
    return original.sha256 if original else None


def _look(row: Row) -> str | None:
    facts = _READ_FACTS(row["facts"] or "null")
    return facts.perceptual_hash if facts else None

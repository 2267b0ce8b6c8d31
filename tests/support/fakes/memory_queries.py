"""Views in memory, filled by the very functions that fill them in Cassandra."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from avro_schemas.codec import Message
from domain.values import AssetId, CategoryId, CommandId, OperationId, Sha256, Status, TenantId
from infra.cassandra.row_operations import Upsert
from infra.cassandra.session import Row
from infra.errors import BrokerUnavailable
from infra.kafka.topics import Topic
from query_api.queries import quarters_of
from read_models.consistency_results import ConsistencyResult
from read_models.generation_status import GenerationStatus
from read_models.keyset import KeyRange, SortOrder
from read_models.maintenance_tasks import MaintenanceTask
from read_models.public_assets.queries import PublicAsset, decode_renditions
from read_models.registry import VIEWS
from read_models.sharding import bucket_of
from read_models.view import View
from read_models.view import View as BuiltView

_MAX_KEY_BYTES = 65_535


class MemoryQueries:
    """Queries for tests. ``applied`` is how far views have got; ``asked`` counts what was asked."""

    def __init__(self, messages: Iterable[Message] = ()) -> None:
        self.applied: dict[tuple[str, int], int] = {}
        self.asked: dict[str, int] = defaultdict(int)
        self._tables: dict[str, dict[tuple[object, ...], dict[str, Any]]] = defaultdict(dict)
        self.results: list[ConsistencyResult] = []
        self.generation_statuses: list[GenerationStatus] = []
        self.requests: dict[str, MaintenanceTask] = {}
        self.apply(*messages)

    def apply(self, *messages: Message, views: tuple[BuiltView, ...] = VIEWS) -> None:
        """Let the views take notice of what happened."""
        for message in messages:
            for view in views:
                for operation in view.rows(message):
                    rows = self._tables[operation.table.name]
                    if isinstance(operation, Upsert):
                        named = dict(zip(operation.table.key, operation.key, strict=True))
                        rows.setdefault(operation.key, named).update(operation.columns)
                    else:
                        for key in [
                            key for key in rows if key[: len(operation.key)] == operation.key
                        ]:
                            del rows[key]

    async def asset(self, tenant_id: TenantId, asset_id: AssetId) -> Row | None:
        return self._row("asset_by_id", tenant_id, asset_id)

    async def history(self, tenant_id: TenantId, asset_id: AssetId) -> list[Row]:
        rows = self._partition("asset_history", tenant_id, asset_id)
        return sorted(rows, key=lambda row: row["entity_version"])

    async def same_bytes(self, tenant_id: TenantId, sha256: Sha256) -> list[AssetId]:
        rows = self._partition("assets_by_content", tenant_id, sha256)
        return [row["asset_id"] for row in rows]

    async def similar(self, tenant_id: TenantId, perceptual_hash: str) -> list[Row]:
        places = enumerate(quarters_of(perceptual_hash))
        return [
            row for each in places for row in self._partition("similar_assets", tenant_id, *each)
        ]

    async def public_asset(self, asset_id: AssetId) -> PublicAsset | None:
        row = self._row("public_assets", asset_id)
        if row is None:
            return None
        return PublicAsset(
            asset_id=asset_id,
            tenant_id=row["tenant_id"],
            status=Status(row["status"]),
            renditions=decode_renditions(row.get("renditions")),
            leads_to=row.get("leads_to") or None,
        )

    async def consistency(self) -> list[ConsistencyResult]:
        return self.results

    async def generations(self) -> list[GenerationStatus]:
        return self.generation_statuses

    async def request(self, request_id: str) -> MaintenanceTask | None:
        return self.requests.get(request_id)

    async def command(self, tenant_id: TenantId, command_id: CommandId) -> Row | None:
        rows = self._partition("commands", tenant_id, command_id)
        return min(rows, key=lambda row: row["precedence"], default=None)

    async def operations(self, tenant_id: TenantId) -> list[Row]:
        return self._partition("operations", tenant_id)

    async def operation(self, tenant_id: TenantId, operation_id: OperationId) -> Row | None:
        return self._row("operations", tenant_id, operation_id)

    async def operation_items(
        self, tenant_id: TenantId, operation_id: OperationId, after: int, limit: int
    ) -> list[Row]:
        key = (tenant_id, operation_id, bucket_of(after + 1))
        rows = sorted(self._partition("operation_items", *key), key=lambda row: row["place"])
        return [row for row in rows if row["place"] > after][:limit]

    async def categories(self, tenant_id: TenantId) -> list[Row]:
        return self._partition("categories", tenant_id)

    async def categories_as_of(self, tenant_id: TenantId, at_us: int) -> list[Row]:
        latest: dict[tuple[str, str], Row] = {}
        for row in self._partition("categories_as_of", tenant_id):
            known = latest.get((row["category_id"], row["aspect"]))
            if row["valid_from_us"] <= at_us and (not known or known["version"] < row["version"]):
                latest[row["category_id"], row["aspect"]] = row
        return [latest[aspect] for aspect in sorted(latest)]

    async def generation(self, view: View) -> int:
        return 1

    async def months(
        self, tenant_id: TenantId, category_id: CategoryId, generation: int
    ) -> list[str]:
        rows = self._partition("category_buckets", tenant_id, category_id)
        return [row["bucket"] for row in rows]

    async def days(self, tenant_id: TenantId, generation: int) -> list[str]:
        return [row["day"] for row in self._partition("date_buckets", tenant_id)]

    async def of_month(
        self,
        tenant_id: TenantId,
        category_id: CategoryId,
        month: str,
        span: KeyRange,
        order: SortOrder,
        limit: int,
        generation: int,
    ) -> list[Row]:
        rows = self._partition("assets_by_category", tenant_id, category_id, month)
        return first(rows, span, order, limit)

    async def of_day(
        self,
        tenant_id: TenantId,
        day: str,
        span: KeyRange,
        order: SortOrder,
        limit: int,
        generation: int,
    ) -> list[Row]:
        return first(self._partition("assets_by_date", tenant_id, day), span, order, limit)

    async def buckets_as_of(
        self, tenant_id: TenantId, listing_key: str, generation: int
    ) -> list[str]:
        rows = self._partition("listing_buckets_as_of", tenant_id, listing_key)
        return [row["bucket"] for row in rows]

    async def shown_as_of(
        self,
        at_us: int,
        tenant_id: TenantId,
        listing_key: str,
        bucket: str,
        span: KeyRange,
        order: SortOrder,
        limit: int,
        generation: int,
    ) -> list[Row]:
        rows = self._partition("listings_as_of", tenant_id, listing_key, bucket)
        shown = [row for row in rows if row["valid_from_us"] <= at_us < row["valid_to_us"]]
        return first(shown, span, order, limit)

    async def applied_offsets(self, view: View) -> dict[int, int]:
        self.asked["applied_offsets"] += 1
        return {
            number: applied for (name, number), applied in self.applied.items() if name == view.name
        }

    async def check(self) -> None:
        pass

    def _row(self, table: str, *key: object) -> dict[str, Any] | None:
        self.asked[table] += 1
        return self._tables[table].get(storable(key))

    def _partition(self, table: str, *key: object) -> list[Row]:
        self.asked[table] += 1
        wanted = storable(key)
        return [row for named, row in self._tables[table].items() if named[: len(key)] == wanted]


class MemoryLogEnds:
    """How far topics have been written; for tests."""

    def __init__(self) -> None:
        self.ends: dict[str, dict[int, int]] = {}
        self.asked = 0
        self.is_away = False

    async def written(self, topic: Topic) -> Mapping[int, int]:
        self.asked += 1
        if self.is_away:
            raise BrokerUnavailable("it is away")
        return self.ends.get(topic.name, {})


def storable(key: tuple[object, ...]) -> tuple[object, ...]:
    """Take what Cassandra takes as a key, and refuse what it refuses."""
    size = sum(len(each.encode()) for each in key if isinstance(each, str))
    if size >= _MAX_KEY_BYTES or not all(-(2**63) <= n < 2**63 for n in key if isinstance(n, int)):
        raise ValueError(f"Key length of {size} is longer than maximum of {_MAX_KEY_BYTES}")
    return key


def first(rows: Iterable[Row], span: KeyRange, order: SortOrder, limit: int) -> list[Row]:
    """Give what a bucket has within a span, as the store would."""

    def key(row: Row) -> tuple[int, str]:
        return row["created_at_us"], row["asset_id"]

    within = [row for row in rows if span.after < key(row) < span.before]
    return sorted(within, key=key, reverse=order == "desc")[:limit]

"""View: each slug, name, parent and state that a category ever had, and since when."""

from collections.abc import Iterator

from avro_schemas.codec import Message
from domain.category.events import (
    CatalogueEvent,
    CategoryArchived,
    CategoryCreated,
    CategoryMoved,
    CategoryRenamed,
    CategoryRestored,
)
from infra.cassandra.row_operations import RowOperation, Table, Upsert
from infra.kafka.topics import CATEGORY_EVENTS
from read_models.time import microseconds
from read_models.view import View

ASPECTS = Table(
    name="categories_as_of",
    partition_key=("tenant_id",),
    clustering=("category_id", "aspect", "version"),
)


def _rows(message: Message) -> Iterator[RowOperation]:
    match message:
        case CategoryCreated(slug=slug, name=name, parent_id=parent_id):
            parent = {"parent_id": parent_id or "", "is_archived": ""}
            yield from _changed(message, {"slug": slug, "name": name, **parent})
        case CategoryRenamed(slug=slug, name=name):
            yield from _changed(message, {"slug": slug, "name": name})
        case CategoryMoved(parent_id=parent_id):
            yield from _changed(message, {"parent_id": parent_id or ""})
        case CategoryArchived():
            yield from _changed(message, {"is_archived": "yes"})
        case CategoryRestored():
            yield from _changed(message, {"is_archived": ""})


def _changed(event: CatalogueEvent, aspects: dict[str, str]) -> Iterator[RowOperation]:
    now_us, version = microseconds(event.metadata.happened_at), event.metadata.entity_version
    for aspect, value in aspects.items():
        yield Upsert(
            table=ASPECTS,
            key=(event.metadata.tenant_id, event.category_id, aspect, version),
            columns={"value": value, "valid_from_us": now_us},
            written_at_us=now_us,
        )


CATEGORIES_AS_OF = View(
    name="categories_as_of", topic=CATEGORY_EVENTS, tables=(ASPECTS,), rows=_rows
)

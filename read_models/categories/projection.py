"""View: the category tree of each tenant, archived ones included."""

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
from infra.cassandra.row_operations import ColumnValue, RowOperation, Table, Upsert
from infra.kafka.topics import CATEGORY_EVENTS
from read_models.time import microseconds
from read_models.view import View

TREE = Table(name="categories", partition_key=("tenant_id",), clustering=("category_id",))


def _rows(message: Message) -> Iterator[RowOperation]:
    match message:
        case CategoryCreated():
            yield _changed(
                message,
                slug=message.slug,
                name=message.name,
                parent_id=message.parent_id or "",
                is_archived=False,
            )
        case CategoryRenamed():
            yield _changed(message, slug=message.slug, name=message.name)
        case CategoryMoved():
            yield _changed(message, parent_id=message.parent_id or "")
        case CategoryArchived():
            yield _changed(message, is_archived=True)
        case CategoryRestored():
            yield _changed(message, is_archived=False)


def _changed(event: CatalogueEvent, **columns: ColumnValue) -> Upsert:
    return Upsert(
        table=TREE,
        key=(event.metadata.tenant_id, event.category_id),
        columns={**columns, "version": event.metadata.entity_version},
        written_at_us=microseconds(event.metadata.happened_at),
    )


CATEGORIES = View(name="categories", topic=CATEGORY_EVENTS, tables=(TREE,), rows=_rows)

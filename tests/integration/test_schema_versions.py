"""Two versions of the same events on one real topic: written, followed and rebuilt over both."""

import json
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from threading import Event as Signal
from threading import Thread
from typing import Any

import fastavro
import pytest
from confluent_kafka import Producer
from prometheus_client import CollectorRegistry

from avro_schemas import registry, upcasting
from avro_schemas.codec import decode, encode
from avro_schemas.containers import schema_id_of
from avro_schemas.records import to_record
from domain import category as catalogues
from domain.category import EMPTY_CATALOGUE
from domain.category.commands import CatalogueCommand, RenameCategory
from domain.category.events import CatalogueEvent, CategoryCreated
from domain.values import CategoryRef
from infra.kafka.admin import apply_topics
from infra.kafka.client import Kafka
from infra.kafka.group_consumer import GroupConsumer
from infra.kafka.partition_reader import read_from_beginning
from infra.kafka.topics import CATEGORY_EVENTS
from projections.consumer import ProjectionConsumer
from projections.metrics import ProjectionMetrics
from read_models.categories.projection import CATEGORIES, TREE
from read_models.view import ViewGeneration
from tests.contract.test_schema_codec import forget
from tests.support.eventually import eventually
from tests.support.fakes.memory_views import MemoryViewStore, Rows
from tests.support.log_fold import expected_rows
from tests.support.samples import ACME, NOON, create_category, metadata
from tests.support.servers import Servers

Json = dict[str, Any]


def events() -> list[CatalogueEvent]:
    """Let a tenant open four categories, one of them below another, and rename two."""
    commands: list[CatalogueCommand] = [
        create_category("cats"),
        rename("cats", "All cats"),
        create_category("dogs"),
        create_category("pugs", parent="dogs"),
        rename("dogs", "All dogs"),
        create_category("birds", parent="pugs"),
    ]
    made: list[CatalogueEvent] = []
    catalogue = EMPTY_CATALOGUE
    for second, command in enumerate(commands):
        for event in catalogues.decide(command, catalogue, NOON + timedelta(seconds=second)):
            catalogue = catalogues.evolve(catalogue, event)
            made.append(event)
    return made


def rename(slug: str, name: str) -> RenameCategory:
    about = metadata(ACME)
    return RenameCategory(metadata=about, category=CategoryRef(slug), name=name, slug=None)


EVENTS = events()
BY_OLD_CODE, BY_NEW_CODE = EVENTS[:3], EVENTS[3:]  # what version 1 cannot say comes later


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Put a first version of two schemas before today's, in a copy of the folder.

    CategoryCreated then had no parent, and called the name title: a default and an alias.
    CategoryRenamed had both names in one list: that takes an upcaster.
    """
    copy = tmp_path / "avro_schemas"
    shutil.copytree(Path(registry.__file__).parent, copy)
    created, renamed = (read(copy, f"Category{what}.v1") for what in ("Created", "Renamed"))
    ids: dict[str, int] = json.loads((copy / "ids.json").read_text("utf-8"))
    ids |= {"CategoryCreated.v2": 1001, "CategoryRenamed.v2": 1002}
    texts = {
        "ids.json": ids,
        "CategoryCreated.v1.avsc": changed(created, parent_id=None, name=_TITLE),
        "CategoryCreated.v2.avsc": changed(
            created,
            parent_id={"name": "parent_id", "type": ["null", "string"], "default": None},
            name={"name": "name", "type": "string", "aliases": ["title"]},
        ),
        "CategoryRenamed.v1.avsc": changed(renamed, previous_name=None, name=_NAMES),
        "CategoryRenamed.v2.avsc": renamed,
    }
    for name, said in texts.items():
        (copy / name).write_text(json.dumps(said), "utf-8")
    monkeypatch.setattr(registry, "files", lambda package: tmp_path / package)
    monkeypatch.setattr(upcasting, "UPCASTERS", {("CategoryRenamed", 1): split_names})
    forget()
    yield copy
    forget()


_TITLE: Json = {"name": "title", "type": "string", "default": ""}
_NAMES: Json = {"name": "names", "type": {"type": "array", "items": "string"}}


def split_names(record: Json) -> Json:
    before, after = record.pop("names")
    return record | {"previous_name": before, "name": after}


def read(folder: Path, name: str) -> Json:
    return dict(json.loads((folder / f"{name}.avsc").read_text("utf-8")))


def changed(schema: Json, **fields: Json | None) -> Json:
    """Put other fields in the place of some; None takes one out."""
    kept = [fields.get(field["name"], field) for field in schema["fields"]]
    return schema | {"fields": [field for field in kept if field]}


def encode_as_old_code(event: CatalogueEvent) -> bytes:
    """Write a message as the code did that knew version 1 only."""
    record = to_record(type(event))(event)
    if isinstance(event, CategoryCreated):
        assert record.pop("parent_id") is None
        record["title"] = record.pop("name")
    else:
        record["names"] = [record.pop("previous_name"), record.pop("name")]
    schema = registry.versions(f"scalehoster.{type(event).__name__}")[1]
    body = BytesIO()
    fastavro.schemaless_writer(body, schema.parsed, record)
    return b"\0" + schema.schema_id.to_bytes(4, "big") + body.getvalue()


def append(kafka: Kafka, writer: str, values: Iterable[bytes]) -> None:
    producer = Producer(kafka.transactional_producer(writer))
    producer.init_transactions(30)
    producer.begin_transaction()
    for value in values:
        producer.produce(kafka.topic(CATEGORY_EVENTS), key=ACME, value=value)
    producer.commit_transaction(30)


@contextmanager
def following(kafka: Kafka, group: str) -> Iterator[MemoryViewStore]:
    """Keep the view of the categories up to date with today's code."""
    store, stopping = MemoryViewStore(), Signal()
    follower = ProjectionConsumer(
        open_reader=lambda topics, starts_of, on_revoked: GroupConsumer(
            kafka, group, topics, starts_of=starts_of, on_revoked=on_revoked
        ),
        store=store,
        live=lambda: [ViewGeneration(view=CATEGORIES, generation=1)],
        send_dead_letters=lambda letters: pytest.fail(str(letters)),
        metrics=ProjectionMetrics(CollectorRegistry()),
    )
    thread = Thread(target=follower.run, args=(stopping,))
    thread.start()
    try:
        yield store
    finally:
        stopping.set()
        thread.join()


def expected(made: Iterable[CatalogueEvent]) -> Rows:
    return expected_rows(made)["categories"]


def test_old_and_new_code_share_a_topic_and_a_view_is_rebuilt_over_both(
    servers: Servers, topic_prefix: str, folder: Path
) -> None:
    kafka = Kafka(bootstrap_servers=servers.bootstrap_servers, topic_prefix=topic_prefix)
    apply_topics(kafka, [CATEGORY_EVENTS])
    with following(kafka, "live") as live:
        append(kafka, "old", map(encode_as_old_code, BY_OLD_CODE))
        eventually(lambda: live.rows(TREE) == expected(BY_OLD_CODE), within_seconds=60)
        append(kafka, "new", map(encode, BY_NEW_CODE))
        eventually(lambda: live.rows(TREE) == expected(EVENTS), within_seconds=60)
    with following(kafka, "rebuilt") as rebuilt:
        eventually(lambda: rebuilt.rows(TREE) == expected(EVENTS), within_seconds=60)

    with read_from_beginning(kafka, CATEGORY_EVENTS) as reader:
        values = [record.value for record in reader.read_to_end()]
    assert [decode(value) for value in values] == EVENTS
    versions = [registry.schema(schema_id_of(value) or 0).version for value in values]
    assert versions == [1] * len(BY_OLD_CODE) + [2] * len(BY_NEW_CODE)
    seen = [read_by_old_code(value) for value in values]
    assert [one["slug"] for one in seen if one] == ["cats", "dogs", "pugs", "birds"]
    assert [one["title"] for one in seen if one] == ["Cats", "Dogs", "", ""]


def read_by_old_code(value: bytes) -> Json | None:
    """Read what version 1 of CategoryCreated knows, with fastavro and the schemas' text alone."""
    schema = registry.schema(schema_id_of(value) or 0)
    if schema.name != "CategoryCreated":
        return None
    first = registry.versions(schema.subject)[1]
    written, read_as = json.loads(schema.text), json.loads(first.text)
    record = fastavro.schemaless_reader(BytesIO(value[5:]), written, read_as)
    assert isinstance(record, dict)
    return record

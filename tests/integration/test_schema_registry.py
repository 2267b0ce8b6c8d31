"""Confluent's own client reads our records with the schemas that the query API serves."""

import threading
from collections.abc import Iterator

import pytest
import uvicorn
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.serialization import MessageField, SerializationContext

from avro_schemas.codec import encode
from infra.local_cluster import free_port
from query_api.app import BaseUrls, QueryApiDependencies, create_app
from read_models.view_reader import ViewReader
from tests.support.eventually import eventually
from tests.support.fakes.memory_blob_store import MemoryBlobStore
from tests.support.fakes.memory_log import MemoryLogEnds
from tests.support.fakes.memory_tables import MemoryTables
from tests.support.samples import create_category
from tests.unit.query_api.conftest import MemoryKeys, MemoryRenderer


@pytest.fixture
def registry() -> Iterator[SchemaRegistryClient]:
    app, _ = create_app(
        QueryApiDependencies(
            views=ViewReader(MemoryTables()),
            log_end_offsets=MemoryLogEnds(),
            blobs=MemoryBlobStore(),
            keys=MemoryKeys(),
            renderer=MemoryRenderer(MemoryBlobStore()),
        ),
        cursor_secrets=["secret"],
        addresses=BaseUrls(public_base_url="http://a.example", problem_base_url="http://a.example"),
        wait_seconds=1,
        blob_cache_bytes=0,
        probes={},
    )
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    eventually(lambda: server.started)
    with SchemaRegistryClient({"url": f"http://127.0.0.1:{port}"}) as client:
        yield client
    server.should_exit = True
    thread.join()


def test_confluents_deserializer_reads_our_records(registry: SchemaRegistryClient) -> None:
    record = encode(create_category("cats"))
    place = SerializationContext("category-commands", MessageField.VALUE)
    read = AvroDeserializer(registry)(record, place)
    assert read["slug"] == "cats"
    assert read["metadata"]["tenant_id"] == "acme"


def test_confluents_client_finds_its_way(registry: SchemaRegistryClient) -> None:
    assert "scalehoster.AssetPublished" in registry.get_subjects()
    newest = registry.get_latest_version("scalehoster.AssetPublished")
    assert newest.version in registry.get_versions("scalehoster.AssetPublished")
    with pytest.raises(SchemaRegistryError, match="40403"):
        registry.get_schema(99_999)

"""Kafka's own tools read our log with nothing but the address of the query API."""

import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

from avro_schemas import registry
from infra.kafka.partition_reader import read_from_beginning
from infra.kafka.topics import ASSET_COMMANDS, ASSET_EVENTS, CATEGORY_EVENTS, COMMAND_RESULTS, Topic
from tests.contract.make_golden import unsealed
from tests.support.installation import Customer, Installation
from tests.support.supplier import Supplier

Json = dict[str, object]


def read_by_confluent(installation: Installation, topic: Topic) -> list[Json]:
    """Read a whole topic as a program would that knows nothing of ScaleHoster."""
    context = SerializationContext(topic.name, MessageField.VALUE)
    with (
        SchemaRegistryClient({"url": installation.query_url}) as client,
        read_from_beginning(installation.kafka, topic) as reader,
    ):
        deserialize = AvroDeserializer(client)
        return [deserialize(record.value, context) for record in reader.read_to_end()]


def entity_of(message: Json) -> object:
    metadata = message["metadata"]
    assert isinstance(metadata, dict)
    return metadata["entity_id"]


@pytest.mark.parametrize("topic", [ASSET_COMMANDS, ASSET_EVENTS], ids=lambda topic: topic.name)
def test_confluents_deserializer_reads_every_record_about_an_asset(
    installation: Installation, customer: Customer, supplier: Supplier, topic: Topic
) -> None:
    asset_id = customer.submit(supplier.url("picture/21.jpg"), "cats", title="Gelesen")
    customer.ended(asset_id)
    customer.commands.patch(f"/v1/assets/{asset_id}", json={"title": "Größer"})
    customer.commands.delete(f"/v1/assets/{asset_id}")
    ours = [one for one in read_by_confluent(installation, topic) if entity_of(one) == asset_id]
    assert len(ours) == 4  # submitted, published, described, deleted
    assert "Gelesen" in said(ours[0])
    assert "Größer" in said(ours[2])


def said(record: Json) -> str:
    """Open what is sealed in a record, as anybody can who has the key."""
    sealed = {name: value for name, value in record.items() if isinstance(value, bytes) and value}
    return b"".join(unsealed(value, name) for name, value in sealed.items()).decode(
        errors="replace"
    )


@pytest.mark.parametrize("topic", [CATEGORY_EVENTS, COMMAND_RESULTS], ids=lambda topic: topic.name)
def test_confluents_deserializer_reads_the_other_topics(
    installation: Installation, customer: Customer, topic: Topic
) -> None:
    assert read_by_confluent(installation, topic)


def test_the_registry_lists_every_subject_as_confluents_client_asks(
    installation: Installation,
) -> None:
    with SchemaRegistryClient({"url": installation.query_url}) as client:
        assert client.get_subjects() == registry.subjects()
        for subject in registry.subjects():
            latest = client.get_latest_version(subject)
            assert client.get_versions(subject)[-1] == latest.version
            assert client.get_schema(latest.schema_id).schema_str == latest.schema.schema_str

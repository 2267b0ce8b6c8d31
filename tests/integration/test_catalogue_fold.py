"""The category trees that deciders and operators decide by, on a real broker."""

import pytest

from avro_schemas.codec import encode
from command_api.decider.catalogue_table import CatalogueTable
from domain import category
from domain.category import EMPTY_CATALOGUE
from infra.errors import BrokerUnavailable
from infra.kafka.admin import apply_topics
from infra.kafka.client import Kafka
from infra.kafka.topics import CATEGORY_EVENTS
from infra.kafka.transactions import TransactionalProducer
from read_models.category_catalogues import CategoryCatalogues
from tests.support.samples import ACME, NOON, create_category
from tests.support.servers import Servers


@pytest.mark.parametrize("kind", [CategoryCatalogues, CatalogueTable])
def test_a_category_counts_once_its_transaction_has_ended_and_none_is_passed_over_before(
    kind: type[CategoryCatalogues | CatalogueTable],
    servers: Servers,
    topic_prefix: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("infra.kafka.hanging_transactions.open_transactions._TIMEOUT_SECONDS", 0.0)
    kafka = Kafka(bootstrap_servers=servers.bootstrap_servers, topic_prefix=topic_prefix)
    apply_topics(kafka)
    (created,) = category.decide(create_category("cats"), EMPTY_CATALOGUE, NOON)
    writer = TransactionalProducer(kafka, "decider-test-0")
    writer.begin()
    writer.append(CATEGORY_EVENTS, 0, ACME.encode(), encode(created))
    writer.flush()
    trees = kind(kafka)
    try:
        with pytest.raises(BrokerUnavailable, match="category-events"):
            trees.catch_up()
        writer.commit_alone()
        monkeypatch.setattr(
            "infra.kafka.hanging_transactions.open_transactions._TIMEOUT_SECONDS", 20.0
        )
        trees.catch_up()
        assert [each.slug for each in trees.of(ACME).categories.values()] == ["cats"]
    finally:
        trees.close()

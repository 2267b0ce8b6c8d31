"""Histories of as many pictures as one likes, made by the deciders and appended as they do it."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from confluent_kafka import Message, Producer

from avro_schemas.codec import encode
from domain import asset as assets
from domain import category as catalogues
from domain.asset import Asset
from domain.asset.commands import AssetCommand, DescribeAsset
from domain.asset.events import AssetEvent
from domain.category import EMPTY_CATALOGUE, Catalogue
from domain.category.events import CatalogueEvent
from domain.values import TenantId
from infra.kafka.client import Kafka
from infra.kafka.producer import LogPosition
from infra.kafka.topics import ASSET_EVENTS, CATEGORY_EVENTS
from tests.support.samples import create_category, metadata, publish, set_categories, submit

SLUGS = ("cats", "dogs", "pets")


def categories_of(tenant_id: TenantId, now: datetime) -> tuple[list[CatalogueEvent], Catalogue]:
    """Make three categories."""
    events: list[CatalogueEvent] = []
    catalogue: Catalogue = EMPTY_CATALOGUE
    for slug in SLUGS:
        about = metadata(tenant_id, tenant_id=tenant_id)
        for event in catalogues.decide(create_category(slug, about=about), catalogue, now):
            catalogue = catalogues.evolve(catalogue, event)
            events.append(event)
    return events, catalogue


def picture(
    tenant_id: TenantId, number: int, catalogue: Catalogue, now: datetime, *, events: int = 10
) -> Iterator[AssetEvent]:
    """Take a picture in, publish it, and then title it and move it about, one event a time."""
    about = metadata(f"0190b6f0-0000-7000-8000-{number:012}", tenant_id=tenant_id)
    asset: Asset | None = None
    for step in range(events):
        command: AssetCommand
        if step == 0:
            command = submit(about, SLUGS[number % 3])
        elif step == 1:
            command = publish(about)
        elif step % 2:
            command = set_categories(about, SLUGS[(number + step) % 3], SLUGS[(step + 1) % 3])
        else:
            command = DescribeAsset(metadata=about, patch=f'{{"title": "Title {step}"}}')
        for event in assets.decide(command, asset, catalogue, now + timedelta(seconds=step)):
            asset = assets.evolve(asset, event)
            yield event


class Appender:
    """Appends events in transactions; ``append`` returns once they are committed."""

    def __init__(self, kafka: Kafka, name: str = "histories") -> None:
        self._kafka = kafka
        self._producer = Producer(kafka.transactional_producer(name))
        self._producer.init_transactions(30)

    def append(self, events: Iterable[AssetEvent | CatalogueEvent]) -> LogPosition | None:
        """Give the position of the last one."""
        last: LogPosition | None = None
        asset_topic, prefix = self._kafka.topic(ASSET_EVENTS), len(self._kafka.topic_prefix)

        def delivered(error: object, message: Message) -> None:
            nonlocal last
            assert error is None, error
            last = LogPosition(
                topic=(message.topic() or "")[prefix:],
                partition=message.partition() or 0,
                offset=message.offset() or 0,
            )

        self._producer.begin_transaction()
        for event in events:
            is_asset = isinstance(event, AssetEvent)
            self._producer.produce(
                asset_topic if is_asset else self._kafka.topic(CATEGORY_EVENTS),
                key=event.metadata.entity_id,
                value=encode(event),
                on_delivery=delivered,
            )
            self._producer.poll(0)
        self._producer.commit_transaction(30)
        return last

"""What a decider remembers of categories, and what it forgets."""

from dataclasses import replace

import pytest

from command_api.decider import catalogue_table
from command_api.decider.catalogue_table import CatalogueTable
from domain.category.events import CatalogueEvent, CategoryCreated, CategoryRenamed
from domain.values import CategorySlug, CommandId, TenantId
from infra.kafka.client import Kafka
from infra.kafka.producer import LogPosition
from tests.support.samples import ACME
from tests.unit.domain.category.test_catalogue_limits import created

EVIL = TenantId("evil")


def at(offset: int) -> LogPosition:
    return LogPosition(topic="category-events", partition=0, offset=offset)


def opened(tenant_id: TenantId) -> CategoryCreated:
    event = created(1)
    about = replace(
        event.metadata,
        tenant_id=tenant_id,
        entity_id=tenant_id,
        command_id=CommandId(f"{tenant_id}-1"),
        fingerprint="f",
    )
    return replace(event, metadata=about)


def renamed(tenant_id: TenantId, number: int) -> CategoryRenamed:
    first = opened(tenant_id)
    about = replace(
        first.metadata, entity_version=number, command_id=CommandId(f"{tenant_id}-{number}")
    )
    return CategoryRenamed(
        metadata=about,
        category_id=first.category_id,
        slug=CategorySlug(f"s{number}"),
        name="n",
        previous_slug=CategorySlug(f"s{number - 1}"),
        previous_name="n",
    )


def test_answers_of_one_tenant_are_bounded_and_drive_out_no_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(catalogue_table, "MOST_ANSWERS", 50)
    known = CatalogueTable(Kafka(bootstrap_servers="127.0.0.1:1", topic_prefix=""))
    try:
        renames = (renamed(EVIL, number) for number in range(2, 201))
        events: list[CatalogueEvent] = [opened(ACME), opened(EVIL), *renames]
        for offset, event in enumerate(events):
            known.apply(event, at(offset))
        answered = [known.remembered(CommandId(f"evil-{number}")) for number in range(1, 201)]
        assert [answer is not None for answer in answered] == [False] * 150 + [True] * 50
        assert known.remembered(CommandId(f"{ACME}-1")) is not None
        assert known.of(EVIL).version == 200
    finally:
        known.close()


def test_a_command_of_two_events_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue_table, "MOST_ANSWERS", 1)
    known = CatalogueTable(Kafka(bootstrap_servers="127.0.0.1:1", topic_prefix=""))
    try:
        first, second = opened(EVIL), renamed(EVIL, 2)
        both = replace(second.metadata, command_id=first.metadata.command_id)
        known.apply(first, at(0))
        known.apply(replace(second, metadata=both), at(1))
        assert known.remembered(first.metadata.command_id) is not None
        known.apply(renamed(EVIL, 3), at(2))
        assert known.remembered(first.metadata.command_id) is None
        assert known.remembered(CommandId("evil-3")) is not None
    finally:
        known.close()

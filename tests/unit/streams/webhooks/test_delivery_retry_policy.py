"""When a delivery is tried again."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.kafka.topics import WEBHOOK_DELIVERIES, WEBHOOK_HOLDS, Topic
from infra.settings import WebhookSettings
from streams.webhooks.delivery_retry_policy import DeliveryRetryPolicy
from tests.support.samples import NOON
from tests.support.webhook_parts import DELIVERY

DEFAULT = DeliveryRetryPolicy(retry_seconds=WebhookSettings().retry_seconds)


def test_it_is_tried_for_about_a_day() -> None:
    now, delivery, tries = NOON, DELIVERY, 1
    while (again := DEFAULT.again(delivery, None, now, 0.5)) is not None:
        assert again.not_before is not None
        assert again.not_before > now
        now, delivery, tries = again.not_before, again, tries + 1
    assert tries == 9
    assert timedelta(hours=22) < now - NOON < timedelta(hours=26)


def test_a_retry_after_is_heeded_up_to_an_hour() -> None:
    for asked, waited in ((40.0, 40), (1e9, 3_600)):
        again = DEFAULT.again(DELIVERY, asked, NOON, 0.5)
        assert again is not None
        assert again.not_before == NOON + timedelta(seconds=waited)


@pytest.mark.parametrize(
    ("wait_seconds", "topic"),
    [
        (0, "webhook-deliveries"),
        (0.5, "webhook-deliveries.hold-1s"),
        (9, "webhook-deliveries.hold-1s"),
        (59, "webhook-deliveries.hold-10s"),
        (60, "webhook-deliveries.hold-1m"),
        (3_599, "webhook-deliveries.hold-10m"),
        (90_000, "webhook-deliveries.hold-1h"),
    ],
)
def test_it_waits_where_it_is_not_held_for_too_long(wait_seconds: float, topic: str) -> None:
    held = replace(DELIVERY, not_before=NOON + timedelta(seconds=wait_seconds))
    assert DEFAULT.next_topic(held, NOON).name == topic


@given(wait_seconds=st.floats(min_value=0.1, max_value=100_000), jitter=st.floats(0, 1))
def test_it_comes_out_of_its_holds_when_it_is_due_and_never_before(
    wait_seconds: float, jitter: float
) -> None:
    due = NOON + timedelta(seconds=wait_seconds)
    held, now, rounds = replace(DELIVERY, not_before=due), NOON, 0
    while (topic := DEFAULT.next_topic(held, now)) != WEBHOOK_DELIVERIES:
        now = DEFAULT.due_at(topic, now, held)
        rounds += 1
    assert now == due
    assert rounds < 70


@pytest.mark.parametrize("hold", WEBHOOK_HOLDS, ids=lambda hold: hold.name)
def test_a_hold_keeps_nothing_for_longer_than_its_name_says(hold: Topic) -> None:
    number, unit = hold.name.rpartition("-")[2][:-1], hold.name[-1]
    longest = timedelta(seconds=int(number) * {"s": 1, "m": 60, "h": 3_600}[unit])
    forever = replace(DELIVERY, not_before=NOON + timedelta(days=9))
    assert DEFAULT.due_at(hold, NOON, forever) == NOON + longest

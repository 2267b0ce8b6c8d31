"""When a delivery is tried again."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.kafka.topics import WEBHOOK_DELIVERIES
from infra.settings import WebhookSettings
from streams.runtime.retry_policy import RetryTopic
from streams.webhooks.delivery_retries import delivery_retry_policy
from tests.support.samples import NOON

DEFAULT = delivery_retry_policy(WebhookSettings().retry_seconds)
HOLDS = {hold.topic: hold for hold in DEFAULT.retry_topics}


def test_it_is_tried_for_about_a_day() -> None:
    now, failures = NOON, 0
    while (retry_at := DEFAULT.retry_at(failures, None, now, 0.5)) is not None:
        assert retry_at > now
        now, failures = retry_at, failures + 1
    assert failures + 1 == 9
    assert timedelta(hours=22) < now - NOON < timedelta(hours=26)


def test_a_retry_after_is_heeded_up_to_an_hour() -> None:
    for asked, waited in ((40.0, 40), (1e9, 3_600)):
        assert DEFAULT.retry_at(0, asked, NOON, 0.5) == NOON + timedelta(seconds=waited)


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
    assert DEFAULT.next_topic(NOON + timedelta(seconds=wait_seconds), NOON).name == topic


@given(wait_seconds=st.floats(min_value=0.1, max_value=100_000))
def test_it_comes_out_of_its_holds_when_it_is_due_and_never_before(wait_seconds: float) -> None:
    due = NOON + timedelta(seconds=wait_seconds)
    now, rounds = NOON, 0
    while (topic := DEFAULT.next_topic(due, now)) != WEBHOOK_DELIVERIES:
        now = HOLDS[topic].due_at(now, due)
        rounds += 1
    assert now == due
    assert rounds < 70


@pytest.mark.parametrize("hold", DEFAULT.retry_topics, ids=lambda hold: hold.topic.name)
def test_a_hold_keeps_nothing_for_longer_than_its_name_says(hold: RetryTopic) -> None:
    name = hold.topic.name
    number, unit = name.rpartition("-")[2][:-1], name[-1]
    longest = timedelta(seconds=int(number) * {"s": 1, "m": 60, "h": 3_600}[unit])
    assert hold.due_at(NOON, NOON + timedelta(days=9)) == NOON + longest

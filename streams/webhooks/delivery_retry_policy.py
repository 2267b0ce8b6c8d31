"""When a delivery is tried again, and where it waits until then."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from domain.webhook.delivery import WebhookDelivery
from infra.kafka.topics import (
    WEBHOOK_DELIVERIES,
    WEBHOOK_HOLD_1H,
    WEBHOOK_HOLD_1M,
    WEBHOOK_HOLD_1S,
    WEBHOOK_HOLD_10M,
    WEBHOOK_HOLD_10S,
    Topic,
)

_SPREAD = 0.2  # of the delay, either way: what failed together comes back one by one
_LONGEST_RETRY_AFTER_SECONDS = 3_600.0
_HOLD_SECONDS = {
    WEBHOOK_HOLD_1S: 1.0,
    WEBHOOK_HOLD_10S: 10.0,
    WEBHOOK_HOLD_1M: 60.0,
    WEBHOOK_HOLD_10M: 600.0,
    WEBHOOK_HOLD_1H: 3_600.0,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRetryPolicy:
    """How often a delivery is tried; a hold is a waiting room that nothing stays in for longer.

    What has to wait for longer than any hold goes through the longest again and again. A hold is
    left in order, so the head of its partition may keep a delivery waiting for as long as its name
    says; that is never more than the delivery had to wait itself, or a second.
    """

    retry_seconds: Sequence[float]

    def again(
        self,
        delivery: WebhookDelivery,
        retry_after_seconds: float | None,
        now: datetime,
        jitter: float,
    ) -> WebhookDelivery | None:
        """Say when a delivery that failed is tried again; None when it is given up.

        ``jitter`` is a random number from 0 to 1. A Retry-After is a lower bound, up to an hour.
        """
        if delivery.attempts >= len(self.retry_seconds):
            return None
        delay = self.retry_seconds[delivery.attempts] * (1 - _SPREAD + 2 * _SPREAD * jitter)
        asked = min(retry_after_seconds or 0.0, _LONGEST_RETRY_AFTER_SECONDS)
        not_before = now + timedelta(seconds=max(delay, asked))
        return replace(delivery, attempts=delivery.attempts + 1, not_before=not_before)

    def due_at(self, hold: Topic, held_since: datetime, delivery: WebhookDelivery) -> datetime:
        """Say when a delivery leaves its hold."""
        leaves_at = held_since + timedelta(seconds=_HOLD_SECONDS[hold])
        return min(delivery.not_before or held_since, leaves_at)

    def next_topic(self, delivery: WebhookDelivery, now: datetime) -> Topic:
        """Say where a delivery goes: to be tried, or to the longest hold that is not too long."""
        wait_seconds = (delivery.not_before - now).total_seconds() if delivery.not_before else 0.0
        if wait_seconds <= 0:
            return WEBHOOK_DELIVERIES
        fitting = [hold for hold, seconds in _HOLD_SECONDS.items() if seconds <= wait_seconds]
        return fitting[-1] if fitting else WEBHOOK_HOLD_1S

"""Endpoint health: since when one fails, and why it was disabled; survives a restart."""

import logging
from dataclasses import replace
from datetime import datetime, timedelta

from domain.webhook.endpoint import DisabledBecause, EndpointHealth, EndpointId
from infra.errors import BrokerUnavailable, Overloaded
from infra.kafka.producer import RecordSender
from read_models.webhooks.endpoint_records import store_health
from read_models.webhooks.endpoint_table import WebhookEndpointTable

log = logging.getLogger(__name__)


class EndpointHealthTracker:
    """Records what each attempt says about its endpoint.

    Only changes are written. One that could not be written holds in this process all the same, and
    is written after the next attempt.
    """

    def __init__(
        self, table: WebhookEndpointTable, sender: RecordSender, *, disable_after: timedelta
    ) -> None:
        self._table = table
        self._sender = sender
        self._disable_after = disable_after

    async def record_success(self, endpoint_id: EndpointId) -> None:
        """Record that an endpoint accepted a delivery."""
        health = self._table.health(endpoint_id)
        if health.failing_since is not None:
            await self._change(replace(health, failing_since=None))

    async def record_failure(self, endpoint_id: EndpointId, now: datetime) -> None:
        """Record that an attempt failed; disable an endpoint that has failed for too long."""
        health = self._table.health(endpoint_id)
        if health.disabled_at is not None:
            return
        since = health.failing_since or now
        if now - since >= self._disable_after:
            await self._disable(health, "failing", now)
        elif health.failing_since is None:
            await self._change(replace(health, failing_since=since))

    async def record_gone(self, endpoint_id: EndpointId, now: datetime) -> None:
        """Record that an endpoint answered 410: disable it."""
        await self._disable(self._table.health(endpoint_id), "gone", now)

    async def _disable(
        self, health: EndpointHealth, because: DisabledBecause, now: datetime
    ) -> None:
        log.warning("endpoint %s is switched off: %s", health.endpoint_id, because)
        await self._change(replace(health, disabled_at=now, disabled_because=because))

    async def _change(self, health: EndpointHealth) -> None:
        if self._table.get(health.endpoint_id) is None:
            return  # removed meanwhile
        self._table.put(health)
        try:
            await store_health(self._sender, health)
        except (BrokerUnavailable, Overloaded) as error:
            log.warning("how %s fares is not kept: %s", health.endpoint_id, error)

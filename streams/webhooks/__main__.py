"""Run a notifier: ``python -m streams.webhooks``."""

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from datetime import timedelta
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, start_http_server

from domain.webhook.delivery import WebhookDelivery
from infra.errors import BrokerUnavailable
from infra.kafka.offsets.log_bounds import LogBounds
from infra.kafka.partition_reader import PartitionReader
from infra.kafka.producer import RecordProducer
from infra.kafka.topics import (
    ASSET_EVENTS,
    GROUP_OFFSETS,
    WEBHOOK_ATTEMPTS,
    WEBHOOK_DELIVERIES,
    WEBHOOK_ENDPOINTS,
    WEBHOOK_HOLDS,
    WEBHOOK_REDELIVERIES,
    WEBHOOKS_DEAD_LETTERS,
)
from infra.settings import Settings, load
from read_models.webhooks.endpoint_table import (
    WebhookEndpointTable,
    follow_endpoints,
    wait_until_endpoints_current,
)
from read_models.webhooks.signing_secrets import WebhookSecrets
from streams.ingestion.fetcher import SystemResolver
from streams.runtime.process import now, open_reader, repeat_steps, run_process
from streams.runtime.retry_topics import RetryTopicConsumer
from streams.runtime.stop_signal import stop_signal
from streams.webhooks.deliverer import Deliverer
from streams.webhooks.delivery_retries import delivery_retry_policy
from streams.webhooks.endpoint_health import EndpointHealthTracker
from streams.webhooks.fan_out import DeliveryFanOut
from streams.webhooks.history_replay import HistoryReplay
from streams.webhooks.webhook_sender import WebhookSender

_GROUP = "streams.notifying"
_TOPICS = (
    ASSET_EVENTS,
    GROUP_OFFSETS,
    WEBHOOK_ENDPOINTS,
    WEBHOOK_DELIVERIES,
    *WEBHOOK_HOLDS,
    WEBHOOK_ATTEMPTS,
    WEBHOOK_REDELIVERIES,
    WEBHOOKS_DEAD_LETTERS,
)
_PAUSE_SECONDS = 1.0
_LONGEST_STEP_SECONDS = 300

log = logging.getLogger("streams.webhooks")


def main() -> int:
    """Notify until SIGTERM; 1 when the settings or topics are wrong."""
    return run_process("notifier", load, _TOPICS, _notify)


async def _notify(settings: Settings) -> int:
    stopping = stop_signal()
    kafka = settings.kafka.connection()
    registry = CollectorRegistry()
    done = Counter("scalehoster_notifier_records", "Records seen to", ["kind"], registry=registry)
    table = WebhookEndpointTable()
    bounds = LogBounds(kafka)
    resolver = SystemResolver()
    with ExitStack() as readers:
        readers.callback(resolver.close)
        readers.enter_context(follow_endpoints(kafka, table))
        async with RecordProducer(kafka) as sender:
            know_endpoints = partial(wait_until_endpoints_current, bounds, table)
            opening = partial(open_reader, kafka, readers, _LONGEST_STEP_SECONDS)
            retry_policy = delivery_retry_policy(settings.webhooks.retry_seconds)
            await _know_at_last(know_endpoints, stopping)
            announcer = DeliveryFanOut(
                reader=opening(ASSET_EVENTS, _GROUP),
                sender=sender,
                table=table,
                know_endpoints=know_endpoints,
                public_base_url=settings.public_base_url,
                clock=now,
            )
            deliverer = Deliverer(
                open_reader=partial(opening, WEBHOOK_DELIVERIES, f"{_GROUP}.deliveries"),
                sender=sender,
                table=table,
                webhook_sender=WebhookSender(
                    resolver,
                    WebhookSecrets(settings.installation_secrets().texts),
                    timeout_seconds=settings.webhooks.timeout_seconds,
                    allowed_origins=settings.fetch.allowed_origins,
                    refused_networks=settings.fetch.all_refused_networks,
                ),
                retry_policy=retry_policy,
                endpoint_health=EndpointHealthTracker(
                    table,
                    sender,
                    disable_after=timedelta(seconds=settings.webhooks.disable_after_seconds),
                ),
                clock=now,
            )
            redeliverer = HistoryReplay(
                reader=opening(WEBHOOK_REDELIVERIES, f"{_GROUP}.redeliveries"),
                sender=sender,
                table=table,
                bounds=bounds,
                open_history=lambda starts: PartitionReader(kafka, ASSET_EVENTS, starts),
                public_base_url=settings.public_base_url,
                clock=now,
                portion=max(1, round(settings.webhooks.redeliveries_per_second)),
            )
            holds = [
                RetryTopicConsumer(
                    each,
                    partial(opening, each.topic, f"streams.{each.topic.name}"),
                    sender,
                    retry_policy,
                    now,
                    kind=WebhookDelivery,
                    dead_letters=WEBHOOKS_DEAD_LETTERS,
                )
                for each in retry_policy.retry_topics
            ]
            steps = [
                ("events", announcer.step),
                ("deliveries", deliverer.step),
                ("redeliveries", redeliverer.step),
                *(("holds", hold.step) for hold in holds),
            ]
            Gauge(
                "scalehoster_notifier_in_flight", "Attempts under way", registry=registry
            ).set_function(lambda: deliverer.limits.in_flight)
            if settings.metrics_port:
                start_http_server(settings.metrics_port, "127.0.0.1", registry=registry)
            log.info("notifying")
            await repeat_steps(steps, done, stopping)
            await deliverer.finish()
    return 0


async def _know_at_last(know: Callable[[], Awaitable[None]], stopping: asyncio.Event) -> None:
    """Begin with all endpoints: deliveries that were ordered before name them."""
    is_known = False
    while not is_known and not stopping.is_set():
        try:
            await know()
            is_known = True
        except BrokerUnavailable as error:
            log.warning("asking again in %s s: %s", _PAUSE_SECONDS, error)
            await asyncio.sleep(_PAUSE_SECONDS)


if __name__ == "__main__":
    sys.exit(main())

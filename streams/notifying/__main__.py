"""Run a notifier: ``python -m streams.notifying``."""

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, start_http_server

from domain.errors import ScaleHosterError
from domain.hooks import WebhookDelivery
from infra.errors import BrokerUnavailable
from infra.group_reading import GroupReader, Partition
from infra.kafka import Kafka
from infra.log_bounds import LogBounds
from infra.logs import configure
from infra.reading import Reader
from infra.sending import Sender
from infra.settings import Settings, load
from infra.topic_admin import check_topics
from infra.topics import (
    ASSET_EVENTS,
    WEBHOOK_ATTEMPTS,
    WEBHOOK_DELIVERIES,
    WEBHOOK_ENDPOINTS,
    WEBHOOK_HOLDS,
    WEBHOOK_REDELIVERIES,
    WEBHOOKS_DEAD_LETTERS,
    Topic,
)
from infra.webhook_secrets import WebhookSecrets
from infra.webhook_table import EndpointTable, catch_up, follow_endpoints
from streams.fetching import SystemResolver
from streams.holding import Redelivery
from streams.notifying.announcing import Announcer
from streams.notifying.delivering import Deliverer
from streams.notifying.patience import Patience
from streams.notifying.posting import Poster
from streams.notifying.redelivering import Redeliverer
from streams.notifying.wellbeing import Wellbeing
from streams.stopping import stop_signal

_GROUP = "streams.notifying"
_TOPICS = (
    ASSET_EVENTS,
    WEBHOOK_ENDPOINTS,
    WEBHOOK_DELIVERIES,
    *WEBHOOK_HOLDS,
    WEBHOOK_ATTEMPTS,
    WEBHOOK_REDELIVERIES,
    WEBHOOKS_DEAD_LETTERS,
)
_PAUSE_SECONDS = 1.0
_LONGEST_STEP_SECONDS = 300

Step = Callable[[], Awaitable[int]]

log = logging.getLogger("streams.notifying")


def main() -> int:
    """Notify until SIGTERM; 1 when the settings or topics are wrong."""
    try:
        settings = load()
        configure("notifier", settings.log_level)
        check_topics(settings.kafka.connection(), _TOPICS)
        asyncio.run(_notify(settings))
    except ScaleHosterError as error:
        sys.stderr.write(f"notifier: {error}\n")
        return 1
    return 0


async def _notify(settings: Settings) -> None:
    stopping = stop_signal()
    kafka = settings.kafka.connection()
    registry = CollectorRegistry()
    done = Counter("scalehoster_notifier_records", "Records seen to", ["kind"], registry=registry)
    table = EndpointTable()
    bounds = LogBounds(kafka)
    resolver = SystemResolver()
    with ExitStack() as readers:
        readers.callback(resolver.close)
        readers.enter_context(follow_endpoints(kafka, table))
        async with Sender(kafka) as sender:
            know_endpoints = partial(catch_up, bounds, table)
            opening = partial(_open, kafka, readers)
            patience = Patience(retry_seconds=settings.webhooks.retry_seconds)
            await _know_at_last(know_endpoints, stopping)
            announcer = Announcer(
                reader=opening(ASSET_EVENTS, _GROUP, None),
                sender=sender,
                table=table,
                know_endpoints=know_endpoints,
                public_base_url=settings.public_base_url,
                clock=_now,
            )
            deliverer = Deliverer(
                open_reader=partial(opening, WEBHOOK_DELIVERIES, f"{_GROUP}.deliveries"),
                sender=sender,
                table=table,
                poster=Poster(
                    resolver,
                    WebhookSecrets(settings.secret.get_secret_value().split(",")),
                    timeout_seconds=settings.webhooks.timeout_seconds,
                    allowed_origins=settings.fetch.allowed_origins,
                ),
                patience=patience,
                wellbeing=Wellbeing(
                    table,
                    sender,
                    disable_after=timedelta(seconds=settings.webhooks.disable_after_seconds),
                ),
                clock=_now,
            )
            redeliverer = Redeliverer(
                reader=opening(WEBHOOK_REDELIVERIES, f"{_GROUP}.redeliveries", None),
                sender=sender,
                table=table,
                bounds=bounds,
                open_history=lambda starts: Reader(kafka, ASSET_EVENTS, starts),
                public_base_url=settings.public_base_url,
                clock=_now,
                portion=max(1, round(settings.webhooks.redeliveries_per_second)),
            )
            holds = [
                Redelivery(
                    hold,
                    partial(opening, hold, f"streams.{hold.name}"),
                    sender,
                    patience,
                    _now,
                    kind=WebhookDelivery,
                    home=WEBHOOK_DELIVERIES,
                )
                for hold in WEBHOOK_HOLDS
            ]
            steps: list[tuple[str, Step]] = [
                ("events", announcer.step),
                ("deliveries", deliverer.step),
                ("redeliveries", redeliverer.step),
                *(("holds", hold.step) for hold in holds),
            ]
            Gauge(
                "scalehoster_notifier_in_flight", "Attempts under way", registry=registry
            ).set_function(lambda: deliverer.lanes.in_flight)
            if settings.metrics_port:
                start_http_server(settings.metrics_port, "127.0.0.1", registry=registry)
            log.info("notifying")
            async with asyncio.TaskGroup() as group:
                for kind, step in steps:
                    group.create_task(_repeat(step, done.labels(kind), stopping))
            await deliverer.finish()


async def _repeat(step: Step, done: Counter, stopping: asyncio.Event) -> None:
    while not stopping.is_set():
        try:
            done.inc(await step())
        except BrokerUnavailable as error:
            log.warning("going on in %s s: %s", _PAUSE_SECONDS, error)
            await asyncio.sleep(_PAUSE_SECONDS)


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


def _open(
    kafka: Kafka,
    readers: ExitStack,
    topic: Topic,
    group: str,
    on_revoked: Callable[[list[Partition]], None] | None,
) -> GroupReader:
    reader = GroupReader(
        kafka, group, [topic], on_revoked=on_revoked, max_poll_seconds=_LONGEST_STEP_SECONDS
    )
    return readers.enter_context(reader)


def _now() -> datetime:
    return datetime.now(UTC)


if __name__ == "__main__":
    sys.exit(main())

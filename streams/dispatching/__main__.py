"""Run a dispatcher: ``python -m streams.dispatching``."""

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

from prometheus_client import CollectorRegistry, Counter, Gauge, start_http_server

from domain.errors import ScaleHosterError
from infra.errors import BrokerUnavailable
from infra.group_reading import GroupReader, Partition
from infra.kafka import Kafka
from infra.logs import configure
from infra.reading import whole
from infra.sending import Sender
from infra.settings import Settings, load
from infra.topic_admin import check_topics
from infra.topics import (
    ASSET_EVENTS,
    IMAGE_JOBS,
    IMAGE_JOBS_DEAD_LETTERS,
    RETRY_TIERS,
    Topic,
)
from streams.dispatching.dispatcher import Dispatcher
from streams.dispatching.open_runs import OpenRuns
from streams.dispatching.redelivery import Redelivery
from streams.dispatching.sweeping import Sweeper
from streams.retrying import RetryPolicy
from streams.stopping import stop_signal

_GROUP = "streams.dispatching"
_TOPICS = (ASSET_EVENTS, IMAGE_JOBS, *RETRY_TIERS, IMAGE_JOBS_DEAD_LETTERS)
_PATIENCE = timedelta(minutes=15)  # beyond the time that all tries take
_SWEEP_EVERY = timedelta(minutes=1)
_PAUSE_SECONDS = 1.0

log = logging.getLogger("streams.dispatching")


def main() -> int:
    """Dispatch until SIGTERM; 1 when the settings or topics are wrong."""
    try:
        settings = load()
        configure("dispatcher", settings.log_level)
        check_topics(settings.kafka.connection(), _TOPICS)
        asyncio.run(_dispatch(settings))
    except ScaleHosterError as error:
        sys.stderr.write(f"dispatcher: {error}\n")
        return 1
    return 0


async def _dispatch(settings: Settings) -> None:
    stopping = stop_signal()
    kafka = settings.kafka.connection()
    policy = RetryPolicy(
        max_attempts=settings.fetch.max_attempts, tier_seconds=settings.fetch.retry_seconds
    )
    runs = OpenRuns(timedelta(seconds=sum(policy.tier_seconds)) + _PATIENCE)
    with ExitStack() as readers:
        async with Sender(kafka) as sender:
            reader = readers.enter_context(GroupReader(kafka, _GROUP, [ASSET_EVENTS]))
            dispatcher = Dispatcher(reader=reader, sender=sender, clock=_now)
            sweeper = Sweeper(
                readers.enter_context(whole(kafka, ASSET_EVENTS)),
                sender,
                runs,
                lambda: {number for _, number in reader.assigned()},
                _now,
                every=_SWEEP_EVERY,
            )
            redeliveries = [
                Redelivery(tier, _opening(kafka, tier, readers), sender, policy, _now)
                for tier in RETRY_TIERS
            ]
            registry = CollectorRegistry()
            if settings.metrics_port:
                start_http_server(settings.metrics_port, "127.0.0.1", registry=registry)
            Gauge(
                "scalehoster_dispatcher_open_runs",
                "Pipeline runs that have not ended",
                registry=registry,
            ).set_function(lambda: len(runs))
            counter = Counter(
                "scalehoster_dispatcher_records",
                "Records seen to, by what was done",
                ["kind"],
                registry=registry,
            )
            steps = [
                ("events", dispatcher.step),
                ("overdue", sweeper.step),
                *(("retries", redelivery.step) for redelivery in redeliveries),
            ]
            log.info("dispatching")
            async with asyncio.TaskGroup() as group:
                for kind, step in steps:
                    group.create_task(_repeat(step, counter.labels(kind), stopping))


async def _repeat(
    step: Callable[[], Awaitable[int]], counter: Counter, stopping: asyncio.Event
) -> None:
    while not stopping.is_set():
        try:
            counter.inc(await step())
        except BrokerUnavailable as error:
            log.warning("going on in %s s: %s", _PAUSE_SECONDS, error)
            await asyncio.sleep(_PAUSE_SECONDS)


def _opening(
    kafka: Kafka, tier: Topic, readers: ExitStack
) -> Callable[[Callable[[list[Partition]], None]], GroupReader]:
    def open_reader(on_revoked: Callable[[list[Partition]], None]) -> GroupReader:
        group = f"streams.retrying.{tier.name}"
        return readers.enter_context(GroupReader(kafka, group, [tier], on_revoked=on_revoked))

    return open_reader


def _now() -> datetime:
    return datetime.now(UTC)


if __name__ == "__main__":
    sys.exit(main())

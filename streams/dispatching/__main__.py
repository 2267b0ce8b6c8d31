"""Run a dispatcher: ``python -m streams.dispatching``."""

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, start_http_server

from domain.errors import ScaleHosterError
from domain.jobs import ImageJob
from infra.blob_store import open_blob_store
from infra.errors import BrokerUnavailable
from infra.group_reading import GroupReader, Partition
from infra.kafka import Kafka
from infra.logs import configure
from infra.lookup import Lookup
from infra.reading import Record, whole
from infra.sending import Sender
from infra.settings import Settings, load
from infra.topic_admin import check_topics
from infra.topics import ASSET_EVENTS, IMAGE_JOBS, IMAGE_JOBS_DEAD_LETTERS, RETRY_TIERS, Topic
from streams.dispatching.dispatcher import Dispatcher
from streams.dispatching.open_runs import OpenRuns
from streams.dispatching.sweeping import Sweeper
from streams.dispatching.turns import Limits, Turns
from streams.holding import Redelivery
from streams.purging import Purger
from streams.retrying import RetryPolicy
from streams.stopping import stop_signal

_GROUP = "streams.dispatching"
_TOPICS = (ASSET_EVENTS, IMAGE_JOBS, *RETRY_TIERS, IMAGE_JOBS_DEAD_LETTERS)
_PATIENCE = timedelta(minutes=15)  # beyond the time that all tries take
_SWEEP_EVERY = timedelta(minutes=1)
_PURGE_DELAY = timedelta(minutes=30)
_LONGEST_STEP_SECONDS = 900  # a purge reads the whole log
_PAUSE_SECONDS = 1.0

Step = Callable[[], Awaitable[int]]

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
    registry = CollectorRegistry()
    done = Counter("scalehoster_dispatcher_records", "Records seen to", ["kind"], registry=registry)
    policy = RetryPolicy(
        max_attempts=settings.fetch.max_attempts, tier_seconds=settings.fetch.retry_seconds
    )
    patience = timedelta(seconds=sum(policy.tier_seconds)) + _PATIENCE
    runs = OpenRuns(patience)
    turns = Turns(
        Limits(per_tenant=settings.dispatch.per_tenant, bulk=settings.dispatch.bulk, lease=patience)
    )
    for name, about, sample in (
        ("open_runs", "Pipeline runs that have not ended", lambda: len(runs)),
        ("waiting_runs", "Pipeline runs that wait for their turn", lambda: turns.waiting),
        ("ordered_runs", "Pipeline runs that have their turn", lambda: turns.under_way),
    ):
        Gauge(f"scalehoster_dispatcher_{name}", about, registry=registry).set_function(sample)
    with ExitStack() as readers:
        async with Sender(kafka) as sender:
            opening = partial(_open, kafka, readers)
            dispatcher = Dispatcher(
                partial(opening, ASSET_EVENTS, _GROUP),
                readers.enter_context(Lookup(kafka, ASSET_EVENTS)),
                sender,
                turns,
                _now,
            )
            sweeper = Sweeper(
                readers.enter_context(whole(kafka, ASSET_EVENTS)),
                sender,
                runs,
                readers.enter_context(Lookup(kafka, ASSET_EVENTS)),
                lambda: dispatcher.ordered_up_to,
                turns.has_turn,
                _now,
                every=_SWEEP_EVERY,
            )
            purger = Purger(
                partial(opening, ASSET_EVENTS, "streams.purging"),
                lambda: _history(kafka, stopping),
                open_blob_store(settings.blobs_url, settings.blobs),
                _now,
                delay=_PURGE_DELAY,
            )
            redeliveries = [
                Redelivery(
                    tier,
                    partial(opening, tier, f"streams.{tier.name}"),
                    sender,
                    policy,
                    _now,
                    kind=ImageJob,
                    home=IMAGE_JOBS,
                )
                for tier in RETRY_TIERS
            ]
            steps: list[tuple[str, Step]] = [
                ("events", dispatcher.step),
                ("overdue", sweeper.step),
                ("purges", purger.step),
                *(("retries", redelivery.step) for redelivery in redeliveries),
            ]
            if settings.metrics_port:
                start_http_server(settings.metrics_port, "127.0.0.1", registry=registry)
            log.info("dispatching")
            async with asyncio.TaskGroup() as group:
                for kind, step in steps:
                    group.create_task(_repeat(step, done.labels(kind), stopping))


async def _repeat(step: Step, done: Counter, stopping: asyncio.Event) -> None:
    while not stopping.is_set():
        try:
            done.inc(await step())
        except BrokerUnavailable as error:
            log.warning("going on in %s s: %s", _PAUSE_SECONDS, error)
            await asyncio.sleep(_PAUSE_SECONDS)
        except _Stopping:
            return


def _open(
    kafka: Kafka,
    readers: ExitStack,
    topic: Topic,
    group: str,
    on_revoked: Callable[[list[Partition]], None],
) -> GroupReader:
    reader = GroupReader(
        kafka, group, [topic], on_revoked=on_revoked, max_poll_seconds=_LONGEST_STEP_SECONDS
    )
    return readers.enter_context(reader)


def _history(kafka: Kafka, stopping: asyncio.Event) -> Iterator[Record]:
    """Read all events from the first to the last, unless the process has to end."""
    with whole(kafka, ASSET_EVENTS) as reader:
        for record in reader.read_to_end():
            if stopping.is_set():
                raise _Stopping
            yield record


class _Stopping(Exception):
    """There is no time to read the log to its end."""


def _now() -> datetime:
    return datetime.now(UTC)


if __name__ == "__main__":
    sys.exit(main())

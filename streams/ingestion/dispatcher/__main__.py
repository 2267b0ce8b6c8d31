"""Run a dispatcher: ``python -m streams.ingestion.dispatcher``."""

import logging
import sys
from contextlib import ExitStack
from datetime import timedelta
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, start_http_server

from domain.asset.jobs import ImageJob
from infra.kafka.partition_reader import read_from_beginning
from infra.kafka.producer import RecordProducer
from infra.kafka.record_lookup import RecordLookup
from infra.kafka.topics import (
    ASSET_EVENTS,
    GROUP_OFFSETS,
    IMAGE_JOBS,
    IMAGE_JOBS_DEAD_LETTERS,
    RETRY_TIERS,
)
from infra.settings import Settings, load
from streams.ingestion.dispatcher.dispatcher import Dispatcher
from streams.ingestion.dispatcher.fair_scheduler import AdmissionLimits, FairScheduler
from streams.ingestion.dispatcher.overdue_requeuer import OverdueRunRequeuer, OverdueRuns
from streams.ingestion.job_retries import job_retry_policy
from streams.runtime.process import now, open_reader, repeat_steps, run_process
from streams.runtime.retry_topics import RetryTopicConsumer
from streams.runtime.stop_signal import stop_signal

_GROUP = "streams.dispatching"
TOPICS = (ASSET_EVENTS, GROUP_OFFSETS, IMAGE_JOBS, *RETRY_TIERS, IMAGE_JOBS_DEAD_LETTERS)
_OVERDUE_MARGIN = timedelta(minutes=15)  # beyond the time that all tries take
_REQUEUE_EVERY = timedelta(minutes=1)
_LONGEST_STEP_SECONDS = 900  # it waits while the broker takes no jobs

log = logging.getLogger("streams.ingestion.dispatcher")


def main() -> int:
    """Dispatch until SIGTERM; 1 when the settings or topics are wrong."""
    return run_process("dispatcher", load, TOPICS, _dispatch)


async def _dispatch(settings: Settings) -> int:
    stopping = stop_signal()
    kafka = settings.kafka.connection()
    registry = CollectorRegistry()
    done = Counter("scalehoster_dispatcher_records", "Records seen to", ["kind"], registry=registry)
    policy = job_retry_policy(settings.fetch)
    overdue_after = timedelta(seconds=sum(settings.fetch.retry_seconds)) + _OVERDUE_MARGIN
    runs = OverdueRuns(overdue_after)
    scheduler = FairScheduler(
        AdmissionLimits(
            per_tenant=settings.dispatch.per_tenant,
            bulk=settings.dispatch.bulk,
            lease=overdue_after,
        )
    )
    for name, about, sample in (
        ("open_runs", "Pipeline runs that have not ended", lambda: len(runs)),
        ("waiting_runs", "Pipeline runs that wait for admission", lambda: scheduler.waiting),
        ("ordered_runs", "Pipeline runs that are admitted", lambda: scheduler.admitted),
    ):
        Gauge(f"scalehoster_dispatcher_{name}", about, registry=registry).set_function(sample)
    with ExitStack() as readers:
        async with RecordProducer(kafka) as sender:
            opening = partial(open_reader, kafka, readers, _LONGEST_STEP_SECONDS)
            dispatcher = Dispatcher(
                partial(opening, ASSET_EVENTS, _GROUP),
                readers.enter_context(RecordLookup(kafka, ASSET_EVENTS)),
                sender,
                scheduler,
                now,
            )
            requeuer = OverdueRunRequeuer(
                readers.enter_context(read_from_beginning(kafka, ASSET_EVENTS)),
                sender,
                runs,
                readers.enter_context(RecordLookup(kafka, ASSET_EVENTS)),
                lambda: dispatcher.enqueued_up_to,
                scheduler.is_admitted,
                now,
                every=_REQUEUE_EVERY,
            )
            retries = [
                RetryTopicConsumer(
                    each,
                    partial(opening, each.topic, f"streams.{each.topic.name}"),
                    sender,
                    policy,
                    now,
                    kind=ImageJob,
                    dead_letters=IMAGE_JOBS_DEAD_LETTERS,
                )
                for each in policy.retry_topics
            ]
            steps = [
                ("events", dispatcher.step),
                ("overdue", requeuer.step),
                *(("retries", retry.step) for retry in retries),
            ]
            if settings.metrics_port:
                start_http_server(settings.metrics_port, "127.0.0.1", registry=registry)
            log.info("dispatching")
            await repeat_steps(steps, done, stopping)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Run an image worker: ``python -m streams.ingestion.worker``."""

import asyncio
import logging
import sys
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from datetime import UTC, datetime

from infra.blobs.store import open_blob_store
from infra.cassandra.session import CassandraSession
from infra.kafka.producer import RecordProducer
from infra.kafka.topics import ASSET_COMMANDS, IMAGE_JOBS, IMAGE_JOBS_DEAD_LETTERS, RETRY_TIERS
from infra.settings import Settings, load
from read_models.view_reader import ViewReader
from streams.ingestion.fetcher import Fetcher, FetchLimits, SystemResolver
from streams.ingestion.job_retries import job_retry_policy
from streams.ingestion.worker.duplicate_finder import ViewDuplicateFinder
from streams.ingestion.worker.fault_breaker import FaultBreaker
from streams.ingestion.worker.faust_app import create_app, image_job_agent
from streams.ingestion.worker.job_slots import JobSlots
from streams.ingestion.worker.pipeline_runner import PipelineRunner
from streams.ingestion.worker.worker import Worker
from streams.ingestion.worker.worker_metrics import WorkerMetrics
from streams.rendering import (
    RenderLimits,
    Sandbox,
    check_filter,
    decoders_are_filtered,
    deployed_presets,
)
from streams.runtime.process import run_process
from streams.runtime.scratch_folder import scratch_folder
from streams.runtime.stop_signal import stop_signal

_FINISH_SECONDS = 10.0
_LEAVE_SECONDS = 8.0
_TOPICS = (ASSET_COMMANDS, IMAGE_JOBS, *RETRY_TIERS, IMAGE_JOBS_DEAD_LETTERS)

log = logging.getLogger("streams.ingestion.worker")


def main() -> int:
    """Work until SIGTERM; 1 when the settings or topics are wrong, or Faust gave up."""
    return run_process("worker", load, _TOPICS, _work)


async def _work(settings: Settings) -> int:
    for library in ("faust", "mode", "aiokafka"):  # each tells the story of its life
        logging.getLogger(library).setLevel(logging.WARNING)
    stopping = stop_signal()
    kafka = settings.kafka.connection()
    metrics = WorkerMetrics()
    slots = JobSlots(
        total=settings.fetch.concurrency,
        per_host=settings.fetch.per_host,
        patience_seconds=settings.fetch.total_seconds,
    )
    async with AsyncExitStack() as parts:
        check_filter(is_required=settings.decoders_must_be_filtered)
        sender = await parts.enter_async_context(RecordProducer(kafka))
        sandbox = await parts.enter_async_context(_sandbox(settings))
        fetcher = _fetcher(settings)
        faults = FaultBreaker()
        runs = PipelineRunner(
            fetcher=fetcher,
            sandbox=sandbox,
            presets=deployed_presets(settings.render.watermark),
            duplicate_finder=ViewDuplicateFinder(lambda: _views(settings, parts)),
            blobs=open_blob_store(settings.blobs_url, settings.blobs),
            scratch=parts.enter_context(scratch_folder(settings.data_dir / "scratch")),
            clock=_now,
        )
        worker = Worker(
            runs=runs,
            sender=sender,
            slots=slots,
            faults=faults,
            policy=job_retry_policy(settings.fetch),
            metrics=metrics,
            clock=_now,
        )
        app = create_app(kafka, settings.state_dir / "faust")
        processor = image_job_agent(app, kafka, worker)
        if settings.metrics_port:
            metrics.watch("window_depth", "Jobs not acknowledged yet", lambda: processor.depth)
            metrics.watch("active_jobs", "Jobs carried out now", lambda: slots.active)
            metrics.watch(
                "decoders_filtered",
                "1 where the kernel filters what decoders ask of it",
                lambda: float(decoders_are_filtered()),
            )
            metrics.watch(
                "closed_origins", "Origins left alone for a while", lambda: fetcher.closed_origins
            )
            metrics.watch(
                "is_resting", "1 while nearly all jobs fail by our fault", lambda: faults.is_resting
            )
            metrics.serve(settings.metrics_port)
        await app.start()
        log.info("working")
        await _first_of(stopping.wait(), app.wait_until_stopped(), processor.failed)
        await processor.close(_FINISH_SECONDS)
        async with asyncio.timeout(_LEAVE_SECONDS):
            await app.consumer.commit()
            await app.stop()
    return 0 if stopping.is_set() else 1


async def _first_of(*ends: Awaitable[object]) -> None:
    futures = [asyncio.ensure_future(end) for end in ends]
    await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
    for future in futures:
        future.cancel()


def _views(settings: Settings, parts: AsyncExitStack) -> ViewReader:
    cql = CassandraSession(settings.cassandra, keyspace=settings.cassandra.keyspace)
    parts.callback(cql.close)
    return ViewReader(cql)


def _sandbox(settings: Settings) -> Sandbox:
    return Sandbox(
        processes=settings.render.processes,
        limits=RenderLimits(
            max_source_bytes=max(settings.fetch.max_bytes, settings.command_api.max_upload_bytes),
            max_pixels=settings.render.max_pixels,
            wall_seconds=settings.render.timeout_seconds,
        ),
    )


def _fetcher(settings: Settings) -> Fetcher:
    fetch = settings.fetch
    limits = FetchLimits(
        deadline_seconds=fetch.total_seconds,
        connect_seconds=fetch.connect_seconds,
        max_redirects=fetch.max_redirects,
        max_body_bytes=fetch.max_bytes,
        max_per_host=fetch.per_host,
        per_host_per_second=fetch.per_host_per_second,
        breaker_failures=fetch.breaker_failures,
        breaker_seconds=fetch.breaker_seconds,
        user_agent=f"ScaleHoster/0.1 (image fetcher; +{settings.public_base_url})",
    )
    return Fetcher(
        SystemResolver(), limits, fetch.allowed_origins, refused_networks=fetch.all_refused_networks
    )


def _now() -> datetime:
    return datetime.now(UTC)


if __name__ == "__main__":
    sys.exit(main())

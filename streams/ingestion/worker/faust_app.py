"""The Faust app: one topic and one agent; the rest is for the window and the worker."""

from pathlib import Path
from typing import Any

import faust

from infra.kafka.client import Kafka
from infra.kafka.partition_reader import Record
from infra.kafka.topics import IMAGE_JOBS
from streams.ingestion.worker.parallel_processor import ParallelProcessor
from streams.ingestion.worker.worker import Worker

GROUP = "streams.processing"
_WINDOW_SIZE = 500  # per partition; more than arrive while the slowest job is carried out

Event = faust.EventT[Any]


def create_app(kafka: Kafka, data_dir: Path) -> faust.App:
    """Make an app that makes no topic, keeps no table, serves nothing, and commits every second."""
    data_dir.mkdir(parents=True, exist_ok=True)
    return faust.App(
        kafka.group(GROUP),
        broker=f"kafka://{kafka.bootstrap_servers}",
        datadir=data_dir,
        store="memory://",
        web_enabled=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        consumer_auto_offset_reset="earliest",
        broker_session_timeout=10.0,  # how long a killed worker's partitions lie idle
        broker_heartbeat_interval=2.0,
        broker_max_poll_records=500,  # without it a rebalance may hang
        broker_commit_interval=1.0,
        broker_commit_every=500,
        stream_buffer_maxsize=256,  # thrown away at each rebalance
        stream_wait_empty=False,  # downloads would eat up the time a rebalance has
        table_standby_replicas=0,
    )


def image_job_agent(app: faust.App, kafka: Kafka, worker: Worker) -> ParallelProcessor[Event]:
    """Let an app work on image jobs; nothing is acknowledged that belongs to somebody else now."""

    def is_ours(event: Event) -> bool:
        return bool(event.message.generation_id == app.consumer_generation_id)

    async def work(event: Event) -> None:
        await worker.work(_record(event, kafka.topic_prefix))

    def acknowledge(event: Event) -> None:
        if is_ours(event):
            event.ack()

    processor = ParallelProcessor(work, acknowledge, window_size=_WINDOW_SIZE)
    topic = app.topic(kafka.topic(IMAGE_JOBS), key_serializer="raw", value_serializer="raw")

    @app.agent(topic, concurrency=1)
    async def process_images(stream: faust.StreamT[bytes]) -> None:
        async for event in stream.noack().events():  # type: ignore[attr-defined] # Stream has it
            if is_ours(event):
                await processor.submit(event.message.tp, event)

    @app.on_partitions_revoked.connect  # type: ignore[arg-type] # it is sent with one set
    async def let_go(_: faust.App, revoked: set[Any], **__: object) -> None:
        processor.revoke(revoked)

    return processor


def _record(event: Event, prefix: str) -> Record:
    message = event.message
    return Record(
        topic=message.topic.removeprefix(prefix),
        partition=message.partition,
        offset=message.offset,
        key=message.key or b"",
        value=message.value or b"",
        timestamp_ms=int(message.timestamp * 1_000),
    )

"""Run an eraser: ``python -m streams.erasure``."""

import logging
import sys
from contextlib import ExitStack
from datetime import timedelta
from functools import partial

from prometheus_client import CollectorRegistry, Counter, start_http_server

from infra.blobs.store import open_blob_store
from infra.encryption import installation_keyring
from infra.kafka.producer import RecordProducer
from infra.kafka.topics import (
    ASSET_COMMANDS,
    ASSET_EVENTS,
    DISCARDED_BLOBS,
    GROUP_OFFSETS,
    IMAGE_JOBS_DEAD_LETTERS,
)
from infra.settings import Settings, load
from streams.erasure.asset_purge import AssetPurger
from streams.erasure.blob_gc import BlobCollector
from streams.erasure.key_shredding import shred_keys
from streams.runtime.process import now, open_reader, repeat_steps, run_process
from streams.runtime.stop_signal import stop_signal

TOPICS = (ASSET_COMMANDS, ASSET_EVENTS, DISCARDED_BLOBS, GROUP_OFFSETS, IMAGE_JOBS_DEAD_LETTERS)
_LONGEST_STEP_SECONDS = 900  # of many removals by a slow store

log = logging.getLogger("streams.erasure")


def main() -> int:
    """Erase until SIGTERM; 1 when the settings, the topics or the keyring are wrong."""
    return run_process("eraser", load, TOPICS, _erase)


async def _erase(settings: Settings) -> int:
    stopping = stop_signal()
    registry = CollectorRegistry()
    # The name is older than this process, and dashboards know it (ADR 96).
    done = Counter("scalehoster_dispatcher_records", "Records seen to", ["kind"], registry=registry)
    blobs = open_blob_store(settings.blobs_url, settings.blobs)
    with ExitStack() as readers:
        async with RecordProducer(kafka := settings.kafka.connection()) as sender:
            opening = partial(open_reader, kafka, readers, _LONGEST_STEP_SECONDS)
            purger = AssetPurger(
                partial(opening, ASSET_EVENTS, "streams.purging"),
                blobs,
                partial(shred_keys, installation_keyring(settings), now),
                sender,
            )
            collector = BlobCollector(
                partial(opening, DISCARDED_BLOBS, "streams.discarding"),
                blobs,
                sender,
                now,
                delay=timedelta(seconds=settings.dispatch.purge_delay_seconds),
            )
            if settings.metrics_port:
                start_http_server(settings.metrics_port, "127.0.0.1", registry=registry)
            log.info("erasing")
            steps = [("purges", purger.step), ("discards", collector.step)]
            await repeat_steps(steps, done, stopping)
    return 0


if __name__ == "__main__":
    sys.exit(main())

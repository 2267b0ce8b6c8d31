"""The feed of a process, on the real log: one thread reads it for all who listen."""

from collections.abc import Sequence

from infra.api_settings import QueryApiSettings
from infra.kafka.client import Kafka
from infra.kafka.offsets.log_bounds import LogBounds
from infra.kafka.partition_reader import PartitionReader
from infra.kafka.tailer import Tailer
from infra.kafka.topics import ASSET_EVENTS
from query_api.feed.feed import Feed
from query_api.feed.listeners import Listeners
from query_api.feed.resume_tokens import ResumeTokens


def open_feed(
    kafka: Kafka, secrets: Sequence[str], public_base_url: str, settings: QueryApiSettings
) -> tuple[Feed, Tailer]:
    """Make a feed, and what reads the log for it: use that as a context.

    It begins at the end of the log and, when reading breaks off, goes on where it was. Until it has
    begun, and as long as the broker is away, feeds are answered 503 or stand still.
    """
    bounds = LogBounds(kafka)
    resume_tokens = ResumeTokens(secrets, ASSET_EVENTS.partitions)
    listeners = Listeners(
        at_most=settings.max_listeners, per_tenant=settings.max_listeners_per_tenant
    )

    def open_reader() -> PartitionReader:
        resume_tokens.log_id = kafka.log_id()  # before anybody may listen
        return PartitionReader(kafka, ASSET_EVENTS, listeners.begin(bounds.ends(ASSET_EVENTS)))

    feed = Feed(
        listeners,
        resume_tokens,
        open_history=lambda starts: PartitionReader(kafka, ASSET_EVENTS, starts),
        offsets_at=lambda moment: bounds.at(ASSET_EVENTS, moment),
        public_base_url=public_base_url,
        heartbeat_seconds=settings.heartbeat_seconds,
    )
    return feed, Tailer("asset-events", open_reader, listeners.take)

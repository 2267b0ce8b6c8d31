"""Run an operator: ``python -m streams.bulk_operations``."""

import asyncio
import logging
import secrets
import socket
import sys
import time
from contextlib import ExitStack

from prometheus_client import Counter, start_http_server

from domain.command_routing import stream_of
from domain.outcomes import Outcome, outcome_in
from infra.cassandra.session import CassandraSession
from infra.decider_runtime.command_client import CommandClient
from infra.decider_runtime.instance_slot import claim_instance_slot
from infra.decider_runtime.pending_replies import PendingReplies, follow_replies
from infra.errors import BrokerUnavailable
from infra.kafka.producer import RecordProducer
from infra.kafka.topics import (
    ASSET_COMMANDS,
    CATEGORY_COMMANDS,
    CATEGORY_EVENTS,
    COMMAND_RESULTS,
    COMMANDS_DEAD_LETTERS,
    OPERATION_COMMANDS,
    OPERATION_EVENTS,
)
from infra.settings import Settings, load
from read_models.assets_by_shard.queries import AssetScan
from read_models.view_reader import ViewReader
from streams.bulk_operations.item_executor import ItemExecutor
from streams.bulk_operations.operation_decider import OperationDecider
from streams.bulk_operations.operation_executor import OperationExecutor
from streams.bulk_operations.view_barrier import ViewBarrier
from streams.runtime.process import now, run_process
from streams.runtime.stop_signal import stop_signal

_TOPICS = (
    OPERATION_COMMANDS,
    OPERATION_EVENTS,
    ASSET_COMMANDS,
    CATEGORY_COMMANDS,
    CATEGORY_EVENTS,
    COMMAND_RESULTS,
    COMMANDS_DEAD_LETTERS,
)
_PAUSE_SECONDS = 1.0

log = logging.getLogger("streams.bulk_operations")


def main() -> int:
    """Operate until SIGTERM; 1 when settings or topics are wrong, or Cassandra does not answer."""
    return run_process("operator", load, _TOPICS, _operate)


async def _operate(settings: Settings) -> int:
    stopping = stop_signal()
    kafka = settings.kafka.connection()
    outcomes = PendingReplies[Outcome](secrets.randbelow(COMMAND_RESULTS.partitions), outcome_in)
    done = Counter("scalehoster_operator_items", "Items of bulk operations dealt with")
    with ExitStack() as stack:
        cql = CassandraSession(settings.cassandra, keyspace=settings.cassandra.keyspace)
        stack.callback(cql.close)
        views = ViewReader(cql)
        answers = stack.enter_context(follow_replies(kafka, outcomes))
        place, held = claim_instance_slot(settings.state_dir / "operator")
        stack.enter_context(held)
        decider = OperationDecider(kafka, f"{socket.gethostname()}-{place.name}", now)
        stack.callback(decider.close)
        async with RecordProducer(kafka) as sender:
            client = CommandClient(sender, outcomes, stream_of)
            operator = OperationExecutor(
                decider,
                ItemExecutor(client, views, outcomes.partition),
                AssetScan(views),
                lambda view: ViewBarrier(kafka, views, view),
                now,
                time.monotonic,
            )
            if settings.metrics_port:
                start_http_server(settings.metrics_port, "127.0.0.1")
            log.info("operating")
            while not stopping.is_set() and not await asyncio.to_thread(
                answers.wait_until_current, _PAUSE_SECONDS
            ):
                log.info("waiting until answers can be read")
            while not stopping.is_set():
                try:
                    done.inc(await operator.step())
                except BrokerUnavailable as trouble:
                    log.warning("starting over from what is certain: %s", trouble)
                    decider.must_recover = True
                    await asyncio.sleep(_PAUSE_SECONDS)
    return 0


if __name__ == "__main__":
    sys.exit(main())

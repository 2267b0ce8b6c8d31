"""Run an operator: ``python -m streams.operating``."""

import asyncio
import logging
import secrets
import socket
import sys
import time
from contextlib import ExitStack

from prometheus_client import Counter, start_http_server

from infra.asking import CommandClient
from infra.candidates import AssetScan
from infra.cql import CassandraSession
from infra.errors import BrokerUnavailable
from infra.histories import AssetHistories
from infra.live_views import ViewReader
from infra.outcomes import PendingReplies, follow_replies
from infra.own_place import claim_instance_slot
from infra.sending import RecordProducer
from infra.settings import Settings, load
from infra.topics import (
    ASSET_COMMANDS,
    CATEGORY_COMMANDS,
    CATEGORY_EVENTS,
    COMMAND_RESULTS,
    COMMANDS_DEAD_LETTERS,
    OPERATION_COMMANDS,
    OPERATION_EVENTS,
)
from streams.operating.barriers import ViewBarrier
from streams.operating.items import ItemExecutor
from streams.operating.ledger import OperationDecider
from streams.operating.operator import OperationExecutor
from streams.running import now, run_process
from streams.stopping import stop_signal

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

log = logging.getLogger("streams.operating")


def main() -> int:
    """Operate until SIGTERM; 1 when settings or topics are wrong, or Cassandra does not answer."""
    return run_process("operator", load, _TOPICS, _operate)


async def _operate(settings: Settings) -> int:
    stopping = stop_signal()
    kafka = settings.kafka.connection()
    outcomes = PendingReplies(secrets.randbelow(COMMAND_RESULTS.partitions))
    done = Counter("scalehoster_operator_items", "Items of bulk operations dealt with")
    with ExitStack() as stack:
        cql = CassandraSession(settings.cassandra, keyspace=settings.cassandra.keyspace)
        stack.callback(cql.close)
        views = ViewReader(cql)
        answers = stack.enter_context(follow_replies(kafka, outcomes))
        place, held = claim_instance_slot(settings.state_dir / "operator")
        stack.enter_context(held)
        ledger = OperationDecider(kafka, f"{socket.gethostname()}-{place.name}", now)
        stack.callback(ledger.close)
        async with RecordProducer(kafka) as sender:
            operator = OperationExecutor(
                ledger,
                ItemExecutor(
                    CommandClient(sender, outcomes), AssetHistories(views), outcomes.partition
                ),
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
            must_recover = True  # who was here before may have left a transaction open
            while not stopping.is_set():
                try:
                    if must_recover:
                        await asyncio.to_thread(ledger.recover)
                        must_recover = False
                    done.inc(await operator.step())
                except BrokerUnavailable as trouble:
                    log.warning("starting over from what is certain: %s", trouble)
                    must_recover = True
                    await asyncio.sleep(_PAUSE_SECONDS)
    return 0


if __name__ == "__main__":
    sys.exit(main())

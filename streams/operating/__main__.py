"""Run an operator: ``python -m streams.operating``."""

import asyncio
import logging
import secrets
import socket
import sys
import time
from contextlib import ExitStack

from prometheus_client import Counter, start_http_server

from infra.asking import Asker
from infra.candidates import Candidates
from infra.cql import Cql
from infra.errors import BrokerUnavailable
from infra.histories import Histories
from infra.live_views import LiveViews
from infra.outcomes import Outcomes, follow_outcomes
from infra.own_place import own_place
from infra.sending import Sender
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
from streams.operating.barriers import Barrier
from streams.operating.items import Items
from streams.operating.ledger import Ledger
from streams.operating.operator import Operator
from streams.running import now, run
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
    return run("operator", load, _TOPICS, _operate)


async def _operate(settings: Settings) -> int:
    stopping = stop_signal()
    kafka = settings.kafka.connection()
    outcomes = Outcomes(secrets.randbelow(COMMAND_RESULTS.partitions))
    done = Counter("scalehoster_operator_items", "Items of bulk operations dealt with")
    with ExitStack() as stack:
        cql = Cql(settings.cassandra, keyspace=settings.cassandra.keyspace)
        stack.callback(cql.close)
        views = LiveViews(cql)
        answers = stack.enter_context(follow_outcomes(kafka, outcomes))
        place, held = own_place(settings.state_dir / "operator")
        stack.enter_context(held)
        ledger = Ledger(kafka, f"{socket.gethostname()}-{place.name}", now)
        stack.callback(ledger.close)
        async with Sender(kafka) as sender:
            operator = Operator(
                ledger,
                Items(Asker(sender, outcomes), Histories(views), outcomes.partition),
                Candidates(views),
                lambda view: Barrier(kafka, views, view),
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

"""Dead-lettering of records that cannot be processed, so that those behind them can."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime

from avro_schemas.codec import encode
from avro_schemas.errors import KeysLost, Undecodable
from infra.errors import BrokerUnavailable, RecordRefused
from infra.kafka.dead_letter_queue import dead_letter
from infra.kafka.partition_reader import Record
from infra.kafka.producer import RecordSender
from infra.kafka.topics import Topic
from streams.runtime.durable_producer import send_until_durable

log = logging.getLogger(__name__)


async def send_dead_letter(
    sender: RecordSender, topic: Topic, record: Record, code: str, detail: str, now: datetime
) -> None:
    """Return once the dead letter of a record is durable, however long the broker is away.

    If the broker can never take it, only the log mentions the record.
    """
    position = f"{record.topic}:{record.partition}:{record.offset}"
    log.error("dead-lettered %s, %s: %s", position, code, detail)
    entry = dead_letter(record, code, detail, now)
    try:
        await send_until_durable(sender, topic, entry.key.decode(errors="replace"), encode(entry))
    except RecordRefused as refused:
        log.critical("%s has no dead letter: %s", position, refused)


@asynccontextmanager
async def dead_lettered_if_it_fails(
    sender: RecordSender, topic: Topic, record: Record, clock: Callable[[], datetime]
) -> AsyncIterator[None]:
    """Process one record in this context: a failure makes a dead letter and is not raised.

    Raises KeysLost and BrokerUnavailable, for which no record is to blame.
    """
    try:
        yield
    except (KeysLost, BrokerUnavailable):
        raise
    except Undecodable as error:
        await send_dead_letter(sender, topic, record, "undecodable", str(error), clock())
    except Exception as error:  # one record must not stop those behind it
        log.exception("a record of %s cannot be processed", record.topic)
        reason = f"{type(error).__name__}: {error}"
        await send_dead_letter(sender, topic, record, "internal", reason, clock())

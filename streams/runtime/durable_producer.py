"""The durable producer: sends a record again until the broker has acknowledged it."""

import asyncio
import logging

from infra.errors import BrokerUnavailable, Overloaded
from infra.kafka.producer import RecordSender
from infra.kafka.topics import Topic

_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 5.0

log = logging.getLogger(__name__)


async def send_until_durable(sender: RecordSender, topic: Topic, key: str, value: bytes) -> None:
    """Append a record, however long the broker is away; it may be there more than once then.

    Raises RecordRefused for one that can never be written.
    """
    pause_seconds = _FIRST_PAUSE_SECONDS
    while True:
        try:
            await sender.send(topic, key, value)
        except (BrokerUnavailable, Overloaded) as error:
            log.warning("sending to %s again in %s s: %s", topic.name, pause_seconds, error)
            await asyncio.sleep(pause_seconds)
            pause_seconds = min(2 * pause_seconds, _LONGEST_PAUSE_SECONDS)
        else:
            return

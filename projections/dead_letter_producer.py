"""The producer of dead letters for records that no view could be built from."""

import asyncio
import logging
from collections.abc import Sequence

from avro_schemas.codec import encode
from domain.dead_letter import DeadLetter
from infra.errors import RecordRefused
from infra.kafka.client import Kafka
from infra.kafka.producer import RecordProducer
from infra.kafka.topics import PROJECTIONS_DEAD_LETTERS

log = logging.getLogger(__name__)


class DeadLetterProducer:
    """Parks dead letters in their topic; opens a connection only when there is one."""

    def __init__(self, kafka: Kafka) -> None:
        self._kafka = kafka

    def send_dead_letters(self, dead_letters: Sequence[DeadLetter]) -> None:
        """Return once the broker has all of them; raises BrokerUnavailable or Overloaded."""
        asyncio.run(self._send(dead_letters))

    async def _send(self, dead_letters: Sequence[DeadLetter]) -> None:
        async with RecordProducer(self._kafka) as sender:
            for dead_letter in dead_letters:
                key = dead_letter.key.decode(errors="replace")
                try:
                    await sender.send(PROJECTIONS_DEAD_LETTERS, key, encode(dead_letter))
                except RecordRefused as refused:  # the record is parked all the same
                    place = f"{dead_letter.topic}:{dead_letter.partition}:{dead_letter.offset}"
                    log.critical("%s has no letter: %s", place, refused)

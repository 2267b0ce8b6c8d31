"""Burying what nobody can work on, so that what lies behind it goes on."""

import logging
from datetime import datetime

from avro_schemas.codec import encode
from infra.errors import RecordRefused
from infra.kafka.dead_letter_queue import dead_letter
from infra.kafka.partition_reader import Record
from infra.kafka.producer import RecordSender
from infra.kafka.topics import Topic
from streams.runtime.durable_producer import send_until_durable

log = logging.getLogger(__name__)


async def send_dead_letter(
    sender: RecordSender, letters: Topic, record: Record, code: str, detail: str, now: datetime
) -> None:
    """Return once the letter of a record is durable, however long the broker is away.

    Should the broker find that no letter of it can be written, only the log tells of it.
    """
    place = f"{record.topic}:{record.partition}:{record.offset}"
    log.error("buried %s, %s: %s", place, code, detail)
    letter = dead_letter(record, code, detail, now)
    try:
        await send_until_durable(
            sender, letters, letter.key.decode(errors="replace"), encode(letter)
        )
    except RecordRefused as refused:
        log.critical("%s has no letter: %s", place, refused)

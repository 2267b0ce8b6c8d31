"""What to send so that a dead letter is tried again."""

from dataclasses import dataclass
from datetime import datetime

from avro_schemas.codec import encode
from domain.commands import CommandMetadata, ReplaceSource, ReprocessAsset
from domain.identity import retry_command_id
from domain.jobs import ImageJob
from domain.values import Actor
from infra.dead_letters.letters import DeadLetterCannotBeSent, Letter
from infra.topics import ASSET_COMMANDS, CATEGORY_COMMANDS, IMAGE_JOBS, Topic

_OPERATOR = Actor("system:operator")
_SENT_AS_THEY_WERE = {topic.name: topic for topic in (ASSET_COMMANDS, CATEGORY_COMMANDS)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """One record to append."""

    topic: Topic
    key: str
    value: bytes


def sent_again(letter: Letter, now: datetime) -> Again:
    """Say what tries a letter again; doing it twice is harmless, for the ids are the same.

    A command goes to the decider as it was, and so does a job that no worker could read. A job
    that was given up has cost its asset the run, so another run is asked for. Raises
    DeadLetterCannotBeSent for what is an event: the log has it, and keeps it.
    """
    dead = letter.dead
    key = dead.key.decode(errors="replace")
    if dead.topic in _SENT_AS_THEY_WERE:
        return Again(topic=_SENT_AS_THEY_WERE[dead.topic], key=key, value=dead.value)
    if dead.topic == IMAGE_JOBS.name:
        if isinstance(letter.message, ImageJob) and dead.code != "undecodable":
            command = _another_run(letter.letter_id, letter.message, now)
            return Again(topic=ASSET_COMMANDS, key=letter.message.asset_id, value=encode(command))
        return Again(topic=IMAGE_JOBS, key=key, value=dead.value)
    raise DeadLetterCannotBeSent(
        f"{letter.letter_id} is an event, and {dead.topic} keeps it: once it can be read, rebuild "
        "the view, and the sweeper orders work that is missing; then drop the letter"
    )


def _another_run(letter_id: str, job: ImageJob, now: datetime) -> ReplaceSource | ReprocessAsset:
    metadata = CommandMetadata(
        command_id=retry_command_id(letter_id),
        tenant_id=job.tenant_id,
        entity_id=job.asset_id,
        issued_at=now,
        correlation_id=job.correlation_id,
        actor=_OPERATOR,
        expected_version=None,
        fingerprint=None,
        reply_partition=None,
    )
    if job.source:
        return ReplaceSource(metadata=metadata, source=job.source)
    return ReprocessAsset(metadata=metadata, preset=job.preset, is_bulk=job.is_bulk)

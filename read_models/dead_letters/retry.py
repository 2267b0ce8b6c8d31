"""The retry record: what is appended so that a dead letter is processed again."""

from dataclasses import dataclass
from datetime import datetime

from avro_schemas.codec import encode
from domain.asset.commands import ReplaceSource, ReprocessAsset
from domain.asset.jobs import ImageJob
from domain.commands import CommandMetadata
from domain.identity import retry_command_id
from domain.values import Actor
from domain.webhook.delivery import WebhookDelivery
from infra.kafka.topics import (
    ASSET_COMMANDS,
    CATEGORY_COMMANDS,
    DISCARDED_BLOBS,
    IMAGE_JOBS,
    OPERATION_COMMANDS,
    PROJECTIONS_DEAD_LETTERS,
    RETRY_TIERS,
    WEBHOOK_DELIVERIES,
    WEBHOOK_HOLDS,
    WEBHOOK_REDELIVERIES,
    WEBHOOKS_DEAD_LETTERS,
    Topic,
)
from read_models.dead_letters.entry import DeadLetterCannotBeSent, DeadLetterEntry

_OPERATOR = Actor("system:operator")
_SENT_AS_THEY_WERE = {
    topic.name: topic for topic in (ASSET_COMMANDS, CATEGORY_COMMANDS, OPERATION_COMMANDS)
}
_TIERS = {tier.name for tier in RETRY_TIERS}
_SENT_UNLESS_TRIED = {
    WEBHOOK_REDELIVERIES.name: WEBHOOK_REDELIVERIES,
    WEBHOOK_DELIVERIES.name: WEBHOOK_DELIVERIES,
    **{hold.name: WEBHOOK_DELIVERIES for hold in WEBHOOK_HOLDS},  # whose time is long over
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryRecord:
    """One record to append."""

    topic: Topic
    key: str
    value: bytes


def retry_record(entry: DeadLetterEntry, now: datetime) -> RetryRecord:
    """Return what retries a dead letter; twice is harmless, for the ids are the same.

    A command is sent to the decider as it was, and so is a job or a webhook delivery that could
    not be decoded. A job that was given up ended its asset's run, so another run is requested,
    unless the asset has had a newer one: a picture that replaced this one stays.
    Raises DeadLetterCannotBeSent, whose detail says what helps instead: for an event, because the
    log keeps it, for a webhook delivery that was given up, and for a value that was cut.
    """
    dead = entry.dead
    if dead.cut_from_bytes:
        raise DeadLetterCannotBeSent(
            f"{entry.letter_id} has the beginning of {dead.cut_from_bytes} bytes only; have it"
            " asked for anew, then drop the letter"
        )
    key = dead.key.decode(errors="replace")
    is_unread = dead.code == "undecodable"
    if dead.topic in _SENT_AS_THEY_WERE:
        return RetryRecord(topic=_SENT_AS_THEY_WERE[dead.topic], key=key, value=dead.value)
    if dead.topic == IMAGE_JOBS.name:
        if isinstance(entry.message, ImageJob) and not is_unread:
            command = _another_run(entry.letter_id, entry.message, now)
            return RetryRecord(
                topic=ASSET_COMMANDS, key=entry.message.asset_id, value=encode(command)
            )
        return RetryRecord(topic=IMAGE_JOBS, key=key, value=dead.value)
    if dead.topic in _TIERS:
        return RetryRecord(topic=IMAGE_JOBS, key=key, value=dead.value)
    if dead.topic in _SENT_UNLESS_TRIED and (is_unread or dead.code == "internal"):
        return RetryRecord(topic=_SENT_UNLESS_TRIED[dead.topic], key=key, value=dead.value)
    raise DeadLetterCannotBeSent(f"{entry.letter_id} {_what_helps(entry)}")


def _what_helps(entry: DeadLetterEntry) -> str:
    if isinstance(entry.message, WebhookDelivery):
        named = entry.message.endpoint_id
        return (
            f"was tried as often as it may be; POST /v1/webhooks/{named}/redeliver tells the "
            "endpoint again what it missed; then drop the letter"
        )
    if entry.dead.topic == DISCARDED_BLOBS.name:
        return "names bytes that count for nothing; 'scalehoster blobs check --repair' removes them"
    kept = f"is an event, and {entry.dead.topic} keeps it:"
    match entry.letter_id.partition(":")[0]:
        case PROJECTIONS_DEAD_LETTERS.name:
            return (
                f"{kept} the projections themselves try it again every minute, and at once when a "
                "release that can read it is started; drop the letter when 'scalehoster consistency"
                " check' finds nothing waiting, or rebuild the view without the record"
            )
        case WEBHOOKS_DEAD_LETTERS.name:
            return (
                f"{kept} once the notifiers can read it, POST /v1/webhooks/{{id}}/redeliver tells "
                "it to an endpoint; then drop the letter"
            )
        case _:
            return f"{kept} once it can be read, the sweeper orders its work; then drop the letter"


def _another_run(letter_id: str, job: ImageJob, now: datetime) -> ReplaceSource | ReprocessAsset:
    metadata = CommandMetadata.from_system(
        _OPERATOR,
        retry_command_id(letter_id),
        tenant_id=job.tenant_id,
        entity_id=job.asset_id,
        correlation_id=job.correlation_id,
        now=now,
    )
    if job.source:
        return ReplaceSource(metadata=metadata, source=job.source, if_run=job.run)
    return ReprocessAsset(metadata=metadata, preset=job.preset, is_bulk=job.is_bulk, if_run=job.run)

"""One dead letter with what its message says, and the filter of a list of them."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from avro_schemas.codec import Message, decode
from avro_schemas.errors import Undecodable
from domain.asset.jobs import ImageJob
from domain.commands import Command
from domain.dead_letter import DeadLetter
from domain.errors import Conflict
from domain.events import Event
from domain.values import TenantId
from domain.webhook.delivery import WebhookDelivery, WebhookRedelivery
from infra.kafka.dead_letter_queue import DeadLetterResolution
from infra.kafka.partition_reader import Record


class DeadLetterCannotBeSent(Conflict):
    """Sending this dead letter again would not help; its detail says what does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterEntry:
    """One dead letter; ``message`` is its decoded value, None if that cannot be decoded.

    ``letter_id`` is its position: topic, partition and offset, colon-separated.
    """

    letter_id: str
    dead: DeadLetter
    message: Message | None
    resolution: DeadLetterResolution | None

    @property
    def tenant_id(self) -> TenantId | None:
        """The tenant that its message belongs to, if it has one."""
        match self.message:
            case ImageJob() | WebhookDelivery() | WebhookRedelivery():
                return self.message.tenant_id
            case Command() | Event():
                return self.message.metadata.tenant_id
            case _:
                return None

    @property
    def host(self) -> str | None:
        """The host that an image job was to download from."""
        if not isinstance(self.message, ImageJob) or not self.message.source:
            return None
        try:
            return urlsplit(self.message.source.url or "").hostname
        except ValueError:
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterFilter:
    """Which dead letters are listed: those that match everything that is set."""

    code: str | None = None
    host: str | None = None
    tenant_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def matches(self, entry: DeadLetterEntry) -> bool:
        """Return True if a dead letter matches; ``until`` is exclusive."""
        parked_at = entry.dead.parked_at
        return (
            self.code in (None, entry.dead.code)
            and self.host in (None, entry.host)
            and self.tenant_id in (None, entry.tenant_id)
            and (self.since is None or parked_at >= self.since)
            and (self.until is None or parked_at < self.until)
        )


def read_entry(record: Record, resolution: DeadLetterResolution | None) -> DeadLetterEntry | None:
    """Decode a record of a dead-letter topic; None if it holds something else."""
    try:
        dead = decode(record.value)
    except Undecodable:
        return None
    if not isinstance(dead, DeadLetter):
        return None
    return DeadLetterEntry(
        letter_id=f"{record.topic}:{record.partition}:{record.offset}",
        dead=dead,
        message=_readable(dead.value),
        resolution=resolution,
    )


def _readable(value: bytes) -> Message | None:
    try:
        return decode(value)
    except Undecodable:
        return None

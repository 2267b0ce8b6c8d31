"""A dead letter with all that can be known of it, and which letters somebody wants to see."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from urllib.parse import urlsplit

from avro_schemas.codec import Message, decode
from avro_schemas.errors import Undecodable
from domain.asset.jobs import ImageJob
from domain.commands import Command
from domain.dead_letter import DeadLetter
from domain.errors import Conflict, NotFound
from domain.events import Event
from domain.values import TenantId
from domain.webhook.delivery import WebhookDelivery, WebhookRedelivery
from infra.kafka.partition_reader import Record


class DeadLetterNotFound(NotFound):
    """No dead letter has this id."""


class DeadLetterCannotBeSent(Conflict):
    """Sending this dead letter again would not help; its detail says what does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterResolution:
    """What was done with a letter, and when."""

    letter_id: str
    how: Literal["retried", "dropped"]
    settled_at: datetime

    def to_json(self) -> bytes:
        """Spell it for the topic; operators may read it bare."""
        told = {"letter": self.letter_id, "how": self.how, "at": self.settled_at.isoformat()}
        return json.dumps(told).encode()

    @classmethod
    def from_json(cls, text: bytes) -> "DeadLetterResolution":
        """Read it; raises ValueError or KeyError for anything else."""
        told = json.loads(text)
        at = datetime.fromisoformat(told["at"])
        return cls(letter_id=told["letter"], how=told["how"], settled_at=at)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterEntry:
    """One dead letter; ``message`` is what its bytes say, None when nobody can read them.

    ``letter_id`` is where it lies: topic, partition and offset, colon-separated.
    """

    letter_id: str
    dead: DeadLetter
    message: Message | None
    resolution: DeadLetterResolution | None

    @property
    def tenant_id(self) -> TenantId | None:
        """Whose it is, as far as that can be read."""
        match self.message:
            case ImageJob() | WebhookDelivery() | WebhookRedelivery():
                return self.message.tenant_id
            case Command() | Event():
                return self.message.metadata.tenant_id
            case _:
                return None

    @property
    def host(self) -> str | None:
        """The host that a job wanted to download from."""
        if not isinstance(self.message, ImageJob) or not self.message.source:
            return None
        try:
            return urlsplit(self.message.source.url or "").hostname
        except ValueError:
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterFilter:
    """Which letters somebody wants to see: those of which all that is named here is so."""

    code: str | None = None
    host: str | None = None
    tenant_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def matches(self, entry: DeadLetterEntry) -> bool:
        """Tell whether a letter is wanted; ``until`` itself is not."""
        parked_at = entry.dead.parked_at
        return (
            self.code in (None, entry.dead.code)
            and self.host in (None, entry.host)
            and self.tenant_id in (None, entry.tenant_id)
            and (self.since is None or parked_at >= self.since)
            and (self.until is None or parked_at < self.until)
        )


def read_entry(record: Record, resolution: DeadLetterResolution | None) -> DeadLetterEntry | None:
    """Read a record of a topic of dead letters; None when it holds something else."""
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

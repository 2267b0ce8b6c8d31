"""What every command carries."""

from dataclasses import dataclass
from datetime import datetime

from domain.values import (
    Actor,
    CommandId,
    CorrelationId,
    TenantId,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandMetadata:
    """Who wants it, of which aggregate, and where the answer goes.

    ``expected_version`` is the client's If-Match; ``fingerprint`` names the content of a client's
    request, so that a key used twice with other content is noticed; ``reply_partition`` is where
    the waiting HTTP instance listens. All three are absent in what nobody waits for; the decider
    takes the command's id for a fingerprint then, unless it is a WorkReport.
    """

    command_id: CommandId
    tenant_id: TenantId
    entity_id: str
    issued_at: datetime
    correlation_id: CorrelationId
    actor: Actor
    expected_version: int | None
    fingerprint: str | None
    reply_partition: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A request to change an aggregate: it may be refused, and then nothing happened."""

    metadata: CommandMetadata

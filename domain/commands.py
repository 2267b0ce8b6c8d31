"""Commands, and the metadata that each of them carries."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from domain.values import Actor, CommandId, CorrelationId, TenantId


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

    @classmethod
    def from_system(
        cls,
        actor: Actor,
        command_id: CommandId,
        *,
        tenant_id: TenantId,
        entity_id: str,
        correlation_id: CorrelationId,
        now: datetime,
    ) -> Self:
        """Describe a command that the platform sends itself, and whose reply nobody waits for."""
        return cls(
            command_id=command_id,
            tenant_id=tenant_id,
            entity_id=entity_id,
            issued_at=now,
            correlation_id=correlation_id,
            actor=actor,
            expected_version=None,
            fingerprint=None,
            reply_partition=None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A request to change an aggregate: it may be refused, and then nothing happened."""

    metadata: CommandMetadata

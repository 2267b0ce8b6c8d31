"""Sending commands to their deciders, and waiting for what they say."""

import asyncio

from avro_schemas.codec import encode
from domain.asset.commands import AssetCommand
from domain.bulk_operation.commands import OperationCommand
from domain.category.commands import CatalogueCommand
from domain.outcomes import Outcome
from infra.decider_runtime.pending_replies import PendingReplies
from infra.failpoints import pass_by
from infra.kafka.producer import RecordSender
from infra.kafka.topics import ASSET_COMMANDS, CATEGORY_COMMANDS, OPERATION_COMMANDS, Topic

AnyCommand = AssetCommand | CatalogueCommand | OperationCommand


class CommandClient:
    """Puts commands to their deciders by way of the log."""

    def __init__(self, sender: RecordSender, outcomes: PendingReplies) -> None:
        self._sender = sender
        self._outcomes = outcomes

    async def ask(self, command: AnyCommand, wait_seconds: float) -> Outcome | None:
        """Return what became of a command, or None when that is not known in time.

        None means that the command is durable and will be decided. Raises Overloaded (it was not
        sent), BrokerUnavailable (it may have been).
        """
        if wait_seconds <= 0:
            await self._append(command)
            return None
        with self._outcomes.expect(command.metadata) as outcome:
            await self._append(command)
            try:
                async with asyncio.timeout(wait_seconds):
                    return await outcome
            except TimeoutError:
                return None

    async def _append(self, command: AnyCommand) -> None:
        pass_by("api.before_produce")
        topic, key = _place(command)
        await self._sender.send(topic, key, encode(command))
        pass_by("api.after_ack_before_response")


def _place(command: AnyCommand) -> tuple[Topic, str]:
    """Give topic and key: the asset's, or the tenant's, so that one process sees all of it."""
    if isinstance(command, AssetCommand):
        return ASSET_COMMANDS, command.metadata.entity_id
    if isinstance(command, CatalogueCommand):
        return CATEGORY_COMMANDS, command.metadata.tenant_id
    return OPERATION_COMMANDS, command.metadata.tenant_id

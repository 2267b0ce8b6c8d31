"""Sending commands to the decider, and waiting for what it says."""

import asyncio
from typing import Protocol

from avro_schemas.codec import encode
from command_api.outcomes import Outcomes
from domain.commands import AssetCommand, CatalogueCommand
from domain.outcomes import Outcome
from infra.failpoints import pass_by
from infra.sending import Position
from infra.topics import ASSET_COMMANDS, CATEGORY_COMMANDS, Topic


class CommandSender(Protocol):
    """What appends commands: infra.sending.Sender."""

    async def send(self, topic: Topic, key: str, value: bytes) -> Position:
        """Append one record; raises Overloaded or BrokerUnavailable."""


class Asker:
    """Puts commands to the decider by way of the log."""

    def __init__(self, sender: CommandSender, outcomes: Outcomes) -> None:
        self._sender = sender
        self._outcomes = outcomes

    async def ask(
        self, command: AssetCommand | CatalogueCommand, wait_seconds: float
    ) -> Outcome | None:
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

    async def _append(self, command: AssetCommand | CatalogueCommand) -> None:
        pass_by("api.before_produce")
        if isinstance(command, AssetCommand):
            topic, key = ASSET_COMMANDS, command.metadata.entity_id
        else:
            topic, key = CATEGORY_COMMANDS, command.metadata.tenant_id
        await self._sender.send(topic, key, encode(command))
        pass_by("api.after_ack_before_response")

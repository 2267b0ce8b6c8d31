"""The command client: sends commands to their deciders and waits for the replies."""

import asyncio
from collections.abc import Callable
from typing import Generic, cast

from avro_schemas.codec import Message, encode
from domain.commands import Command
from infra.decider_runtime.pending_replies import PendingReplies, ReplyT
from infra.failpoints import pass_by
from infra.kafka.producer import RecordSender
from infra.kafka.topics import TOPICS

_TOPICS = {topic.name: topic for topic in TOPICS}


class CommandClient(Generic[ReplyT]):
    """Sends commands to their deciders by way of the log.

    ``stream_of`` names the topic of a command, and the key under which it goes there.
    """

    def __init__(
        self,
        sender: RecordSender,
        replies: PendingReplies[ReplyT],
        stream_of: Callable[[Command], tuple[str, str]],
    ) -> None:
        self._sender = sender
        self._replies = replies
        self._stream_of = stream_of

    async def ask(self, command: Command, wait_seconds: float) -> ReplyT | None:
        """Return what became of a command, or None when that is not known in time.

        None means that the command is durable and will be decided. Raises Overloaded (it was not
        sent), BrokerUnavailable (it may have been).
        """
        if wait_seconds <= 0:
            await self._append(command)
            return None
        with self._replies.expect(command.metadata) as reply:
            await self._append(command)
            try:
                async with asyncio.timeout(wait_seconds):
                    return await reply
            except TimeoutError:
                return None

    async def _append(self, command: Command) -> None:
        pass_by("api.before_produce")
        topic, key = self._stream_of(command)
        value = encode(cast("Message", command))  # every command is one
        await self._sender.send(_TOPICS[topic], key, value)
        pass_by("api.after_ack_before_response")

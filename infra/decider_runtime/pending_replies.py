"""Pending replies: each instance waits on one partition of command-results."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Generic, Protocol, TypeVar

from avro_schemas.codec import Message, decode
from avro_schemas.errors import KeysLost
from domain.commands import CommandMetadata
from domain.values import CommandId
from infra.kafka.client import Kafka
from infra.kafka.partition_reader import PartitionReader, Record
from infra.kafka.tailer import Tailer
from infra.kafka.topics import COMMAND_RESULTS

_END = -1  # librdkafka's word for wherever the partition ends now


class CommandReply(Protocol):
    """What became of a command."""

    @property
    def command_id(self) -> CommandId:
        """Which command it was."""

    @property
    def fingerprint(self) -> str | None:
        """Which of several requests with one Idempotency-Key it was."""


ReplyT = TypeVar("ReplyT", bound=CommandReply)


class PendingReplies(Generic[ReplyT]):
    """Hands each reply to all who wait for just that, in the event loop they wait in.

    ``partition`` is where the decider is to write the replies; other instances may share it, what
    nobody here waits for is passed over, and what is no reply according to ``reply_in``, too.
    """

    def __init__(self, partition: int, reply_in: Callable[[Message], ReplyT | None]) -> None:
        self.partition = partition
        self._reply_in = reply_in
        self._waiting = defaultdict[CommandId, list[tuple[str | None, asyncio.Future[ReplyT]]]](
            list
        )

    @contextmanager
    def expect(self, command: CommandMetadata) -> Iterator[asyncio.Future[ReplyT]]:
        """Wait for the reply to a command from before it is sent.

        Two requests with one Idempotency-Key and two bodies, here or at another instance, each
        get their own: the fingerprint tells them apart.
        """
        waiting = command.fingerprint, asyncio.get_running_loop().create_future()
        self._waiting[command.command_id].append(waiting)
        try:
            yield waiting[1]
        finally:
            self._waiting[command.command_id].remove(waiting)
            if not self._waiting[command.command_id]:
                del self._waiting[command.command_id]

    def deliver(self, reply: ReplyT) -> None:
        """Wake all who wait for this reply; call it in their event loop."""
        for fingerprint, future in self._waiting.get(reply.command_id, ()):
            if fingerprint == reply.fingerprint and not future.done():
                future.set_result(reply)

    def receive(self, record: Record) -> None:
        """Take in one record of command-results; callable from any thread.

        A reply that cannot be decrypted raises KeysLost: the command has been decided.
        """
        command_id = CommandId(record.key.decode())
        waiting = list(self._waiting.get(command_id, ()))
        if not waiting:  # only what is waited for is worth decoding
            return
        loop = waiting[0][1].get_loop()
        try:
            reply = self._reply_in(decode(record.value))
        except KeysLost as lost:
            loop.call_soon_threadsafe(self._give_up, command_id, lost)
            return
        if reply is not None:
            loop.call_soon_threadsafe(self.deliver, reply)

    def _give_up(self, command_id: CommandId, lost: KeysLost) -> None:
        for _, future in self._waiting.get(command_id, ()):
            if not future.done():
                future.set_exception(lost)


def follow_replies(kafka: Kafka, replies: PendingReplies[Any]) -> Tailer:
    """Receive every reply from now on; use the result as a context.

    What was written before it ``is_current`` may be missed.
    """
    return Tailer(
        "command-results",
        lambda: PartitionReader(kafka, COMMAND_RESULTS, {replies.partition: _END}),
        replies.receive,
    )

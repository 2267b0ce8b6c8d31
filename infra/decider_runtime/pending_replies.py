"""Waiting for decisions: each instance follows one partition of command-results."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from avro_schemas.codec import decode
from avro_schemas.errors import KeysLost
from domain.commands import CommandMetadata
from domain.outcomes import CommandAccepted, CommandRefused, Outcome
from domain.values import CommandId
from infra.kafka.client import Kafka
from infra.kafka.partition_reader import PartitionReader, Record
from infra.kafka.tailer import Tailer
from infra.kafka.topics import COMMAND_RESULTS

_END = -1  # librdkafka's word for wherever the partition ends now


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Waiting:
    """One request; others with the same Idempotency-Key may want something else."""

    fingerprint: str | None
    outcome: asyncio.Future[Outcome]


class PendingReplies:
    """Hands each outcome to all who asked for just that, in the event loop they wait in.

    ``partition`` is where the decider is to write the outcomes; other instances may share it, what
    nobody here waits for is passed over.
    """

    def __init__(self, partition: int) -> None:
        self.partition = partition
        self._waiting: dict[CommandId, list[_Waiting]] = {}

    @contextmanager
    def expect(self, command: CommandMetadata) -> Iterator[asyncio.Future[Outcome]]:
        """Wait for the outcome of a command from before it is sent.

        Two requests with one Idempotency-Key and two bodies, here or at another instance, each
        get their own: the fingerprint tells them apart.
        """
        waiting = _Waiting(
            fingerprint=command.fingerprint,
            outcome=asyncio.get_running_loop().create_future(),
        )
        waiting_too = self._waiting.setdefault(command.command_id, [])
        waiting_too.append(waiting)
        try:
            yield waiting.outcome
        finally:
            waiting_too.remove(waiting)
            if not waiting_too:
                del self._waiting[command.command_id]

    def deliver(self, outcome: Outcome) -> None:
        """Wake all who wait for this outcome; call it in their event loop."""
        for waiting in self._waiting.get(outcome.command_id, ()):
            if waiting.fingerprint == outcome.fingerprint and not waiting.outcome.done():
                waiting.outcome.set_result(outcome)

    def receive(self, record: Record) -> None:
        """Take in one record of command-results; callable from any thread.

        Who waits for one that cannot be opened is told KeysLost: the command has been decided.
        """
        command_id = CommandId(record.key.decode())
        waiting = list(self._waiting.get(command_id, ()))
        if not waiting:  # only what is waited for is worth decoding
            return
        loop = waiting[0].outcome.get_loop()
        try:
            outcome = decode(record.value)
        except KeysLost as lost:
            loop.call_soon_threadsafe(self._give_up, command_id, lost)
            return
        if isinstance(outcome, CommandAccepted | CommandRefused):
            loop.call_soon_threadsafe(self.deliver, outcome)

    def _give_up(self, command_id: CommandId, lost: KeysLost) -> None:
        for waiting in self._waiting.get(command_id, ()):
            if not waiting.outcome.done():
                waiting.outcome.set_exception(lost)


def follow_replies(kafka: Kafka, outcomes: PendingReplies) -> Tailer:
    """Receive every outcome from now on; use the result as a context.

    What was written before it ``is_current`` may be missed.
    """
    return Tailer(
        "command-results",
        lambda: PartitionReader(kafka, COMMAND_RESULTS, {outcomes.partition: _END}),
        outcomes.receive,
    )

"""Waiting for decisions: each instance follows one partition of command-results."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from avro_schemas.codec import decode
from domain.commands import CommandMetadata
from domain.outcomes import CommandAccepted, CommandRefused, Outcome
from domain.values import CommandId
from infra.kafka import Kafka
from infra.reading import Reader, Record
from infra.tailing import Tail
from infra.topics import COMMAND_RESULTS
from infra.web.errors import RequestInProgress

_END = -1  # librdkafka's word for wherever the partition ends now


@dataclass(slots=True, kw_only=True)
class _Waiting:
    fingerprint: str | None
    futures: list[asyncio.Future[Outcome]] = field(default_factory=list)


class Outcomes:
    """Hands each outcome to all who wait for its command, in the event loop they wait in.

    ``partition`` is where the decider is to write the outcomes; other instances may share it, what
    nobody here waits for is passed over.
    """

    def __init__(self, partition: int) -> None:
        self.partition = partition
        self._waiting: dict[CommandId, _Waiting] = {}

    @contextmanager
    def expect(self, command: CommandMetadata) -> Iterator[asyncio.Future[Outcome]]:
        """Wait for the outcome of a command from before it is sent.

        Raises RequestInProgress when the same command is waited for with other content.
        """
        waiting = self._waiting.setdefault(
            command.command_id, _Waiting(fingerprint=command.fingerprint)
        )
        if waiting.fingerprint != command.fingerprint:
            raise RequestInProgress(
                "another request with this Idempotency-Key is under way; use a key of its own"
            )
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        waiting.futures.append(future)
        try:
            yield future
        finally:
            waiting.futures.remove(future)
            if not waiting.futures:
                del self._waiting[command.command_id]

    def deliver(self, outcome: Outcome) -> None:
        """Wake all who wait for this outcome; call it in their event loop."""
        waiting = self._waiting.get(outcome.command_id)
        for future in waiting.futures if waiting else ():
            if not future.done():
                future.set_result(outcome)

    def receive(self, record: Record) -> None:
        """Take in one record of command-results; callable from any thread."""
        waiting = self._waiting.get(CommandId(record.key.decode()))
        futures = list(waiting.futures) if waiting else []
        if futures:  # only what is waited for is worth decoding
            outcome = decode(record.value)
            if isinstance(outcome, CommandAccepted | CommandRefused):
                futures[0].get_loop().call_soon_threadsafe(self.deliver, outcome)


def follow_outcomes(kafka: Kafka, outcomes: Outcomes) -> Tail:
    """Receive every outcome from now on; use the result as a context.

    What was written before it ``is_current`` may be missed.
    """
    return Tail(
        "command-results",
        lambda: Reader(kafka, COMMAND_RESULTS, {outcomes.partition: _END}),
        outcomes.receive,
    )

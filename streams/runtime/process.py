"""Start, repeated steps and stop of a stream process."""

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterable
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

from prometheus_client import Counter

from domain.errors import ScaleHosterError
from infra.encryption import use_keyring
from infra.errors import BrokerUnavailable
from infra.kafka.admin import check_topics
from infra.kafka.client import Kafka
from infra.kafka.group_consumer import GroupConsumer, Partition
from infra.kafka.topics import Topic
from infra.logs import configure
from infra.settings import Settings

_PAUSE_SECONDS = 1.0

ProcessStep = Callable[[], Awaitable[int]]

log = logging.getLogger(__name__)


def run_process(
    name: str,
    read_settings: Callable[[], Settings],
    topics: Collection[Topic],
    work: Callable[[Settings], Coroutine[Any, Any, int]],
) -> int:
    """Run a process and return its exit code; 1 if settings, topics or keyring are wrong.

    A process without topics reads nothing that is encrypted, and needs no keyring.
    """
    try:
        settings = read_settings()
        configure(name, settings.log_level)
        if topics:
            check_topics(settings.kafka.connection(), topics)
            use_keyring(settings)
        return asyncio.run(work(settings))
    except ScaleHosterError as error:
        sys.stderr.write(f"{name}: {error}\n")
        return 1


async def repeat_steps(
    steps: Iterable[tuple[str, ProcessStep]], done: Counter, stopping: asyncio.Event
) -> None:
    """Repeat steps concurrently, and count by kind what they did.

    Ends when ``stopping`` is set. A step that raises BrokerUnavailable is repeated after a pause;
    any other exception ends all.
    """
    async with asyncio.TaskGroup() as group:
        for kind, step in steps:
            group.create_task(_repeat(step, done.labels(kind), stopping))


async def _repeat(step: ProcessStep, done: Counter, stopping: asyncio.Event) -> None:
    while not stopping.is_set():
        try:
            done.inc(await step())
        except BrokerUnavailable as error:
            log.warning("going on in %s s: %s", _PAUSE_SECONDS, error)
            await asyncio.sleep(_PAUSE_SECONDS)


def open_reader(
    kafka: Kafka,
    readers: ExitStack,
    longest_step_seconds: int,
    topic: Topic,
    group: str,
    on_revoked: Callable[[list[Partition]], None] | None = None,
) -> GroupConsumer:
    """Read a topic as a member of a group until ``readers`` is closed.

    It goes on where it was after any length of time, even if the broker forgot the offsets.
    """
    reader = GroupConsumer(
        kafka,
        group,
        [topic],
        on_revoked=on_revoked,
        max_poll_seconds=longest_step_seconds,
        keeps_offsets=True,
    )
    return readers.enter_context(reader)


def now() -> datetime:
    """Return the present time in UTC."""
    return datetime.now(UTC)

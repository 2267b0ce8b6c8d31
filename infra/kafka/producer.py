"""The producer for plain topics: a record counts once the broker has acknowledged it."""

import asyncio
from dataclasses import dataclass
from typing import Protocol, Self

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from infra.errors import BrokerUnavailable, Overloaded, RecordRefused
from infra.failpoints import pass_by
from infra.kafka.client import Kafka
from infra.kafka.record_limits import is_about_the_record, require_writable
from infra.kafka.topics import Topic

_PAUSE_SECONDS = 0.001
_FLUSH_SECONDS = 20.0

# librdkafka reports as delivered what a later batch seems to prove, and the proof is none while the
# broker knows nothing of the producer yet: it takes any first batch.
WITHOUT_AN_OFFSET = "it was reported as delivered, but not where"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPosition:
    """A place in the log; ``str`` spells it with colons."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}:{self.partition}:{self.offset}"


class RecordSender(Protocol):
    """Appends records: RecordProducer, or a fake of it."""

    async def send(self, topic: Topic, key: str, value: bytes | None, /) -> LogPosition:
        """Append durably; raises BrokerUnavailable, Overloaded and RecordRefused."""


class RecordProducer:
    """Sends records; a send that returned is durable, one that raised may be durable too.

    Raises Overloaded when our own queue is full (nothing was sent), BrokerUnavailable when the
    broker did not say within 20 s where it lies (whether it was written is then unknown), and
    RecordRefused for a record that was not written and never can be. Use it as an asynchronous
    context, in one event loop: that loop also looks for the delivery reports, because a thread
    that did would fight with it for the interpreter at every single record.
    """

    def __init__(self, kafka: Kafka) -> None:
        self._kafka = kafka
        self._producer = Producer(kafka.producer())
        self._is_looking = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + _FLUSH_SECONDS
        while len(self._producer) and loop.time() < ends_at:
            self._producer.poll(0)
            await asyncio.sleep(_PAUSE_SECONDS)

    async def send(self, topic: Topic, key: str, value: bytes | None) -> LogPosition:
        """Append one record and wait until the broker has it on all in-sync replicas.

        Without a value it ends what a compacted topic keeps under the key.
        """
        require_writable(topic, key, value)
        loop = asyncio.get_running_loop()
        delivered: asyncio.Future[LogPosition] = loop.create_future()

        def on_delivery(error: KafkaError | None, message: Message) -> None:
            if delivered.done():  # the caller stopped waiting
                return
            offset = message.offset()
            if error is None and offset is not None:
                place = message.partition() or 0
                delivered.set_result(LogPosition(topic=topic.name, partition=place, offset=offset))
            else:
                delivered.set_exception(_failure(topic, error))

        try:
            self._producer.produce(
                self._kafka.topic(topic), key=key, value=value, on_delivery=on_delivery
            )
        except BufferError as error:
            raise Overloaded("the queue to the broker is full") from error
        except KafkaException as error:
            raise _failure(topic, error.args[0]) from error
        pass_by("api.after_produce_before_ack")
        if not self._is_looking:
            self._is_looking = True
            loop.call_later(_PAUSE_SECONDS, self._look, loop)
        return await delivered

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """Hand out the reports that came, and come back while more are awaited."""
        self._producer.poll(0)
        self._is_looking = len(self._producer) > 0
        if self._is_looking:
            loop.call_later(_PAUSE_SECONDS, self._look, loop)


def _failure(topic: Topic, error: KafkaError | None) -> BrokerUnavailable | RecordRefused:
    reason = error.str() if error else WITHOUT_AN_OFFSET
    if error and is_about_the_record(error):
        return RecordRefused(f"{topic.name} does not take the record: {reason}")
    return BrokerUnavailable(f"{topic.name} was not acknowledged: {reason}")

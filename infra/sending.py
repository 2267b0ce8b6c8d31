"""Appending records to plain topics, each acknowledged by the broker before it counts."""

import asyncio
from dataclasses import dataclass
from threading import Event, Thread
from typing import Self

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from infra.errors import BrokerUnavailable, Overloaded
from infra.failpoints import pass_by
from infra.kafka import Kafka
from infra.topics import Topic

_POLL_SECONDS = 0.1
_FLUSH_SECONDS = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A place in the log."""

    topic: str
    partition: int
    offset: int


class Sender:
    """Sends records; a send that returned is durable, one that raised may be durable too.

    Raises Overloaded when our own queue is full (nothing was sent) and BrokerUnavailable when the
    broker did not acknowledge within 20 s (whether it was written is then unknown). One background
    thread serves the delivery reports. Use it as an asynchronous context.
    """

    def __init__(self, kafka: Kafka) -> None:
        self._kafka = kafka
        self._producer = Producer(kafka.producer())
        self._stopping = Event()
        self._thread = Thread(target=self._serve, name="sender", daemon=True)

    async def __aenter__(self) -> Self:
        self._thread.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self._producer.flush, _FLUSH_SECONDS)
        self._stopping.set()
        await asyncio.to_thread(self._thread.join)

    async def send(self, topic: Topic, key: str, value: bytes) -> Position:
        """Append one record and wait until the broker has it on all in-sync replicas."""
        loop = asyncio.get_running_loop()
        delivered: asyncio.Future[Position] = loop.create_future()

        def on_delivery(error: KafkaError | None, message: Message) -> None:
            if error is None:
                position = Position(
                    topic=topic.name,
                    partition=message.partition() or 0,
                    offset=message.offset() or 0,
                )
                loop.call_soon_threadsafe(_resolve, delivered, position)
            else:
                failure = BrokerUnavailable(f"{topic.name} was not acknowledged: {error.str()}")
                loop.call_soon_threadsafe(_fail, delivered, failure)

        try:
            self._producer.produce(
                self._kafka.topic(topic), key=key, value=value, on_delivery=on_delivery
            )
        except BufferError as error:
            raise Overloaded("the queue to the broker is full") from error
        except KafkaException as error:
            raise BrokerUnavailable(f"{topic.name}: {error}") from error
        pass_by("api.after_produce_before_ack")
        return await delivered

    def _serve(self) -> None:
        while not self._stopping.is_set():
            self._producer.poll(_POLL_SECONDS)


def _resolve(delivered: asyncio.Future[Position], position: Position) -> None:
    if not delivered.done():  # the caller may have stopped waiting
        delivered.set_result(position)


def _fail(delivered: asyncio.Future[Position], failure: BrokerUnavailable) -> None:
    if not delivered.done():
        delivered.set_exception(failure)

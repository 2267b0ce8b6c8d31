"""What the streams cannot work on is buried with its reason, and what lies behind it goes on."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from avro_schemas.codec import Message, decode, encode
from domain.asset.commands import RejectAsset
from domain.asset.jobs import ImageJob
from domain.dead_letter import DeadLetter
from domain.webhook.delivery import WebhookDelivery, WebhookRedelivery
from infra.errors import RecordRefused
from infra.kafka.producer import LogPosition
from infra.kafka.topics import (
    ASSET_COMMANDS,
    ASSET_EVENTS,
    DEAD_LETTERS,
    IMAGE_JOBS,
    IMAGE_JOBS_DEAD_LETTERS,
    IMAGE_JOBS_RETRY_10S,
    WEBHOOK_DELIVERIES,
    WEBHOOK_ENDPOINTS,
    WEBHOOK_REDELIVERIES,
    WEBHOOKS_DEAD_LETTERS,
    Topic,
)
from infra.settings import FetchSettings
from read_models.webhooks.endpoint_table import WebhookEndpointTable
from streams.ingestion.dispatcher.dispatcher import Dispatcher
from streams.ingestion.dispatcher.fair_scheduler import AdmissionLimits, FairScheduler
from streams.ingestion.job_retries import job_retry_policy
from streams.ingestion.worker.fault_breaker import FaultBreaker
from streams.ingestion.worker.job_slots import JobSlots
from streams.ingestion.worker.worker import Worker
from streams.ingestion.worker.worker_metrics import WorkerMetrics
from streams.runtime.retry_policy import RetryPolicy
from streams.runtime.retry_topics import RetryTopicConsumer
from streams.webhooks.deliverer import Deliverer
from streams.webhooks.delivery_retries import delivery_retry_policy
from streams.webhooks.endpoint_health import EndpointHealthTracker
from streams.webhooks.fan_out import DeliveryFanOut
from streams.webhooks.history_replay import HistoryReplay
from tests.support.fakes.stream_fakes import FakeFinder, FakeReader, FakeRuns, record
from tests.support.samples import NOON, metadata, publish
from tests.support.stream_samples import JOB, insert
from tests.support.webhook_parts import DELIVERY, ENDPOINT, FakePoster, answer

POLICY = job_retry_policy(FetchSettings())
BAD = "poison"


class Sender:
    """Keeps what is sent; finds that what is about the asset BAD can never be written."""

    def __init__(self, *, takes_letters: bool = True) -> None:
        self.sent: list[tuple[str, Message]] = []
        self.is_refusing = False
        self._takes_letters = takes_letters

    async def send(self, topic: Topic, key: str, value: bytes | None) -> LogPosition:
        if topic == WEBHOOK_ENDPOINTS:  # how an endpoint fares, which is no message
            return LogPosition(topic=topic.name, partition=0, offset=0)
        message = decode(value or b"")
        is_letter = isinstance(message, DeadLetter)
        is_final = isinstance(message, RejectAsset)
        if self.is_refusing and BAD in repr(message) and not (is_letter or is_final):
            raise RecordRefused("too large")
        if is_letter and not self._takes_letters:
            raise RecordRefused("too large")
        self.sent.append((topic.name, message))
        return LogPosition(topic=topic.name, partition=0, offset=len(self.sent))

    def on(self, topic: Topic) -> list[Message]:
        return [message for name, message in self.sent if name == topic.name]

    def letters(self) -> list[str]:
        names = {topic.name for topic in DEAD_LETTERS}
        found = [each for name, each in self.sent if name in names]
        return [each.code for each in found if isinstance(each, DeadLetter)]


@dataclass(kw_only=True)
class Line:
    """One process of a stream: what it is given, and what comes of the good ones."""

    run: Callable[[Sender, list[bytes], bool], FakeReader | None]
    good: Callable[[str], bytes]
    letters: Topic
    done: Topic
    topic: Topic = field(default=ASSET_EVENTS)


def read(topic: Topic, values: list[bytes]) -> FakeReader:
    return FakeReader(
        [record(value, topic=topic.name, offset=offset) for offset, value in enumerate(values)]
    )


def fails(*_: object, **__: object) -> Any:  # noqa: ANN401 - never returns
    raise ZeroDivisionError("a bug")


def dispatch(sender: Sender, values: list[bytes], has_bug: bool) -> FakeReader:  # noqa: FBT001 - of a matrix
    reader = read(ASSET_EVENTS, values)
    turns = FairScheduler(AdmissionLimits(per_tenant=9, bulk=9, lease=timedelta(hours=1)))
    if has_bug:
        real = turns.apply
        turns.apply = lambda event, event_offset: (  # type: ignore[method-assign] # a bug
            fails() if BAD in event.asset_id else real(event, event_offset)
        )
    dispatcher = Dispatcher(reader.open, FakeFinder([]), sender, turns, lambda: NOON)
    asyncio.run(dispatcher.step())
    return reader


def work(sender: Sender, values: list[bytes], has_bug: bool) -> None:  # noqa: FBT001 - as above
    slots = JobSlots(total=9, per_host=9, patience_seconds=1)
    if has_bug:
        slots.hold = fails  # type: ignore[method-assign] # a bug
    for offset, value in enumerate(values):
        job = decode(value) if value != b"junk" else None
        about = metadata(job.asset_id if isinstance(job, ImageJob) else "none")
        worker = Worker(
            runs=FakeRuns(publish(about)),
            sender=sender,
            slots=slots
            if has_bug and BAD.encode() in value
            else JobSlots(total=9, per_host=9, patience_seconds=1),
            faults=FaultBreaker(),
            policy=POLICY,
            metrics=WorkerMetrics(),
            clock=lambda: NOON,
        )
        asyncio.run(worker.work(record(value, topic=IMAGE_JOBS.name, offset=offset)))


def waiting_if_bad(value: bytes) -> bytes:
    """Mark the bad job by a moment before which it waits."""
    job = decode(value)
    if isinstance(job, ImageJob) and job.asset_id == BAD:
        return encode(replace(job, not_before=NOON))
    return value


def bring_back(sender: Sender, values: list[bytes], has_bug: bool) -> FakeReader:  # noqa: FBT001 - as above
    reader = read(IMAGE_JOBS_RETRY_10S, [waiting_if_bad(value) for value in values])

    class Policy(RetryPolicy):
        def next_topic(self, not_before: datetime | None, now: datetime) -> Topic:
            return fails() if has_bug and not_before else super().next_topic(not_before, now)

    policy = Policy(
        work_topic=POLICY.work_topic, retry_topics=POLICY.retry_topics, delays=POLICY.delays
    )
    tier = RetryTopicConsumer(
        policy.retry_topics[0],
        reader.open,
        sender,
        policy,
        lambda: NOON,
        kind=ImageJob,
        dead_letters=IMAGE_JOBS_DEAD_LETTERS,
    )
    asyncio.run(tier.step())
    return reader


def table() -> WebhookEndpointTable:
    endpoints = WebhookEndpointTable()
    endpoints.put(ENDPOINT)
    return endpoints


def announce(sender: Sender, values: list[bytes], has_bug: bool) -> FakeReader:  # noqa: FBT001 - as above
    reader, endpoints = read(ASSET_EVENTS, values), table()

    async def know() -> None: ...

    announcer = DeliveryFanOut(
        reader=reader,
        sender=sender,
        table=endpoints,
        know_endpoints=know,
        public_base_url="",
        clock=lambda: NOON,
    )
    if has_bug:
        real = announcer._orders  # noqa: SLF001 - where the bug is
        announcer._orders = lambda each: (  # type: ignore[method-assign,assignment] # noqa: SLF001 - as above
            fails() if BAD.encode() in each.value else real(each)
        )
    asyncio.run(announcer.step())
    return reader


def deliver(sender: Sender, values: list[bytes], has_bug: bool) -> FakeReader:  # noqa: FBT001 - as above
    reader, endpoints = read(WEBHOOK_DELIVERIES, values), table()

    class Poster(FakePoster):
        async def post(self, endpoint: Any, delivery: WebhookDelivery, now: Any) -> Any:  # noqa: ANN401 - handed on
            if has_bug and delivery.entity_id == BAD:
                fails()
            return answer(500) if delivery.entity_id == BAD else answer(200)

    deliverer = Deliverer(
        open_reader=reader.open,
        sender=sender,
        table=endpoints,
        webhook_sender=Poster(),
        retry_policy=delivery_retry_policy((5, 60)),
        endpoint_health=EndpointHealthTracker(endpoints, sender, disable_after=timedelta(days=5)),
        clock=lambda: NOON,
    )

    async def all_of_it() -> None:
        await deliverer.step()
        await deliverer.finish()
        await deliverer.step()

    asyncio.run(all_of_it())
    return reader


@pytest.fixture
def sender() -> Sender:
    return Sender()


def delivery(name: str) -> bytes:
    return encode(replace(DELIVERY, entity_id=name, delivery_id=name, event_id=name, body=name))  # type: ignore[arg-type] # an id is text


LINES = {
    "dispatcher": Line(
        run=dispatch,
        good=lambda name: encode(insert(name)),
        letters=IMAGE_JOBS_DEAD_LETTERS,
        done=IMAGE_JOBS,
    ),
    "worker": Line(
        run=work,
        good=lambda name: encode(replace(JOB, asset_id=name)),  # type: ignore[arg-type] # an id is text
        letters=IMAGE_JOBS_DEAD_LETTERS,
        done=ASSET_COMMANDS,
        topic=IMAGE_JOBS,
    ),
    "retry tier": Line(
        run=bring_back,
        good=lambda name: encode(replace(JOB, asset_id=name)),  # type: ignore[arg-type] # as above
        letters=IMAGE_JOBS_DEAD_LETTERS,
        done=IMAGE_JOBS,
        topic=IMAGE_JOBS_RETRY_10S,
    ),
    "announcer": Line(
        run=announce,
        good=lambda name: encode(insert(name)),
        letters=WEBHOOKS_DEAD_LETTERS,
        done=WEBHOOK_DELIVERIES,
    ),
    "deliverer": Line(
        run=deliver,
        good=delivery,
        letters=WEBHOOKS_DEAD_LETTERS,
        done=WEBHOOKS_DEAD_LETTERS,
        topic=WEBHOOK_DELIVERIES,
    ),
}


@pytest.mark.parametrize("takes_letters", [True, False], ids=["", "nor its letter"])
@pytest.mark.parametrize("wrong", ["refused", "bug"])
@pytest.mark.parametrize("name", LINES)
def test_one_poisonous_record_holds_up_nobody(
    name: str, wrong: str, *, takes_letters: bool
) -> None:
    line, sender = LINES[name], Sender(takes_letters=takes_letters)
    sender.is_refusing = wrong == "refused"
    values = [line.good("first"), line.good(BAD), line.good("last")]
    reader = line.run(sender, values, wrong == "bug")

    assert sender.letters() == (["internal"] if takes_letters else [])
    others = repr(sender.on(line.done))
    if line.done != line.letters:
        assert "first" in others
        assert "last" in others
    if reader:
        assert reader.committed == {(line.topic.name, 0): 3}


@pytest.mark.parametrize("name", [name for name in LINES if name != "retry tier"])
def test_what_cannot_be_read_is_buried(name: str, sender: Sender) -> None:
    line = LINES[name]
    reader = line.run(sender, [b"junk", line.good("last")], False)  # noqa: FBT003 - no bug
    assert sender.letters() == ["undecodable"]
    if reader:
        assert reader.committed == {(line.topic.name, 0): 2}


@contextmanager
def broken_history(_starts: Mapping[int, int]) -> Iterator[Any]:
    raise ZeroDivisionError("a bug")
    yield


def test_an_order_to_tell_history_again_that_fails_is_buried(sender: Sender) -> None:
    order = WebhookRedelivery(
        redelivery_id="r-1",
        endpoint_id=ENDPOINT.endpoint_id,
        tenant_id=ENDPOINT.tenant_id,
        since=NOON,
        until=NOON,
        event_types=(),
        positions=(0,) * 12,
        ends=(1,) * 12,
    )
    reader = read(WEBHOOK_REDELIVERIES, [encode(order)])
    redeliverer = HistoryReplay(
        reader=reader,
        sender=sender,
        table=table(),
        bounds=None,  # type: ignore[arg-type] # not asked
        open_history=broken_history,
        public_base_url="",
        clock=lambda: NOON,
        portion=1,
    )
    asyncio.run(redeliverer.step())
    assert sender.letters() == ["internal"]
    assert reader.committed == {(WEBHOOK_REDELIVERIES.name, 0): 1}

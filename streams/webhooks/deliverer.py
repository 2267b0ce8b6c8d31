"""The deliverer: tries each delivery, and moves what has to wait to a retry topic."""

import asyncio
import logging
import random
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from avro_schemas.codec import decode, encode
from avro_schemas.errors import Undecodable
from domain.webhook.delivery import AttemptOutcome, WebhookAttempt, WebhookDelivery
from domain.webhook.endpoint import WebhookEndpoint
from infra.failpoints import pass_by
from infra.kafka.group_consumer import Partition
from infra.kafka.partition_reader import Record
from infra.kafka.producer import RecordSender
from infra.kafka.topics import WEBHOOK_ATTEMPTS, WEBHOOKS_DEAD_LETTERS
from read_models.webhooks.endpoint_table import WebhookEndpointTable
from streams.runtime.ack_window import AckSlot, AckWindow
from streams.runtime.dead_letter_queue import dead_lettered_if_it_fails, send_dead_letter
from streams.runtime.durable_producer import send_until_durable
from streams.runtime.record_consumer import RecordConsumer, commit_if_possible
from streams.runtime.retry_policy import RetryPolicy
from streams.webhooks.endpoint_health import EndpointHealthTracker
from streams.webhooks.endpoint_limits import MOST_AT_ONCE, EndpointLimits
from streams.webhooks.webhook_sender import DeliveryResponse

_BATCH = 200
_POLL_SECONDS = 0.1
_GONE = 410

log = logging.getLogger(__name__)


class DeliverySender(Protocol):
    """What tries a delivery once: streams.webhooks.webhook_sender.WebhookSender."""

    async def post(
        self, endpoint: WebhookEndpoint, delivery: WebhookDelivery, now: datetime, /
    ) -> DeliveryResponse:
        """Return the response of the endpoint, or why there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Taken:
    """A record that was read, and its slot in the window of its partition."""

    record: Record
    window: AckWindow[int]
    place: AckSlot[int]


@dataclass(kw_only=True)
class Deliverer:
    """Reads deliveries and makes one attempt at each.

    A record is committed once what follows from it is durable: the attempt's record, and if it
    failed the same delivery in a retry topic, or its dead letter. A delivery whose endpoint is at
    its limit is sent to a retry topic at once. So no endpoint blocks a partition, and memory holds
    only the attempts under way. After a crash an attempt may be made again, under the same id.
    """

    open_reader: Callable[[Callable[[list[Partition]], None]], RecordConsumer]
    sender: RecordSender
    table: WebhookEndpointTable
    webhook_sender: DeliverySender
    retry_policy: RetryPolicy
    endpoint_health: EndpointHealthTracker
    clock: Callable[[], datetime]
    limits: EndpointLimits = field(default_factory=EndpointLimits)

    def __post_init__(self) -> None:
        """Join the group."""
        self._windows: dict[Partition, AckWindow[int]] = {}
        self._done: dict[Partition, int] = {}
        self._lost: list[Partition] = []  # filled by the reader's thread
        self._running: set[asyncio.Task[None]] = set()
        self._fault: BaseException | None = None
        self._reader = self.open_reader(self._lost.extend)

    async def step(self) -> int:
        """Begin the next few deliveries, and count them; raises BrokerUnavailable.

        A delivery that our own code fails on is dead-lettered. KeysLost of an earlier one is
        raised: what is under way is then not settled, and another process begins with it.
        """
        if self._fault is not None:
            raise self._fault
        records = await asyncio.to_thread(self._reader.poll, _BATCH, _POLL_SECONDS)
        while self._lost:
            self._let_go(self._lost.pop())
        for record in records:
            while len(self._running) >= MOST_AT_ONCE:
                await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
            self._take(record)
        await asyncio.to_thread(self._commit)
        return len(records)

    async def finish(self) -> None:
        """Wait for the attempts under way, and commit."""
        await asyncio.gather(*self._running)
        await asyncio.to_thread(self._commit)

    def _take(self, record: Record) -> None:
        window = self._windows.setdefault((record.topic, record.partition), AckWindow())
        taken = _Taken(record=record, window=window, place=window.enter(record.offset))
        try:
            delivery = decode(record.value)
        except Undecodable as error:
            self._start(self._dead_letter(record, "undecodable", str(error)), taken)
            return
        if not isinstance(delivery, WebhookDelivery):
            self._start(self._dead_letter(record, "no_delivery", type(delivery).__name__), taken)
            return
        endpoint = self.table.get(delivery.endpoint_id)
        is_on = endpoint is not None and self.table.is_on(delivery.endpoint_id)
        if endpoint is None or not is_on or not delivery.body:
            self._settle(taken)  # removed or switched off since, or erased what it tells
            return
        now = self.clock()
        is_due = delivery.not_before is None or delivery.not_before <= now
        if is_due and self.limits.enter(delivery.endpoint_id, endpoint.tenant_id):
            self._start(self._attempt(endpoint, delivery, record), taken)
            return
        if is_due:
            room_at = self.limits.room_at(delivery.endpoint_id, now)
            delivery = replace(delivery, not_before=room_at)
        self._start(self._hold(delivery, now), taken)

    def _start(self, work: Coroutine[None, None, None], taken: _Taken) -> None:
        async def run() -> None:
            async with dead_lettered_if_it_fails(
                self.sender, WEBHOOKS_DEAD_LETTERS, taken.record, self.clock
            ):
                await work
            self._settle(taken)

        task = asyncio.create_task(run())
        self._running.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            self._fault = self._fault or task.exception()

    async def _attempt(
        self, endpoint: WebhookEndpoint, delivery: WebhookDelivery, record: Record
    ) -> None:
        began_at = self.clock()
        try:
            answer = await self.webhook_sender.post(endpoint, delivery, began_at)
        except BaseException:
            self.limits.leave(delivery.endpoint_id, seconds=0.0, is_well=False)
            raise
        self.limits.leave(delivery.endpoint_id, seconds=answer.seconds, is_well=answer.is_well)
        pass_by("notifier.after_post_before_note")
        note = _note(delivery, answer, began_at)
        if answer.is_well:
            await self.endpoint_health.record_success(delivery.endpoint_id)
            await self._record_attempt("delivered", note)
        elif answer.status == _GONE:
            await self.endpoint_health.record_gone(delivery.endpoint_id, began_at)
            await self._record_attempt("given_up", note)
        else:
            await self.endpoint_health.record_failure(delivery.endpoint_id, began_at)
            await self._again(delivery, answer, record, note)

    async def _again(
        self,
        delivery: WebhookDelivery,
        answer: DeliveryResponse,
        record: Record,
        note: WebhookAttempt,
    ) -> None:
        now = self.clock()
        jitter = random.random()  # noqa: S311 - spreads load, guards nothing
        retry_at = self.retry_policy.retry_at(
            delivery.attempts, answer.retry_after_seconds, now, jitter
        )
        if retry_at is None:
            await self._dead_letter(record, "given_up", answer.detail)
            await self._record_attempt("given_up", note)
            return
        attempts = delivery.attempts + 1
        await self._hold(replace(delivery, attempts=attempts, not_before=retry_at), now)
        await self._record_attempt("failed", replace(note, next_attempt_at=retry_at))

    async def _hold(self, delivery: WebhookDelivery, now: datetime) -> None:
        topic = self.retry_policy.next_topic(delivery.not_before, now)
        await send_until_durable(self.sender, topic, delivery.endpoint_id, encode(delivery))

    async def _record_attempt(self, outcome: AttemptOutcome, note: WebhookAttempt) -> None:
        attempt = encode(replace(note, outcome=outcome))
        await send_until_durable(self.sender, WEBHOOK_ATTEMPTS, note.endpoint_id, attempt)

    async def _dead_letter(self, record: Record, code: str, detail: str) -> None:
        await send_dead_letter(
            self.sender, WEBHOOKS_DEAD_LETTERS, record, code, detail, self.clock()
        )

    def _settle(self, taken: _Taken) -> None:
        ready = taken.window.finish(taken.place)
        if ready:
            self._done[taken.record.topic, taken.record.partition] = ready[-1] + 1

    def _let_go(self, partition: Partition) -> None:
        """Forget a partition that was revoked."""
        window = self._windows.pop(partition, None)
        if window is not None:
            window.clear()
        self._done.pop(partition, None)

    def _commit(self) -> None:
        done, self._done = self._done, {}
        commit_if_possible(self._reader, done)  # else they are delivered again, under the same ids


def _note(delivery: WebhookDelivery, answer: DeliveryResponse, at: datetime) -> WebhookAttempt:
    return WebhookAttempt(
        delivery_id=delivery.delivery_id,
        endpoint_id=delivery.endpoint_id,
        event_id=delivery.event_id,
        event_type=delivery.event_type,
        is_redelivery=delivery.is_redelivery,
        number=delivery.attempts + 1,
        attempted_at=at,
        duration_ms=round(answer.seconds * 1_000),
        outcome="failed",
        status=answer.status,
        detail=answer.detail,
        next_attempt_at=None,
    )

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from avro_schemas.codec import decode, encode
from domain.asset.commands import ReplaceSource, ReprocessAsset
from domain.asset.jobs import ImageJob
from domain.values import Source, TenantId
from infra.errors import BrokerUnavailable
from infra.kafka.dead_letter_queue import DeadLetterNotFound, DeadLetterResolution, dead_letter
from infra.kafka.partition_reader import Record
from infra.kafka.topics import (
    COMMANDS_DEAD_LETTERS,
    IMAGE_JOBS_DEAD_LETTERS,
    LARGEST_RECORD_BYTES,
    PROJECTIONS_DEAD_LETTERS,
    WEBHOOKS_DEAD_LETTERS,
    Topic,
)
from read_models.dead_letters import DeadLetterCannotBeSent, DeadLetterFilter, DeadLetterQueue
from tests.support.fakes.memory_dead_letters import MemoryDeadLetterLog
from tests.support.samples import (
    ACME,
    DOG_PICTURE,
    NOON,
    ORIGINAL,
    create_category,
    metadata,
    publish,
    submit,
)
from tests.support.spec import given
from tests.support.stream_samples import JOB, SUBMITTED
from tests.support.webhook_parts import DELIVERY

SOURCE = Source(url="https://pictures.example:8443/1.jpg", upload_key=None, file_name=None)
ANY = DeadLetterFilter()


@pytest.fixture
def log() -> MemoryDeadLetterLog:
    return MemoryDeadLetterLog()


@pytest.fixture
def queue(log: MemoryDeadLetterLog) -> DeadLetterQueue:
    return DeadLetterQueue(log, lambda: NOON)


def listed(
    queue: DeadLetterQueue, wanted: DeadLetterFilter = ANY, topic: str | None = None
) -> list[str]:
    found, after = [], None
    while True:
        page = queue.page(wanted, topic=topic, after=after, at_most=2)
        found += [entry.letter_id for entry in page.letters]
        after = page.next_after
        if after is None:
            return found


def retry(queue: DeadLetterQueue, log: MemoryDeadLetterLog, letter_id: str) -> DeadLetterResolution:
    return asyncio.run(queue.retry(log, queue.entry(letter_id)))


def test_letters_are_listed_page_by_page(
    queue: DeadLetterQueue, log: MemoryDeadLetterLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [log.park(b"junk") for _ in range(5)]
    log.lay(b"no letter at all")

    assert listed(queue) == names
    monkeypatch.setattr("read_models.dead_letters.queue._PAGE_SIZE", 2)
    assert [entry.letter_id for entry in queue.entries(ANY)] == names


def test_a_letter_tells_what_it_is_about(queue: DeadLetterQueue, log: MemoryDeadLetterLog) -> None:
    job = queue.entry(log.park(encode(replace(JOB, source=SOURCE))))
    command = queue.entry(log.park(encode(submit(metadata("x"), "cats"))))
    junk = queue.entry(log.park(b"junk"))

    assert (job.tenant_id, job.host) == (ACME, "pictures.example")
    assert (command.tenant_id, command.host) == (ACME, None)
    assert (junk.tenant_id, junk.host, junk.message) == (None, None, None)


@pytest.mark.parametrize(
    ("wanted", "topic"),
    [
        (DeadLetterFilter(code="undecodable"), None),
        (DeadLetterFilter(host="pictures.example"), None),
        (DeadLetterFilter(tenant_id="globex"), None),
        (DeadLetterFilter(since=NOON + timedelta(minutes=1)), None),
        (DeadLetterFilter(until=NOON), None),
        (ANY, "commands.dead-letters"),
    ],
)
def test_letters_can_be_chosen(
    queue: DeadLetterQueue, log: MemoryDeadLetterLog, wanted: DeadLetterFilter, topic: str | None
) -> None:
    log.park(encode(JOB))
    ours = {
        "code": lambda: log.park(encode(JOB), code="undecodable"),
        "host": lambda: log.park(encode(replace(JOB, source=SOURCE))),
        "tenant_id": lambda: log.park(encode(replace(JOB, tenant_id=TenantId("globex")))),
        "since": lambda: log.park(encode(JOB), minutes=1),
        "until": lambda: log.park(encode(JOB), minutes=-1),
        "topic": lambda: log.park(encode(JOB), topic=COMMANDS_DEAD_LETTERS),
    }
    named = next((name for name in ours if getattr(wanted, name, None)), "topic")

    letter_id = ours[named]()

    assert listed(queue, wanted, topic) == [letter_id]


def test_what_is_settled_is_not_listed_but_still_shown(
    queue: DeadLetterQueue, log: MemoryDeadLetterLog
) -> None:
    dropped, retried, left = (log.park(encode(JOB)) for _ in range(3))
    asyncio.run(queue.drop(log, queue.entry(dropped)))
    retry(queue, log, retried)

    assert listed(queue) == [left]
    assert queue.entry(dropped).resolution == DeadLetterResolution(
        letter_id=dropped, how="dropped", settled_at=NOON
    )


def test_a_job_that_was_given_up_gets_another_run(
    queue: DeadLetterQueue, log: MemoryDeadLetterLog
) -> None:
    for job in (JOB, replace(JOB, source=None, original=ORIGINAL)):
        retry(queue, log, log.park(encode(job)))

    fetched, rendered = (decode(value) for _, _, value in log.sent)
    assert isinstance(fetched, ReplaceSource)
    assert isinstance(rendered, ReprocessAsset)
    assert fetched.source == JOB.source
    assert {(topic, key) for topic, key, _ in log.sent} == {("asset-commands", JOB.asset_id)}


def test_a_retry_that_is_said_twice_is_one_command(
    queue: DeadLetterQueue, log: MemoryDeadLetterLog
) -> None:
    entry = queue.entry(log.park(encode(JOB)))
    for _ in range(2):  # two operators, who both saw it before it was settled
        asyncio.run(queue.retry(log, entry))
    first, second = (decode(value) for _, _, value in log.sent)

    assert isinstance(first, ReplaceSource)
    assert first == second
    retry(queue, log, entry.letter_id)
    assert len(log.sent) == 2, "it is settled"


@pytest.mark.parametrize(
    "origin",
    [
        "image-jobs",
        "asset-commands",
        "category-commands",
        "operation-commands",
        "webhook-deliveries",
        "webhook-redeliveries",
    ],
)
def test_what_nobody_could_read_goes_where_it_came_from(
    queue: DeadLetterQueue, log: MemoryDeadLetterLog, origin: str
) -> None:
    retry(queue, log, log.park(b"of a newer release", origin=origin, code="undecodable"))

    assert log.sent == [(origin, "the key", b"of a newer release")]


def test_a_held_delivery_that_nobody_could_read_is_due_at_once(
    queue: DeadLetterQueue, log: MemoryDeadLetterLog
) -> None:
    held = log.park(b"newer", origin="webhook-deliveries.hold-1h", code="undecodable")
    retry(queue, log, held)

    assert log.sent == [("webhook-deliveries", "the key", b"newer")]


@pytest.mark.parametrize(
    ("origin", "home"),
    [
        ("image-jobs.retry-1m", "image-jobs"),
        ("webhook-deliveries", "webhook-deliveries"),
        ("webhook-deliveries.hold-1m", "webhook-deliveries"),
        ("webhook-redeliveries", "webhook-redeliveries"),
    ],
)
def test_what_met_a_fault_of_ours_is_tried_again(
    queue: DeadLetterQueue, log: MemoryDeadLetterLog, origin: str, home: str
) -> None:
    retry(queue, log, log.park(b"as it was", origin=origin, code="internal"))

    assert log.sent == [(home, "the key", b"as it was")]


def test_what_was_cut_is_not_sent_again(queue: DeadLetterQueue, log: MemoryDeadLetterLog) -> None:
    huge = Record(
        topic="asset-commands",
        partition=0,
        offset=0,
        key=b"k",
        value=b"x" * LARGEST_RECORD_BYTES,
        timestamp_ms=0,
    )
    entry = encode(dead_letter(huge, "undecodable", "junk", NOON))
    with pytest.raises(DeadLetterCannotBeSent, match="1900000 bytes"):
        retry(queue, log, log.lay(entry, COMMANDS_DEAD_LETTERS))
    assert log.sent == []


@pytest.mark.parametrize(
    ("topic", "what_helps"),
    [
        (PROJECTIONS_DEAD_LETTERS, "the projections themselves try it again"),
        (WEBHOOKS_DEAD_LETTERS, "redeliver"),
        (IMAGE_JOBS_DEAD_LETTERS, "the sweeper orders"),
    ],
)
def test_an_event_is_never_sent_again(
    queue: DeadLetterQueue, log: MemoryDeadLetterLog, topic: Topic, what_helps: str
) -> None:
    letters = [
        log.park(encode(SUBMITTED), origin="asset-events", topic=topic),
        log.park(b"of a newer release", origin="asset-events", topic=topic, code="undecodable"),
    ]

    for letter_id in letters:
        with pytest.raises(DeadLetterCannotBeSent, match=what_helps):
            retry(queue, log, letter_id)
    assert (log.sent, listed(queue)) == ([], letters)


def test_a_webhook_that_was_given_up_is_not_sent_again(
    queue: DeadLetterQueue, log: MemoryDeadLetterLog
) -> None:
    letter_id = log.park(
        encode(DELIVERY),
        origin="webhook-deliveries.hold-1h",
        code="given_up",
        topic=WEBHOOKS_DEAD_LETTERS,
    )

    assert queue.entry(letter_id).tenant_id == ACME
    with pytest.raises(DeadLetterCannotBeSent, match=f"{DELIVERY.endpoint_id}/redeliver"):
        retry(queue, log, letter_id)
    assert (log.sent, listed(queue)) == ([], [letter_id])


def test_a_letter_stays_until_its_retry_is_durable(
    queue: DeadLetterQueue, log: MemoryDeadLetterLog
) -> None:
    letter_id = log.park(encode(JOB))
    log.failures.append(BrokerUnavailable("nobody is there"))

    with pytest.raises(BrokerUnavailable):
        retry(queue, log, letter_id)

    assert listed(queue) == [letter_id]


def test_a_letter_that_is_not_there_is_not_found(queue: DeadLetterQueue) -> None:
    with pytest.raises(DeadLetterNotFound):
        queue.entry("image-jobs.dead-letters:0:7")


@pytest.mark.parametrize("job", [JOB, replace(JOB, source=None, original=ORIGINAL)])
def test_a_retry_begins_no_run_of_an_asset_that_has_had_a_newer_one(
    queue: DeadLetterQueue, log: MemoryDeadLetterLog, job: ImageJob
) -> None:
    retry(queue, log, log.park(encode(job)))
    command = decode(log.sent[0][2])
    assert isinstance(command, ReplaceSource | ReprocessAsset)
    submitted = given(create_category("cats"), submit(metadata(JOB.asset_id), "cats"))
    published = submitted.happens(publish(metadata(JOB.asset_id)))
    assert published

    replaced = ReplaceSource(metadata=metadata(JOB.asset_id), source=DOG_PICTURE)
    submitted.happens(replaced)

    assert submitted.happens(command) == [], "the customer's newer picture stays"

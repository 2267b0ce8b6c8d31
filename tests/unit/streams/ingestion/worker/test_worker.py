import asyncio
import errno
from dataclasses import replace
from hashlib import sha256

import pytest

import streams.runtime.durable_producer
from avro_schemas.codec import encode
from avro_schemas.errors import KeysLost
from domain.asset.commands import ConfirmAsset, DelayAsset, RejectAsset
from domain.asset.jobs import FailedAttempt, ImageJob
from domain.dead_letter import DeadLetter
from domain.failures import FailureCode
from domain.identity import result_command_id
from domain.values import AssetId, TenantId
from infra.encryption import Erasure
from infra.errors import (
    BlobNotFound,
    BrokerUnavailable,
    Overloaded,
    StoreUnavailable,
    ViewNotBuilt,
    ViewsMissing,
)
from infra.kafka.record_limits import require_writable
from infra.kafka.topics import (
    ASSET_COMMANDS,
    IMAGE_JOBS_DEAD_LETTERS,
    IMAGE_JOBS_RETRY_1M,
    IMAGE_JOBS_RETRY_10S,
    LARGEST_RECORD_BYTES,
)
from infra.settings import FetchSettings
from streams.ingestion.fetcher import FetchFailed
from streams.ingestion.job_retries import job_retry_policy
from streams.ingestion.worker.duplicate_finder import IsDuplicate
from streams.ingestion.worker.fault_breaker import FaultBreaker
from streams.ingestion.worker.job_slots import JobSlots
from streams.ingestion.worker.worker import Worker
from streams.ingestion.worker.worker_metrics import WorkerMetrics
from streams.rendering import RenderFailed
from tests.support.fakes.stream_fakes import FakeRuns, FakeSender, away, record
from tests.support.keyrings import fixed_keyring, using_encryptor
from tests.support.samples import FETCH, NOON, metadata, publish
from tests.support.stream_samples import JOB

PUBLISH = publish(metadata(JOB.asset_id))
TIRED = replace(
    JOB, failed_attempts=3 * (FailedAttempt(code="timeout", detail="slow", failed_at=NOON),)
)


def worked(
    runs: FakeRuns,
    value: bytes,
    sender: FakeSender | None = None,
    faults: FaultBreaker | None = None,
) -> FakeSender:
    """Let a worker end one record, and give what it sent."""
    sender = sender or FakeSender()
    worker = Worker(
        runs=runs,
        sender=sender,
        slots=JobSlots(total=1, per_host=1, patience_seconds=1),
        faults=faults or FaultBreaker(),
        policy=job_retry_policy(FetchSettings(max_attempts=4, retry_seconds=(10, 60, 600))),
        metrics=WorkerMetrics(),
        clock=lambda: NOON,
    )
    asyncio.run(worker.work(record(value)))
    return sender


def test_a_good_run_sends_its_command_and_nothing_else() -> None:
    sender = worked(FakeRuns(PUBLISH), encode(JOB))

    assert sender.sent == [(ASSET_COMMANDS.name, JOB.asset_id, encode(PUBLISH))]


def test_a_source_that_is_unchanged_ends_its_run() -> None:
    confirm = ConfirmAsset(metadata=metadata(JOB.asset_id), run=1, fetch=FETCH)

    sender = worked(FakeRuns(confirm), encode(JOB))

    assert sender.sent == [(ASSET_COMMANDS.name, JOB.asset_id, encode(confirm))]


@pytest.mark.parametrize(
    "failure",
    [
        FetchFailed("http_status", "gone", status=404),
        RenderFailed("not_an_image", "this is no image"),
    ],
)
def test_what_cannot_get_better_is_rejected_at_once(failure: FetchFailed | RenderFailed) -> None:
    sender = worked(FakeRuns(failure), encode(JOB))

    (command,) = sender.on(ASSET_COMMANDS)
    assert isinstance(command, RejectAsset)
    assert (command.code, command.detail) == (failure.code, failure.detail)
    assert (command.run, command.attempts) == (JOB.run, 1)
    assert command.metadata.command_id == result_command_id(JOB.job_id)
    assert len(sender.sent) == 1


def test_a_duplicate_is_rejected_at_once_and_names_the_other() -> None:
    sender = worked(FakeRuns(IsDuplicate(AssetId("the other"))), encode(JOB))

    (command,) = sender.on(ASSET_COMMANDS)
    assert isinstance(command, RejectAsset)
    assert (command.code, command.duplicate_of) == ("duplicate", "the other")
    assert "the other" in command.detail
    assert len(sender.sent) == 1


def test_what_may_get_better_waits_and_remembers() -> None:
    sender = worked(FakeRuns(FetchFailed("timeout", "slow")), encode(JOB))

    (job,) = sender.on(IMAGE_JOBS_RETRY_10S)
    assert isinstance(job, ImageJob)
    assert job.failed_attempts == (FailedAttempt(code="timeout", detail="slow", failed_at=NOON),)


def test_the_customer_is_told_when_it_is_tried_again_before_it_waits() -> None:
    sender = worked(FakeRuns(FetchFailed("timeout", "slow")), encode(JOB))
    again = worked(FakeRuns(FetchFailed("timeout", "slow")), encode(JOB))

    (command,), (job,) = sender.on(ASSET_COMMANDS), sender.on(IMAGE_JOBS_RETRY_10S)
    (repeated,) = again.on(ASSET_COMMANDS)
    assert isinstance(command, DelayAsset)
    assert isinstance(repeated, DelayAsset)
    assert isinstance(job, ImageJob)
    assert (command.run, command.code, command.attempts) == (JOB.run, "timeout", 1)
    assert command.retry_at == job.not_before
    assert command.metadata.command_id == repeated.metadata.command_id
    assert [topic for topic, *_ in sender.sent] == [ASSET_COMMANDS.name, IMAGE_JOBS_RETRY_10S.name]


def test_an_origin_that_asks_for_time_gets_it() -> None:
    busy = FetchFailed("http_status", "busy", status=503, retry_after_seconds=90)

    sender = worked(FakeRuns(busy), encode(JOB))

    (job,) = sender.on(IMAGE_JOBS_RETRY_1M)
    assert isinstance(job, ImageJob)
    assert job.not_before
    assert (job.not_before - NOON).total_seconds() == 90


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        (BlobNotFound("no blob originals/aa/…"), "source_missing"),
        (RenderFailed("preset_missing", "no such preset"), "preset_missing"),
    ],
)
def test_what_one_job_lacks_is_its_own_failure_and_rests_nobody(
    reason: Exception, code: FailureCode
) -> None:
    faults = FaultBreaker()

    for number in range(40):
        tenant_id = TenantId(f"tenant {number % 2}")
        first = worked(FakeRuns(reason), encode(replace(JOB, tenant_id=tenant_id)), faults=faults)
        last = worked(FakeRuns(reason), encode(replace(TIRED, tenant_id=tenant_id)), faults=faults)

        (waiting,), (command,) = first.on(IMAGE_JOBS_RETRY_10S), last.on(ASSET_COMMANDS)
        assert isinstance(waiting, ImageJob)
        assert [attempt.code for attempt in waiting.failed_attempts] == [code]
        assert isinstance(command, RejectAsset)
        assert (command.code, command.attempts) == (code, 4)
        assert not last.on(IMAGE_JOBS_DEAD_LETTERS)
    assert not faults.is_resting


@pytest.mark.parametrize(
    "reason", [StoreUnavailable("blobs: the folder is not there"), RuntimeError("a bug")]
)
def test_a_store_that_is_away_and_a_bug_still_stop_the_work(reason: Exception) -> None:
    faults = FaultBreaker()

    for _ in range(18):
        sender = worked(FakeRuns(reason), encode(JOB), faults=faults)

        assert [topic for topic, *_ in sender.sent][-1] == IMAGE_JOBS_RETRY_10S.name
        (waiting,) = sender.on(IMAGE_JOBS_RETRY_10S)
        assert isinstance(waiting, ImageJob)
        assert bool(waiting.failed_attempts) is isinstance(reason, RuntimeError)
    assert faults.is_resting is isinstance(reason, RuntimeError)


@pytest.mark.parametrize("code", ["timeout", "decoder_crashed"])
def test_the_last_failure_is_what_the_customer_is_told(code: FailureCode) -> None:
    sender = worked(FakeRuns(FetchFailed(code, "again")), encode(TIRED))

    (command,) = sender.on(ASSET_COMMANDS)
    assert isinstance(command, RejectAsset)
    assert (command.code, command.attempts) == (code, 4)


def test_a_fault_of_ours_is_tried_again_first() -> None:
    sender = worked(FakeRuns(RuntimeError("a bug")), encode(JOB))

    (job,) = sender.on(IMAGE_JOBS_RETRY_10S)
    assert isinstance(job, ImageJob)
    assert [attempt.code for attempt in job.failed_attempts] == ["internal"]


def test_a_fault_of_ours_that_stays_is_rejected_and_put_aside() -> None:
    value = encode(TIRED)

    sender = worked(FakeRuns(RuntimeError("a bug")), value)

    (letter,) = sender.on(IMAGE_JOBS_DEAD_LETTERS)
    (command,) = sender.on(ASSET_COMMANDS)
    assert isinstance(letter, DeadLetter)
    assert isinstance(command, RejectAsset)
    assert letter.value == value
    assert command.code == "internal"
    assert "a bug" not in command.detail


@pytest.mark.parametrize(
    "reason",
    [
        StoreUnavailable("full"),
        ViewNotBuilt("of whose bytes these are"),
        ViewsMissing("likewise"),
        OSError(errno.ENOSPC, "no space left"),
    ],
)
def test_what_is_not_the_jobs_fault_costs_it_no_attempt(reason: Exception) -> None:
    sender = worked(FakeRuns(reason), encode(TIRED))

    (job,) = sender.on(IMAGE_JOBS_RETRY_10S)
    assert isinstance(job, ImageJob)
    assert job.failed_attempts == TIRED.failed_attempts


@pytest.mark.parametrize("value", [b"", b"junk", encode(JOB)[:-1], encode(PUBLISH)])
def test_what_is_no_job_becomes_a_dead_letter_as_it_was(value: bytes) -> None:
    runs = FakeRuns(PUBLISH)

    sender = worked(runs, value)

    (letter,) = sender.on(IMAGE_JOBS_DEAD_LETTERS)
    assert isinstance(letter, DeadLetter)
    assert (letter.topic, letter.key, letter.value) == ("image-jobs", b"the key", value)
    assert letter.code == "undecodable"
    assert not runs.ran


def test_a_result_is_sent_until_the_broker_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams.runtime.durable_producer, "_FIRST_PAUSE_SECONDS", 0.0)
    sender = FakeSender(away(), Overloaded("full"), BrokerUnavailable("away again"))

    worked(FakeRuns(PUBLISH), encode(JOB), sender)

    assert [topic for topic, *_ in sender.sent] == [ASSET_COMMANDS.name]


def test_a_result_that_cannot_be_spelled_is_a_fault_of_ours() -> None:
    unspeakable = replace(PUBLISH, facts=replace(PUBLISH.facts, camera="\ud800"))

    sender = worked(FakeRuns(unspeakable), encode(JOB))

    assert sender.on(IMAGE_JOBS_RETRY_10S)


def test_a_monster_is_cut_so_that_it_fits_into_a_dead_letter() -> None:
    sender = worked(FakeRuns(PUBLISH), b"x" * LARGEST_RECORD_BYTES)

    ((_, key, value),) = sender.sent
    require_writable(IMAGE_JOBS_DEAD_LETTERS, key, value)
    (letter,) = sender.on(IMAGE_JOBS_DEAD_LETTERS)
    assert isinstance(letter, DeadLetter)
    assert letter.cut_from_bytes == LARGEST_RECORD_BYTES
    assert letter.cut_from_sha256 == sha256(b"x" * LARGEST_RECORD_BYTES).hexdigest()
    assert b"x" * LARGEST_RECORD_BYTES > letter.value == b"x" * len(letter.value)


def test_a_lost_keyring_settles_nothing_and_counts_as_no_fault() -> None:
    sender = FakeSender()
    with pytest.raises(KeysLost):
        worked(FakeRuns(KeysLost("away")), encode(TIRED), sender)
    assert sender.sent == []


def test_a_job_whose_asset_was_erased_is_dropped() -> None:
    value = encode(JOB)
    erasure = Erasure(tenant_id=JOB.tenant_id, entity_id=JOB.asset_id, erased_at=NOON)
    runs = FakeRuns(PUBLISH)
    with using_encryptor(fixed_keyring().without([erasure])):
        assert worked(runs, value).sent == []
